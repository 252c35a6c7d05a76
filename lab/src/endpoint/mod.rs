//! The EC2 query protocol and STS over HTTP, in real time, in front of a simulation.
//!
//! A client reaches it by `AWS_ENDPOINT_URL` and cannot tell it from AWS by the actions below: same parameters, same
//! elements, same error codes. What the lab does not simulate is refused by name, never ignored. Requests must carry
//! the access key of an administrator or of the operator; their signatures are not verified.
//!
//! Calls go through [`cloudsim::Sim::call`], so faults reach the wire: a lost answer is a connection that ends, a
//! truncated one is cut in the middle with a content length that says nothing of it. Before and after that comes the
//! network ([`cloudsim::NetworkFault`]): HTTP 503 of something else, a reset, a body that is shorter than was promised.

mod exchange;
mod groups;
mod identity;
mod instance_xml;
mod instances;
mod network;
mod offer;
mod params;
mod sending;
mod serve;
mod volumes;
mod xml;

use bytes::Bytes;
use cloudsim::{Action, Outcome, Reply, SharedSim, SimError};
use http::{HeaderMap, Response, StatusCode};

use exchange::{Exchange, Sent};
pub use identity::{ACCESS_KEY, OPERATOR_ACCESS_KEY, SECRET_KEY};
use params::Params;
use sending::Sending;
pub(crate) use serve::{Served, serve};
use xml::Service;

/// The connection ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is lost")]
pub(crate) struct Lost;

/// Answers one request.
pub(crate) fn answer(
    sim: &SharedSim,
    headers: &HeaderMap,
    form: &[u8],
    request_id: &str,
) -> Result<Response<Sending>, Lost> {
    let mut params = Params::parse(form);
    let name = params.text("Action").unwrap_or_default();
    let service = if name == "GetCallerIdentity" { Service::Sts } else { Service::Ec2 };
    let (region, account) = {
        let sim = sim.lock();
        (sim.settings().region.clone(), sim.settings().account.clone())
    };
    let sent = identity::principal(service, headers, &region)
        .and_then(|principal| {
            let action = action_of(&name, service, &mut params)?;
            dispatch(Exchange { sim, action, principal, params }, account)
        })
        .unwrap_or_else(|refusal| Reply::Whole(Err(refusal)));
    respond(sim, service, &name, sent, request_id)
}

fn action_of(name: &str, service: Service, params: &mut Params) -> Outcome<Action> {
    let version = params.need("Version")?;
    let expected = match service {
        Service::Ec2 => "2016-11-15",
        Service::Sts => "2011-06-15",
    };
    if version != expected {
        let message = format!("The requested version ({version}) of service is not valid: use {expected}");
        return Err(SimError::new("NoSuchVersion", message));
    }
    let unknown = || SimError::new("InvalidAction", format!("The action {name} is not valid for this web service."));
    Action::parse(name).ok_or_else(unknown)
}

fn dispatch(exchange: Exchange<'_>, account: String) -> Outcome<Sent> {
    match exchange.action {
        Action::RunInstances => instances::run(exchange, account),
        Action::DescribeInstances => instances::describe(exchange, account),
        Action::TerminateInstances => instances::terminate(exchange),
        Action::GetConsoleOutput => instances::console(exchange),
        Action::CreateSecurityGroup => groups::create(exchange),
        Action::DescribeSecurityGroups => groups::describe(exchange, account),
        Action::AuthorizeSecurityGroupIngress => groups::authorize(exchange, account),
        Action::RevokeSecurityGroupIngress => groups::revoke(exchange),
        Action::DeleteSecurityGroup => groups::delete(exchange),
        Action::DescribeNetworkInterfaces => network::interfaces(exchange, account),
        Action::DescribeVolumes => volumes::describe(exchange),
        Action::DescribeVpcs => network::vpcs(exchange, account),
        Action::DescribeSubnets => network::subnets(exchange, account),
        Action::DescribeRouteTables => network::route_tables(exchange, account),
        Action::DescribeRegions => network::regions(exchange),
        Action::DescribeImages => offer::images(exchange),
        Action::DescribeInstanceTypes => offer::instance_types(exchange),
        Action::DescribeInstanceTypeOfferings => offer::offerings(exchange),
        Action::GetCallerIdentity => identity::caller(exchange),
    }
}

fn respond(
    sim: &SharedSim,
    service: Service,
    action: &str,
    sent: Sent,
    request_id: &str,
) -> Result<Response<Sending>, Lost> {
    let (outcome, is_cut) = match sent {
        Reply::Whole(outcome) => (outcome, false),
        Reply::Truncated(outcome) => (outcome, true),
        Reply::Lost => return Err(Lost),
    };
    let (status, mut body) = match outcome {
        Ok(content) => (200, xml::answer(service, action, &content, request_id)),
        Err(refusal) => (refusal.status, xml::error(service, &refusal, request_id)),
    };
    if is_cut {
        let end = (sim.lock().cut(body.len())..).find(|at| body.is_char_boundary(*at));
        body.truncate(end.unwrap_or(0));
    }
    let mut response = Response::new(Sending::whole(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("text/xml;charset=UTF-8"));
    if let Ok(id) = request_id.parse() {
        headers.insert("x-amzn-requestid", id);
    }
    Ok(response)
}
