//! When a run must not be quoted, and why. Pure.

use std::time::Duration;

use wire::{ClusterReport, RoundOutcome};

use crate::report::Round;

/// Above this the generator measures itself: requests wait for it, not for the cluster.
const MOST_CPU_PER_MILLE: u32 = 900;
/// A tenth of the time taken by the hypervisor delays one request in ten by whole time slices. Shuffled rounds spread
/// less than that evenly over the clusters.
const MOST_STEAL_PER_MILLE: u32 = 100;
/// Voided rounds select the survivors; up to a tenth that changes little.
const MOST_VOIDED_PER_MILLE: u32 = 100;
/// What a clock may be corrected by without a step: NTP slews by at most 500 ppm, twice that is allowed.
const CLOCK_SLEW_PER_MILLE: u64 = 1;
/// Plus what reading two clocks one after the other may differ by on a busy machine.
const CLOCK_TOLERANCE: Duration = Duration::from_millis(200);

/// What the gates look at.
#[derive(Debug)]
pub(crate) struct Evidence<'a> {
    pub(crate) planned: u32,
    pub(crate) rounds: &'a [Round],
    /// Over the counted rounds.
    pub(crate) clusters: &'a [ClusterReport],
    /// Why the run ended before its end.
    pub(crate) aborted: Option<&'a str>,
    pub(crate) elapsed: Duration,
    pub(crate) clock_step_millis: i64,
    pub(crate) cpu_per_mille: u32,
    pub(crate) steal_per_mille: u32,
}

/// Why the run is not valid; empty when it is.
pub(crate) fn reasons(evidence: &Evidence<'_>) -> Vec<String> {
    let mut reasons = rounds(evidence);
    let tolerance =
        CLOCK_TOLERANCE.as_millis() as u64 + evidence.elapsed.as_millis() as u64 * CLOCK_SLEW_PER_MILLE / 1000;
    if evidence.clock_step_millis.unsigned_abs() > tolerance {
        reasons.push(format!("the clock stepped by {} ms during the run", evidence.clock_step_millis));
    }
    if evidence.cpu_per_mille > MOST_CPU_PER_MILLE {
        reasons.push(format!(
            "the generator used {} of its CPU, so it was the bottleneck: lower the concurrency or give it more processors",
            percent(evidence.cpu_per_mille)
        ));
    }
    if evidence.steal_per_mille > MOST_STEAL_PER_MILLE {
        reasons.push(format!(
            "the hypervisor took {} of the generator's time: use an instance type that is not shared",
            percent(evidence.steal_per_mille)
        ));
    }
    for cluster in evidence.clusters {
        if cluster.requests > 0 && cluster.failures.total() == cluster.requests {
            reasons.push(format!("every request to {} failed ({})", cluster.cluster, kinds(cluster)));
        }
    }
    reasons
}

fn rounds(evidence: &Evidence<'_>) -> Vec<String> {
    let voided: Vec<&Round> = evidence.rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided).collect();
    let counted = evidence.rounds.len() - voided.len();
    let planned = evidence.planned;
    let mut reasons = Vec::new();
    if let Some(why) = evidence.aborted {
        reasons.push(format!("{why} after {counted} of {planned} rounds"));
    } else if counted < planned as usize {
        reasons.push(format!("only {counted} of {planned} rounds could be measured"));
    }
    if let Some(last) = voided.last()
        && voided.len() as u64 * 1000 > u64::from(planned) * u64::from(MOST_VOIDED_PER_MILLE)
    {
        let was = if voided.len() == 1 { "1 round was".to_owned() } else { format!("{} rounds were", voided.len()) };
        let most = percent(MOST_VOIDED_PER_MILLE);
        reasons.push(format!("{was} voided, more than {most} of {planned} (last: {})", last.reason));
    }
    reasons
}

/// `3 connect, 1 timeout`
pub(crate) fn kinds(cluster: &ClusterReport) -> String {
    let failures = &cluster.failures;
    let kinds = [
        ("connect", failures.connect),
        ("timeout", failures.timeout),
        ("broken", failures.broken),
        ("4xx", failures.client_error),
        ("5xx", failures.server_error),
    ];
    let named: Vec<String> =
        kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{count} {kind}")).collect();
    named.join(", ")
}

fn percent(per_mille: u32) -> String {
    if per_mille.is_multiple_of(10) {
        format!("{} %", per_mille / 10)
    } else {
        format!("{}.{} %", per_mille / 10, per_mille % 10)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(outcome: RoundOutcome) -> Round {
        Round { number: 1, seed: 1, outcome, reason: "i-1 of cluster1 was lost".into(), clusters: Vec::new() }
    }

    fn rounds_of(counted: usize, voided: usize) -> Vec<Round> {
        let mut rounds = vec![round(RoundOutcome::Counted); counted];
        rounds.extend(vec![round(RoundOutcome::Voided); voided]);
        rounds
    }

    fn check(counted: usize, voided: usize, change: impl FnOnce(&mut Evidence<'_>)) -> Vec<String> {
        let rounds = rounds_of(counted, voided);
        let mut evidence = Evidence {
            planned: 20,
            rounds: &rounds,
            clusters: &[],
            aborted: None,
            elapsed: Duration::from_secs(600),
            clock_step_millis: 300,
            cpu_per_mille: 900,
            steal_per_mille: 100,
        };
        change(&mut evidence);
        reasons(&evidence)
    }

    #[test]
    fn a_run_at_every_limit_is_valid() {
        assert_eq!(check(20, 2, |_| ()), [] as [String; 0]);
    }

    #[test]
    fn each_gate_says_why() {
        assert_eq!(check(20, 0, |e| e.clock_step_millis = -801), ["the clock stepped by -801 ms during the run"]);
        assert_eq!(
            check(20, 0, |e| e.cpu_per_mille = 957),
            [
                "the generator used 95.7 % of its CPU, so it was the bottleneck: lower the concurrency or give it more processors"
            ]
        );
        assert_eq!(check(20, 0, |e| e.steal_per_mille = 101).len(), 1);
        assert_eq!(
            check(20, 3, |_| ()),
            ["3 rounds were voided, more than 10 % of 20 (last: i-1 of cluster1 was lost)"]
        );
        assert_eq!(check(7, 0, |e| e.aborted = Some("stopped")), ["stopped after 7 of 20 rounds"]);
        assert_eq!(check(19, 0, |_| ()), ["only 19 of 20 rounds could be measured"]);
    }
}
