//! The search for a capacity on real processes: a worker with 8 slots beside one with 4, exponential work of 10 ms, behind the
//! balancer. The truth is that of the formula for so many slots behind one queue. Prints one Markdown section, and fails where what is
//! found is further from the truth than the search may be; it takes a quarter of an hour.
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on ends")]

#[path = "support/processes.rs"]
mod processes;

use processes::{Cluster, Processes};
use wire::{CapacityOutcome, Report};

/// Requests a second at which all but 1 % are answered within 100 ms (M/M/8, mean work 10 ms).
const OF_EIGHT_SLOTS: f64 = 749.0;
/// How many times as many as 4 slots do.
const TIMES_FOUR_SLOTS: f64 = 2.14;
const ROUNDS: &str = "10";
/// An objective that the work alone, whose 99th percentile is 46 ms, does not keep.
const UNREACHABLE: &str = "p99 <= 30ms";
/// How far from the truth what is found may be.
const MOST_APART: f64 = 0.05;

fn main() {
    let work = "sleep:exponential:10ms";
    let processes = Processes::start(&[
        Cluster { name: "four", workers: 1, slots: 4, work },
        Cluster { name: "eight", workers: 1, slots: 8, work },
    ]);
    let urls = ["four", "eight"].map(|name| format!("{name}={}", processes.url(name)));
    let report = searched(&processes, "p99 <= 100ms", &urls);
    println!(
        "Real workers (`{work}`), balancer and generator (`loadgen search --objective 'p99 <= 100ms'`, run {}), on the loopback \
         of one machine.\n\n{}\n\n| | found | interval | truth | error |\n|---|---|---|---|---|",
        processes::priority(),
        report.summary
    );
    let mut is_near = true;
    let mut row = |name: &str, found: Option<Found>, truth: f64| {
        let Some((found, interval)) = found else {
            is_near = false;
            println!("| {name} | not known | | {truth:.2} | |");
            return;
        };
        let apart = found / truth - 1.0;
        is_near &= apart.abs() <= MOST_APART;
        let interval = interval.map(|[low, high]| format!("[{low:.2}, {high:.2}]")).unwrap_or_default();
        println!("| {name} | {found:.2} | {interval} | {truth:.2} | {:+.1} % |", 100.0 * apart);
    };
    row("requests/s of 8 slots", capacity(&report, "eight"), OF_EIGHT_SLOTS);
    row("requests/s of 4 slots", capacity(&report, "four"), OF_EIGHT_SLOTS / TIMES_FOUR_SLOTS);
    row("8 slots against 4", ratio(&report), TIMES_FOUR_SLOTS);
    println!(
        "\nGates that failed: {}.",
        if report.reasons.is_empty() { "none".to_owned() } else { report.reasons.join("; ") }
    );
    let never = searched(&processes, UNREACHABLE, &urls[..1]);
    println!("\nWith `{UNREACHABLE}`: {}", never.verdict);
    let is_unmet = never.clusters[0].capacity.as_ref().is_some_and(|one| one.outcome == CapacityOutcome::Unmet);
    if !is_near || !is_unmet {
        eprintln!("a capacity is more than {} % from the truth, or `{UNREACHABLE}` is not unmet", 100.0 * MOST_APART);
        std::process::exit(1);
    }
}

fn searched(processes: &Processes, objective: &str, urls: &[String]) -> Report {
    let mut command = processes.generator(&["search", "--objective", objective, "--rounds", ROUNDS, "--seed", "1"]);
    command.arg("--json").args(urls.iter().flat_map(|url| ["--url", url]));
    let output = command.output().expect("loadgen starts");
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("loadgen printed no report: {error}; {}", String::from_utf8_lossy(&output.stderr))
    })
}

/// A number as the report says it, with its interval if it has one.
type Found = (f64, Option<[f64; 2]>);

/// `None`: the report does not say one, or only a bound of it.
fn capacity(report: &Report, name: &str) -> Option<Found> {
    let known = report.clusters.iter().find(|cluster| cluster.cluster == name)?.capacity.as_ref()?;
    let per_second = |milli: u64| milli as f64 / 1e3;
    let is_found = known.outcome == CapacityOutcome::Found;
    is_found.then_some(())?;
    Some((per_second(known.milli_rps?), known.interval.map(|ends| ends.map(per_second))))
}

/// How many times the capacity of the first cluster the other has.
fn ratio(report: &Report) -> Option<Found> {
    let comparison = report.comparisons.first()?;
    let times = |percent: f64| 1.0 + percent / 100.0;
    Some((times(comparison.faster_percent?), comparison.interval_percent.map(|ends| ends.map(times))))
}
