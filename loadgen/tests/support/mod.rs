//! A backend and a balancer that do what a test tells them, on a loopback port.
#![allow(dead_code, reason = "each test file uses a part")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use loadgen::{Progress, Settings};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wire::{
    BalancerStatus, ClosedLoop, ClusterStatus, GateKind, GateOutcome, Health, MemberStatus, Phase, Policy, Report,
    Rounds, RunSpec, Stop, Target,
};

/// What a backend does with one request.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// 200, this backend and boot, after a while.
    Fine {
        backend: &'static str,
        boot: &'static str,
        after: Duration,
    },
    Status(u16),
    /// Half of the promised body, then the connection is cut.
    HalfABody,
    /// Never an answer.
    Silence,
    /// 200 that announces the end of the connection, which follows.
    LastAnswer,
    /// 200, and the connection is closed after it without a word of warning.
    SilentEnd,
    /// A body in chunks.
    Chunked,
    /// Not HTTP.
    Garbage,
}

pub(crate) const FINE: Reply = Reply::Fine { backend: "i-1", boot: "a", after: Duration::ZERO };

/// One request as the backend saw it.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) path: String,
    pub(crate) seed: String,
    pub(crate) connection: usize,
}

pub(crate) struct Backend {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

impl Backend {
    /// `reply` is asked for every request, with its number from 0.
    pub(crate) async fn start(reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), reply)
    }

    pub(crate) fn on(listener: TcpListener, reply: impl Fn(usize, &Seen) -> Reply + Send + Sync + 'static) -> Self {
        let address = listener.local_addr().unwrap();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (noted, reply) = (seen.clone(), Arc::new(reply));
        let accepting = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            for connection in 0.. {
                let (stream, _) = listener.accept().await.unwrap();
                let (noted, reply) = (noted.clone(), reply.clone());
                connections.spawn(async move { answer(stream, connection, &noted, &*reply).await });
            }
        });
        Self { address, seen, accepting }
    }

    /// Returns when nobody listens any more.
    pub(crate) async fn stop(mut self) {
        self.accepting.abort();
        let _aborted = (&mut self.accepting).await;
    }

    pub(crate) async fn fine() -> Self {
        Self::start(|_, _| FINE).await
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn target(&self, cluster: &str) -> Target {
        Target { cluster: cluster.into(), url: self.url(&format!("/{cluster}")), ..Target::default() }
    }
}

async fn answer(
    mut stream: TcpStream,
    connection: usize,
    seen: &Mutex<Vec<Seen>>,
    reply: &(dyn Fn(usize, &Seen) -> Reply + Send + Sync),
) -> Option<()> {
    loop {
        let head = read_head(&mut stream).await?;
        let header = |name: &str| {
            head.lines()
                .filter_map(|line| line.split_once(": "))
                .find(|(key, _)| key.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
        };
        let path = head.split(' ').nth(1)?.to_owned();
        let request = Seen { path, seed: header("x-clusterbench-seed").unwrap_or_default(), connection };
        let number = {
            let mut seen = seen.lock().unwrap();
            seen.push(request.clone());
            seen.len() - 1
        };
        match reply(number, &request) {
            Reply::Fine { backend, boot, after } => {
                tokio::time::sleep(after).await;
                let head = format!("x-backend: {backend}\r\nx-boot: {boot}\r\ncontent-length: 5\r\n");
                write(&mut stream, &format!("HTTP/1.1 200 OK\r\n{head}\r\nhello")).await?;
            }
            Reply::Status(code) => {
                write(&mut stream, &format!("HTTP/1.1 {code} Whatever\r\ncontent-length: 2\r\n\r\nno")).await?;
            }
            Reply::HalfABody => {
                write(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf").await?;
                return None;
            }
            Reply::Silence => std::future::pending().await,
            Reply::LastAnswer => {
                write(&mut stream, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await?;
                return None;
            }
            Reply::SilentEnd => {
                write(&mut stream, "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
                return None;
            }
            Reply::Chunked => {
                write(&mut stream, "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
                    .await?;
            }
            Reply::Garbage => {
                write(&mut stream, "220 smtp.example.test ready\r\n").await?;
                return None;
            }
        }
    }
}

async fn read_head(stream: &mut TcpStream) -> Option<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut chunk = [0; 1024];
        let read = stream.read(&mut chunk).await.ok().filter(|read| *read > 0)?;
        head.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8(head).ok()
}

async fn write(stream: &mut TcpStream, text: &str) -> Option<()> {
    stream.write_all(text.as_bytes()).await.ok()
}

/// A balancer's control API that answers what the test says.
pub(crate) struct FakeBalancer {
    pub(crate) address: SocketAddr,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for FakeBalancer {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl FakeBalancer {
    /// `status` is asked at every look, with its number from 0; `None` is a 500.
    pub(crate) async fn start(status: impl Fn(usize) -> Option<BalancerStatus> + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let serving = tokio::spawn(async move {
            for look in 0.. {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(head) = read_head(&mut stream).await else { continue };
                assert!(head.starts_with("GET /status "), "{head}");
                let answer = match status(look) {
                    Some(status) => {
                        let body = serde_json::to_string(&status).unwrap();
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
                    }
                    None => "HTTP/1.1 500 No\r\ncontent-length: 0\r\n\r\n".to_owned(),
                };
                write(&mut stream, &answer).await;
            }
        });
        Self { address, serving }
    }

    pub(crate) fn control(&self) -> String {
        format!("http://{}", self.address)
    }
}

/// Listeners on so many loopback addresses, from 127.0.0.2 on, all with one port: where a name may lead.
pub(crate) async fn listeners(count: u8) -> Vec<TcpListener> {
    loop {
        let first = TcpListener::bind("127.0.0.2:0").await.unwrap();
        let port = first.local_addr().unwrap().port();
        let mut all = vec![first];
        for last in 3..2 + count {
            // Taken by somebody else: another port.
            let Ok(listener) = TcpListener::bind((std::net::Ipv4Addr::new(127, 0, 0, last), port)).await else { break };
            all.push(listener);
        }
        if all.len() == usize::from(count) {
            return all;
        }
    }
}

/// One member `i-1` per cluster.
pub(crate) fn status(clusters: &[&str], losses: u64, health: Health) -> BalancerStatus {
    let member = MemberStatus {
        id: "i-1".into(),
        address: "127.0.0.1:1".into(),
        health,
        in_flight: 0,
        requests: 0,
        failures: 0,
        share_per_mille: 1000,
        latency_micros: None,
        losses,
        boot: Some("a".into()),
        slots: None,
        opinion: wire::MemberOpinion::default(),
    };
    let cluster = |name: &&str| ClusterStatus {
        name: (*name).into(),
        path: format!("/{name}"),
        policy: Policy::default(),
        requests: 0,
        failures: 0,
        members: vec![member.clone()],
    };
    BalancerStatus {
        instance_id: "balancer".into(),
        kernel_boot: String::new(),
        busy_per_mille: None,
        version: "1".into(),
        membership_sha256: String::new(),
        clusters: clusters.iter().map(cluster).collect(),
        shared: None,
        departing: Vec::new(),
        queues: Vec::new(),
    }
}

pub(crate) fn closed_loop(concurrency: u32, requests: u64) -> Phase {
    Phase::ClosedLoop(ClosedLoop { concurrency, stop: Stop::Requests(requests) })
}

pub(crate) fn spec(targets: Vec<Target>, rounds: u32, phases: Vec<Phase>) -> RunSpec {
    RunSpec {
        id: "run-1".into(),
        seed: 11,
        rounds: Rounds { count: rounds },
        warmup_requests: 0,
        targets,
        phases,
        ..RunSpec::default()
    }
}

pub(crate) fn settings() -> Settings {
    let mut settings = Settings::new("generator", 1024);
    (settings.request_limit, settings.recovery) = (Duration::from_secs(20), Duration::from_millis(1));
    settings
}

/// Measures to the end.
pub(crate) async fn report(spec: &RunSpec, settings: &Settings) -> Report {
    let progress = Progress::new(spec.rounds.count);
    loadgen::measure(spec, settings, &progress, |_| (), std::future::pending()).await.unwrap().report().unwrap()
}

/// Gates that a busy machine fails.
const OF_MACHINE: [GateKind; 4] =
    [GateKind::GeneratorCpu, GateKind::GeneratorSteal, GateKind::ClockStep, GateKind::SendLag];

fn failed(report: &Report) -> impl Iterator<Item = &wire::Gate> {
    report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed)
}

/// Reasons against the run, but for those that a busy machine gives.
pub(crate) fn reasons(report: &Report) -> Vec<&str> {
    failed(report).filter(|gate| !OF_MACHINE.contains(&gate.kind)).map(|gate| gate.reason.as_str()).collect()
}

/// The verdict, if no busy machine has taken it: then the run is not valid, and nothing is said but why.
pub(crate) fn verdict(report: &Report) -> Option<&str> {
    let is_disturbed = failed(report).any(|gate| OF_MACHINE.contains(&gate.kind));
    (!is_disturbed).then_some(report.verdict.as_str())
}

/// Whether the command came to its end: a busy machine sends late or is stolen from, and the generator says so. Then the run is
/// not valid, and its counts are right all the same.
pub(crate) fn is_measured(code: Option<i32>) -> bool {
    matches!(code, Some(0 | 3))
}

/// What a member says of itself: what `/machine` answers at each look, and how many microseconds each calibration takes.
pub(crate) struct Speaking {
    /// Milliseconds busy, stolen and in all, that every further look adds.
    pub(crate) each: [u64; 3],
    pub(crate) calibrations: Vec<u64>,
}

/// Instead of a calibration of 0 us: 503.
const BUSY: &str = r#"{"micros":0}"#;

/// A member that speaks of itself. How often each page was asked for is in the second value.
pub(crate) async fn member(speaking: Option<Speaking>) -> (SocketAddr, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let asked: Arc<Mutex<Vec<String>>> = Arc::default();
    let noted = asked.clone();
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let Some(head) = read_head(&mut stream).await else { continue };
            let path = head.split(' ').nth(1).unwrap().to_owned();
            let before = noted.lock().unwrap().iter().filter(|one| **one == path).count();
            noted.lock().unwrap().push(path.clone());
            let body = speaking.as_ref().map(|speaking| match path.as_str() {
                "/machine" => {
                    let [busy, stolen, total] = speaking.each.map(|each| 1_000_000 + each * before as u64);
                    format!(
                        r#"{{"cpuModel":"A CPU","kernel":"6.1","busyMillis":{busy},"stolenMillis":{stolen},"totalMillis":{total}}}"#
                    )
                }
                _ => format!(r#"{{"micros":{}}}"#, speaking.calibrations[before]),
            });
            let (code, body) = match body {
                None => (404, "no".to_owned()),
                Some(body) if body == BUSY => (503, "another calibration is on".to_owned()),
                Some(body) => (200, body),
            };
            write(&mut stream, &format!("HTTP/1.1 {code} X\r\ncontent-length: {}\r\n\r\n{body}", body.len())).await;
        }
    });
    (address, asked)
}

/// A member that is asked directly.
pub(crate) struct Asked {
    pub(crate) address: SocketAddr,
    /// Paths it was asked for, in order.
    pub(crate) paths: Arc<Mutex<Vec<String>>>,
    serving: tokio::task::JoinHandle<()>,
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

/// What a member answers.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word {
    /// 200 by the process with this `x-boot`, with two slots.
    Boot(&'static str),
    Status(u16),
    /// The connection ends without an answer.
    Nothing,
}

impl Asked {
    /// `health` is asked at every look, with its number from 0. The machine has the boot `kernel`.
    pub(crate) async fn start(kernel: String, health: impl Fn(usize) -> Word + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let paths: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = paths.clone();
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let Some(head) = read_head(&mut stream).await else { continue };
                let path = head.split(' ').nth(1).unwrap().to_owned();
                let before = noted.lock().unwrap().iter().filter(|one| **one == path).count();
                noted.lock().unwrap().push(path.clone());
                let word = match path.as_str() {
                    "/health" => health(before),
                    _ => Word::Boot("a"),
                };
                let body = match path.as_str() {
                    "/machine" => format!(
                        r#"{{"cpuModel":"A CPU","kernel":"6.1","kernelBoot":"{kernel}","busyMillis":{0},"stolenMillis":0,"totalMillis":{0}}}"#,
                        1000 * (before + 1)
                    ),
                    "/calibration" => r#"{"micros":1000000}"#.to_owned(),
                    _ => "ok".to_owned(),
                };
                let (code, headers) = match word {
                    Word::Boot(boot) => (200, format!("x-boot: {boot}\r\nx-slots: 2\r\n")),
                    Word::Status(code) => (code, String::new()),
                    Word::Nothing => continue,
                };
                let length = body.len();
                write(&mut stream, &format!("HTTP/1.1 {code} X\r\n{headers}content-length: {length}\r\n\r\n{body}"))
                    .await;
            }
        });
        Self { address, paths, serving }
    }

    /// Always well, always the same process.
    pub(crate) async fn fine() -> Self {
        Self::start("another".into(), |_| Word::Boot("a")).await
    }

    pub(crate) fn member(&self, cluster: &str, id: &str) -> wire::RunMember {
        wire::RunMember { cluster: cluster.into(), id: id.into(), address: self.address.to_string() }
    }
}
