//! The actions of target groups.

use std::sync::Arc;

use cloudsim::elb::{About, Action, CreateTargetGroup, DescribeTargetGroups, TargetGroup, default_health_check};
use cloudsim::{Call, Outcome};
use planner::ports::HealthCheck;
use serde::Serialize;

use super::page;
use super::shapes::{Members, Nothing};
use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::query::{Params, missing};

/// What every target group of the lab is, and what a request may say of it.
const HTTP: &str = "HTTP";
const HTTP1: &str = "HTTP1";
const INSTANCE: &str = "instance";
const TRAFFIC_PORT: &str = "traffic-port";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Groups {
    target_groups: Members<GroupItem>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct GroupItem {
    target_group_arn: String,
    target_group_name: String,
    protocol: &'static str,
    port: u16,
    vpc_id: String,
    health_check_protocol: &'static str,
    health_check_port: &'static str,
    health_check_enabled: bool,
    health_check_interval_seconds: u32,
    health_check_timeout_seconds: u32,
    healthy_threshold_count: u32,
    unhealthy_threshold_count: u32,
    health_check_path: String,
    matcher: Matcher,
    load_balancer_arns: Members<String>,
    target_type: &'static str,
    protocol_version: &'static str,
    ip_address_type: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Matcher {
    http_code: String,
}

pub(super) fn create(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    for (name, simulated) in [
        ("Protocol", HTTP),
        ("ProtocolVersion", HTTP1),
        ("IpAddressType", "ipv4"),
        ("TargetType", INSTANCE),
        ("HealthCheckProtocol", HTTP),
        ("HealthCheckPort", TRAFFIC_PORT),
        ("HealthCheckEnabled", "true"),
    ] {
        params.only(name, simulated)?;
    }
    let request = Arc::new(CreateTargetGroup {
        name: params.need("Name")?,
        port: params.value("Port")?.ok_or_else(|| missing("Port"))?,
        vpc_id: params.need("VpcId")?,
        health_check: health_check(params)?,
        tags: params.tags("Tags.member")?,
    });
    let about = About::NewTargetGroup(request.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).create_target_group(&request),
        |group| Groups { target_groups: Members::of([group], GroupItem::of), next_marker: None },
    )
}

/// Takes the health check; what is not said is as ELBv2 would have it.
fn health_check(params: &mut Params) -> Outcome<HealthCheck> {
    let usual = default_health_check();
    Ok(HealthCheck {
        path: params.text("HealthCheckPath").unwrap_or(usual.path),
        interval_seconds: params.value("HealthCheckIntervalSeconds")?.unwrap_or(usual.interval_seconds),
        timeout_seconds: params.value("HealthCheckTimeoutSeconds")?.unwrap_or(usual.timeout_seconds),
        healthy_count: params.value("HealthyThresholdCount")?.unwrap_or(usual.healthy_count),
        unhealthy_count: params.value("UnhealthyThresholdCount")?.unwrap_or(usual.unhealthy_count),
        statuses: params.text("Matcher.HttpCode").unwrap_or(usual.statuses),
    })
}

pub(super) fn describe(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    let request = DescribeTargetGroups {
        load_balancer_arn: params.text("LoadBalancerArn"),
        arns: params.texts("TargetGroupArns.member"),
        names: params.texts("Names.member"),
        page: page(params)?,
    };
    exchange.carry_out(
        |call| call,
        move |sim, now| sim.elb(now).describe_target_groups(&request),
        |page| Groups { target_groups: Members::of(page.items, GroupItem::of), next_marker: page.next_token },
    )
}

pub(super) fn delete(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let arn = exchange.params.need("TargetGroupArn")?;
    let about = About::Thing(Action::DeleteTargetGroup, arn.clone());
    exchange.carry_out(
        |call| Call { about: about.into(), ..call },
        move |sim, now| sim.elb(now).delete_target_group(&arn),
        |()| Nothing {},
    )
}

impl GroupItem {
    fn of(group: TargetGroup) -> Self {
        let check = group.health_check;
        Self {
            target_group_arn: group.arn,
            target_group_name: group.name,
            protocol: HTTP,
            port: group.port,
            vpc_id: group.vpc_id,
            health_check_protocol: HTTP,
            health_check_port: TRAFFIC_PORT,
            health_check_enabled: true,
            health_check_interval_seconds: check.interval_seconds,
            health_check_timeout_seconds: check.timeout_seconds,
            healthy_threshold_count: check.healthy_count,
            unhealthy_threshold_count: check.unhealthy_count,
            health_check_path: check.path,
            matcher: Matcher { http_code: check.statuses },
            load_balancer_arns: Members::of(group.load_balancer_arns, |arn| arn),
            target_type: INSTANCE,
            protocol_version: HTTP1,
            ip_address_type: "ipv4",
        }
    }
}
