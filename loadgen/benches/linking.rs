//! Our programs static, as they are shipped, beside the same programs linked with this machine's C library: CPU time for a request.
//!
//! `cargo xtask bench linking [ROUNDS [SECONDS]]` builds both and names their directories. Client and worker are the dynamic ones
//! throughout but for the program that is measured; the order of the two is another one in each round.

#![allow(clippy::expect_used, reason = "a benchmark that panics has failed")]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

const ROUNDS: usize = 9;
const SECONDS: u32 = 2;
const CONNECTIONS: [u32; 2] = [1, 64];
/// The variables that name directories of programs: linked dynamically, and static.
const DIRECTORIES: [&str; 2] = ["PROGRAMS_DYNAMIC", "PROGRAMS_STATIC"];

const START: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    Balancer,
    Generator,
}

impl Subject {
    const ALL: [Self; 2] = [Self::Balancer, Self::Generator];

    fn name(self) -> &'static str {
        match self {
            Self::Balancer => "balancer",
            Self::Generator => "loadgen",
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let number = |place: usize| arguments.get(place).and_then(|text| text.parse::<u32>().ok());
    let (rounds, seconds) = (number(0).map_or(ROUNDS, |rounds| rounds as usize), number(1).unwrap_or(SECONDS));
    let directories = DIRECTORIES.map(|variable| std::env::var_os(variable).map(PathBuf::from));
    let [Some(dynamic), Some(r#static)] = directories else {
        println!(
            "Not measured: {} and {} name no programs: use `cargo xtask bench linking`.",
            DIRECTORIES[0], DIRECTORIES[1]
        );
        return ExitCode::FAILURE;
    };
    println!("{}", table(&[dynamic, r#static], rounds.max(1), seconds));
    ExitCode::SUCCESS
}

/// Figures by subject, number of connections and directory, a round after the other.
fn table(directories: &[PathBuf; 2], rounds: usize, seconds: u32) -> String {
    let worker = Server::start(&directories[0], "worker", &[]);
    let mut text = format!(
        "Medians of {rounds} interleaved rounds of {seconds} s of a closed loop to one worker, one shard; the same profile, and \
         the same client and worker. Ratios are medians of the rounds' own, with the smallest and the largest.\n\n\
         | program, connections | dynamic, us a request | static, us a request | static to dynamic |\n|---|---|---|---|\n"
    );
    for subject in Subject::ALL {
        for connections in CONNECTIONS {
            let mut costs = [Vec::new(), Vec::new()];
            for round in 0..rounds {
                for step in 0..2 {
                    let which = (round + step) % 2;
                    costs[which].push(cost(subject, directories, which, &worker.address, connections, seconds));
                }
                eprintln!("linking: {}, {connections} connections, round {} of {rounds}", subject.name(), round + 1);
            }
            let [dynamic, r#static] = costs;
            let mut ratios: Vec<f64> = r#static.iter().zip(&dynamic).map(|(ours, other)| ours / other).collect();
            ratios.sort_by(f64::total_cmp);
            text.push_str(&format!(
                "| {}, {connections} | {:.2} | {:.2} | **{:.3}** ({:.3} to {:.3}) |\n",
                subject.name(),
                median(&dynamic),
                median(&r#static),
                median(&ratios),
                ratios[0],
                ratios[ratios.len() - 1]
            ));
        }
    }
    text
}

/// Microseconds of CPU time that a request costs the program of directory `which`.
fn cost(
    subject: Subject,
    directories: &[PathBuf; 2],
    which: usize,
    worker: &str,
    connections: u32,
    seconds: u32,
) -> f64 {
    match subject {
        Subject::Balancer => {
            let balancer = Server::start(&directories[which], "balancer", &membership(worker));
            let before = balancer.cpu_micros();
            let (requests, _) = load(&directories[0], &balancer.address, connections, seconds);
            (balancer.cpu_micros() - before) / requests
        }
        Subject::Generator => {
            let (requests, micros) = load(&directories[which], worker, connections, seconds);
            micros / requests
        }
    }
}

/// The arguments of a balancer in front of one worker.
fn membership(worker: &str) -> [String; 4] {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("linking-{}.json", std::process::id()));
    let member = format!("{{\"id\":\"m\",\"address\":\"{worker}\"}}");
    let text = format!(
        "{{\"clusters\":[{{\"name\":\"c\",\"path\":\"/\",\"policy\":\"LeastRequests\",\"members\":[{member}]}}]}}"
    );
    fs::write(&path, text).expect("the membership");
    ["--shards".to_owned(), "1".to_owned(), "--membership".to_owned(), path.display().to_string()]
}

/// Requests that were answered, and the generator's own CPU time in microseconds.
fn load(directory: &Path, address: &str, connections: u32, seconds: u32) -> (f64, f64) {
    let before = ended_children_micros();
    let output = Command::new(directory.join("loadgen"))
        .args(["run", "--url", &format!("http://{address}/c"), "--json"])
        .args(["--closed-loop", &connections.to_string(), "--duration", &format!("{seconds}s")])
        .stdin(Stdio::null())
        .output()
        .expect("the generator starts");
    let micros = ended_children_micros() - before;
    let result: Value = serde_json::from_slice(&output.stdout).expect("the generator's JSON");
    let requests = result["requests"].as_f64().filter(|requests| *requests > 0.0).expect("requests");
    assert!(result["failed"].as_f64() == Some(0.0), "requests failed: {result}");
    (requests, micros)
}

/// CPU time of all children that have ended: `cutime` and `cstime` (proc_pid_stat(5)), in ticks of 10 ms.
fn ended_children_micros() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc");
    let fields: Vec<&str> = stat.rsplit(')').next().expect("fields").split_whitespace().collect();
    let ticks = |place: usize| fields[place].parse::<f64>().expect("ticks");
    (ticks(13) + ticks(14)) * 1e4
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    (sorted[(sorted.len() - 1) / 2] + sorted[sorted.len() / 2]) / 2.0
}

/// A program that listens; ended when dropped.
struct Server {
    process: Child,
    address: String,
}

impl Server {
    fn start(directory: &Path, name: &str, arguments: &[String]) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a port");
        let mut command = Command::new(directory.join(name));
        command.args(["--listen", &address.to_string()]).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let server = Self { process: command.spawn().expect("it starts"), address: address.to_string() };
        let deadline = Instant::now() + START;
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < deadline, "{name} does not listen at {address}");
            thread::sleep(POLL_INTERVAL);
        }
        server
    }

    /// CPU time so far of all threads, which the scheduler counts in nanoseconds (the kernel's sched-stats.rst).
    fn cpu_micros(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.process.id())).expect("tasks");
        let nanos = |task: std::io::Result<fs::DirEntry>| -> Option<f64> {
            let text = fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
            text.split_whitespace().next()?.parse().ok()
        };
        tasks.filter_map(nanos).sum::<f64>() / 1e3
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill(); // it may have ended by itself
        let _ = self.process.wait();
    }
}
