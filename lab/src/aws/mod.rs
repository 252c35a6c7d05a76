//! AWS over HTTP, in real time, in front of a simulation: protocols times services.
//!
//! A client reaches it by `AWS_ENDPOINT_URL` and cannot tell it from AWS by the actions that are served: same parameters,
//! same elements, same error codes. Unlike AWS, which knows the service by the host that is called, all services are
//! behind one address: [`signature`] reads the service from the scope that the request is signed for, [`api`] knows
//! the protocol that a service speaks, and [`protocol`] reads requests and writes answers and errors. What the lab does
//! not simulate is refused by name, never ignored. Requests must carry the access key of an administrator, of the operator,
//! or of an instance with its session token; their signatures are not verified.
//!
//! Calls go through [`cloudsim::Sim::call`], so faults reach the wire: a lost answer is a connection that ends, a
//! truncated one is cut in the middle with a content length that says nothing of it. Before and after that comes the
//! network ([`cloudsim::NetworkFault`]): HTTP 503 of something else, a reset, a body that is shorter than was promised.

mod api;
mod cloudwatch;
mod ec2;
mod elb;
mod exchange;
mod pricing;
mod protocol;
mod s3;
mod sending;
mod serve;
mod signature;
mod sqs;
mod sts;

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use cloudsim::{Action, Outcome, Reply, ServiceName, SharedSim, SimError};
use http::header::HOST;
use http::{Response, StatusCode};
use tokio::sync::Notify;

use exchange::{Answered, Exchange, Sent};
use protocol::{Api, Asked, Content, Request};
use sending::Sending;
use signature::Signature;

use crate::machine::{Machines, Secret};

pub(crate) use s3::Store;
pub(crate) use serve::serve;
pub use signature::{ACCESS_KEY, OPERATOR_ACCESS_KEY, SECRET_KEY};
pub(crate) use sqs::Polls;

/// Everything that stands behind the endpoint.
pub(crate) struct Served {
    pub(crate) sim: SharedSim,
    /// Told after every call, because something may be due now.
    pub(crate) changed: Notify,
    /// Receives of messages that wait.
    pub(crate) polls: Polls,
    /// The bytes of objects.
    pub(crate) objects: Arc<Store>,
    /// The machines whose consoles are read.
    pub(crate) machines: Option<Arc<dyn Machines>>,
    /// Where it answers.
    pub(crate) endpoint: SocketAddr,
    /// The key that session tokens of instances are recognised by.
    pub(crate) secret: Secret,
}

impl Served {
    /// Has the simulation know what the machine of an instance printed so far.
    fn refresh_console(&self, id: &str) {
        let text = self.machines.as_ref().map(|machines| machines.console(id)).unwrap_or_default();
        if !text.is_empty() {
            let now = self.sim.now();
            self.sim.lock().ec2(now).set_console(id, text);
        }
    }
}

/// The connection ends without an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is lost")]
pub(crate) struct Lost;

/// Answers one request.
pub(crate) async fn answer(
    served: &Served,
    request: &Request<'_>,
    request_id: &str,
) -> Result<Response<Sending>, Lost> {
    let (api, answered) = match Signature::of(request) {
        Ok(signature) => {
            let api = api::of(signature.service, request);
            (api, carry_out(served, request, &api, &signature))
        }
        // Nobody knows which service was meant: the words are those of any Query API.
        Err(refusal) => (api::of(ServiceName::Sts, request), Err(refusal)),
    };
    let sent = match answered {
        Ok(Answered::Now(sent)) => sent,
        Ok(Answered::Later(sent)) => sent.await,
        Err(refusal) => Reply::Whole(Err(refusal)),
    };
    respond(&served.sim, &api, request, sent, request_id)
}

fn carry_out(served: &Served, request: &Request<'_>, api: &Api, signature: &Signature) -> Outcome<Answered> {
    let (region, account) = {
        let sim = served.sim.lock();
        (sim.settings().region.clone(), sim.settings().account.clone())
    };
    let principal = signature.principal(&region, &served.secret, served.sim.now())?;
    let Asked { action: name, params, document } = api::read(signature.service, api, request)?;
    let action = Action::of(signature.service, &name).ok_or_else(|| {
        SimError::new("InvalidAction", format!("The action {name} is not valid for this web service."))
    })?;
    let host = request.headers.get(HOST).and_then(|value| value.to_str().ok()).unwrap_or("localhost").to_owned();
    api::answer(Exchange { served, request, action, principal, account, host, params, document })
}

fn respond(
    sim: &SharedSim,
    api: &Api,
    request: &Request<'_>,
    sent: Sent,
    request_id: &str,
) -> Result<Response<Sending>, Lost> {
    let (outcome, is_cut) = match sent {
        Reply::Whole(outcome) => (outcome, false),
        Reply::Truncated(outcome) => (outcome, true),
        Reply::Lost => return Err(Lost),
    };
    let (status, mut body) = match &outcome {
        Ok(Content::Rest(answer)) => (answer.status, answer.body.to_vec()),
        Ok(content) => (200, api.write_answer(request, content, request_id)),
        Err(refusal) => (refusal.status, api.write_error(refusal, request_id)),
    };
    if is_cut {
        let end = sim.lock().cut(body.len());
        body.truncate(end);
    }
    let mut response = Response::new(Sending::whole(Bytes::from(body)));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.extend(api.headers(outcome.as_ref().err()));
    if let Ok(Content::Rest(answer)) = &outcome {
        headers.extend(answer.headers.iter().cloned());
    }
    if let Ok(id) = request_id.parse() {
        headers.insert("x-amzn-requestid", id);
    }
    Ok(response)
}
