//! The standing of a benchmark: what of its conditions somebody who waits has to know. Pure.

use api::{ClusterBenchmark, ConditionType};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use crate::exit::Exit;

/// Reasons of a stall that say that there will be no result of this run.
const NOT_VALID: [&str; 3] = ["Invalid", "Failed", "Aborted"];

/// Reason of `Accepted` when time or budget are over: nothing is measured any more.
const EXPIRED: &str = "Expired";

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Standing {
    /// Something is still to happen.
    Pending,
    /// The result is recorded. `thresholds` is the condition of that name, if there is one.
    Recorded { result: String, thresholds: Option<(Exit, String)> },
    /// Nothing will happen until somebody changes something.
    Stalled { exit: Exit, why: String },
    /// It is being deleted: there will be no result.
    Deleted,
}

/// What the conditions of the current generation say. Those of an earlier one say nothing of what was asked for since.
pub(crate) fn standing(object: &ClusterBenchmark) -> Standing {
    let current = |kind: ConditionType| condition(object, kind).filter(|one| is_current(object, one));
    let is_true = |one: &&Condition| one.status == "True";
    if let Some(ready) = current(ConditionType::Ready).filter(is_true) {
        let thresholds = current(ConditionType::ThresholdsMet).map(|one| {
            let exit = match one.status.as_str() {
                "True" => Exit::Done,
                "False" => Exit::NotMet,
                _ => Exit::Undecided,
            };
            (exit, one.message.clone())
        });
        return Standing::Recorded { result: ready.message.clone(), thresholds };
    }
    if object.metadata.deletion_timestamp.is_some() {
        return Standing::Deleted;
    }
    match current(ConditionType::Stalled).filter(is_true) {
        Some(one) => {
            let exit = if NOT_VALID.contains(&one.reason.as_str()) { Exit::NotValid } else { Exit::Stalled };
            Standing::Stalled { exit, why: format!("{}: {}", one.reason, one.message) }
        }
        None => match current(ConditionType::Accepted).filter(|one| one.reason == EXPIRED) {
            Some(one) => Standing::Stalled { exit: Exit::Stalled, why: format!("{}: {}", one.reason, one.message) },
            None => Standing::Pending,
        },
    }
}

fn condition(object: &ClusterBenchmark, kind: ConditionType) -> Option<&Condition> {
    let conditions = &object.status.as_ref()?.conditions;
    conditions.iter().find(|one| one.type_ == kind.name())
}

fn is_current(object: &ClusterBenchmark, condition: &Condition) -> bool {
    condition.observed_generation.is_none_or(|seen| Some(seen) == object.metadata.generation)
}

/// How it goes, in one line.
pub(crate) fn line(object: &ClusterBenchmark) -> String {
    let Some(status) = &object.status else { return "waiting for the operator".to_owned() };
    let mut words = vec![status.phase.clone().unwrap_or_else(|| "waiting for the operator".to_owned())];
    words.extend(status.instances_ready.as_ref().map(|ready| format!("instances {ready}")));
    words.extend(status.progress.clone().filter(|progress| !progress.is_empty()));
    words.extend(status.queue.clone().filter(|queue| !queue.is_empty()));
    words.extend(status.cost.as_ref().map(|cost| cost.summary.clone()).filter(|cost| !cost.is_empty()));
    words.extend(waiting_for(object).map(|one| format!("{}: {}", one.reason, one.message)));
    words.join("  ").replace('\n', " ")
}

/// The result and what is known of its thresholds, a line for each.
pub(crate) fn ending(standing: &Standing) -> Vec<String> {
    let Standing::Recorded { result, thresholds } = standing else { return Vec::new() };
    let thresholds = thresholds.as_ref().map(|(exit, message)| of_thresholds(*exit, message));
    std::iter::once(result.clone()).chain(thresholds).collect()
}

pub(crate) fn of_thresholds(exit: Exit, message: &str) -> String {
    match exit {
        Exit::Done => format!("thresholds met: {message}"),
        Exit::NotMet => format!("threshold not met: {message}"),
        _ => format!("threshold undecided: {message}"),
    }
}

/// The first condition that does not hold, in the order in which they become true.
pub(crate) fn waiting_for(object: &ClusterBenchmark) -> Option<&Condition> {
    api::CONDITIONS.iter().filter_map(|kind| condition(object, *kind)).find(|one| one.status != "True")
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::json;

    use super::*;

    pub(crate) fn object(conditions: &[(&str, &str, &str, &str)]) -> ClusterBenchmark {
        let conditions: Vec<_> = conditions
            .iter()
            .map(|(kind, status, reason, message)| {
                json!({ "type": kind, "status": status, "reason": reason, "message": message, "observedGeneration": 2,
                    "lastTransitionTime": "2026-01-01T00:00:00Z" })
            })
            .collect();
        serde_json::from_value(json!({
            "apiVersion": "clusterbench.dev/v1alpha1",
            "kind": "ClusterBenchmark",
            "metadata": { "name": "a", "generation": 2 },
            "spec": {
                "clusters": [{ "name": "a", "instanceType": "t2.micro", "count": 1 }],
                "load": { "phases": [{ "arrivals": "ClosedLoop", "concurrency": 1, "requests": 1 }] },
            },
            "status": { "phase": "Measuring", "instancesReady": "3/4", "progress": "round 2/10", "conditions": conditions },
        }))
        .unwrap()
    }

    #[test]
    fn a_recorded_result_is_the_end_and_thresholds_decide_how() {
        let ready = ("Ready", "True", "Recorded", "a 10 % faster");
        let of = |status| object(&[ready, ("ThresholdsMet", status, "x", "p99 is 3 ms")]);
        let recorded = |thresholds| Standing::Recorded { result: "a 10 % faster".to_owned(), thresholds };
        assert_eq!(standing(&object(&[ready])), recorded(None));
        for (status, exit) in [("True", Exit::Done), ("False", Exit::NotMet), ("Unknown", Exit::Undecided)] {
            assert_eq!(standing(&of(status)), recorded(Some((exit, "p99 is 3 ms".to_owned()))));
        }
    }

    #[test]
    fn the_end_is_the_result_and_its_thresholds() {
        let ready = ("Ready", "True", "Recorded", "a 10 % faster");
        let end = |conditions: &[(&str, &str, &str, &str)]| ending(&standing(&object(conditions)));
        assert_eq!(end(&[ready]), ["a 10 % faster"]);
        for (status, words) in [
            ("True", "thresholds met: p99 is 3 ms"),
            ("False", "threshold not met: p99 is 3 ms"),
            ("Unknown", "threshold undecided: p99 is 3 ms"),
        ] {
            assert_eq!(end(&[ready, ("ThresholdsMet", status, "x", "p99 is 3 ms")]), ["a 10 % faster", words]);
        }
        assert_eq!(end(&[]), [""; 0]);
    }

    #[test]
    fn a_stall_ends_the_wait_at_once_and_says_why() {
        let stalled = |reason| standing(&object(&[("Stalled", "True", reason, "why")]));
        assert_eq!(stalled("BootFailed"), Standing::Stalled { exit: Exit::Stalled, why: "BootFailed: why".to_owned() });
        let expired = standing(&object(&[("Accepted", "True", EXPIRED, "why")]));
        assert_eq!(expired, Standing::Stalled { exit: Exit::Stalled, why: "Expired: why".to_owned() });
        for reason in NOT_VALID {
            assert!(matches!(stalled(reason), Standing::Stalled { exit: Exit::NotValid, .. }));
        }
    }

    #[test]
    fn what_was_said_of_an_earlier_spec_is_no_answer() {
        let mut old = object(&[("Ready", "True", "Recorded", "x"), ("Stalled", "True", "BootFailed", "x")]);
        old.metadata.generation = Some(3);
        assert_eq!(standing(&old), Standing::Pending);
        assert_eq!(standing(&object(&[])), Standing::Pending);
    }

    #[test]
    fn the_line_says_what_is_waited_for() {
        let object = object(&[("Accepted", "True", "Placed", ""), ("Deployed", "False", "Waiting", "3 of 4 members")]);
        assert_eq!(line(&object), "Measuring  instances 3/4  round 2/10  Waiting: 3 of 4 members");
    }
}
