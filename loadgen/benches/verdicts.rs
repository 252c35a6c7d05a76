//! Verdicts on real processes: what one seed for both clusters of a round is worth, whether a cluster is found to be as
//! fast as itself, and whether one with twice the slots is found to be faster. Prints one Markdown section; it takes nine
//! minutes. With the word `judge` it plays the campaigns only, on seeds from `SEED` on, and fails where a goal is missed.
//!
//! Workers, balancer and generator are the real programs, on the loopback of one machine.
#![allow(clippy::expect_used, clippy::panic, reason = "a benchmark that cannot go on ends")]

#[path = "support/processes.rs"]
mod processes;

use std::process::{Command, ExitCode};

use processes::{Cluster, Processes};
use wire::{Direction, Quantiles, Report, SelfTestOutcome, Validity};

/// Mean work of a request, exponential: long against what a busy machine adds.
const MEAN_MICROS: u32 = 4_000;
const WORKERS: u32 = 4;
/// Rounds whose noise is looked at, for each load.
const ROUNDS_OF_NOISE: u32 = 24;
const CAMPAIGNS: u64 = 20;
/// Few and short, so that twenty campaigns take minutes. The interval exists from 6 rounds on.
const ROUNDS_OF_A_CAMPAIGN: u32 = 10;
/// Load, as a part of the slower cluster's capacity.
const LOAD_OF_A_CAMPAIGN: f64 = 0.8;
/// At most one campaign in twenty should raise an alarm; four or more of twenty do so by chance once in sixty times.
const ALARM: usize = 4;

/// Requests a second that one slot for each worker can serve.
fn capacity() -> f64 {
    f64::from(WORKERS) * 1e6 / f64::from(MEAN_MICROS)
}

fn main() -> ExitCode {
    let work = format!("sleep:exponential:{MEAN_MICROS}us");
    // The draws of a worker hang on the text of its profile: a nanosecond more, and it draws its own.
    let other_draws = format!("sleep:exponential:{MEAN_MICROS}.001us");
    let processes = Processes::start(&[
        Cluster { name: "micro", workers: WORKERS, slots: 1, work: &work },
        Cluster { name: "large", workers: WORKERS, slots: 2, work: &work },
        Cluster { name: "left", workers: WORKERS, slots: 2, work: &work },
        Cluster { name: "right", workers: WORKERS, slots: 2, work: &other_draws },
    ]);
    println!(
        "Real workers (`{work}`, {WORKERS} for each cluster), balancer and generator (`loadgen`, run {}), on the loopback \
         of one machine, open loop with Poisson arrivals.\n",
        processes::priority()
    );
    let is_judged = std::env::args().any(|argument| argument == "judge");
    if !is_judged {
        noise(&processes);
    }
    let are_right = campaigns(&processes);
    if is_judged && !are_right { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Two clusters that are the same, asked by one seed and by two.
fn noise(processes: &Processes) {
    println!(
        "### One seed for both clusters of a round\n\nStandard deviation of the logarithm of the ratio between two equal \
         clusters (2 slots for each worker), over {ROUNDS_OF_NOISE} rounds of 0.8 s. Own arrivals: one cluster of a round \
         and the other of the next. Own work: workers draw it. Same work: requests carry it.\n"
    );
    println!("| load | arrivals | work | mean | p50 | p99 |\n|---|---|---|---|---|---|");
    for load in [0.5, 0.8] {
        let rate = load * capacity() * 2.0;
        let own_work = processes.rounds(rate, None, ROUNDS_OF_NOISE);
        let same_work = processes.rounds(rate, Some(MEAN_MICROS), ROUNDS_OF_NOISE);
        let rows = [("own", "own", &own_work, 1), ("same", "own", &own_work, 0), ("same", "same", &same_work, 0)];
        let mut falls = Vec::new();
        for (arrivals, kind, rounds, shift) in rows {
            let sd = |metric: fn(&Quantiles) -> Option<u64>| spread(rounds, shift, metric) * 100.0;
            let sds = [sd(|all| all.mean_micros), sd(|all| all.p50_micros), sd(|all| all.p99_micros)];
            println!("| {load} | {arrivals} | {kind} | {:.1} % | {:.1} % | {:.1} % |", sds[0], sds[1], sds[2]);
            falls.push(sds);
        }
        let fall = |metric: usize| falls[0][metric] / falls[2][metric].max(f64::EPSILON);
        println!("| {load} | | the noise falls by | **{:.1}x** | **{:.1}x** | **{:.1}x** |", fall(0), fall(1), fall(2));
    }
    println!();
}

/// Correlation of the log ratio between `left` of a round and `right` of the one that is `shift` later.
fn spread(rounds: &Report, shift: usize, metric: fn(&Quantiles) -> Option<u64>) -> f64 {
    let of = |name: &str| -> Vec<f64> {
        let all = rounds.rounds.iter().filter_map(|round| round.clusters.iter().find(|one| one.cluster == name));
        all.filter_map(|cluster| metric(&cluster.latency)).map(|micros| (micros as f64).ln()).collect()
    };
    let (left, right) = (of("left"), of("right"));
    let ratios: Vec<f64> = left.iter().zip(right.iter().skip(shift)).map(|(left, right)| left - right).collect();
    let mean = ratios.iter().sum::<f64>() / ratios.len() as f64;
    (ratios.iter().map(|ratio| (ratio - mean).powi(2)).sum::<f64>() / (ratios.len() as f64 - 1.0)).sqrt()
}

/// Whether the goals of the table are met.
fn campaigns(processes: &Processes) -> bool {
    let first = std::env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1_u64);
    let rate = LOAD_OF_A_CAMPAIGN * capacity();
    let (mut faster, mut alarms, mut undecided, mut invalid) = (Vec::new(), 0, 0, 0);
    let mut widths = Vec::new();
    for seed in (0..CAMPAIGNS).map(|campaign| first.wrapping_add(campaign)) {
        let report = processes.campaign(rate, MEAN_MICROS, ROUNDS_OF_A_CAMPAIGN, seed);
        invalid += usize::from(report.validity == Validity::Invalid);
        let test = report.self_test.expect("a twin is a self-test");
        alarms += usize::from(test.outcome == SelfTestOutcome::Alarm);
        undecided += usize::from(test.outcome == SelfTestOutcome::Undecided);
        widths.extend(test.comparisons[0].interval_percent.map(|[low, high]| (high - low) / 2.0));
        let verdict = &report.comparisons[0];
        faster.extend(verdict.faster_percent.filter(|_| verdict.direction == Direction::Faster));
        eprintln!("campaign {seed}: {} {}", report.summary, report.reasons.join("; "));
    }
    let median = |all: &mut Vec<f64>| {
        all.sort_unstable_by(f64::total_cmp);
        all.get(all.len() / 2).copied().unwrap_or(f64::NAN)
    };
    println!(
        "### {CAMPAIGNS} campaigns\n\nThree clusters in each of {ROUNDS_OF_A_CAMPAIGN} rounds of 0.5 s: `micro` (1 slot for \
         each worker), `large` (2 slots), and `micro` again as a self-test, at {:.0} % of what micro can serve \
         ({rate:.0} requests a second).\n",
        LOAD_OF_A_CAMPAIGN * 100.0
    );
    println!("| | | goal |\n|---|---|---|");
    println!(
        "| `large` is found faster | {} of {CAMPAIGNS}, by {:.0} % (median of estimates) | all |",
        faster.len(),
        median(&mut faster)
    );
    println!(
        "| `micro` is found to differ from itself | **{alarms}** of {CAMPAIGNS}{} | fewer than {ALARM} |",
        if undecided > 0 { format!(", {undecided} undecided") } else { String::new() }
    );
    println!("| half of the self-test's interval | {:.1} % (median) | |", median(&mut widths));
    println!(
        "| runs that the gates made invalid | {invalid} of {CAMPAIGNS} | none on a quiet machine |\n\nTheir figures are in \
         the table all the same: what is tested is the comparison.\n"
    );
    alarms < ALARM && faster.len() as u64 == CAMPAIGNS
}

impl Processes {
    /// `left` and `right` in each round.
    fn rounds(&self, rate: f64, work: Option<u32>, rounds: u32) -> Report {
        let requests = format!("{:.0}", rate * 0.8);
        let mut command = self.generator(&["run", "--seed", "1", "--requests", &requests]);
        self.load(&mut command, rate, rounds, &["left", "right"], work)
    }

    /// `micro`, `large`, and `micro` again.
    fn campaign(&self, rate: f64, work: u32, rounds: u32, seed: u64) -> Report {
        let requests = format!("{:.0}", rate * 0.5);
        let mut command = self.generator(&["run", "--requests", &requests, "--seed", &seed.to_string()]);
        self.load(&mut command, rate, rounds, &["micro", "large", "micro"], Some(work))
    }

    fn load(&self, command: &mut Command, rate: f64, rounds: u32, clusters: &[&str], work: Option<u32>) -> Report {
        command.args(["--poisson", "--warmup", "200", "--json", "--rate", &format!("{rate:.0}")]);
        command.args(["--rounds", &rounds.to_string()]);
        if let Some(micros) = work {
            command.args(["--work", &format!("exponential:{micros}us")]);
        }
        for (index, cluster) in clusters.iter().enumerate() {
            let again = if clusters[..index].contains(cluster) { " again" } else { "" };
            command.args(["--url", &format!("{cluster}{again}={}", self.url(cluster))]);
        }
        let output = command.output().expect("loadgen starts");
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("loadgen printed no report: {error}; {}", String::from_utf8_lossy(&output.stderr))
        })
    }
}
