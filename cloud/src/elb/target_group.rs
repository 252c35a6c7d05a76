//! Target groups of an answer, and their attributes.

use aws_sdk_elasticloadbalancingv2::types::{self as sdk, Matcher, ProtocolEnum, TargetGroupAttribute, TargetTypeEnum};
use planner::owner::Tags;
use planner::ports::{Algorithm, Answer, HealthCheck, NAME_PREFIX, TargetGroup, TargetGroupAttributes};

use super::load_balancer::named;
use crate::sdk::failure::{incomplete, need};

/// Version of HTTP that targets are spoken to in.
pub(super) const HTTP1: &str = "HTTP1";
/// Checks go where requests go.
pub(super) const TRAFFIC_PORT: &str = "traffic-port";

/// Attributes that we set (API reference, TargetGroupAttribute).
const ALGORITHM: &str = "load_balancing.algorithm.type";
const DELAY: &str = "deregistration_delay.timeout_seconds";

/// Groups for instances and HTTP/1.1 whose name begins as ours do, without their tags.
pub(super) fn ours(found: Vec<sdk::TargetGroup>) -> Answer<Vec<TargetGroup>> {
    let mut ours = Vec::new();
    for from in found {
        let name = need(from.target_group_name.clone(), "name", "a target group")?;
        if name.starts_with(NAME_PREFIX) && is_of_our_kind(&from) {
            ours.push(target_group(name, from)?);
        }
    }
    Ok(ours)
}

/// What is said of it may make it another kind; what is not said does not. Those of other kinds lack fields of ours: a
/// group for a Lambda function has no port and no VPC.
fn is_of_our_kind(from: &sdk::TargetGroup) -> bool {
    from.target_type.as_ref().is_none_or(|kind| *kind == TargetTypeEnum::Instance)
        && from.protocol.as_ref().is_none_or(|protocol| *protocol == ProtocolEnum::Http)
        && from.protocol_version.as_deref().is_none_or(|version| version == HTTP1)
}

fn target_group(name: String, from: sdk::TargetGroup) -> Answer<TargetGroup> {
    let count = |value: Option<i32>, field: &str| {
        let value = need(value, field, &name)?;
        u32::try_from(value).map_err(|_| incomplete(format_args!("{name} with the {field} {value}")))
    };
    let port = count(from.port, "port")?;
    Ok(TargetGroup {
        arn: need(from.target_group_arn, "ARN", &name)?,
        port: u16::try_from(port).map_err(|_| incomplete(format_args!("{name} with the port {port}")))?,
        vpc_id: need(from.vpc_id, "VPC", &name)?,
        health_check: HealthCheck {
            path: need(from.health_check_path, "path of its health check", &name)?,
            interval_seconds: count(from.health_check_interval_seconds, "interval of its health check")?,
            timeout_seconds: count(from.health_check_timeout_seconds, "timeout of its health check")?,
            healthy_count: count(from.healthy_threshold_count, "healthy threshold")?,
            unhealthy_count: count(from.unhealthy_threshold_count, "unhealthy threshold")?,
            statuses: need(from.matcher.and_then(|matcher| matcher.http_code), "statuses of its health check", &name)?,
        },
        load_balancer_arns: from.load_balancer_arns.unwrap_or_default(),
        tags: Tags::new(),
        name,
    })
}

pub(super) fn matcher(statuses: &str) -> Matcher {
    Matcher::builder().http_code(statuses).build()
}

pub(super) fn attributes(from: Vec<TargetGroupAttribute>) -> Answer<TargetGroupAttributes> {
    let told = |key: &str| {
        let found = from.iter().find(|attribute| attribute.key.as_deref() == Some(key));
        found.and_then(|attribute| attribute.value.as_deref())
    };
    let seconds = |word: &str| word.parse().ok();
    Ok(TargetGroupAttributes {
        algorithm: named("a target group", ALGORITHM, told(ALGORITHM), Algorithm::parse)?,
        deregistration_delay_seconds: named("a target group", DELAY, told(DELAY), seconds)?,
    })
}

pub(super) fn written(to: &TargetGroupAttributes) -> Vec<TargetGroupAttribute> {
    let values = [(ALGORITHM, to.algorithm.name().to_owned()), (DELAY, to.deregistration_delay_seconds.to_string())];
    values.into_iter().map(|(key, value)| TargetGroupAttribute::builder().key(key).value(value).build()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str) -> sdk::TargetGroup {
        sdk::TargetGroup::builder()
            .target_group_arn(format!("arn:{name}"))
            .target_group_name(name)
            .protocol(ProtocolEnum::Http)
            .protocol_version(HTTP1)
            .target_type(TargetTypeEnum::Instance)
            .port(8080)
            .vpc_id("vpc-1")
            .health_check_path("/health")
            .health_check_interval_seconds(5)
            .health_check_timeout_seconds(2)
            .healthy_threshold_count(2)
            .unhealthy_threshold_count(2)
            .matcher(matcher("200-499"))
            .build()
    }

    #[test]
    fn a_strangers_group_of_another_kind_spoils_no_list() {
        let lambda = sdk::TargetGroup::builder().target_group_name("cb-their-function");
        let lambda = lambda.target_group_arn("arn:1").target_type(TargetTypeEnum::Lambda).build();
        let secure = sdk::TargetGroup { protocol: Some(ProtocolEnum::Https), ..told("cb-secure") };
        let grpc = sdk::TargetGroup { protocol_version: Some("GRPC".into()), ..told("cb-grpc") };
        let found = ours(vec![lambda, told("web"), secure, told("cb-ours"), grpc]).unwrap();
        assert_eq!(found.iter().map(|group| group.name.as_str()).collect::<Vec<_>>(), ["cb-ours"]);
    }

    #[test]
    fn one_that_lacks_something_spoils_the_list() {
        for spoil in [
            (|group: &mut sdk::TargetGroup| group.target_group_name = None) as fn(&mut sdk::TargetGroup),
            |group| group.target_group_arn = None,
            |group| group.port = None,
            |group| group.port = Some(80_000),
            |group| group.vpc_id = None,
            |group| group.health_check_path = None,
            |group| group.health_check_interval_seconds = Some(-1),
            |group| group.matcher = None,
        ] {
            let mut odd = told("cb-odd");
            spoil(&mut odd);
            assert!(ours(vec![told("cb-ours"), odd.clone()]).is_err(), "{odd:?}");
        }
    }

    #[test]
    fn attributes_are_read_as_they_are_written() {
        for algorithm in Algorithm::ALL {
            let set = TargetGroupAttributes { algorithm, deregistration_delay_seconds: 30 };
            assert_eq!(attributes(written(&set)), Ok(set));
        }
        let set = TargetGroupAttributes { algorithm: Algorithm::RoundRobin, deregistration_delay_seconds: 30 };
        for (at, value) in [(0, Some("newest")), (0, None), (1, Some("-1")), (1, Some("soon")), (1, None)] {
            let mut told = written(&set);
            told[at].value = value.map(str::to_owned);
            assert!(attributes(told).is_err(), "{at} {value:?}");
        }
    }
}
