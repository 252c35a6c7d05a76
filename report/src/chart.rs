//! Rendering as a chart for a terminal: the distribution of the response times of each cluster.

use std::fmt::Write;

use stats::{Latencies, time};
use wire::Report;

/// Rows at most; times double until they fit.
const ROWS: usize = 16;
/// Cells of the longest bar.
const WIDTH: u64 = 48;
/// Eighths of a cell.
const PARTS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];

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
