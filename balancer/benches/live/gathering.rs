//! Latency with gathering beside that without, in an open loop with real members.

use std::path::PathBuf;

use super::{Worker, first_checks, worker_of};
use crate::load;
use crate::peers::{self, Directory};
use crate::ratios::{Ratio, median};

const ROUNDS: u64 = 9;
const SECONDS: f64 = 3.0;
/// Members, slots of each, and their mean service time in milliseconds.
const CASES: [(usize, u32, u32); 2] = [(2, 32, 10), (2, 4, 2)];

pub(super) async fn run(directory: &Directory, path: &PathBuf) {
    println!(
        "### Gathering, live\n\nOpen loop (Poisson) at shares of what the members can answer, {ROUNDS} interleaved rounds of {SECONDS} s, the same \
         arrivals for both in a round. Latency in ms from the planned time, median over rounds, and the ratio of with gathering to without.\n"
    );
    println!("| members | load | p50 without | p99 without | p50 ratio | p99 ratio |\n|---|---|---|---|---|---|");
    for (number, (members, slots, mean_millis)) in CASES.into_iter().enumerate() {
        let workers: Vec<Worker> = (0..members).map(|_| worker_of(path, slots, mean_millis)).collect();
        let addresses: Vec<String> = workers.iter().map(|worker| worker.address.clone()).collect();
        let system = |name: &str, flags: &[&str]| {
            let name = format!("g{number} {name}");
            peers::balancer_with(directory, &name, "ShortestExpectedDelay", 1, &addresses, flags)
        };
        let systems = [system("without", &["--gather-micros", "0"]), system("with", &peers::GATHERING)];
        first_checks().await;
        let all = f64::from(slots) * members as f64 * 1e3 / f64::from(mean_millis);
        for share in [0.3, 0.5, 0.7, 0.9] {
            let mut quantiles = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
            for round in 0..ROUNDS {
                for step in 0..2 {
                    let index = (step + round as usize) % 2;
                    let never = (f64::INFINITY, || {});
                    let seen = load::run(&systems[index].address, share * all, SECONDS, 1 + round, never).await;
                    quantiles[index][0].push(load::quantile_millis(&seen, 0.5));
                    quantiles[index][1].push(load::quantile_millis(&seen, 0.99));
                }
            }
            let [without, with] = &quantiles;
            let ratios = [0, 1].map(|index| Ratio::of(&with[index], &without[index]));
            println!(
                "| {members} of {slots} slots, {mean_millis} ms | {share} | {:.2} | {:.2} | {} | {} |",
                median(&without[0]),
                median(&without[1]),
                ratios[0],
                ratios[1]
            );
            eprintln!("gathering at {share}");
        }
    }
    println!();
}
