//! The limits of a request: names, tags, health checks. ELBv2 says `ValidationError` to nearly all that is malformed.

use planner::owner::Tags;
use planner::ports::HealthCheck;

use crate::ec2;
use crate::engine::error::{Outcome, SimError};

const NAME_LIMIT: usize = 32;

/// Values of one rule's conditions, and wildcards in them (user guide, "Quotas for your Application Load Balancers").
const VALUES_PER_RULE: usize = 5;
const WILDCARDS_PER_RULE: usize = 5;
const PATH_LIMIT: usize = 128;

pub(super) fn invalid(message: impl Into<String>) -> SimError {
    SimError::new("ValidationError", message)
}

/// Names of load balancers and target groups (API reference, CreateLoadBalancer and CreateTargetGroup: Name).
pub(super) fn check_name(what: &str, name: &str) -> Outcome<()> {
    if name.is_empty() {
        return Err(invalid(format!("A {what} name must be specified")));
    }
    if name.len() > NAME_LIMIT {
        return Err(invalid(format!("The {what} name '{name}' cannot be longer than '{NAME_LIMIT}' characters")));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        let message = format!(
            "The {what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        );
        return Err(invalid(message));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(invalid(format!("The {what} name '{name}' cannot begin or end with a hyphen(-)")));
    }
    Ok(())
}

/// Reserved for the DNS names of internal ones.
pub(super) fn check_balancer_name(name: &str) -> Outcome<()> {
    check_name("load balancer", name)?;
    if name.starts_with("internal-") {
        return Err(invalid(format!("The load balancer name '{name}' cannot begin with 'internal-'")));
    }
    Ok(())
}

/// The limits are EC2's, the codes are not (API reference, CreateLoadBalancer: TooManyTags).
pub(super) fn check_tags(tags: &Tags) -> Outcome<()> {
    ec2::check_tags(tags).map_err(|error| match error.code.as_str() {
        "TagLimitExceeded" => SimError::new("TooManyTags", error.message),
        _ => invalid(error.message),
    })
}

/// API reference, CreateTargetGroup: the ranges of HealthCheckIntervalSeconds and so on, and Matcher.
pub(super) fn check_health_check(check: &HealthCheck) -> Outcome<()> {
    let ranges = [
        ("Health check interval", check.interval_seconds, 5..=300),
        ("Health check timeout", check.timeout_seconds, 2..=120),
        ("Healthy threshold count", check.healthy_count, 2..=10),
        ("Unhealthy threshold count", check.unhealthy_count, 2..=10),
    ];
    for (what, value, range) in ranges {
        if !range.contains(&value) {
            let (least, most) = range.into_inner();
            return Err(invalid(format!("{what} '{value}' must be between '{least}' and '{most}' inclusive")));
        }
    }
    if check.timeout_seconds >= check.interval_seconds {
        let (timeout, interval) = (check.timeout_seconds, check.interval_seconds);
        return Err(invalid(format!(
            "Health check timeout '{timeout}' must be smaller than the interval '{interval}'"
        )));
    }
    if !check.path.starts_with('/') || check.path.len() > 1024 {
        return Err(invalid(format!("Health check path '{}' must begin with a '/' character", check.path)));
    }
    let statuses = Statuses::parse(&check.statuses);
    statuses.map(drop).ok_or_else(|| invalid(format!("Health check matcher HTTP code '{}' is invalid", check.statuses)))
}

/// Statuses of a success.
pub(super) struct Statuses(Vec<std::ops::RangeInclusive<u16>>);

impl Statuses {
    /// `200`, `200,202`, `200-299`; those of an Application Load Balancer lie between 200 and 499.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let range = |part: &str| {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            let (from, to) = (from.parse().ok()?, to.parse().ok()?);
            (200 <= from && from <= to && to <= 499).then_some(from..=to)
        };
        text.split(',').map(range).collect::<Option<_>>().map(Self)
    }

    pub(super) fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

/// Values of a condition by path (API reference, PathPatternConditionConfig).
pub(super) fn check_paths(paths: &[String]) -> Outcome<()> {
    if paths.is_empty() {
        return Err(invalid("A condition value must be specified"));
    }
    if paths.len() > VALUES_PER_RULE {
        return Err(invalid(format!("A rule can only have '{VALUES_PER_RULE}' condition values")));
    }
    let wildcards = paths.iter().flat_map(|path| path.chars()).filter(|c| matches!(c, '*' | '?')).count();
    if wildcards > WILDCARDS_PER_RULE {
        return Err(invalid(format!("A rule can only have '{WILDCARDS_PER_RULE}' wildcards")));
    }
    let is_path = |path: &&String| {
        let is_allowed = |c: char| c.is_ascii_alphanumeric() || "_-.$/~\"'@:+&()!,;=*?".contains(c);
        !path.is_empty() && path.len() <= PATH_LIMIT && path.chars().all(is_allowed)
    };
    match paths.iter().find(|path| !is_path(path)) {
        Some(wrong) => Err(invalid(format!("Condition value '{wrong}' contains a character that is not valid"))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_read_as_elb_reads_them() {
        let takes = |text: &str, status| Statuses::parse(text).map(|statuses| statuses.contain(status));
        assert_eq!(takes("200-499", 404), Some(true));
        assert_eq!(takes("200,202", 201), Some(false));
        assert_eq!(takes("200,300-302", 301), Some(true));
        for wrong in ["", "500", "199", "200-500", "300-200", "200,", "2xx"] {
            assert_eq!(takes(wrong, 200), None, "{wrong:?}");
        }
    }
}
