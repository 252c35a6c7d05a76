//! Two reports beside each other: whether they may be, and their numbers. Pure.
//!
//! Rounds of one run are paired, and its comparison is the report's own. Two runs are not: they are two times, and a cloud is
//! not the same twice. So nothing is called faster here that no report calls faster.

use std::collections::BTreeSet;

use report::{Side as Aligned, aligned};
use stats::{bounded, time};
use wire::{CapacityOutcome, CapacityReport, ClusterReport, Comparison, Report, Search, Validity};

/// One of the two.
#[derive(Clone, Debug)]
pub(super) struct Side {
    /// Name of its BenchmarkReport.
    pub(super) name: String,
    pub(super) run: String,
    /// What was measured and where, a line for each.
    pub(super) measured: Vec<String>,
    pub(super) report: Report,
}

/// Why they must not be compared: each with the field that would have to be the same.
pub(super) fn obstacles(first: &Side, second: &Side) -> Vec<String> {
    let mut obstacles = Vec::new();
    for side in [first, second] {
        if side.report.validity == Validity::Invalid {
            obstacles.push(format!("{} is not valid: {}", side.name, side.report.reasons.join("; ")));
        }
    }
    let (one, other) = (&first.report.run, &second.report.run);
    if one.phases != other.phases {
        obstacles.push("load.phases differ: another load is another question".to_owned());
    }
    obstacles.extend(other_search(one.search.as_ref(), other.search.as_ref()).map(str::to_owned));
    if one.request != other.request {
        obstacles.push("load.request differs: other requests are other work".to_owned());
    }
    if one.timeout_seconds != other.timeout_seconds {
        obstacles.push("load.timeoutSeconds differs: what is slow in one has failed in the other".to_owned());
    }
    // Where neither says it, it follows from what was compared above.
    let is_said = one.drain_seconds.or(other.drain_seconds).is_some();
    if is_said && one.drains_for() != other.drains_for() {
        obstacles.push("load.drainSeconds differs: what is cut in one was waited for in the other".to_owned());
    }
    if shared(first, second).next().is_none() {
        obstacles.push("they have no cluster of the same name".to_owned());
    }
    obstacles
}

/// Why two searches do not ask the same. For how many requests instances are counted, `sizing`, changes nothing that was measured.
fn other_search(one: Option<&Search>, other: Option<&Search>) -> Option<&'static str> {
    match (one, other) {
        (None, None) => None,
        (Some(one), Some(other)) if one.objective != other.objective => {
            Some("load.search.objective differs: another objective is another question")
        }
        (Some(one), Some(other)) => (one.most_requests_per_second != other.most_requests_per_second).then_some(
            "load.search.mostRequestsPerSecond differs: a capacity beyond the lower one was not looked for in both",
        ),
        _ => Some("load.search differs: a search and a load that is given are two questions"),
    }
}

/// The clusters that both have.
fn shared<'a>(first: &'a Side, second: &'a Side) -> impl Iterator<Item = (&'a ClusterReport, &'a ClusterReport)> {
    first.report.clusters.iter().filter_map(|one| {
        let other = second.report.clusters.iter().find(|other| other.cluster == one.cluster)?;
        Some((one, other))
    })
}

pub(super) fn beside(first: &Side, second: &Side) -> String {
    let title = |side: &Side| format!("run {}", side.run);
    let heading = if title(first) == title(second) {
        [first.name.clone(), second.name.clone()]
    } else {
        [title(first), title(second)]
    };
    let mut rows = vec![[String::new(), String::new(), heading[0].clone(), heading[1].clone(), String::new()]];
    for (one, other) in shared(first, second) {
        let name = &one.cluster;
        if let (Some(found), Some(other)) = (&one.capacity, &other.capacity) {
            rows.push(capacity(name, [found, other]));
            continue;
        }
        rows.push(latency(name, "p50", [one, other], |cluster| cluster.latency.p50_micros));
        rows.push(latency("", "p99", [one, other], |cluster| cluster.latency.p99_micros));
        let rates = [one, other].map(|cluster| cluster.requests_per_second);
        rows.push(row("", "requests/s", rates.map(|rate| rate.to_string()), change(Some(rates[0]), Some(rates[1]))));
        let failed = [one, other].map(|cluster| cluster.failures.total());
        if failed != [0, 0] {
            rows.push(row("", "failed", failed.map(|count| count.to_string()), String::new()));
        }
    }
    let mut text = aligned(&[Aligned::Left, Aligned::Left, Aligned::Right, Aligned::Right, Aligned::Right], &rows);
    for one in &first.report.comparisons {
        let same = |other: &&Comparison| {
            (&one.cluster, &one.baseline, one.metric) == (&other.cluster, &other.baseline, other.metric)
        };
        if let Some(other) = second.report.comparisons.iter().find(same) {
            text += &format!(
                "{} against {}: {} -> {}{}\n",
                one.cluster,
                one.baseline,
                said(one),
                said(other),
                apart(one, other)
            );
        }
    }
    text += &changed(first, second);
    text += "Not paired: two times, so what differs is not only what you changed.\n";
    text
}

fn row(cluster: &str, what: &str, [one, other]: [String; 2], change: String) -> [String; 5] {
    [cluster.to_owned(), what.to_owned(), one, other, change]
}

fn latency(
    cluster: &str,
    what: &str,
    sides: [&ClusterReport; 2],
    of: fn(&ClusterReport) -> Option<u64>,
) -> [String; 5] {
    let shown = sides.map(|side| bounded(&side.latency, of(side), time));
    // Between two lower bounds there is no difference to tell.
    let [one, other] = sides.map(|side| side.latency.exact(of(side)));
    row(cluster, what, shown, change(one, other))
}

/// The times of a search are those of rates that may differ: its capacities are what can stand beside each other.
fn capacity(cluster: &str, sides: [&CapacityReport; 2]) -> [String; 5] {
    let shown = sides.map(|found| {
        let [rate, interval, _] = stats::capacity_rates(found);
        match (found.outcome, found.milli_rps) {
            (CapacityOutcome::Found, Some(_)) => format!("{rate}{interval}"),
            (CapacityOutcome::AtLeast, Some(_)) => format!(">= {rate}"),
            (CapacityOutcome::Unmet, _) => "none".to_owned(),
            _ => "not known".to_owned(),
        }
    });
    // Between two lower bounds there is no difference to tell.
    let [one, other] = sides.map(|found| found.milli_rps.filter(|_| found.outcome == CapacityOutcome::Found));
    row(cluster, "capacity", shown, change(one, other))
}

/// `-15.1 %`; nothing where there is nothing to divide.
fn change(one: Option<u64>, other: Option<u64>) -> String {
    match (one, other) {
        (Some(one), Some(other)) if one > 0 => format!("{:+.1} %", 100.0 * (other as f64 / one as f64 - 1.0)),
        _ => String::new(),
    }
}

/// `+105 % [103, 109]`
fn said(comparison: &Comparison) -> String {
    match (comparison.faster_percent, comparison.interval_percent) {
        (Some(faster), Some([low, high])) => format!("{faster:+.0} % [{low:.0}, {high:.0}]"),
        (Some(faster), None) => format!("{faster:+.0} % (no interval)"),
        (None, _) => "not compared".to_owned(),
    }
}

fn apart(one: &Comparison, other: &Comparison) -> &'static str {
    match (one.interval_percent, other.interval_percent) {
        (Some([low, high]), Some([other_low, other_high])) if low > other_high || other_low > high => {
            ", intervals apart"
        }
        (Some(_), Some(_)) => ", intervals overlap",
        _ => "",
    }
}

/// What is not the same, by the lines that both reports have of what was measured.
fn changed(first: &Side, second: &Side) -> String {
    let [one, other] = [first, second].map(|side| side.measured.iter().collect::<BTreeSet<_>>());
    let mut text = String::new();
    for (sign, lines, others) in [('-', &first.measured, &other), ('+', &second.measured, &one)] {
        for line in lines.iter().filter(|line| !others.contains(line)) {
            text += &format!("{sign} {line}\n");
        }
    }
    if text.is_empty() { "changed: nothing that the reports name\n".to_owned() } else { format!("changed:\n{text}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use wire::{Environment, OpenLoop, Phase, RunSpec, Stop};

    use super::*;

    fn side(run: &str, p50: u64, balancer: &str, faster: f64) -> Side {
        let cluster = |name: &str, p50_micros| {
            let mut cluster =
                ClusterReport { cluster: name.to_owned(), requests_per_second: 1_000, ..ClusterReport::default() };
            cluster.latency.p50_micros = Some(p50_micros);
            cluster
        };
        let comparison = json!({ "cluster": "b", "baseline": "a", "metric": "p50Micros", "rounds": 10, "direction": "Faster",
            "fasterPercent": faster, "intervalPercent": [faster - 3.0, faster + 4.0], "sentence": "" });
        let report = json!({ "schema": wire::REPORT_SCHEMA, "run": RunSpec::default(), "startedAt": "2026-01-01T00:00:00Z",
            "finishedAt": "2026-01-01T00:01:00Z", "validity": "Valid", "reasons": [], "environment": Environment::default(),
            "clusters": [cluster("a", 99_400), cluster("b", p50)], "rounds": [], "comparisons": [comparison],
            "summary": "", "verdict": "" });
        Side {
            name: format!("bench-{run}"),
            run: run.to_owned(),
            measured: vec!["worker: x".to_owned(), balancer.to_owned()],
            report: serde_json::from_value(report).unwrap(),
        }
    }

    #[test]
    fn of_searches_the_capacities_stand_beside_each_other() {
        let (mut first, mut second) = (side("1", 99_000, "x", 5.0), side("2", 99_000, "x", 5.0));
        let found = |outcome, milli_rps: u64, interval| CapacityReport {
            outcome,
            milli_rps: Some(milli_rps),
            interval,
            ..CapacityReport::default()
        };
        let capacity =
            |milli_rps| found(CapacityOutcome::Found, milli_rps, Some([milli_rps - 30_000, milli_rps + 30_000]));
        (first.report.clusters[0].capacity, second.report.clusters[0].capacity) =
            (Some(capacity(700_000)), Some(capacity(770_000)));
        let bound = found(CapacityOutcome::AtLeast, 9_400_000, None);
        (first.report.clusters[1].capacity, second.report.clusters[1].capacity) =
            (Some(capacity(8_000_000)), Some(bound));
        let text = beside(&first, &second);
        assert!(text.contains("a  capacity        700 [670, 730]  770 [740, 800]  +10.0 %"), "{text}");
        assert!(text.contains("b  capacity  8,000 [7,970, 8,030]        >= 9,400"), "{text}");
        assert!(!text.contains("p99"), "{text}");
    }

    #[test]
    fn numbers_stand_beside_each_other_and_nothing_is_claimed() {
        let (first, second) =
            (side("1", 48_300, "balancer: RoundRobin", 105.0), side("2", 41_000, "balancer: Random", 141.0));
        assert_eq!(obstacles(&first, &second), Vec::<String>::new());
        insta::assert_snapshot!(beside(&first, &second), @r"
                         run 1    run 2
        a  p50         99.4 ms  99.4 ms   +0.0 %
           p99            none     none
           requests/s     1000     1000   +0.0 %
        b  p50         48.3 ms  41.0 ms  -15.1 %
           p99            none     none
           requests/s     1000     1000   +0.0 %
        b against a: +105 % [102, 109] -> +141 % [138, 145], intervals apart
        changed:
        - balancer: RoundRobin
        + balancer: Random
        Not paired: two times, so what differs is not only what you changed.
        ");
    }

    #[test]
    fn searches_with_another_objective_or_limit_are_refused_and_those_that_count_other_instances_are_not() {
        let objective = wire::Objective { metric: wire::Metric::P99, at_most_micros: 50_000, max_failed_per_mille: 1 };
        let asked = Search { objective, most_requests_per_second: None, sizing: None };
        let of = |search: Search| {
            let mut side = side("1", 1, "x", 1.0);
            side.report.run.search = Some(search);
            side
        };
        let against = |search: Search| obstacles(&of(asked.clone()), &of(search));
        let sizing = Some(wire::AskedRate { requests_per_second: 5_000, spare: 1 });
        assert_eq!(against(Search { sizing, ..asked.clone() }), Vec::<String>::new());
        let objective = wire::Objective { at_most_micros: 60_000, ..objective };
        assert_eq!(
            against(Search { objective, ..asked.clone() }),
            ["load.search.objective differs: another objective is another question"]
        );
        let [limit] = &against(Search { most_requests_per_second: Some(900), ..asked.clone() })[..] else {
            panic!("one obstacle")
        };
        assert!(limit.starts_with("load.search.mostRequestsPerSecond differs: "), "{limit}");
    }

    #[test]
    fn another_load_other_requests_and_invalid_runs_are_refused() {
        let first = side("1", 1, "x", 1.0);
        let mut second = first.clone();
        second.report.run.phases = vec![Phase::OpenLoop(OpenLoop {
            arrivals: wire::Arrivals::Poisson,
            requests_per_second: 5,
            stop: Stop::DurationSeconds(1),
            ramp: None,
            max_connections: None,
        })];
        assert_eq!(obstacles(&first, &second), ["load.phases differ: another load is another question"]);
        second.report.run.phases.clear();
        let objective = wire::Objective { metric: wire::Metric::P99, at_most_micros: 50_000, max_failed_per_mille: 1 };
        second.report.run.search = Some(wire::Search { objective, most_requests_per_second: None, sizing: None });
        let two = "load.search differs: a search and a load that is given are two questions";
        assert_eq!(obstacles(&first, &second), [two]);
        let mut second = first.clone();
        second.report.run.request.method = "POST".to_owned();
        second.report.run.timeout_seconds = Some(3);
        second.report.clusters.clear();
        assert_eq!(obstacles(&first, &second).len(), 3);
        let mut second = first.clone();
        second.report.run.drain_seconds = Some(60);
        let drain = "load.drainSeconds differs: what is cut in one was waited for in the other";
        assert_eq!(obstacles(&first, &second), [drain]);
        second.report.run.drain_seconds = Some(wire::DRAIN_SECONDS);
        assert_eq!(obstacles(&first, &second), [""; 0], "what it is where nobody says it");
        let mut second = first.clone();
        (second.report.validity, second.report.reasons) = (Validity::Invalid, vec!["steal".to_owned()]);
        assert_eq!(obstacles(&first, &second), ["bench-1 is not valid: steal"]);
    }
}
