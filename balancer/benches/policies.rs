//! `cargo xtask bench policies`: every policy in every scenario of the simulator, then the default rule without its
//! parts. One core, about four minutes. `-- TEXT` runs only the rows whose name holds TEXT.

use std::time::Instant;

use balancer::policy::{
    FastestOfTen, LeastRequests, MetricThreshold, P2cLeastRequests, Parts, PeakEwma, Policy, ProbeEwma, Random,
    RoundRobin, ShortestExpectedDelay,
};
use balancer::simulator::compare::{self, Compared, PerSeed, Ratio};
use balancer::simulator::faults::{self, Course, Fault};
use balancer::simulator::matrix::{self, Cell, Standard};
use balancer::simulator::{Arrivals, Scenario, Station, simulate};

/// Runs of each cell: intervals are Student's over these.
const SEEDS: u64 = 8;
const REQUESTS: u64 = 40_000;
/// The same for the ablation, which looks for large differences.
const FEW_SEEDS: u64 = 4;
const FEW_REQUESTS: u64 = 20_000;

type Make = fn() -> Box<dyn Policy>;

const POLICIES: [(&str, Make); 9] = [
    ("RoundRobin", || Box::new(RoundRobin::default())),
    ("Random", || Box::new(Random)),
    ("LeastRequests", || Box::new(LeastRequests)),
    ("P2cLeastRequests", || Box::new(P2cLeastRequests)),
    ("PeakEwma", || Box::new(PeakEwma::default())),
    ("FastestOfTen", || Box::new(FastestOfTen::default())),
    ("ProbeEwma", || Box::new(ProbeEwma::default())),
    ("MetricThreshold", || Box::new(MetricThreshold::default())),
    ("ShortestExpectedDelay", || Box::new(ShortestExpectedDelay::default())),
];

const ABLATION: [(&str, Make); 9] = [
    ("whole", || Box::new(ShortestExpectedDelay::default())),
    ("no late binding", || Box::new(ShortestExpectedDelay::with(Parts { late_binding: false, ..Parts::default() }))),
    ("no hold", || Box::new(ShortestExpectedDelay::with(Parts { hold: false, ..Parts::default() }))),
    ("no shrinkage", || Box::new(ShortestExpectedDelay::with(Parts { shrinkage: false, ..Parts::default() }))),
    ("no hints", || Box::new(ShortestExpectedDelay::with(Parts { hints: false, ..Parts::default() }))),
    ("no refutation", || Box::new(ShortestExpectedDelay::with(Parts { refutation: false, ..Parts::default() }))),
    ("no pricing", || Box::new(ShortestExpectedDelay::with(Parts { pricing: false, ..Parts::default() }))),
    ("no ejection", || Box::new(ShortestExpectedDelay::with(Parts { ejection: false, ..Parts::default() }))),
    ("no silence", || Box::new(ShortestExpectedDelay::with(Parts { silence: false, ..Parts::default() }))),
];

fn main() {
    // Cargo's own arguments start with a dash.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-')).unwrap_or_default();
    let begun = Instant::now();
    let mut cells: Vec<Cell> = matrix::cells().into_iter().filter(|cell| cell.name.contains(&wanted)).collect();
    for cell in &mut cells {
        (cell.scenario.requests, cell.scenario.warmup) = (REQUESTS, REQUESTS / 20);
    }
    let faults: Vec<Fault> = faults::faults().into_iter().filter(|fault| fault.name.contains(&wanted)).collect();
    println!(
        "Simulated: {SEEDS} seeds, {REQUESTS} requests each, the same for every policy. A cell is the ratio of the mean, \
         then of the 99th percentile, to the standard, with the half width of its 95 % interval over the seeds. The \
         standard is a central queue that knows slots and speeds, on the same requests (for one kind of member the \
         M/M/k bound); with a round trip it is the closed form without one. `grows`: the queue has no end. Demands are \
         exponential unless said; S is the mean service time.\n"
    );
    println!("### Policies\n");
    table(&POLICIES, &cells, SEEDS);
    if wanted.is_empty() {
        all_at_once();
    }
    println!("\n### Faults\n");
    println!(
        "8 members, 500 requests per second, load .7. Failed attempts in the first 1 / 10 / 30 s; clients that \
              got a failure (one retry); attempts sent to the member in 2 s; p99 of 20 s to the bound without it.\n"
    );
    fault_table(&POLICIES, &faults);
    println!("\n### The default without its parts\n");
    println!("{FEW_SEEDS} seeds, {FEW_REQUESTS} requests.\n");
    cells.retain(|cell| cell.is_ablated);
    for cell in &mut cells {
        (cell.scenario.requests, cell.scenario.warmup) = (FEW_REQUESTS, FEW_REQUESTS / 20);
    }
    table(&ABLATION, &cells, FEW_SEEDS);
    println!();
    fault_table(&ABLATION, &faults);
    eprintln!("policies: {:.0} s", begun.elapsed().as_secs_f64());
}

fn header(first: &str, policies: &[(&str, Make)]) {
    let names: Vec<&str> = policies.iter().map(|(name, _)| *name).collect();
    println!("| {first} | {} |", names.join(" | "));
    println!("|---|{}", "---|".repeat(policies.len()));
}

fn table(policies: &[(&str, Make)], cells: &[Cell], seeds: u64) {
    header("members and load; standard in S", policies);
    for cell in cells {
        let begun = Instant::now();
        let standard: PerSeed = compare::standard(cell, seeds);
        let texts: Vec<String> = policies
            .iter()
            .map(|(_, make)| {
                let (measured, is_unstable) = compare::run(cell, &|| make(), seeds);
                text(&compare::compare(&measured, &standard, is_unstable))
            })
            .collect();
        let service = cell.scenario.service.0 as f64 * standard.len() as f64;
        let mean = standard.iter().map(|one| one.0).sum::<f64>() / service;
        let p99 = standard.iter().map(|one| one.1).sum::<f64>() / service;
        let closed = if matches!(cell.standard, Standard::ClosedForm(_)) { ", closed form" } else { "" };
        println!("| {}; {mean:.2} / {p99:.2}{closed} | {} |", cell.name, texts.join(" | "));
        eprintln!("policies: {} in {:.1} s", cell.name, begun.elapsed().as_secs_f64());
    }
}

fn text(compared: &Compared) -> String {
    let ratio = |ratio: &Ratio| match ratio.point {
        point if point >= 10.0 => format!("{point:.0}"),
        point => format!("{point:.2}±{:.2}", point * ratio.half_width),
    };
    match compared.is_unstable {
        true => "grows".to_owned(),
        false => format!("{} / {}", ratio(&compared.mean), ratio(&compared.p99)),
    }
}

fn fault_table(policies: &[(&str, Make)], faults: &[Fault]) {
    header("fault", policies);
    for fault in faults {
        let texts: Vec<String> = policies.iter().map(|(_, make)| fault_text(fault, *make)).collect();
        println!("| {} | {} |", fault.name, texts.join(" | "));
    }
}

fn fault_text(fault: &Fault, make: Make) -> String {
    let course = (1..=SEEDS)
        .map(|seed| faults::course(&simulate(&fault.scenario, make().as_mut(), seed), SEEDS))
        .fold(Course::default(), Course::and);
    let p99 = course.p99 / fault.new_bound;
    let p99 = if p99 >= 100.0 { format!("{p99:.0}") } else { format!("{p99:.2}") };
    let [first, ten, thirty] = course.failed_attempts;
    if thirty > 0.0 {
        format!("{first:.0} / {ten:.0} / {thirty:.0}; {:.0} clients; p99 {p99}", course.failed_clients)
    } else {
        format!("{:.1} sent; p99 {p99}", course.sent)
    }
}

/// The load of the seeds: 1,000 requests at the same moment.
fn all_at_once() {
    let mut scenario = Scenario::poisson(vec![Station::slots(1); 4], 0.9);
    scenario.arrivals = Arrivals::Bursts { per_second: 1e9, size: 1_000 };
    (scenario.requests, scenario.warmup) = (1_000, 0);
    println!(
        "\nSeconds until the last of 1,000 requests at once on 4 x 1 slot is answered (S = 10 ms, so 2.5 are possible):\n"
    );
    header("", &POLICIES);
    let seconds = POLICIES.map(|(_, make)| {
        let runs = (1..=SEEDS).map(|seed| simulate(&scenario, make().as_mut(), seed).end.0 as f64 / 1e9);
        format!("{:.2}", runs.sum::<f64>() / SEEDS as f64)
    });
    println!("| 1,000 at once | {} |", seconds.join(" | "));
}
