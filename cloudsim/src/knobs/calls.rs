//! Knobs of calls on their way.

use super::value::{SWITCH, show_switch, switch};
use super::{Kind, Knob, value};
use crate::engine::network::Unavailable;
use crate::engine::throttle::Throttling;
use crate::engine::visibility::later;

const RETRIES: &str = "EC2 API reference, \"Error codes\": retry server errors";
const NETWORK: &str = "any network";

/// Knobs of faults of which a call meets one at most.
pub(super) const FAULTS: &[&str] = &[
    "lost-answer",
    "lost-request",
    "late-execution",
    "truncated",
    "throttled",
    "http-500",
    "http-500-after-effect",
    "http-503",
    "http-503-after-effect",
];

/// Knobs of faults of which a call meets one at most.
pub(super) const ENDPOINT_FAULTS: &[&str] = &["endpoint-503", "endpoint-reset", "endpoint-cut"];

pub(super) const KNOBS: &[Knob] = &[
    Knob {
        name: "lost-answer",
        says: "so many calls take effect, and the connection breaks before the answer",
        source: "cluster-api-provider-aws#5794, terraform-provider-aws#27543",
        kind: Kind::Rate(|settings| &mut settings.faults.lost_answer),
    },
    Knob {
        name: "lost-request",
        says: "so many connections break before the call takes effect",
        source: NETWORK,
        kind: Kind::Rate(|settings| &mut settings.faults.lost_request),
    },
    Knob {
        name: "late-execution",
        says: "so many connections break, and the call takes effect later",
        source: "EC2 developer guide, \"Ensuring idempotency\": a request that timed out may have been made",
        kind: Kind::Rate(|settings| &mut settings.faults.late_execution),
    },
    Knob {
        name: "late-by",
        says: "how much later that is",
        source: "EC2 developer guide, \"Eventual consistency\": about five minutes",
        kind: Kind::Span(|settings| &mut settings.faults.late_by),
    },
    Knob {
        name: "truncated",
        says: "so many answers end in the middle, and nothing in their head says so",
        source: "aws-sdk-ec2 reads most such lists as shorter ones (cloud/src/wire_tests)",
        kind: Kind::Rate(|settings| &mut settings.faults.truncated),
    },
    Knob {
        name: "throttled",
        says: "so many calls are refused with RequestLimitExceeded although the buckets are full",
        source: "EC2 developer guide, \"Request throttling\"",
        kind: Kind::Rate(|settings| &mut settings.faults.throttled),
    },
    Knob {
        name: "http-500",
        says: "so many calls are answered InternalError (HTTP 500), without effect",
        source: RETRIES,
        kind: Kind::Rate(|settings| &mut settings.faults.status500),
    },
    Knob {
        name: "http-500-after-effect",
        says: "so many calls take effect and are answered InternalError (HTTP 500)",
        source: RETRIES,
        kind: Kind::Rate(|settings| &mut settings.faults.status500_after_effect),
    },
    Knob {
        name: "http-503",
        says: "so many calls are answered Unavailable (HTTP 503), without effect",
        source: RETRIES,
        kind: Kind::Rate(|settings| &mut settings.faults.status503),
    },
    Knob {
        name: "http-503-after-effect",
        says: "so many calls take effect and are answered Unavailable (HTTP 503)",
        source: RETRIES,
        kind: Kind::Rate(|settings| &mut settings.faults.status503_after_effect),
    },
    Knob {
        name: "throttling",
        says: "each action has its token bucket (RunInstances: 5 calls and 2/s, 1000 instances and 2/s)",
        source: "EC2 developer guide, \"Request throttling\"",
        kind: Kind::Other {
            form: SWITCH,
            show: |settings| show_switch(settings.throttling == Throttling::Published),
            take: |settings, text, _| {
                settings.throttling = if switch(text)? { Throttling::Published } else { Throttling::Off };
                Some(())
            },
        },
    },
    Knob {
        name: "others",
        says: "others in the account use up this part of every bucket",
        source: "EC2 developer guide, \"Request throttling\": per account and region",
        kind: Kind::Other {
            form: "a whole percentage below 100 such as 75%, or off",
            show: |settings| value::show_rate(settings.others_percent.saturating_mul(10)),
            take: |settings, text, _| {
                let rate = value::rate(text).filter(|rate| rate.is_multiple_of(10) && *rate < 1000)?;
                settings.others_percent = rate / 10;
                Some(())
            },
        },
    },
    Knob {
        name: "endpoint-unavailable",
        says: "nobody is behind the endpoint, for so long or until it is turned off: HTTP 503 without XML",
        source: "a load balancer without targets",
        kind: Kind::Other {
            form: "a length of time from now such as 30s, a moment such as 2026-11-25T12:00:00Z, on, or off",
            show: |settings| match settings.endpoint.unavailable {
                Unavailable::No => value::OFF.to_owned(),
                Unavailable::ForGood => "on".to_owned(),
                Unavailable::Until(end) => end.to_string(),
            },
            take: |settings, text, now| {
                settings.endpoint.unavailable = match switch(text) {
                    Some(true) => Unavailable::ForGood,
                    Some(false) => Unavailable::No,
                    None => match text.parse() {
                        Ok(end) => Unavailable::Until(end),
                        Err(_) => Unavailable::Until(later(now, value::millis(text)?)),
                    },
                };
                Some(())
            },
        },
    },
    Knob {
        name: "endpoint-503",
        says: "so many calls are answered HTTP 503 without XML, without effect",
        source: NETWORK,
        kind: Kind::Rate(|settings| &mut settings.endpoint.status503),
    },
    Knob {
        name: "endpoint-reset",
        says: "so many connections are reset (RST) before the call takes effect",
        source: NETWORK,
        kind: Kind::Rate(|settings| &mut settings.endpoint.reset),
    },
    Knob {
        name: "endpoint-cut",
        says: "so many calls take effect, and their answer ends before the length that its head promises",
        source: NETWORK,
        kind: Kind::Rate(|settings| &mut settings.endpoint.cut),
    },
];
