//! Unequal, slow, failing, frozen and dying members, live, beside the peers.

mod faults;
mod gathering;
mod stub;
mod unequal;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::peers::{self, Directory, Running};

/// Mean service time of the members, exponential: long against what a busy machine adds, so that two cores carry all.
pub(crate) const MEAN_MILLIS: u32 = 10;

/// One of our workers, ended when dropped.
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
    worker_of(path, slots, MEAN_MILLIS)
}

fn worker_of(path: &PathBuf, slots: u32, mean_millis: u32) -> Worker {
    let address = peers::free();
    let mut command = Command::new(path);
    command.args(["--listen", &address, "--work", &format!("sleep:exponential:{mean_millis}ms"), "--slots"]);
    command.arg(slots.to_string()).args(["--cluster", "c", "--instance-id", &address]);
    let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("worker");
    while std::net::TcpStream::connect(&address).is_err() {
        std::thread::sleep(Duration::from_millis(10));
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
        gathering::run(directory, &path).await;
        unequal::run(directory, &path).await;
        faults::run(directory, &path).await;
    });
}

/// Ours, and the peers as they come: without weights.
fn unweighted(directory: &Directory, prefix: &str, addresses: &[String]) -> Vec<Running> {
    let equal: Vec<(String, u32)> = addresses.iter().map(|address| (address.clone(), 1)).collect();
    let name = |text: &str| format!("{prefix}{text}");
    let mut all = vec![
        peers::balancer(directory, &name("balancer"), "ShortestExpectedDelay", 1, addresses),
        peers::nginx(directory, &name("nginx least_conn"), "least_conn;", &equal),
        peers::nginx(directory, &name("nginx random two"), "random two least_conn;", &equal),
    ];
    if peers::is_installed("haproxy") {
        all.push(peers::haproxy(directory, &name("haproxy leastconn"), "balance leastconn", &equal));
    }
    all
}

/// The balancer's first health checks tell it the members' slots.
async fn first_checks() {
    tokio::time::sleep(Duration::from_millis(1_500)).await;
}
