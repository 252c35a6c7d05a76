//! The condition of the thresholds. The generator judges them, with the statistics; here the judgement becomes a condition.

use api::{Run, ThresholdsResult};
use wire::{ThresholdOutcome, ThresholdResult};

use crate::conditions::{Condition, ConditionStatus};
use crate::run_key::{RunKey, VALID};
use crate::runs;
use crate::world::World;

/// Bytes of the message: what status has for a sentence of ours.
const MESSAGE: usize = 1000;

/// All thresholds of a run in one. `None` when it had none.
pub(crate) fn result(judged: &[ThresholdResult]) -> Option<ThresholdsResult> {
    if judged.is_empty() {
        return None;
    }
    let outcome = ThresholdOutcome::of_all(judged);
    let those: Vec<&str> =
        judged.iter().filter(|one| one.outcome == outcome).map(|one| one.sentence.as_str()).collect();
    let (count, all) = (those.len(), judged.len());
    let (word, what) = match outcome {
        ThresholdOutcome::Met => ("Met", "met"),
        ThresholdOutcome::NotMet => ("NotMet", "not met"),
        ThresholdOutcome::Undecided => ("Undecided", "not decided"),
    };
    let mut message = format!("{count} of {all} thresholds {what}: {}", those.join("; "));
    if let Some((end, _)) = message.char_indices().nth(MESSAGE) {
        message.truncate(end);
        message.push_str("...");
    }
    Some(ThresholdsResult { outcome: word.to_owned(), message })
}

/// `None`: the spec holds no thresholds.
pub(crate) fn judge(world: &World, wanted: &RunKey, runs: &[Run]) -> Option<Condition> {
    if world.object.spec.load.thresholds.is_empty() {
        return None;
    }
    let run = runs::finished(runs, wanted);
    let say = |status, reason: &str, message: &str| {
        Some(Condition { status, reason: reason.to_owned(), message: message.to_owned() })
    };
    match run.map(|run| (run, &run.thresholds)) {
        None => say(ConditionStatus::Unknown, "Pending", "there is no result yet"),
        Some((run, _)) if run.outcome != VALID => {
            say(ConditionStatus::Unknown, &run.outcome, &format!("nothing is decided by this run. {}", run.result))
        }
        Some((_, None)) => say(ConditionStatus::Unknown, "Undecided", "the report says nothing about thresholds"),
        Some((_, Some(result))) => {
            let status = match result.outcome.as_str() {
                "Met" => ConditionStatus::True,
                "NotMet" => ConditionStatus::False,
                _ => ConditionStatus::Unknown,
            };
            say(status, &result.outcome, &result.message)
        }
    }
}
