//! The sentences of a report in the order in which text and Markdown say them: above the numbers, and below them.

use wire::{GateOutcome, Report, Validity};

use crate::costs::{costs, run_cost};
use crate::lines;

/// The verdict, and what has to be known before it is quoted.
pub(crate) fn above(report: &Report) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    if report.validity == Validity::Invalid {
        said.push("INVALID".to_owned());
    }
    said.push(report.verdict.clone());
    let threshold =
        |result: &wire::ThresholdResult| format!("threshold {}: {}", lines::outcome(result.outcome), result.sentence);
    said.extend(report.thresholds.iter().map(threshold));
    said.extend(lines::voided(report));
    said.extend(report.environment.notes.iter().map(|note| format!("note: {note}")));
    said
}

/// What else was counted, what it cost, what was checked, where and with what.
pub(crate) fn below(report: &Report) -> Vec<String> {
    let mut said: Vec<String> = Vec::new();
    if report.validity == Validity::Valid {
        said.extend(report.further_comparisons.iter().map(|comparison| comparison.sentence.clone()));
    }
    said.extend(lines::answers(report));
    said.extend(report.clusters.iter().filter_map(lines::shares));
    said.extend(lines::places(report));
    said.extend(costs(report));
    said.extend(run_cost(report));
    let failed = report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed);
    said.extend(failed.map(|gate| format!("not valid: {}", gate.reason)));
    said.push(lines::checked(report));
    said.extend(lines::environment(report));
    said
}
