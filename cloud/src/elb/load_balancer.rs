//! Load balancers of an answer.

use aws_sdk_elasticloadbalancingv2::types::{self as sdk, LoadBalancerTypeEnum};
use jiff::Timestamp;
use planner::owner::Tags;
use planner::ports::{Answer, LoadBalancer, LoadBalancerState, NAME_PREFIX, Scheme};

use crate::sdk::failure::{incomplete, need};

/// Application load balancers whose name begins as ours do, without their tags. A network load balancer may have the
/// name of one (hashicorp/terraform-provider-aws#43278).
pub(super) fn ours(found: Vec<sdk::LoadBalancer>) -> Answer<Vec<LoadBalancer>> {
    let mut ours = Vec::new();
    for from in found {
        let name = need(from.load_balancer_name.clone(), "name", "a load balancer")?;
        let kind = need(from.r#type.clone(), "type", &name)?;
        if kind == LoadBalancerTypeEnum::Application && name.starts_with(NAME_PREFIX) {
            ours.push(load_balancer(name, from)?);
        }
    }
    Ok(ours)
}

fn load_balancer(name: String, from: sdk::LoadBalancer) -> Answer<LoadBalancer> {
    let state = need(from.state, "state", &name)?;
    let zones = from.availability_zones.unwrap_or_default().into_iter();
    Ok(LoadBalancer {
        arn: need(from.load_balancer_arn, "ARN", &name)?,
        state: named(&name, "state", state.code.as_ref().map(|code| code.as_str()), LoadBalancerState::parse)?,
        state_reason: state.reason.filter(|reason| !reason.is_empty()),
        dns_name: need(from.dns_name, "DNS name", &name)?,
        scheme: named(&name, "scheme", from.scheme.as_ref().map(|scheme| scheme.as_str()), scheme)?,
        vpc_id: need(from.vpc_id, "VPC", &name)?,
        subnet_ids: zones.map(|zone| need(zone.subnet_id, "subnet of a zone", &name)).collect::<Answer<_>>()?,
        group_ids: from.security_groups.unwrap_or_default(),
        created_at: {
            let time = need(from.created_time, "creation time", &name)?;
            Timestamp::from_nanosecond(time.as_nanos())
                .map_err(|_| incomplete(format_args!("{name} created at {time}")))?
        },
        tags: Tags::new(),
        name,
    })
}

fn scheme(word: &str) -> Option<Scheme> {
    [Scheme::Internal, Scheme::InternetFacing].into_iter().find(|scheme| scheme.name() == word)
}

/// The meaning of a word that must be there and be known.
pub(super) fn named<T>(of: &str, field: &str, word: Option<&str>, parse: impl Fn(&str) -> Option<T>) -> Answer<T> {
    let word = need(word, field, of)?;
    parse(word).ok_or_else(|| incomplete(format_args!("{of} with the unknown {field} `{word}`")))
}
