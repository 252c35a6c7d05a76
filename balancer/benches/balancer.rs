//! The data plane beside nginx, HAProxy and no proxy at all: the same members, the same client (wrk), interleaved
//! rounds. Prints one Markdown section. Arguments: rounds (default 9), seconds of each measurement (default 1),
//! requests in millions over which resident memory is watched (default 10).

// A benchmark ends with a message when its surroundings are not as they must be.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod live;
mod load;
mod peers;
mod ratios;

use std::collections::BTreeMap;
use std::process::Command;

use peers::{Directory, Running};
use ratios::Ratio;

const CONNECTIONS: [u32; 4] = [1, 16, 64, 512];
const ANSWERS: [&str; 3] = ["0", "1k", "64k"];
/// Place of the balancer that gathers among the proxies, and of the first peer.
const GATHERING: usize = 2;
const PEERS: usize = 3;

/// Figures of one measurement of one program.
#[derive(Clone, Copy, Debug)]
struct Sample {
    cpu_micros: f64,
    per_second: f64,
    p50_micros: f64,
    p99_micros: f64,
}

fn main() {
    let arguments: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let rounds = arguments.first().copied().unwrap_or(9);
    let seconds = arguments.get(1).copied().unwrap_or(1);
    let millions = arguments.get(2).copied().unwrap_or(10);
    for (program, package) in [("wrk", "wrk"), ("nginx", "nginx")] {
        if !peers::is_installed(program) {
            println!("Not measured: `{program}` is missing; install it with `apt-get install {package}`.");
            return;
        }
    }
    let directory = Directory::new();
    let addresses = [peers::free(), peers::free()];
    let members = peers::members(&directory, &addresses);
    let weighted: Vec<(String, u32)> = addresses.iter().map(|address| (address.clone(), 1)).collect();
    let mut proxies = vec![
        peers::balancer(&directory, "balancer", "LeastRequests", 1, &addresses),
        peers::balancer(&directory, "balancer, default policy", "ShortestExpectedDelay", 1, &addresses),
        peers::balancer_with(&directory, "balancer, gathering", "LeastRequests", 1, &addresses, &peers::GATHERING),
        peers::nginx(&directory, "nginx", "least_conn;", &weighted),
    ];
    match peers::is_installed("haproxy") {
        true => proxies.push(peers::haproxy(&directory, "haproxy", "balance leastconn", &weighted)),
        false => println!("HAProxy is not measured: install it with `apt-get install haproxy`.\n"),
    }
    println!(
        "{rounds} interleaved rounds of {seconds} s with `wrk -t1` (closed loop), two members (one nginx process, two \
         ports, static answers), every proxy on one thread; configurations: `balancer/benches/peers`. `balancer` uses \
         LeastRequests as the peers do. CPU: all threads of the proxy, from `/proc/PID/task/*/schedstat`. \
         Ratios are medians over rounds of what ours took to what the peer took in the same round; brackets: a 95 % \
         sign interval (the whole range below six rounds).\n"
    );
    let mut samples: BTreeMap<(usize, usize, usize), Vec<Sample>> = BTreeMap::new();
    let mut rss = vec![0; proxies.len()];
    for round in 0..rounds {
        for (c, connections) in CONNECTIONS.iter().enumerate() {
            for (a, answer) in ANSWERS.iter().enumerate() {
                // Another order each round: none is always the one that comes after the same neighbour.
                for step in 0..=proxies.len() {
                    let index = (step + round as usize) % (proxies.len() + 1);
                    let target = proxies.get(index).unwrap_or(&members);
                    let sample = measure(target, index == proxies.len(), *connections, answer, seconds);
                    samples.entry((c, a, index)).or_default().push(sample);
                    if let Some(most) = rss.get_mut(index).filter(|_| *connections == 512) {
                        *most = (*most).max(target.rss_kib());
                    }
                }
            }
        }
        eprintln!("round {} of {rounds}", round + 1);
    }
    print_tables(&proxies, &samples);
    let memory = proxies.iter().zip(&rss).map(|(proxy, kib)| format!("{} {:.1} MiB", proxy.name, *kib as f64 / 1024.0));
    println!("Resident memory, most seen with 512 connections: {}.\n", memory.collect::<Vec<_>>().join(", "));
    println!("{}\n", user_share(&proxies));
    println!("{}\n", two_shards(&directory, &addresses, seconds));
    println!("{}\n", memory_over(&proxies[0], millions));
    drop((proxies, members));
    live::run(&directory);
}

/// The share of each proxy's time that is its own code: the rest is the kernel's, for four calls a request, and the same
/// whoever makes them.
fn user_share(proxies: &[Running]) -> String {
    let share = |proxy: &Running| {
        let before = proxy.ticks();
        measure(proxy, false, 64, "1k", 5);
        let [user, system] = [0, 1].map(|kind| (proxy.ticks()[kind] - before[kind]) as f64);
        format!("{} {:.0} %", proxy.name, user * 100.0 / (user + system))
    };
    let shares: Vec<String> = proxies.iter().map(share).collect();
    format!(
        "Share of user mode in that CPU time at 64 connections, 1 KiB: {}. The rest is the kernel's.",
        shares.join(", ")
    )
}

/// Requests per second of two shards to one, with more clients than one of them serves.
fn two_shards(directory: &Directory, addresses: &[String], seconds: u32) -> String {
    let systems =
        [1, 2].map(|shards| peers::balancer(directory, &format!("s{shards}"), "LeastRequests", shards, addresses));
    let samples: Vec<[f64; 2]> = (0..5)
        .map(|_| [0, 1].map(|index: usize| measure(&systems[index], false, 64, "1k", seconds).cpu_micros))
        .collect();
    let of = |index: usize| samples.iter().map(|sample| sample[index]).collect::<Vec<f64>>();
    let (one, two) = (of(0), of(1));
    format!(
        "On two shards, beside client and members on the same two cores: {:.1} us of CPU a request instead of {:.1}, {}.",
        ratios::median(&two),
        ratios::median(&one),
        Ratio::of(&two, &one)
    )
}

/// Resident memory while so many requests go through 512 connections.
fn memory_over(proxy: &Running, millions: u32) -> String {
    let (mut done, mut seen) = (0.0, Vec::new());
    while done < f64::from(millions) * 1e6 {
        let sample = measure(proxy, false, 512, "1k", 10);
        done += sample.per_second * 10.0;
        seen.push(proxy.rss_kib() as f64 / 1024.0);
        eprintln!("{:.1} million requests: {:.1} MiB", done / 1e6, seen[seen.len() - 1]);
    }
    let [first, last] = [seen.first(), seen.last()].map(|mib| mib.copied().unwrap_or_default());
    format!(
        "Resident memory over {:.1} million requests through 512 connections: {first:.1} MiB after the first {:.1} million, {last:.1} MiB at the end.",
        done / 1e6,
        done / 1e6 / seen.len().max(1) as f64
    )
}

/// One run of wrk.
fn measure(target: &Running, is_direct: bool, connections: u32, answer: &str, seconds: u32) -> Sample {
    let before = target.cpu_micros();
    let output = Command::new("wrk")
        .args(["-t1", &format!("-c{connections}"), &format!("-d{seconds}s"), "--latency"])
        .arg(format!("http://{}/{answer}", target.address))
        .output()
        .expect("wrk");
    let cpu = target.cpu_micros() - before;
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors: connect"), "{}: {text}", target.name);
    let word = |line: &str, index: usize| {
        let line = text.lines().find(|found| found.contains(line)).unwrap_or_else(|| panic!("no {line}: {text}"));
        line.split_whitespace().nth(index).expect("a word").to_owned()
    };
    let requests: f64 = word("requests in", 0).parse().expect("requests");
    Sample {
        cpu_micros: if is_direct { 0.0 } else { cpu / requests },
        per_second: word("Requests/sec:", 1).parse().expect("rate"),
        p50_micros: micros(&word("50%", 1)),
        p99_micros: micros(&word("99%", 1)),
    }
}

/// `1.23ms` and the like.
fn micros(text: &str) -> f64 {
    let digits = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let factor = match &text[digits..] {
        "us" => 1.0,
        "ms" => 1e3,
        "s" => 1e6,
        _ => 6e7,
    };
    text[..digits].parse::<f64>().expect("a time") * factor
}

type Value = fn(&Sample) -> f64;

fn print_tables(proxies: &[Running], samples: &BTreeMap<(usize, usize, usize), Vec<Sample>>) {
    let figures: [(&str, Value); 4] = [
        ("CPU microseconds per request", |sample| sample.cpu_micros),
        ("Requests per second", |sample| sample.per_second),
        ("p50, microseconds", |sample| sample.p50_micros),
        ("p99, microseconds", |sample| sample.p99_micros),
    ];
    for (title, value) in figures {
        let names: Vec<&str> = proxies.iter().map(|proxy| proxy.name.as_str()).collect();
        let compared: Vec<(usize, usize)> =
            (PEERS..proxies.len()).flat_map(|peer| [(0, peer), (GATHERING, peer)]).collect();
        let ratios: String =
            compared.iter().map(|(ours, peer)| format!(" {} to {} |", names[*ours], names[*peer])).collect();
        println!("### {title}\n\n| connections, answer | {} | direct |{ratios}", names.join(" | "));
        println!("|---|{}", "---|".repeat(names.len() + 1 + compared.len()));
        for (c, connections) in CONNECTIONS.iter().enumerate() {
            for (a, answer) in ANSWERS.iter().enumerate() {
                let of = |index: usize| samples[&(c, a, index)].iter().map(value).collect::<Vec<f64>>();
                let medians: String =
                    (0..=proxies.len()).map(|index| format!(" {:.1} |", ratios::median(&of(index)))).collect();
                let ratio = |(ours, peer): &(usize, usize)| format!(" {} |", Ratio::of(&of(*ours), &of(*peer)));
                let ratios: String = compared.iter().map(ratio).collect();
                println!("| {connections}, {answer} |{medians}{ratios}");
            }
        }
        println!();
    }
}
