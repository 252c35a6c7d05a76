//! Unequal, failing, frozen and dying members, live, beside the peers.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::load::{self, Seen};
use crate::peers::{self, Directory, Running};

/// Mean service time of the members, exponential: long against what a busy machine adds, so two cores carry all of it.
const MEAN_MILLIS: u32 = 20;

struct Worker {
    child: Child,
    address: String,
    slots: u32,
}

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn worker(path: &PathBuf, slots: u32) -> Worker {
    let address = peers::free();
    let mut command = Command::new(path);
    command.args(["--listen", &address, "--work", &format!("sleep:exponential:{MEAN_MILLIS}ms"), "--slots"]);
    command.arg(slots.to_string()).args(["--cluster", "c", "--instance-id", &address]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("worker");
    while std::net::TcpStream::connect(&address).is_err() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    Worker { child, address, slots }
}

pub(crate) fn run(directory: &Directory) {
    let path = PathBuf::from(env!("CARGO_BIN_EXE_balancer")).with_file_name("worker");
    if !path.is_file() {
        println!("Live members are not measured: build them first with `cargo build --release -p worker`.");
        return;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        unequal(directory, &path).await;
        faults(directory, &path).await;
    });
}

/// The systems side by side, over members with these weights.
fn systems(directory: &Directory, members: &[(String, u32)], is_weighted: bool, prefix: &str) -> Vec<Running> {
    let addresses: Vec<String> = members.iter().map(|(address, _)| address.clone()).collect();
    let equal: Vec<(String, u32)> = addresses.iter().map(|address| (address.clone(), 1)).collect();
    let name = |text: &str| format!("{prefix}{text}");
    let mut all = vec![
        peers::balancer(directory, &name("balancer"), "ShortestExpectedDelay", 1, &addresses),
        peers::nginx(directory, &name("nginx least_conn"), "least_conn;", &equal),
        peers::nginx(directory, &name("nginx random two"), "random two least_conn;", &equal),
    ];
    let has_haproxy = peers::is_installed("haproxy");
    if has_haproxy {
        all.push(peers::haproxy(directory, &name("haproxy leastconn"), "balance leastconn", &equal));
    }
    if is_weighted {
        all.push(peers::nginx(directory, &name("nginx least_conn weighted"), "least_conn;", members));
        if has_haproxy {
            all.push(peers::haproxy(directory, &name("haproxy leastconn weighted"), "balance leastconn", members));
        }
    }
    // The balancer's first health checks tell it the members' slots.
    std::thread::sleep(std::time::Duration::from_millis(1_500));
    all
}

async fn unequal(directory: &Directory, path: &PathBuf) {
    let workers: Vec<Worker> = [1, 1, 1, 1, 2, 2, 2, 2].iter().map(|slots| worker(path, *slots)).collect();
    let members: Vec<(String, u32)> = workers.iter().map(|worker| (worker.address.clone(), worker.slots)).collect();
    let systems = systems(directory, &members, true, "u ");
    println!(
        "### Unequal members, live\n\n4 members of one slot and 4 of two, `sleep:exponential:{MEAN_MILLIS}ms`, open loop \
         (Poisson, the same arrivals for all), 8 s each; p50 / p99 in ms from the planned time.\n"
    );
    let names = systems.iter().map(|system| system.name.trim_start_matches("u ")).collect::<Vec<_>>().join(" | ");
    println!(
        "| load | {names} | p99 to the best unweighted | to the best weighted |\n|---{}|",
        "|---".repeat(systems.len() + 2)
    );
    for (load, seed) in [(0.5, 1), (0.7, 2), (0.9, 3)] {
        let rate = load * 12_000.0 / f64::from(MEAN_MILLIS);
        let (mut cells, mut p99s) = (String::new(), Vec::new());
        for system in &systems {
            let seen = load::run(&system.address, rate, 8.0, seed, (f64::INFINITY, || {})).await;
            let (p50, p99) = (load::quantile_millis(&seen, 0.5), load::quantile_millis(&seen, 0.99));
            cells += &format!(" {p50:.1} / {p99:.1} |");
            p99s.push(p99);
        }
        let best =
            |from: usize, to: usize| p99s[from..to.min(p99s.len())].iter().copied().fold(f64::INFINITY, f64::min);
        println!("| {load} |{cells} **{:.2}** | **{:.2}** |", p99s[0] / best(1, 4), p99s[0] / best(4, 6));
        eprintln!("unequal members at {load}");
    }
    println!();
}

/// A member that answers 500 at once, and counts how often, by tenths of a second since its first.
async fn failing(count: Arc<AtomicU64>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("address").to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let count = Arc::clone(&count);
            tokio::spawn(async move {
                let mut buffer = vec![0; 4096];
                while stream.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    let is_check = buffer.starts_with(b"GET /health");
                    count.fetch_add(u64::from(!is_check), Relaxed);
                    let answer: &[u8] = match is_check {
                        true => b"HTTP/1.1 200 OK\r\nx-slots: 1\r\ncontent-length: 0\r\n\r\n",
                        false => b"HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n",
                    };
                    if stream.write_all(answer).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

async fn faults(directory: &Directory, path: &PathBuf) {
    println!(
        "### Members that fail, live\n\n8 members of one slot, {MEAN_MILLIS} ms exponential, 200 requests a second, open loop, \
         8 s, event after 3 s; p99 over the 2 s after the event. `attempts`: what the member that answers 500 at once was \
         sent. `failed`: GETs that the client saw fail.\n"
    );
    println!("| event | system | failed | p99 before, ms | p99 after, ms | attempts |\n|---|---|---|---|---|---|");
    for event in ["answers 500 at once", "frozen (SIGSTOP)", "killed (SIGKILL)"] {
        let count = Arc::new(AtomicU64::new(0));
        let bad = failing(Arc::clone(&count)).await;
        for index in 0..4 {
            let workers: Vec<Worker> = (0..8).map(|_| worker(path, 1)).collect();
            let mut members: Vec<(String, u32)> = workers.iter().map(|worker| (worker.address.clone(), 1)).collect();
            let is_500 = event.starts_with("answers");
            if is_500 {
                members[0].0.clone_from(&bad);
            }
            let mut systems = systems(directory, &members, false, "f ");
            if index >= systems.len() {
                continue;
            }
            let system = systems.swap_remove(index);
            drop(systems);
            count.store(0, Relaxed);
            let pid = rustix::process::Pid::from_child(&workers[0].child);
            let signal = match event.split(' ').next() {
                Some("frozen") => Some(rustix::process::Signal::STOP),
                Some("killed") => Some(rustix::process::Signal::KILL),
                _ => None,
            };
            let strike = || {
                let _ = signal.map(|signal| rustix::process::kill_process(pid, signal));
            };
            let seen = load::run(&system.address, 200.0, 8.0, 7, (3.0, strike)).await;
            let failed = seen.iter().filter(|seen| !seen.is_good).count();
            let between = |from: f64, to: f64| -> Vec<Seen> {
                let is_in = |seen: &&Seen| (from..to).contains(&seen.planned.as_secs_f64());
                seen.iter().filter(is_in).copied().collect()
            };
            let p99 = |from, to| load::quantile_millis(&between(from, to), 0.99);
            let attempts = if is_500 { count.load(Relaxed).to_string() } else { "-".to_owned() };
            let name = system.name.trim_start_matches("f ");
            println!(
                "| {event} | {name} | {failed} of {} | {:.0} | {:.0} | {attempts} |",
                seen.len(),
                p99(1.0, 3.0),
                p99(3.0, 5.0)
            );
            eprintln!("{event}: {name}");
        }
    }
    println!();
}
