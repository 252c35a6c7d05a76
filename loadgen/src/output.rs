//! What the command line prints: a table for people, one JSON object for scripts.

use std::fmt::Write;
use std::io;

use serde::Serialize;
use stats::Latencies;
use wire::{ClusterReport, Failures, MemberShare, Quantiles, Report, RoundOutcome, Validity};

use crate::Measurement;
use crate::picture::picture;

/// One object: totals over all clusters at the top, then the whole report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Surface {
    requests: u64,
    failed: u64,
    requests_per_second: u64,
    /// Over all requests, a failure counting as infinitely slow: `null` when so many failed that there is none.
    p50_micros: Option<u64>,
    p90_micros: Option<u64>,
    p99_micros: Option<u64>,
    p999_micros: Option<u64>,
    failures: Failures,
    members: Vec<MemberShare>,
    #[serde(flatten)]
    report: Report,
}

/// The JSON of `loadgen run --json`.
///
/// # Errors
/// None that can happen with a measurement of ours.
pub fn json(measurement: &Measurement, report: &Report) -> io::Result<String> {
    let all = measurement.all().map_err(io::Error::other)?;
    let surface = serde_json::to_string_pretty(&Surface {
        requests: all.requests,
        failed: all.failures.total(),
        requests_per_second: all.requests_per_second,
        p50_micros: all.latency.p50_micros,
        p90_micros: all.latency.p90_micros,
        p99_micros: all.latency.p99_micros,
        p999_micros: all.latency.p999_micros,
        failures: all.failures,
        members: all.members,
        report: report.clone(),
    });
    Ok(surface?)
}

/// The table of `loadgen run`.
pub fn table(report: &Report) -> String {
    let mut rows =
        vec![["CLUSTER", "REQUESTS", "FAILED", "REQUESTS/S", "P50", "P90", "P99", "P99.9"].map(str::to_owned)];
    rows.extend(report.clusters.iter().map(row));
    let mut text = String::new();
    for row in &rows {
        let mut line = String::new();
        for (column, cell) in row.iter().enumerate() {
            let width = rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
            let gap = if column == 0 { "" } else { "  " };
            // Names to the left, numbers to the right. Writing to a string cannot fail.
            let _written =
                if column == 0 { write!(line, "{gap}{cell:<width$}") } else { write!(line, "{gap}{cell:>width$}") };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text.push('\n');
    for cluster in &report.clusters {
        if let Some(picture) = decoded(&cluster.histograms.response).map(|latencies| picture(&latencies)) {
            text.push_str(&format!("{}, answered requests by response time:\n{picture}\n", cluster.cluster));
        }
    }
    for line in remarks(report) {
        text.push_str(&line);
        text.push('\n');
    }
    text
}

fn row(cluster: &ClusterReport) -> [String; 8] {
    let latency = &cluster.latency;
    [
        cluster.cluster.clone(),
        cluster.requests.to_string(),
        cluster.failures.total().to_string(),
        cluster.requests_per_second.to_string(),
        bounded(latency, latency.p50_micros),
        bounded(latency, latency.p90_micros),
        bounded(latency, latency.p99_micros),
        bounded(latency, latency.p999_micros),
    ]
}

/// `3 connect, 1 timeout`
fn kinds(cluster: &ClusterReport) -> String {
    let kinds = cluster.failures.kinds();
    let named: Vec<String> =
        kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{count} {kind}")).collect();
    named.join(", ")
}

/// `>=` where requests that were still open at the end may change it.
fn bounded(latency: &Quantiles, value: Option<u64>) -> String {
    let sign = if value.is_some() && latency.exact(value).is_none() { ">= " } else { "" };
    format!("{sign}{}", time(value))
}

fn decoded(histogram: &str) -> Option<Latencies> {
    Latencies::decode(histogram).ok().filter(|latencies| latencies.count() > 0)
}

fn remarks(report: &Report) -> Vec<String> {
    let mut lines = Vec::new();
    for cluster in &report.clusters {
        if let Some(lag) = decoded(&cluster.histograms.send_lag).filter(|_| cluster.planned > 0) {
            let late = lag.quantiles(0);
            lines.push(format!(
                "{}: {} of {} planned requests sent, {} late at p50 and {} at p99",
                cluster.cluster,
                cluster.sent,
                cluster.planned,
                time(late.p50_micros),
                time(late.p99_micros)
            ));
        }
        if cluster.open_at_end > 0 {
            let open = cluster.open_at_end;
            lines.push(format!(
                "{}: {open} requests were still open at the end; they count with their age",
                cluster.cluster
            ));
        }
        if cluster.warmup_requests > 0 {
            lines.push(format!(
                "{}: {} requests of the warm-up are not counted",
                cluster.cluster, cluster.warmup_requests
            ));
        }
        if cluster.failures.total() > 0 {
            lines.push(format!("{} failures: {}", cluster.cluster, kinds(cluster)));
        }
        if cluster.members.iter().any(|member| !member.id.is_empty()) {
            lines.push(format!("{} shares: {}", cluster.cluster, shares(&cluster.members)));
        }
    }
    for round in report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided) {
        lines.push(format!("round {} voided and repeated: {}", round.round, round.reason));
    }
    lines.push(format!("seed {}", report.run.seed));
    let prefix = if report.validity == Validity::Invalid { "INVALID. " } else { "" };
    lines.push(format!("{prefix}{}", report.verdict));
    lines
}

fn shares(members: &[MemberShare]) -> String {
    let name = |id: &str| if id.is_empty() { "unnamed".to_owned() } else { id.to_owned() };
    let share = |member: &MemberShare| {
        let per_mille = member.share_per_mille;
        format!("{} {}.{} %", name(&member.id), per_mille / 10, per_mille % 10)
    };
    members.iter().map(share).collect::<Vec<_>>().join(", ")
}

/// `850 us`, `1.23 ms`, `12.3 s`: three digits.
pub(crate) fn time(micros: Option<u64>) -> String {
    let Some(micros) = micros else { return "none".to_owned() };
    let scaled = |unit: u64, name: &str| {
        let value = micros as f64 / unit as f64;
        let decimals = if value >= 100.0 {
            0
        } else if value >= 10.0 {
            1
        } else {
            2
        };
        format!("{value:.decimals$} {name}")
    };
    match micros {
        0..1000 => format!("{micros} us"),
        1000..1_000_000 => scaled(1000, "ms"),
        _ => scaled(1_000_000, "s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_three_digits() {
        let times = [Some(7), Some(999), Some(1234), Some(12_345), Some(123_456), Some(1_234_567), None].map(time);
        assert_eq!(times, ["7 us", "999 us", "1.23 ms", "12.3 ms", "123 ms", "1.23 s", "none"]);
    }
}
