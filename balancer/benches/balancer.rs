//! The data plane beside nginx, HAProxy and no proxy at all: the same members, the same client (wrk), interleaved rounds.
//! Prints one Markdown section. Arguments: rounds (default 5), seconds of each measurement (default 1).

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

/// What one measurement of one program gave.
#[derive(Clone, Copy, Debug)]
struct Sample {
    cpu_micros: f64,
    per_second: f64,
    p50_micros: f64,
    p99_micros: f64,
}

fn main() {
    let arguments: Vec<u32> = std::env::args().skip(1).filter_map(|argument| argument.parse().ok()).collect();
    let rounds = arguments.first().copied().unwrap_or(5);
    let seconds = arguments.get(1).copied().unwrap_or(1);
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
        peers::nginx(&directory, "nginx", "least_conn;", &weighted),
    ];
    match peers::is_installed("haproxy") {
        true => proxies.push(peers::haproxy(&directory, "haproxy", "balance leastconn", &weighted)),
        false => println!("HAProxy is not measured: install it with `apt-get install haproxy`.\n"),
    }
    println!(
        "{rounds} interleaved rounds of {seconds} s with `wrk -t1` (closed loop), two members (one nginx process, two \
         ports, static answers), every proxy on one thread; configurations: `balancer/benches/peers`. `balancer` uses \
         LeastRequests as the peers do. CPU: user and system time of the proxy's process, from `/proc/PID/stat`. \
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
    drop((proxies, members));
    live::run(&directory);
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
        cpu_micros: if is_direct { 0.0 } else { cpu as f64 / requests },
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
        let peers: Vec<usize> = (2..proxies.len()).collect();
        let ratios: String = peers.iter().map(|peer| format!(" to {} |", names[*peer])).collect();
        println!("### {title}\n\n| connections, answer | {} | direct |{ratios}", names.join(" | "));
        println!("|---|{}", "---|".repeat(names.len() + 1 + peers.len()));
        for (c, connections) in CONNECTIONS.iter().enumerate() {
            for (a, answer) in ANSWERS.iter().enumerate() {
                let of = |index: usize| samples[&(c, a, index)].iter().map(value).collect::<Vec<f64>>();
                let medians: String =
                    (0..=proxies.len()).map(|index| format!(" {:.1} |", ratios::median(&of(index)))).collect();
                let ratios: String = peers.iter().map(|peer| format!(" {} |", Ratio::of(&of(0), &of(*peer)))).collect();
                println!("| {connections}, {answer} |{medians}{ratios}");
            }
        }
        println!();
    }
}
