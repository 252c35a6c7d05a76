//! A report as text for people and as CSV for spreadsheets. Both say what the document says, and nothing else.

use std::fmt::Write;

use wire::{
    ClusterReport, GateOutcome, PlaceKind, Quantiles, Report, RoundOutcome, RoundReport, ThresholdOutcome, Validity,
};

use crate::Latencies;
use crate::conclude::tenths;

/// The report on a terminal: what may be said, the numbers, what was checked, where.
pub fn text(report: &Report) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let mut line = |line: &str| _ = writeln!(text, "{}", line.trim_end());
    if report.validity == Validity::Invalid {
        line("INVALID");
    }
    line(&report.verdict);
    line("");
    for row in table(&report.clusters) {
        line(&row);
    }
    line("");
    for failures in report.clusters.iter().filter_map(failures) {
        line(&failures);
    }
    for shares in report.clusters.iter().filter_map(shares) {
        line(&shares);
    }
    let quotable = report.validity == Validity::Valid;
    for comparison in report.further_comparisons.iter().filter(|_| quotable) {
        line(&comparison.sentence);
    }
    for result in &report.thresholds {
        let outcome = match result.outcome {
            ThresholdOutcome::Met => "met",
            ThresholdOutcome::NotMet => "NOT MET",
            ThresholdOutcome::Undecided => "undecided",
        };
        line(&format!("threshold {outcome}: {}", result.sentence));
    }
    for round in report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided) {
        line(&format!("round {} voided and repeated: {}", round.round, round.reason));
    }
    for gate in report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed) {
        line(&format!("not valid: {}", gate.reason));
    }
    line(&checked(report));
    line(&place(report));
    for note in &report.environment.notes {
        line(&format!("note: {note}"));
    }
    text
}

const HEADINGS: [&str; 8] = ["CLUSTER", "REQUESTS", "FAILED", "REQUESTS/S", "P50", "P90", "P99", "P99.9"];

/// Names to the left, numbers to the right.
fn table(clusters: &[ClusterReport]) -> Vec<String> {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    rows.extend(clusters.iter().map(row));
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 8] = std::array::from_fn(width);
    let line = |row: &[String; 8]| {
        let mut line = format!("{:<width$}", row[0], width = widths[0]);
        for (cell, width) in row.iter().zip(widths).skip(1) {
            line.push_str(&format!("  {cell:>width$}"));
        }
        line
    };
    rows.iter().map(line).collect()
}

fn row(cluster: &ClusterReport) -> [String; 8] {
    let latency = &cluster.latency;
    [
        cluster.cluster.clone(),
        cluster.requests.to_string(),
        cluster.failures.total().to_string(),
        cluster.requests_per_second.to_string(),
        time(latency, latency.p50_micros),
        time(latency, latency.p90_micros),
        time(latency, latency.p99_micros),
        time(latency, latency.p999_micros),
    ]
}

/// `850 us`, `1.23 ms`, `12.3 s`: three digits. `>= 5.00 s`: requests were still open. `none`: too many failed.
fn time(latency: &Quantiles, micros: Option<u64>) -> String {
    let Some(value) = micros else { return "none".to_owned() };
    let scaled = |unit: u64, name: &str| {
        let value = value as f64 / unit as f64;
        let decimals = if value >= 99.95 {
            0
        } else if value >= 9.995 {
            1
        } else {
            2
        };
        format!("{value:.decimals$} {name}")
    };
    let text = match value {
        0..1000 => format!("{value} us"),
        1000..1_000_000 => scaled(1000, "ms"),
        _ => scaled(1_000_000, "s"),
    };
    if latency.exact(micros).is_none() { format!(">= {text}") } else { text }
}

fn failures(cluster: &ClusterReport) -> Option<String> {
    let mut named: Vec<String> = cluster
        .failures
        .kinds()
        .iter()
        .filter(|(_, count)| *count > 0)
        .map(|(kind, count)| format!("{count} {kind}"))
        .collect();
    if cluster.open_at_end > 0 {
        named.push(format!("{} still open at the end", cluster.open_at_end));
    }
    (!named.is_empty()).then(|| format!("{} failures: {}", cluster.cluster, named.join(", ")))
}

fn shares(cluster: &ClusterReport) -> Option<String> {
    let name = |id: &str| if id.is_empty() { "unnamed".to_owned() } else { id.to_owned() };
    let share = |member: &wire::MemberShare| format!("{} {}", name(&member.id), tenths(member.share_per_mille));
    let named = cluster.members.iter().any(|member| !member.id.is_empty());
    named.then(|| {
        format!("{} shares: {}", cluster.cluster, cluster.members.iter().map(share).collect::<Vec<_>>().join(", "))
    })
}

fn checked(report: &Report) -> String {
    let counted = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted).count();
    let passed = report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Passed).count();
    let warm_up: u64 = report.clusters.iter().map(|cluster| cluster.warmup_requests).sum();
    format!(
        "{counted} rounds counted, {} voided; {passed} of {} checks passed; {warm_up} requests of warm-up not counted; \
         seed {}",
        report.rounds.len() - counted,
        report.gates.len(),
        report.run.seed
    )
}

fn place(report: &Report) -> String {
    let place = &report.environment.place;
    let kind = match place.kind {
        PlaceKind::Aws => "AWS",
        PlaceKind::Lab => "the lab",
        PlaceKind::Unknown => "an unknown place",
    };
    let generators: Vec<String> = report
        .environment
        .generators
        .iter()
        .map(|one| {
            let parts = [one.instance_id.as_str(), &one.instance_type, &one.cpu_model, &one.kernel];
            parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
        })
        .collect();
    format!("measured in {kind} {} from {}", place.zone, generators.join("; ")).replace("  ", " ")
}

const COLUMNS: [&str; 34] = [
    "round",
    "launch",
    "outcome",
    "seed",
    "position",
    "cluster",
    "speed",
    "planned",
    "sent",
    "requests",
    "answered",
    "open_at_end",
    "failed",
    "connect",
    "reset",
    "timeout",
    "broken",
    "client_error",
    "server_error",
    "wrong_answer",
    "connections",
    "load_micros",
    "requests_per_second",
    "p50_micros",
    "p90_micros",
    "p99_micros",
    "p999_micros",
    "max_micros",
    "mean_micros",
    "at_least_from_micros",
    "successes_p50_micros",
    "successes_p99_micros",
    "send_lag_p99_micros",
    "reason",
];

/// One line for each cluster in each round, voided ones included. RFC 4180; an empty field is a value that there is
/// not.
pub fn csv(report: &Report) -> String {
    let mut text = COLUMNS.join(",") + "\r\n";
    for round in &report.rounds {
        for (position, cluster) in round.clusters.iter().enumerate() {
            let cells = cells(round, position + 1, cluster);
            text.push_str(&cells.map(|cell| quoted(&cell)).join(","));
            text.push_str("\r\n");
        }
    }
    text
}

fn cells(round: &RoundReport, position: usize, cluster: &ClusterReport) -> [String; COLUMNS.len()] {
    let (failures, latency) = (&cluster.failures, &cluster.latency);
    let maybe = |value: Option<u64>| value.map(|value| value.to_string()).unwrap_or_default();
    let lag = Latencies::decode(&cluster.histograms.send_lag).ok().and_then(|lag| lag.quantile(990));
    [
        round.round.to_string(),
        round.launch.to_string(),
        format!("{:?}", round.outcome),
        round.seed.to_string(),
        position.to_string(),
        cluster.cluster.clone(),
        cluster.speed.map(|speed| format!("{speed:?}")).unwrap_or_default(),
        cluster.planned.to_string(),
        cluster.sent.to_string(),
        cluster.requests.to_string(),
        crate::metric::answered(cluster).to_string(),
        cluster.open_at_end.to_string(),
        failures.total().to_string(),
        failures.connect.to_string(),
        failures.reset.to_string(),
        failures.timeout.to_string(),
        failures.broken.to_string(),
        failures.client_error.to_string(),
        failures.server_error.to_string(),
        failures.wrong_answer.to_string(),
        cluster.connections.to_string(),
        cluster.load_micros.to_string(),
        cluster.requests_per_second.to_string(),
        maybe(latency.p50_micros),
        maybe(latency.p90_micros),
        maybe(latency.p99_micros),
        maybe(latency.p999_micros),
        maybe(latency.max_micros),
        maybe(latency.mean_micros),
        maybe(latency.at_least_from_micros),
        maybe(cluster.latency_of_successes.p50_micros),
        maybe(cluster.latency_of_successes.p99_micros),
        maybe(lag),
        round.reason.clone(),
    ]
}

fn quoted(cell: &str) -> String {
    if cell.contains([',', '"', '\r', '\n']) { format!("\"{}\"", cell.replace('"', "\"\"")) } else { cell.to_owned() }
}
