//! Queues and their attributes.

use std::collections::BTreeMap;

use jiff::Timestamp;
use planner::owner::Tags;

use super::refusal::{attribute_name, attribute_value, not_simulated};
use crate::engine::audit::Origin;
use crate::engine::error::Outcome;

/// Attributes by SQS's own names, such as `VisibilityTimeout`.
pub type Attributes = BTreeMap<String, String>;

/// A queue without its messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Queue {
    pub name: String,
    /// Number of its creation: a queue that has the name of a deleted one is another one.
    pub number: u64,
    /// Those that can be set, each with its value.
    pub attributes: Attributes,
    pub created_at: Timestamp,
    pub modified_at: Timestamp,
    pub origin: Origin,
}

/// Parameters of CreateQueue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CreateQueue {
    pub name: String,
    pub attributes: Attributes,
    pub tags: Tags,
}

/// What the attributes of a queue mean for its messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rules {
    pub(super) delay_seconds: u64,
    pub(super) largest_message: usize,
    pub(super) retention_seconds: u64,
    pub(super) visibility_seconds: u64,
    pub(super) wait_seconds: u64,
}

pub(super) const DELAY: &str = "DelaySeconds";
const LARGEST: &str = "MaximumMessageSize";
const RETENTION: &str = "MessageRetentionPeriod";
const WAIT: &str = "ReceiveMessageWaitTimeSeconds";
const VISIBILITY: &str = "VisibilityTimeout";
const ENCRYPTED: &str = "SqsManagedSseEnabled";

/// Numbers that can be set: name, least, most, default (API reference, CreateQueue: Attributes).
const NUMBERS: [(&str, u64, u64, u64); 5] = [
    (DELAY, 0, 900, 0),
    (LARGEST, 1_024, 1_048_576, 1_048_576),
    (RETENTION, 60, 1_209_600, 345_600),
    (WAIT, 0, 20, 0),
    (VISIBILITY, 0, 43_200, 30),
];

/// Attributes that SQS knows and that are not simulated.
const NOT_SIMULATED: [&str; 9] = [
    "Policy",
    "RedrivePolicy",
    "RedriveAllowPolicy",
    "FifoQueue",
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "FifoThroughputLimit",
    "KmsMasterKeyId",
    "KmsDataKeyReusePeriodSeconds",
];

/// The attributes of a queue for which these are asked.
///
/// *Errors*: names that SQS does not know, values out of range, and what is not simulated.
pub(super) fn with_defaults(asked: &Attributes) -> Outcome<Attributes> {
    check(asked)?;
    let numbers = NUMBERS.map(|(name, _, _, default)| (name.to_owned(), default.to_string()));
    let mut all = Attributes::from(numbers);
    all.insert(ENCRYPTED.to_owned(), "true".to_owned());
    all.extend(asked.clone());
    Ok(all)
}

/// *Errors*: as [`with_defaults`].
pub(super) fn check(asked: &Attributes) -> Outcome<()> {
    for (name, value) in asked {
        let range = NUMBERS.iter().find(|(number, ..)| number == name);
        let is_good = match range {
            Some((_, least, most, _)) => {
                let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
                is_number && value.parse::<u64>().is_ok_and(|number| (*least..=*most).contains(&number))
            }
            None if name == ENCRYPTED => matches!(value.as_str(), "true" | "false"),
            None if NOT_SIMULATED.contains(&name.as_str()) => return Err(not_simulated(name)),
            None => return Err(attribute_name(name)),
        };
        if !is_good {
            return Err(attribute_value(name));
        }
    }
    Ok(())
}

/// Whether SQS knows an attribute of this name that can be set.
pub(super) fn can_be_set(name: &str) -> bool {
    name == ENCRYPTED || NOT_SIMULATED.contains(&name) || NUMBERS.iter().any(|(number, ..)| *number == name)
}

impl Rules {
    pub(super) fn of(attributes: &Attributes) -> Self {
        let number =
            |name: &str, default: u64| attributes.get(name).and_then(|text| text.parse().ok()).unwrap_or(default);
        let [(_, _, _, delay), (_, _, _, largest), (_, _, _, retention), (_, _, _, wait), (_, _, _, visibility)] =
            NUMBERS;
        Self {
            delay_seconds: number(DELAY, delay),
            largest_message: usize::try_from(number(LARGEST, largest)).unwrap_or(usize::MAX),
            retention_seconds: number(RETENTION, retention),
            visibility_seconds: number(VISIBILITY, visibility),
            wait_seconds: number(WAIT, wait),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(name: &str, value: &str) -> String {
        let asked = Attributes::from([(name.to_owned(), value.to_owned())]);
        with_defaults(&asked).err().map_or_else(String::new, |error| error.code)
    }

    #[test]
    fn attributes_have_their_ranges() {
        for (name, least, most, _) in NUMBERS {
            assert_eq!(code(name, &least.to_string()), "", "{name}");
            assert_eq!(code(name, &most.to_string()), "", "{name}");
            assert_eq!(code(name, &(most + 1).to_string()), "InvalidAttributeValue", "{name}");
            assert_eq!(code(name, "-1"), "InvalidAttributeValue", "{name}");
            assert_eq!(code(name, "+60"), "InvalidAttributeValue", "{name}");
        }
        assert_eq!(code("Colour", "red"), "InvalidAttributeName");
        assert_eq!(code("QueueArn", "arn"), "InvalidAttributeName", "it cannot be set");
        assert_eq!(code("FifoQueue", "true"), "AWS.SimpleQueueService.UnsupportedOperation");
        let rules = Rules::of(&with_defaults(&Attributes::new()).unwrap());
        assert_eq!((rules.visibility_seconds, rules.retention_seconds, rules.largest_message), (30, 345_600, 1 << 20));
    }
}
