//! The end of an instance that nobody asked for: EC2's own code for it, and its meaning for the launch.
//!
//! EC2 accepts a launch and may still give it up while it is pending: the instance is terminated, and `StateReason` says
//! why (EC2 API reference, "StateReason"; EC2 user guide, "Troubleshoot instance launch issues: instance terminates
//! immediately"). Some of these are what RunInstances would have refused a moment earlier, and are answered as that.

use crate::failure::Failure;
use crate::world::ledger::Refusal;

/// What an end means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ending {
    /// `None`: the instance did not boot.
    failure: Option<Failure>,
    /// What happened, and what to do about it.
    pub(crate) sentence: &'static str,
}

const ENDINGS: &[(&str, Ending)] = &[
    (
        "Server.InsufficientInstanceCapacity",
        Ending { failure: Some(Failure::NoCapacity), sentence: "EC2 took the launch and then had no capacity for it" },
    ),
    (
        "Client.VolumeLimitExceeded",
        Ending {
            failure: Some(Failure::QuotaReached),
            sentence: "the account's quota of EBS volumes is reached: ask AWS for more, or lower the counts",
        },
    ),
    (
        "Server.InternalError",
        Ending { failure: None, sentence: "EC2 failed to start it, by an error of its own: another one is launched" },
    ),
    (
        // "Client error on launch", mostly a key of KMS that the launch may not use.
        "Client.InternalError",
        Ending {
            failure: None,
            sentence: "its volumes could not be made, mostly because the account's default key for EBS is disabled or may not be used: look at that key and its policy",
        },
    ),
    (
        "Client.InvalidSnapshot.NotFound",
        Ending {
            failure: None,
            sentence: "a snapshot of its image is gone or may not be read: delete the benchmark and create it with another image",
        },
    ),
];

/// The ending for a state reason as the ports give it: the code, then a colon and words, which nobody looks at.
pub(crate) fn ending(state_reason: &str) -> Option<Ending> {
    let code = state_reason.split(':').next().unwrap_or_default().trim();
    ENDINGS.iter().find(|(known, _)| *known == code).map(|(_, ending)| *ending)
}

/// What the ledger calls it.
pub(crate) fn reason(ending: Option<Ending>) -> Refusal {
    ending.and_then(|ending| ending.failure).map_or(Refusal::BootFailed, Refusal::Call)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_known_by_its_code_and_not_by_its_words() {
        let rows = [
            ("Server.InsufficientInstanceCapacity: Insufficient instance capacity", "NoCapacity"),
            ("Server.InsufficientInstanceCapacity", "NoCapacity"),
            ("Client.VolumeLimitExceeded: Volume limit exceeded", "QuotaReached"),
            ("Server.InternalError: Internal error on launch", "BootFailed"),
            ("Client.InternalError: Client error on launch", "BootFailed"),
            ("Client.InvalidSnapshot.NotFound: The snapshot does not exist", "BootFailed"),
            ("Client.InstanceInitiatedShutdown: Instance initiated shutdown", "BootFailed"),
            ("Something.New: Server.InsufficientInstanceCapacity", "BootFailed"),
            ("", "BootFailed"),
        ];
        for (state_reason, expected) in rows {
            assert_eq!(reason(ending(state_reason)).name(), expected, "{state_reason}");
        }
        assert!(ending("Client.InstanceInitiatedShutdown: x").is_none());
        assert!(ENDINGS.iter().all(|(code, _)| ending(code).is_some_and(|ending| !ending.sentence.is_empty())));
    }
}
