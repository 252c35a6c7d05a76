//! The actions of load balancers.

use std::sync::Arc;

use cloudsim::elb::{About, Action, CreateLoadBalancer, DescribeLoadBalancers, LoadBalancer, ZoneSubnet};
use cloudsim::{Call, Outcome};
use planner::ports::Scheme;
use serde::Serialize;

use super::page;
use super::shapes::{Members, Nothing, time};
use crate::aws::exchange::{Exchange, Sent, not_simulated};

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Balancers {
    load_balancers: Members<BalancerItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BalancerItem {
    load_balancer_arn: String,
    #[serde(rename = "DNSName")]
    dns_name: String,
    canonical_hosted_zone_id: String,
    created_time: String,
    load_balancer_name: String,
    scheme: &'static str,
    vpc_id: String,
    state: State,
    #[serde(rename = "Type")]
    kind: &'static str,
    availability_zones: Members<Zone>,
    security_groups: Members<String>,
    ip_address_type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct State {
    code: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Zone {
    zone_name: String,
    subnet_id: String,
}

pub(super) fn create(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    params.only("Type", "application")?;
    params.only("IpAddressType", "ipv4")?;
    let scheme = match params.text("Scheme").as_deref() {
        Some("internal") => Scheme::Internal,
        Some("internet-facing") | None => Scheme::InternetFacing,
        Some(other) => return Err(not_simulated("Scheme", other)),
    };
    let request = Arc::new(CreateLoadBalancer {
        name: params.need("Name")?,
        scheme,
        subnet_ids: params.texts("Subnets.member"),
        group_ids: params.texts("SecurityGroups.member"),
        tags: params.tags("Tags.member")?,
    });
    let about = About::NewLoadBalancer(request.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).create_load_balancer(&request),
        |balancer| Balancers { load_balancers: Members::of([balancer], BalancerItem::of), next_marker: None },
    )
}

pub(super) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    let request = DescribeLoadBalancers {
        arns: params.texts("LoadBalancerArns.member"),
        names: params.texts("Names.member"),
        page: page(params)?,
    };
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.elb(now).describe_load_balancers(&request),
        |page| Balancers { load_balancers: Members::of(page.items, BalancerItem::of), next_marker: page.next_token },
    )
}

pub(super) fn delete(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arn = exchange.params.need("LoadBalancerArn")?;
    let about = About::Thing(Action::DeleteLoadBalancer, arn.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).delete_load_balancer(&arn),
        |()| Nothing {},
    )
}

impl BalancerItem {
    fn of(balancer: Arc<LoadBalancer>) -> Self {
        let balancer = Arc::unwrap_or_clone(balancer);
        let zone = |at: ZoneSubnet| Zone { zone_name: at.zone, subnet_id: at.subnet_id };
        Self {
            load_balancer_arn: balancer.arn,
            dns_name: balancer.dns_name,
            canonical_hosted_zone_id: balancer.hosted_zone_id,
            created_time: time(balancer.created_at),
            load_balancer_name: balancer.name,
            scheme: balancer.scheme.name(),
            vpc_id: balancer.vpc_id,
            state: State { code: balancer.state.name(), reason: balancer.state_reason },
            kind: balancer.kind.name(),
            availability_zones: Members::of(balancer.subnets, zone),
            security_groups: Members::of(balancer.group_ids, |id| id),
            ip_address_type: "ipv4",
        }
    }
}
