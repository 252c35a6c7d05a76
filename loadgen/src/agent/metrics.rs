//! `GET /metrics`, in the Prometheus text format.

use std::fmt::Write;

use wire::{RunState, RunStatus};

/// Counts since the process started; they include voided rounds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) failures: u64,
    pub(crate) rounds: u64,
    pub(crate) voided: u64,
}

/// All metrics as text.
pub(crate) fn text(counts: &Counts, runs: &[RunStatus]) -> String {
    let mut text = String::new();
    let mut counter = |name: &str, help: &str, value: u64| {
        // Writing to a string cannot fail.
        let _written =
            writeln!(text, "# HELP loadgen_{name} {help}\n# TYPE loadgen_{name} counter\nloadgen_{name} {value}");
    };
    counter("requests_total", "Requests ended in finished rounds, voided ones included.", counts.requests);
    counter("failures_total", "Of these, requests without a good answer.", counts.failures);
    counter("rounds_total", "Rounds finished, voided ones included.", counts.rounds);
    counter("rounds_voided_total", "Rounds that were voided.", counts.voided);
    text.push_str("# HELP loadgen_runs Runs held, by state.\n# TYPE loadgen_runs gauge\n");
    for (state, name) in [
        (RunState::Running, "running"),
        (RunState::Finished, "finished"),
        (RunState::Aborted, "aborted"),
        (RunState::Failed, "failed"),
    ] {
        let held = runs.iter().filter(|run| run.state == state).count();
        let _written = writeln!(text, "loadgen_runs{{state=\"{name}\"}} {held}");
    }
    text
}
