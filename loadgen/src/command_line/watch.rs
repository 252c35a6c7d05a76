//! `loadgen watch`: what waits in the queues behind a front, a line for each cluster. Pure.

use clap::Args;
use jiff::Zoned;
use jiff::tz::TimeZone;
use wire::QueueStatus;

/// Shows what waits in the queues behind a front, every two seconds until Ctrl-C: requests and answers in their queues, the
/// instances that take requests, and the objects of requests and of answers.
///
/// Exit codes: 0 it was shown, 1 there is no front at the address.
#[derive(Debug, Args)]
pub(crate) struct WatchArguments {
    /// Control address of the front, http://host:8081.
    pub(crate) url: String,
    /// Prints the state now, and ends.
    #[arg(long)]
    pub(crate) once: bool,
}

/// Columns after the time and the name of the cluster.
const COLUMNS: [&str; 5] = ["REQUESTS", "ANSWERS", "RUNNING", "INPUTS", "OUTPUTS"];
/// Cells are as wide as the widest heading, and a million fits.
const WIDTH: usize = 8;
/// Longest name of a cluster that does not move the columns.
const NAME_WIDTH: usize = 16;

/// Headings above the lines.
pub(crate) fn heading() -> String {
    line("TIME", "CLUSTER", COLUMNS.map(str::to_owned))
}

/// One line for each cluster, as it was at this time.
pub(crate) fn lines(now: &Zoned, queues: &[QueueStatus]) -> String {
    let time = now.with_time_zone(TimeZone::UTC).strftime("%H:%M:%S").to_string();
    let of_queue = |queue: &QueueStatus| {
        let cells = [queue.unanswered().0, queue.answers_waiting, queue.running, queue.inputs, queue.outputs];
        line(&time, &queue.cluster, cells.map(|number| number.to_string()))
    };
    queues.iter().map(of_queue).collect()
}

fn line(time: &str, cluster: &str, cells: [String; 5]) -> String {
    let cells: String = cells.iter().map(|cell| format!("  {cell:>WIDTH$}")).collect();
    format!("{time:<8}  {cluster:<NAME_WIDTH$}{cells}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cluster_has_a_line_under_the_headings() {
        let queue = |cluster: &str, waiting| QueueStatus {
            cluster: cluster.into(),
            accepted: 97 + waiting + 9,
            answered: 97,
            open: waiting + 9,
            waiting,
            answers_waiting: 2,
            running: 3,
            inputs: 100,
            outputs: 97,
            in_flight: 9,
            ..QueueStatus::default()
        };
        let now: Zoned = "2026-11-30T12:00:05+01:00[Europe/Berlin]".parse().unwrap();
        let text = heading() + &lines(&now, &[queue("micro", 14), queue("medium", 1_234_567)]);
        insta::assert_snapshot!(text, @"
        TIME      CLUSTER           REQUESTS   ANSWERS   RUNNING    INPUTS   OUTPUTS
        11:00:05  micro                   14         2         3       100        97
        11:00:05  medium             1234567         2         3       100        97
        ");
    }
}
