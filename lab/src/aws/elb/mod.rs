//! ELBv2 on the wire.

mod actions;
mod attributes;
mod balancers;
mod listeners;
mod rules;
mod shapes;
mod tags;
mod target_groups;
mod targets;

use cloudsim::elb::Action;
use cloudsim::{Outcome, PageRequest};

use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::query::Params;
use crate::aws::protocol::{Api, Protocol};

pub(super) const API: Api = Api {
    protocol: Protocol::AwsQuery,
    version: "2015-12-01",
    namespace: "http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/",
};

pub(super) fn answer(action: Action, exchange: Exchange<'_>) -> Outcome<Sent> {
    match action {
        Action::CreateLoadBalancer => balancers::create(exchange),
        Action::DescribeLoadBalancers => balancers::describe(exchange),
        Action::DeleteLoadBalancer => balancers::delete(exchange),
        Action::CreateTargetGroup => target_groups::create(exchange),
        Action::DescribeTargetGroups => target_groups::describe(exchange),
        Action::DeleteTargetGroup => target_groups::delete(exchange),
        Action::ModifyTargetGroupAttributes => attributes::modify(exchange),
        Action::DescribeTargetGroupAttributes => attributes::describe(exchange),
        Action::CreateListener => listeners::create(exchange),
        Action::DescribeListeners => listeners::describe(exchange),
        Action::CreateRule => rules::create(exchange),
        Action::DescribeRules => rules::describe(exchange),
        Action::DeleteRule => rules::delete(exchange),
        Action::RegisterTargets => targets::register(exchange),
        Action::DeregisterTargets => targets::deregister(exchange),
        Action::DescribeTargetHealth => targets::health(exchange),
        Action::DescribeTags => tags::describe(exchange),
    }
}

/// Takes the page of a list.
fn page(params: &mut Params) -> Outcome<PageRequest> {
    Ok(PageRequest { max_results: params.value("PageSize")?, next_token: params.text("Marker") })
}
