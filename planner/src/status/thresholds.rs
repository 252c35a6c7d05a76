//! The condition of the thresholds. The generator judges them, with the statistics; here the judgement becomes a condition.

use api::{Run, ThresholdsResult};
use wire::{ThresholdOutcome, ThresholdResult};

use crate::conditions::{Condition, ConditionStatus, Reason};
use crate::run_key::RunKey;
use crate::run_outcome::RunOutcome;
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
    let (reason, what) = match outcome {
        ThresholdOutcome::Met => (Reason::Met, "met"),
        ThresholdOutcome::NotMet => (Reason::NotMet, "not met"),
        ThresholdOutcome::Undecided => (Reason::Undecided, "not decided"),
    };
    let mut message = format!("{count} of {all} thresholds {what}: {}", those.join("; "));
    if let Some((end, _)) = message.char_indices().nth(MESSAGE) {
        message.truncate(end);
        message.push_str("...");
    }
    Some(ThresholdsResult { outcome: reason.name().to_owned(), message })
}

/// `None`: the spec holds no thresholds.
pub(crate) fn judge(world: &World, wanted: &RunKey, runs: &[Run]) -> Option<Condition> {
    if world.object.spec.load.thresholds.is_empty() {
        return None;
    }
    let run = runs::finished(runs, wanted);
    let say = |status, reason, message: &str| Some(Condition { status, reason, message: message.to_owned() });
    let Some((run, outcome)) = run.and_then(|run| Some((run, RunOutcome::of(run)?))) else {
        return say(ConditionStatus::Unknown, Reason::Pending, "there is no result yet");
    };
    if outcome != RunOutcome::Valid {
        let message = format!("nothing is decided by this run. {}", run.result);
        return say(ConditionStatus::Unknown, outcome.reason(), &message);
    }
    let Some(result) = &run.thresholds else {
        return say(ConditionStatus::Unknown, Reason::Undecided, "the report says nothing about thresholds");
    };
    match Reason::parse(&result.outcome) {
        Some(Reason::Met) => say(ConditionStatus::True, Reason::Met, &result.message),
        Some(Reason::NotMet) => say(ConditionStatus::False, Reason::NotMet, &result.message),
        _ => say(ConditionStatus::Unknown, Reason::Undecided, &result.message),
    }
}
