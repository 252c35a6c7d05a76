//! The cost of our generator, beside wrk and hey on the same nginx.
//!
//! `cargo xtask bench loadgen [ROUNDS]`. nginx and the tools are pinned to different processors; the order of the tools
//! is another one in each round. What counts is the tool's own CPU time for a request: on a machine that others use as
//! well, requests per second are as much about them.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that panics has failed")]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitCode, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use support::{Figures, Tool};

const ROUNDS: usize = 12;
const SECONDS: u32 = 3;
const USERS: u32 = 64;
/// The open loop is asked for so many times what the closed loop just sent: there is always a request that is due, and
/// few are left over (each of them is counted at the end, which costs time as well).
const MORE_THAN_ENOUGH: f64 = 1.5;
/// For the first round, before anything was sent.
const FIRST_RATE: f64 = 60_000.0;
const PACED: u32 = 20_000;
const TEN_MILLION: u64 = 10_000_000;
/// The run for its memory takes this long at the most: on a busy machine it has fewer requests, and says how many.
const MEMORY_SECONDS: f64 = 200.0;

/// What is measured in every round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Subject {
    OursClosed,
    OursOpen,
    Wrk,
    Hey,
}

impl Subject {
    const ALL: [Self; 4] = [Self::OursClosed, Self::Wrk, Self::OursOpen, Self::Hey];

    fn name(self) -> &'static str {
        match self {
            Self::OursClosed => "loadgen, closed loop",
            Self::OursOpen => "loadgen, open loop, always late",
            Self::Wrk => "wrk",
            Self::Hey => "hey",
        }
    }

    fn tool(self) -> Tool {
        match self {
            Self::OursClosed | Self::OursOpen => Tool::Ours,
            Self::Wrk => Tool::Wrk,
            Self::Hey => Tool::Hey,
        }
    }

    fn arguments(self, url: &str, rate: f64) -> Vec<String> {
        let (users, duration) = (USERS.to_string(), format!("{SECONDS}s"));
        let rate = (rate as u32).to_string();
        let words: Vec<&str> = match self {
            Self::OursClosed => {
                vec!["run", "--url", url, "--json", "--closed-loop", &users, "--duration", &duration]
            }
            Self::OursOpen => vec![
                "run",
                "--url",
                url,
                "--json",
                "--rate",
                &rate,
                "--max-connections",
                &users,
                "--duration",
                &duration,
                "--drain",
                "1s",
            ],
            Self::Wrk => vec!["-t1", "-c", &users, "--latency", "-d", &duration, url],
            Self::Hey => vec!["-cpus", "1", "-c", &users, "-z", &duration, url],
        };
        words.into_iter().map(str::to_owned).collect()
    }
}

/// One run of one tool.
#[derive(Clone, Copy, Debug)]
struct Cost {
    requests_per_second: f64,
    cpu_micros_per_request: f64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let rounds = arguments.first().and_then(|text| text.parse().ok()).unwrap_or(ROUNDS);
    let Some(nginx) = Nginx::start(Command::new("nginx")) else {
        println!("Not measured: nginx is not installed (apt-get install nginx).");
        return ExitCode::SUCCESS;
    };
    let installed = Tool::installed();
    let subjects: Vec<Subject> =
        Subject::ALL.into_iter().filter(|subject| installed.contains(&subject.tool())).collect();
    let (costs, requests_per_second) = costs(&nginx, &subjects, rounds);
    println!("{costs}");
    println!("{}", allocations(&nginx));
    println!("{}", memory(&nginx, requests_per_second));
    drop(nginx);
    // A server that does not answer in time is another measurement: every stall of it is hundreds of new connections.
    if let Some(nginx) = Nginx::start(support::prioritized("nginx")) {
        println!("{}", pacing(&nginx));
    }
    ExitCode::SUCCESS
}

/// The table, and what the closed loop sent in the last round.
fn costs(nginx: &Nginx, subjects: &[Subject], rounds: usize) -> (String, f64) {
    let mut closed_rate = FIRST_RATE;
    let mut all: Vec<Vec<Cost>> = vec![Vec::new(); subjects.len()];
    for round in 0..rounds {
        for place in 0..subjects.len() {
            // Every tool comes after every other equally often.
            let number = (place + round) % subjects.len();
            let cost = cost(subjects[number], &nginx.url, closed_rate * MORE_THAN_ENOUGH);
            if subjects[number] == Subject::OursClosed {
                closed_rate = cost.requests_per_second;
            }
            all[number].push(cost);
            eprintln!("loadgen: round {} of {rounds}, {}", round + 1, subjects[number].name());
        }
    }
    let median = |number: usize, value: fn(&Cost) -> f64| middle(all[number].iter().map(value).collect());
    let mut text = format!(
        "Median of {rounds} interleaved rounds of {SECONDS} s, {USERS} connections, one processor for the tool and one for \
         nginx 200 with 12 bytes. *Per core* is what one processor of the tool sends, by its CPU time; *beside wrk* \
         is the median of the rounds' ratios of that, with the smallest and the largest.\n\n\
         | | CPU for a request | per core | requests/s | beside wrk |\n|---|---|---|---|---|\n"
    );
    let wrk = subjects.iter().position(|subject| *subject == Subject::Wrk);
    for (number, subject) in subjects.iter().enumerate() {
        let cpu = median(number, |cost| cost.cpu_micros_per_request);
        let beside = wrk.map_or("not installed".to_owned(), |wrk| ratios(&all[wrk], &all[number]));
        text.push_str(&format!(
            "| {} | {cpu:.2} us | {:.0}/s | {:.0} | {beside} |\n",
            subject.name(),
            1e6 / cpu,
            median(number, |cost| cost.requests_per_second)
        ));
    }
    let of = |wanted| subjects.iter().position(|subject| *subject == wanted);
    if let (Some(closed), Some(open)) = (of(Subject::OursClosed), of(Subject::OursOpen)) {
        text.push_str(&format!("\nOpen loop beside our own closed loop: {}.\n", ratios(&all[closed], &all[open])));
    }
    (text, closed_rate)
}

/// `1.05 (0.98 to 1.11)`: CPU time of the first for a request by that of the second.
fn ratios(first: &[Cost], second: &[Cost]) -> String {
    let of_round = |(a, b): (&Cost, &Cost)| a.cpu_micros_per_request / b.cpu_micros_per_request;
    let mut ratios: Vec<f64> = first.iter().zip(second).map(of_round).collect();
    ratios.sort_by(f64::total_cmp);
    let (Some(low), Some(high)) = (ratios.first(), ratios.last()) else { return String::new() };
    format!("{:.2} ({low:.2} to {high:.2})", middle(ratios.clone()))
}

fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    (values[(values.len() - 1) / 2] + values[values.len() / 2]) / 2.0
}

fn cost(subject: Subject, url: &str, rate: f64) -> Cost {
    let before = cpu_of_children();
    let output =
        pinned(&subject.tool().program(), 0).args(subject.arguments(url, rate)).output().expect("the tool starts");
    let cpu = cpu_of_children() - before;
    let Figures { requests, requests_per_second, .. } = subject.tool().read(&output);
    // An open loop that is always late counts what it did not send, too.
    let answered = if subject == Subject::OursOpen { answered(&output) } else { requests };
    Cost { requests_per_second, cpu_micros_per_request: cpu * 1e6 / answered.max(1.0) }
}

fn answered(output: &Output) -> f64 {
    let result: Value = serde_json::from_slice(&output.stdout).expect("our JSON");
    let cluster = &result["clusters"][0];
    cluster["requests"].as_f64().unwrap_or(0.0) - cluster["openAtEnd"].as_f64().unwrap_or(0.0)
}

/// Seconds of CPU time of all children that have ended: fields 16 and 17 of `/proc/self/stat`, in hundredths.
fn cpu_of_children() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").expect("/proc");
    let after_name = stat.rsplit(')').next().expect("a name");
    let ticks: Vec<f64> = after_name.split_whitespace().filter_map(|field| field.parse().ok()).collect();
    // The state is no number, and is the first field after the name.
    (ticks[12] + ticks[13]) / 100.0
}

fn pinned(program: &str, processor: u32) -> Command {
    let mut command = Command::new("taskset");
    command.args(["-c", &processor.to_string(), program]);
    command
}

/// Calls of `malloc` for a request: those of a long run without those of a short one.
fn allocations(nginx: &Nginx) -> String {
    const SHORT: u64 = 20_000;
    const LONG: u64 = 220_000;
    let calls = |requests: u64, pace: &[&str]| -> Option<f64> {
        let mut command = Command::new(Tool::Ours.program());
        command.args(["run", "--url", &nginx.url, "--json", "--requests", &requests.to_string()]).args(pace);
        // Part of glibc: counts and prints at the end.
        let output = command.env("LD_PRELOAD", "libmemusage.so").output().ok()?;
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        // Between the colours of the terminal: ` malloc|        531         1234567 ...`
        let count = |name: &str| -> Option<f64> {
            let line = text.lines().find(|line| line.contains(name))?;
            line.split('|').nth(1)?.split_whitespace().find_map(|word| word.parse().ok())
        };
        Some(count(" malloc|")? + count("realloc|")? + count(" calloc|")?)
    };
    let per_request = |pace: &[&str]| -> String {
        match (calls(SHORT, pace), calls(LONG, pace)) {
            (Some(short), Some(long)) => format!("{:.5}", (long - short) / (LONG - SHORT) as f64),
            _ => "not measured (libmemusage.so is missing)".to_owned(),
        }
    };
    format!(
        "Allocations for a request, of all kinds (a run of {LONG} without one of {SHORT}, counted by glibc): closed loop \
         {}, open loop {}. What is left is one set of histograms for each second.\n",
        per_request(&["--closed-loop", "64"]),
        per_request(&["--rate", "20000", "--max-connections", "64"])
    )
}

fn pacing(nginx: &Nginx) -> String {
    let (rate, path) = (PACED.to_string(), scratch("sends"));
    let file = path.to_str().expect("a path that is text");
    let arguments = ["--rate", &rate, "--poisson", "--duration", "5s", "--json", "--sends", file, "--seed", "7"];
    let output = support::prioritized(&Tool::Ours.program())
        .args(["run", "--url", &nginx.url])
        .args(arguments)
        .output()
        .expect("our program starts");
    let result: Value = serde_json::from_slice(&output.stdout).expect("our JSON");
    let lag = stats::Latencies::decode(result["clusters"][0]["histograms"]["sendLag"].as_str().unwrap()).unwrap();
    let text = fs::read_to_string(&path).expect("the moments of the sends");
    fs::remove_file(&path).expect("our own file");
    let (mut planned, mut sent) = (Vec::new(), Vec::new());
    for line in text.lines().skip(1) {
        let mut fields = line.split(',').map(|field| field.parse::<f64>().expect("nanoseconds"));
        planned.push(fields.next().unwrap());
        sent.push(fields.next().unwrap());
    }
    sent.sort_by(f64::total_cmp);
    let lag_of = |per_mille| lag.quantile(per_mille).unwrap_or(0);
    let row = |every: usize| {
        let distance = |times: &[f64]| distance_to_erlang(times, every, f64::from(PACED) / 1e9);
        let ((plan, critical), (real, _)) = (distance(&planned), distance(&sent));
        format!(
            "| {every} | {plan:.4} | {real:.4} | {critical:.4} | {} |\n",
            if real <= critical { "yes" } else { "no" }
        )
    };
    format!(
        "Pacing at {PACED} Poisson arrivals a second for 5 s, from one thread, with nginx on the same two processors ({}): \
         sent {} us late at p50, {} us at p99, {} us at p99.9. Kolmogorov-Smirnov distance of the gaps between every \
         n-th request to the distribution that they should have, and what 1 % of true samples exceed:\n\n\
         | every | planned | sent | 1 % bound | passes |\n|---|---|---|---|---|\n{}{}{}{}\n\
         Single gaps cannot pass from one thread: two requests that are due within the time of one `send` leave one \
         after the other.\n",
        support::priority(),
        lag_of(500),
        lag_of(990),
        lag_of(999),
        row(1),
        row(2),
        row(5),
        row(20)
    )
}

/// Distance of the gaps between every n-th moment to a sum of n exponential gaps, and the 1 % bound.
fn distance_to_erlang(times: &[f64], every: usize, rate: f64) -> (f64, f64) {
    let chosen: Vec<f64> = times.iter().copied().step_by(every).collect();
    let mut gaps: Vec<f64> = chosen.windows(2).map(|pair| (pair[1] - pair[0]) * rate).collect();
    gaps.sort_by(f64::total_cmp);
    let count = gaps.len() as f64;
    let distribution = |x: f64| {
        let mut term = (-x).exp();
        let mut sum = term;
        for number in 1..every {
            term *= x / number as f64;
            sum += term;
        }
        1.0 - sum
    };
    let apart = gaps.iter().enumerate().map(|(rank, gap)| {
        let (below, at) = (rank as f64 / count, (rank + 1) as f64 / count);
        let expected = distribution(*gap);
        (expected - below).abs().max((at - expected).abs())
    });
    (apart.fold(0.0, f64::max), 1.63 / count.sqrt())
}

fn memory(nginx: &Nginx, requests_per_second: f64) -> String {
    let requests = TEN_MILLION.min((requests_per_second * MEMORY_SECONDS) as u64).to_string();
    let mut child = pinned(&Tool::Ours.program(), 0)
        .args(["run", "--url", &nginx.url, "--closed-loop", "64", "--requests", &requests, "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("our program starts");
    let (started, mut most) = (Instant::now(), 0);
    while child.try_wait().expect("its state").is_none() {
        most = most.max(peak_kib(child.id()));
        std::thread::sleep(Duration::from_millis(200));
        assert!(started.elapsed() < Duration::from_secs(560), "ten million requests take too long here");
    }
    let output = child.wait_with_output().expect("its output");
    let result: Value = serde_json::from_slice(&output.stdout).expect("our JSON");
    format!(
        "Memory for {} requests (closed loop, three histograms): {:.1} MiB at the most.\n",
        result["requests"],
        most as f64 / 1024.0
    )
}

fn peak_kib(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|text| text.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

fn scratch(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("bench-{name}-{}", std::process::id()))
}

/// One worker, on the second processor, that answers from memory.
struct Nginx {
    process: Child,
    directory: PathBuf,
    url: String,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its worker; killed, it could not.
        let id = rustix::process::Pid::from_child(&self.process);
        let _ended = rustix::process::kill_process(id, rustix::process::Signal::TERM);
        let _waited = self.process.wait();
        let _removed = fs::remove_dir_all(&self.directory);
    }
}

impl Nginx {
    fn start(mut command: Command) -> Option<Self> {
        let port = std::net::TcpListener::bind("127.0.0.1:0").ok()?.local_addr().ok()?.port();
        let directory = scratch("nginx");
        fs::create_dir_all(&directory).ok()?;
        let place = directory.to_str()?;
        let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|name| format!("{name}_temp_path {place}/{name};\n"))
            .collect();
        let configuration = format!(
            "daemon off; worker_processes 1; worker_cpu_affinity 10; pid {place}/pid; error_log {place}/error.log;\n\
             events {{ worker_connections 16384; }}\n\
             http {{ access_log off; keepalive_requests 1000000000; keepalive_timeout 600s; {temporary}\n\
             server {{ listen 127.0.0.1:{port} backlog=4096; location / {{ default_type text/plain; \
             return 200 \"hello world\\n\"; }} }} }}\n"
        );
        let path = directory.join("nginx.conf");
        fs::write(&path, configuration).ok()?;
        let process = command.args(["-c", path.to_str()?, "-p", place]).stderr(Stdio::null()).spawn().ok()?;
        let nginx = Self { process, directory, url: format!("http://127.0.0.1:{port}/") };
        let listens = || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok();
        (0..100).any(|_| listens() || (std::thread::sleep(Duration::from_millis(50)), false).1).then_some(nginx)
    }
}
