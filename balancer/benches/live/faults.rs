//! One member of eight changes its ways in the middle of the load.

use std::path::PathBuf;

use rustix::process::{Pid, Signal, kill_process};

use super::stub::{Stub, Way};
use super::{MEAN_MILLIS, Worker, first_checks, unweighted, worker};
use crate::load::{self, Seen};
use crate::peers::Directory;

const PER_SECOND: f64 = 500.0;
const ONSET: f64 = 3.0;
const SECONDS: f64 = 10.0;
/// Time that `in a minute` takes.
const MINUTE: f64 = ONSET + 60.0;

/// The fault of the first member; `None`: it is killed.
const EVENTS: [(&str, Option<Way>); 4] = [
    ("answers 500 at once", Some(Way::Fails)),
    ("frozen", Some(Way::Frozen)),
    ("10x slower", Some(Way::TenTimesSlower)),
    ("killed (SIGKILL)", None),
];

pub(super) async fn run(directory: &Directory, path: &PathBuf) {
    println!(
        "### Members that fail, live\n\n8 members of one slot, {MEAN_MILLIS} ms exponential, {PER_SECOND} requests a second, open \
         loop, {SECONDS} s, the first member changes after {ONSET} s; p99 over the second before, and over seconds 1 to 4 after. \
         Sent: requests that reached it after that, within a second, and in all. Failed: GETs that the client saw fail.\n"
    );
    println!(
        "| event | system | failed | p99 before, ms | p99 in the first second | p99 after, ms | sent in a second | sent in all |\n|---|---|---|---|---|---|---|---|"
    );
    for (event, way) in EVENTS {
        let systems = 3 + usize::from(crate::peers::is_installed("haproxy"));
        for index in 0..systems {
            play(directory, path, event, way, index, SECONDS).await;
        }
    }
    play(directory, path, "answers 500 at once, for a minute", Some(Way::Fails), 0, MINUTE).await;
    println!();
}

async fn play(directory: &Directory, path: &PathBuf, event: &str, way: Option<Way>, index: usize, seconds: f64) {
    let stub = Stub::start().await;
    let workers: Vec<Worker> = (0..8).map(|_| worker(path, 1)).collect();
    let mut members: Vec<String> = workers.iter().map(|worker| worker.address.clone()).collect();
    if way.is_some() {
        members[0].clone_from(&stub.address);
    }
    let system = unweighted(directory, "f ", &members).swap_remove(index);
    first_checks().await;
    let pid = Pid::from_child(&workers[0].child);
    let strike = || match way {
        Some(way) => stub.turns(way),
        None => drop(kill_process(pid, Signal::KILL)),
    };
    let seen = load::run(&system.address, PER_SECOND, seconds, 7, (ONSET, strike)).await;
    let failed = seen.iter().filter(|seen| !seen.is_good).count();
    let p99 = |from: f64, to: f64| {
        let is_in = |seen: &&Seen| (from..to).contains(&seen.planned.as_secs_f64());
        let those: Vec<Seen> = seen.iter().filter(is_in).copied().collect();
        load::quantile_millis(&those, 0.99)
    };
    let sent = |seconds: u64| way.map_or("-".to_owned(), |_| stub.sent_within(seconds).to_string());
    let name = system.name.trim_start_matches("f ");
    println!(
        "| {event} | {name} | {failed} of {} | {:.0} | {:.0} | {:.0} | {} | {} |",
        seen.len(),
        p99(ONSET - 1.0, ONSET),
        p99(ONSET, ONSET + 1.0),
        p99(ONSET + 1.0, ONSET + 4.0),
        sent(1),
        sent(u64::MAX)
    );
    eprintln!("{event}: {name}");
}
