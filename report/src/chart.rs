//! Rendering as charts for a terminal: how much each round differed, and how the response times of each cluster are spread.

use std::fmt::Write;

use stats::{Latencies, comparison_line, round_gains, signed_percent, time};
use wire::{Comparison, Report, Validity};

/// Rows at most; times double until they fit.
const ROWS: usize = 16;
/// Cells of the longest bar.
const WIDTH: u64 = 48;
/// Eighths of a cell.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

/// More comparisons than this are told by their sentences alone.
const COMPARISONS: usize = 3;

/// Charts of the difference in every round, one below the other, each with the interval and zero; none of a run that is not
/// valid.
pub(crate) fn differences(report: &Report) -> String {
    if report.validity == Validity::Invalid || report.comparisons.len() > COMPARISONS {
        return String::new();
    }
    report.comparisons.iter().map(|comparison| difference(report, comparison)).collect()
}

fn difference(report: &Report, comparison: &Comparison) -> String {
    let gains = round_gains(comparison.metric, &report.rounds, &comparison.cluster, &comparison.baseline);
    if gains.is_empty() {
        return String::new();
    }
    let bounds = comparison.interval_percent.unwrap_or_default();
    let shown = || gains.iter().map(|gain| gain.percent).chain(bounds).chain([0.0]);
    let (least, most) = (shown().fold(0.0, f64::min), shown().fold(0.0, f64::max));
    let width = WIDTH as usize;
    let cell = |percent: f64| {
        let part = (percent - least) / (most - least).max(f64::MIN_POSITIVE);
        ((part * (width - 1) as f64).round() as usize).min(width - 1)
    };
    let mut text = format!("{}, by round (|: no difference", comparison_line(comparison, false));
    text.push_str(if comparison.interval_percent.is_some() { ", [ ]: the interval):\n" } else { "):\n" });
    for gain in &gains {
        let mut row = vec![' '; width];
        row[cell(0.0)] = '|';
        if comparison.interval_percent.is_some() {
            (row[cell(bounds[0])], row[cell(bounds[1])]) = ('[', ']');
        }
        row[cell(gain.percent)] = '\u{25cf}';
        let number = report.rounds.get(gain.place).map_or(0, |round| round.round);
        // Writing to a string cannot fail.
        let row: String = row.into_iter().collect();
        let _written = writeln!(text, "  round {number:>2}  {row}  {}", signed_percent(gain.percent));
    }
    text + "\n"
}

/// Charts of all clusters that answered, one below the other.
pub fn chart(report: &Report) -> String {
    let mut text = String::new();
    for cluster in &report.clusters {
        let latencies = Latencies::decode(&cluster.histograms.response).ok().filter(|all| all.count() > 0);
        if let Some(bars) = latencies.map(|latencies| bars(&latencies)) {
            text.push_str(&format!("{}, answered requests by response time:\n{bars}\n", cluster.cluster));
        }
    }
    text
}

/// One row for each range of times: its upper end, the share of requests in it, and a bar.
fn bars(latencies: &Latencies) -> String {
    let rows = rows(latencies);
    let all: u64 = rows.iter().map(|row| row.count).sum();
    let longest = rows.iter().map(|row| row.count).max().unwrap_or(0).max(1);
    let mut text = String::new();
    for row in &rows {
        let eighths = (u128::from(row.count) * u128::from(WIDTH) * 8).div_ceil(u128::from(longest)) as usize;
        let bar = "█".repeat(eighths / 8) + PARTS[eighths % 8];
        let share = row.count as f64 * 100.0 / all as f64;
        let line = format!("  up to {:>8}  {share:>7.3} %  {bar}", time(row.until_micros));
        // Writing to a string cannot fail.
        let _written = writeln!(text, "{}", line.trim_end());
    }
    text
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    until_micros: u64,
    count: u64,
}

/// Ranges whose ends grow by a constant factor: latencies are spread over orders of magnitude.
fn rows(latencies: &Latencies) -> Vec<Row> {
    let counts: Vec<(u64, u64)> = latencies.counts().collect();
    let (Some((first, _)), Some((last, _))) = (counts.first(), counts.last()) else { return Vec::new() };
    let (first, last) = (*first as f64, (*last as f64).max(*first as f64 + 1.0));
    // A tenth more at the least: finer ranges show the histogram's own steps.
    let factor = (last / first).powf(1.0 / ROWS as f64).max(1.1);
    let mut rows: Vec<Row> = Vec::new();
    let mut until = first;
    for (micros, count) in counts {
        while rows.is_empty() || micros as f64 > until {
            until *= factor;
            rows.push(Row { until_micros: until.ceil() as u64, count: 0 });
        }
        if let Some(row) = rows.last_mut() {
            row.count += count;
        }
    }
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_request_is_in_one_row_and_two_humps_are_seen() {
        let mut latencies = Latencies::new();
        for number in 0..900u64 {
            latencies.record(1000 + number % 50);
        }
        for _ in 0..100 {
            latencies.record(50_000);
        }
        let rows = rows(&latencies);
        assert!(rows.len() <= ROWS + 1, "{}", rows.len());
        assert_eq!(rows.iter().map(|row| row.count).sum::<u64>(), 1000);
        assert_eq!((rows[0].count, rows[rows.len() - 1].count), (900, 100));
        let text = bars(&latencies);
        assert!(text.lines().next().unwrap().contains(&format!("90.000 %  {}", "█".repeat(48))), "{text}");
    }

    #[test]
    fn one_value_is_one_row_and_none_is_none() {
        let mut latencies = Latencies::new();
        assert_eq!(bars(&latencies), "");
        latencies.record(7);
        assert_eq!(bars(&latencies).lines().count(), 1);
    }
}
