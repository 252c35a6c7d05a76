//! Members of one and of two slots, beside the queueing bound.

use std::path::PathBuf;

use balancer::simulator::bounds;

use super::{MEAN_MILLIS, Worker, first_checks, unweighted, worker};
use crate::load;
use crate::peers::{self, Directory};
use crate::ratios::{Ratio, median};

const ROUNDS: u64 = 5;
/// Requests that a round's p99 needs (research of the load generator: its logarithm then has an error of 4 %).
const REQUESTS: f64 = 3_000.0;

pub(super) async fn run(directory: &Directory, path: &PathBuf) {
    let workers: Vec<Worker> = [1, 1, 1, 1, 2, 2, 2, 2].iter().map(|slots| worker(path, *slots)).collect();
    let members: Vec<(String, u32)> = workers.iter().map(|worker| (worker.address.clone(), worker.slots)).collect();
    let addresses: Vec<String> = members.iter().map(|(address, _)| address.clone()).collect();
    let mut systems = unweighted(directory, "u ", &addresses);
    let alike = systems.len();
    systems.push(peers::nginx(directory, "u nginx least_conn weighted", "least_conn;", &members));
    if peers::is_installed("haproxy") {
        systems.push(peers::haproxy(directory, "u haproxy leastconn weighted", "balance leastconn", &members));
    }
    first_checks().await;
    println!(
        "### Unequal members, live\n\n4 members of one slot and 4 of two, `sleep:exponential:{MEAN_MILLIS}ms`, open loop \
         (Poisson), {ROUNDS} interleaved rounds of {REQUESTS} requests to each system, the same arrivals for all in a round; p99 in ms \
         from the planned time, median over rounds. Bound: one queue in front of all 12 slots (M/M/12). Ratios as above.\n"
    );
    let names = systems.iter().map(|system| system.name.trim_start_matches("u ")).collect::<Vec<_>>().join(" | ");
    println!(
        "| load | bound | {names} | to the bound | to nginx least_conn | to the best unweighted | to the best weighted |\n|---{}|",
        "|---".repeat(systems.len() + 5)
    );
    for utilisation in [0.5, 0.7, 0.9] {
        let rate = utilisation * 12_000.0 / f64::from(MEAN_MILLIS);
        let mut p99s = vec![Vec::new(); systems.len()];
        for round in 0..ROUNDS {
            for step in 0..systems.len() {
                let index = (step + round as usize) % systems.len();
                let never = (f64::INFINITY, || {});
                let seen = load::run(&systems[index].address, rate, REQUESTS / rate, 1 + round, never).await;
                p99s[index].push(load::quantile_millis(&seen, 0.99));
            }
        }
        let bound = bounds::central_queue(12, utilisation).p99 * f64::from(MEAN_MILLIS);
        let cells: String = p99s.iter().map(|p99s| format!(" {:.1} |", median(p99s))).collect();
        // The best of a round, which is harder to beat than the best in the mean.
        let best = |peers: &[Vec<f64>]| -> Vec<f64> {
            let of = |round: usize| peers.iter().map(|p99s| p99s[round]).fold(f64::INFINITY, f64::min);
            (0..ROUNDS as usize).map(of).collect()
        };
        let to_bound = Ratio::of(&p99s[0], &vec![bound; ROUNDS as usize]);
        let to_least = Ratio::of(&p99s[0], &p99s[1]);
        let (to_alike, to_weighted) =
            (Ratio::of(&p99s[0], &best(&p99s[1..alike])), Ratio::of(&p99s[0], &best(&p99s[alike..])));
        println!("| {utilisation} | {bound:.1} |{cells} {to_bound} | {to_least} | {to_alike} | {to_weighted} |");
        eprintln!("unequal members at {utilisation}");
    }
    let possible = "The bound itself is 1 / 1.08, 1 / 1.20 and 1 / 1.44 of exact least requests at these loads (section `policies`): \
        half of what least_conn takes cannot be had by any policy while the machine adds nothing.";
    println!("\n{possible}\n");
}
