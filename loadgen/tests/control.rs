//! The control API, through the real binary: signed requests, restarts, and what is on disk.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use jiff::Timestamp;
use support::{Backend, FINE, Reply, closed_loop, reasons, spec};
use wire::{ClosedLoop, Report, RunSpec, RunState, RunStatus, Signer, Validity, sha256_hex};

const INSTANCE: &str = "i-generator";

/// The binary, with its own data directory that outlives it.
struct Agent {
    process: Child,
    address: SocketAddr,
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

fn signer() -> Signer {
    Signer::new([3; 32])
}

/// A directory of this test alone.
fn directory(test: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}-{}", std::process::id()));
    std::fs::remove_dir_all(&directory).ok();
    directory
}

impl Agent {
    async fn start(data: &Path) -> Self {
        Self::start_as(data, Command::new(env!("CARGO_BIN_EXE_loadgen"))).await
    }

    async fn start_as(data: &Path, mut command: Command) -> Self {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut process = command
            .env("CONTROL_LISTEN", address.to_string())
            .env("CONTROL_PUBLIC_KEY", signer().public_key())
            .env("INSTANCE_ID", INSTANCE)
            .env("DATA_DIR", data)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // The log is read so that the pipe never fills, and shown when a test fails.
        let log = BufReader::new(process.stderr.take().unwrap());
        std::thread::spawn(move || log.lines().map_while(Result::ok).for_each(|line| println!("{line}")));
        let agent = Self { process, address };
        let deadline = Instant::now() + Duration::from_secs(30);
        while !matches!(agent.send("GET", "/readyz", b"").await, Ok((200, _))) {
            assert!(Instant::now() < deadline, "the agent does not start");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        agent
    }

    async fn send(&self, method: &str, path: &str, body: &[u8]) -> Result<(u16, Vec<u8>), String> {
        self.send_if(method, path, "", body).await
    }

    async fn send_if(&self, method: &str, path: &str, if_match: &str, body: &[u8]) -> Result<(u16, Vec<u8>), String> {
        let request = wire::Request { method, path, instance_id: INSTANCE, if_match, body };
        let (signature, not_after) = signer().sign(&request, Timestamp::now() + Duration::from_secs(60));
        let mut request = http::Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header(wire::SIGNATURE_HEADER, signature)
            .header(wire::NOT_AFTER_HEADER, not_after);
        if !if_match.is_empty() {
            request = request.header(http::header::IF_MATCH, if_match);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
        let client = Client::builder(TokioExecutor::new()).build_http();
        let response = client.request(request).await.map_err(|error| error.to_string())?;
        let code = response.status().as_u16();
        Ok((code, response.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes().to_vec()))
    }

    async fn get(&self, path: &str) -> (u16, Vec<u8>) {
        self.send("GET", path, b"").await.unwrap()
    }

    async fn put(&self, run: &RunSpec) -> (u16, String) {
        let path = format!("/v1/runs/{}", run.id);
        let (code, body) = self.send("PUT", &path, &serde_json::to_vec(run).unwrap()).await.unwrap();
        (code, String::from_utf8(body).unwrap())
    }

    async fn abort(&self, id: &str) -> (u16, Vec<u8>) {
        self.send("DELETE", &format!("/v1/runs/{id}"), b"").await.unwrap()
    }

    async fn forget(&self, id: &str, report: &[u8]) -> u16 {
        let if_match = format!("\"{}\"", wire::sha256_hex(report));
        self.send_if("DELETE", &format!("/v1/runs/{id}"), &if_match, b"").await.unwrap().0
    }

    async fn status(&self, id: &str) -> RunStatus {
        let (code, body) = self.get(&format!("/v1/runs/{id}")).await;
        assert_eq!(code, 200, "{}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }

    async fn until(&self, id: &str, wanted: impl Fn(&RunStatus) -> bool) -> RunStatus {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            let status = self.status(id).await;
            if wanted(&status) {
                return status;
            }
            assert!(Instant::now() < deadline, "still {status:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// The report, after a check that its bytes are those that the status names.
    async fn report(&self, id: &str) -> Report {
        let (code, bytes) = self.get(&format!("/v1/runs/{id}/report")).await;
        assert_eq!(code, 200);
        assert_eq!(Some(sha256_hex(&bytes)), self.status(id).await.report_sha256);
        serde_json::from_slice(&bytes).unwrap()
    }
}

fn ended(status: &RunStatus) -> bool {
    status.state != RunState::Running
}

/// Answers `fine` requests and then no more.
async fn hangs_after(fine: usize) -> Backend {
    Backend::start(move |number, _| if number < fine { FINE } else { Reply::Silence }).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_started_once_reported_and_forgotten() {
    let data = directory("once");
    let agent = Agent::start(&data).await;
    let backend = Backend::fine().await;
    let mut run = spec(vec![backend.target("a"), backend.target("b")], 3, vec![closed_loop(4, 50)]);
    run.id = "uid-1".into();
    assert_eq!(agent.get("/v1/runs/uid-1").await.0, 404);
    assert_eq!(agent.put(&run).await.0, 201);
    assert_eq!(agent.put(&run).await.0, 200, "the same again changes nothing");
    let status = agent.until("uid-1", ended).await;
    assert_eq!((status.state, status.rounds_done, status.rounds_total), (RunState::Finished, 3, 3));
    assert_eq!(agent.put(&run).await.0, 200, "nor does it after the end");
    assert_eq!(backend.seen().len(), 300);
    let report = agent.report("uid-1").await;
    assert_eq!((reasons(&report), &report.run), (Vec::new(), &run));
    assert_eq!(report.environment.generators[0].instance_id, INSTANCE);
    let mut other = run.clone();
    other.seed += 1;
    let (code, text) = agent.put(&other).await;
    assert_eq!(code, 409);
    assert!(text.contains("another document"), "{text}");
    let metrics = String::from_utf8(agent.get("/metrics").await.1).unwrap();
    assert!(metrics.contains("\nloadgen_requests_total 300\n"), "{metrics}");
    assert!(metrics.contains("loadgen_runs{state=\"finished\"} 1\n"), "{metrics}");
    let overview = String::from_utf8(agent.get("/status").await.1).unwrap();
    assert!(overview.contains(INSTANCE) && overview.contains("uid-1"), "{overview}");
    let (_, bytes) = agent.get("/v1/runs/uid-1/report").await;
    assert_eq!(agent.abort("uid-1").await.0, 200, "there is nothing to abort");
    assert_eq!(agent.forget("uid-1", b"another report").await, 412);
    assert_eq!(agent.get("/v1/runs/uid-1/report").await, (200, bytes.clone()), "nothing is lost");
    assert_eq!(agent.forget("uid-1", &bytes).await, 204);
    assert_eq!(agent.get("/v1/runs/uid-1").await.0, 404);
    assert_eq!(agent.get("/v1/runs/uid-1/report").await.0, 404);
    assert_eq!(agent.forget("uid-1", &bytes).await, 404);
    assert_eq!(std::fs::read_dir(&data).unwrap().count(), 0, "its files are gone");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_one_run_is_on_and_an_abort_keeps_its_rounds() {
    let data = directory("abort");
    let agent = Agent::start(&data).await;
    let backend = hangs_after(15).await;
    let mut run = spec(vec![backend.target("a")], 20, vec![closed_loop(1, 10)]);
    assert_eq!(agent.put(&run).await.0, 201);
    let status = agent.until("run-1", |status| status.rounds_done == 1).await;
    assert_eq!(status.state, RunState::Running);
    agent.until("run-1", |status| status.message.contains("round 2 of 20, a: ")).await;
    agent.until("run-1", |status| status.message.contains(" requests/s, p50 ")).await;
    assert_eq!(agent.get("/v1/runs/run-1/report").await.0, 404, "there is no report yet");
    run.id = "run-2".into();
    let (code, text) = agent.put(&run).await;
    assert_eq!(code, 409);
    assert!(text.contains("run-1"), "{text}");
    assert_eq!(agent.forget("run-1", b"a run that is on has none").await, 412);
    let (code, body) = agent.abort("run-1").await;
    assert_eq!(code, 200);
    let status: RunStatus = serde_json::from_slice(&body).unwrap();
    assert_eq!((status.state, status.rounds_done), (RunState::Aborted, 1));
    let report = agent.report("run-1").await;
    assert_eq!((report.validity, report.clusters[0].requests), (Validity::Invalid, 10));
    assert_eq!(reasons(&report), ["aborted by a DELETE after 1 of 20 rounds"]);
    assert_eq!(agent.put(&run).await.0, 201, "the next one may start");
    assert_eq!(agent.abort("run-2").await.0, 200);
    assert_eq!(agent.forget("run-1", &agent.get("/v1/runs/run-1/report").await.1).await, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_process_finds_its_runs_again() {
    let data = directory("killed");
    let backend = hangs_after(75).await;
    let target = || vec![backend.target("a")];
    let finished = RunSpec { id: "finished".into(), ..spec(target(), 1, vec![closed_loop(2, 50)]) };
    let killed = RunSpec { id: "killed".into(), ..spec(target(), 20, vec![closed_loop(1, 10)]) };
    let before = {
        let agent = Agent::start(&data).await;
        agent.put(&finished).await;
        agent.until("finished", ended).await;
        assert_eq!(agent.put(&killed).await.0, 201);
        agent.until("killed", |status| status.rounds_done == 2).await;
        agent.get("/v1/runs/finished/report").await
        // SIGKILL
    };
    let agent = Agent::start(&data).await;
    assert_eq!(agent.get("/v1/runs/finished/report").await, before, "byte for byte");
    agent.report("finished").await;
    let status = agent.status("killed").await;
    assert_eq!((status.state, status.rounds_done), (RunState::Aborted, 2));
    let report = agent.report("killed").await;
    assert_eq!(report.validity, Validity::Invalid);
    assert_eq!(reasons(&report), ["the generator's process ended after 2 of 20 rounds"]);
    assert_eq!((report.rounds.len(), report.clusters[0].requests), (2, 20), "what was finished is kept");
    assert_eq!(agent.put(&killed).await.0, 200, "it is not measured again under the same id");
    assert_eq!(agent.forget("killed", &agent.get("/v1/runs/killed/report").await.1).await, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminated_process_reports_before_it_ends() {
    let data = directory("terminated");
    let backend = hangs_after(5).await;
    let mut agent = Agent::start(&data).await;
    assert_eq!(agent.put(&spec(vec![backend.target("a")], 2, vec![closed_loop(1, 10)])).await.0, 201);
    let pid = rustix::process::Pid::from_child(&agent.process);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(agent.process.wait().unwrap().success());
    let agent = Agent::start(&data).await;
    assert_eq!(reasons(&agent.report("run-1").await), ["the generator was stopped after 0 of 2 rounds"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_requests_name_the_field_and_unsigned_ones_are_refused() {
    let agent = Agent::start(&directory("bad")).await;
    let target = wire::Target { cluster: "a".into(), url: "http://127.0.0.1:1/".into(), ..wire::Target::default() };
    let good = spec(vec![target], 1, vec![closed_loop(1, 1)]);
    let mut no_rounds = good.clone();
    no_rounds.rounds.count = 0;
    let (code, text) = agent.put(&no_rounds).await;
    assert_eq!(code, 400);
    assert!(text.contains("rounds.count: is 0: it must be between 1 and 1000"), "{text}");
    let (code, body) = agent.send("PUT", "/v1/runs/run-1", b"{\"id\":\"run-1\",\"sead\":1}").await.unwrap();
    assert_eq!(code, 400);
    assert!(String::from_utf8_lossy(&body).contains("sead"), "{}", String::from_utf8_lossy(&body));
    let (code, body) = agent.send("PUT", "/v1/runs/run-9", &serde_json::to_vec(&good).unwrap()).await.unwrap();
    assert_eq!(code, 400);
    assert!(String::from_utf8_lossy(&body).contains("run-9"));
    let client = Client::builder(TokioExecutor::new()).build_http();
    let unsigned = http::Request::put(format!("http://{}/v1/runs/run-1", agent.address))
        .body(Full::new(Bytes::from(serde_json::to_vec(&good).unwrap())))
        .unwrap();
    assert_eq!(client.request(unsigned).await.unwrap().status(), 401);
    assert_eq!(agent.get("/v1/runs/run-1").await.0, 404, "none of these started anything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_that_the_disk_refuses_is_kept_in_memory_and_the_status_says_so() {
    let data = directory("full");
    // No file may be longer than 4 KiB: the run's record fits, the report does not.
    let mut limited = Command::new("sh");
    limited.args(["-c", "trap '' XFSZ; ulimit -f 8; exec \"$0\"", env!("CARGO_BIN_EXE_loadgen")]);
    let agent = Agent::start_as(&data, limited).await;
    let backend = Backend::fine().await;
    assert_eq!(agent.put(&spec(vec![backend.target("a")], 6, vec![closed_loop(2, 100)])).await.0, 201);
    let status = agent.until("run-1", ended).await;
    assert_eq!(status.state, RunState::Finished);
    assert!(status.warning.starts_with("the report is kept in memory only, the disk refuses it: "), "{status:?}");
    let report = agent.report("run-1").await;
    assert_eq!((reasons(&report), report.clusters[0].requests), (Vec::new(), 600));
    assert_eq!(agent.forget("run-1", &agent.get("/v1/runs/run-1/report").await.1).await, 204);
    assert_eq!(agent.get("/v1/runs/run-1").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_that_refuses_everybody_fails_the_run() {
    let agent = Agent::start(&directory("refused")).await;
    let unused = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let target = wire::Target { cluster: "a".into(), url: format!("http://{unused}/"), ..wire::Target::default() };
    let stop = wire::Stop::DurationSeconds(3600);
    let hour = wire::Phase::ClosedLoop(wire::ClosedLoop { concurrency: 1, stop });
    let mut run = spec(vec![target], 20, vec![hour]);
    run.id = "refused".into();
    assert_eq!(agent.put(&run).await.0, 201);
    let status = agent.until("refused", ended).await;
    assert_eq!((status.state, status.rounds_done), (RunState::Failed, 1));
    assert!(status.message.starts_with("a let nobody in for 10 s ("), "{}", status.message);
    let report = agent.report("refused").await;
    assert_eq!(report.validity, Validity::Invalid);
    assert_eq!(report.clusters[0].failures.connect, report.clusters[0].requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_phase_is_refused_with_its_name() {
    let agent = Agent::start(&directory("phase")).await;
    let body = br#"{"id":"p","seed":1,"rounds":{"count":1},"warmupRequests":0,
        "targets":[{"cluster":"a","url":"http://127.0.0.1:1/"}],"phases":[{"burst":{"size":3}}]}"#;
    let (code, text) = agent.send("PUT", "/v1/runs/p", body).await.unwrap();
    assert_eq!(code, 400);
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("burst") && text.contains("openLoop"), "{text}");
}

/// Between rounds no request is sent; what was measured stays, and the run goes on to its end.
#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_held_between_rounds_and_goes_on() {
    let data = directory("hold");
    let agent = Agent::start(&data).await;
    let backend =
        Backend::start(|_, _| Reply::Fine { backend: "i-1", boot: "a", after: Duration::from_millis(5) }).await;
    let mut run = spec(vec![backend.target("a")], 20, vec![closed_loop(1, 10)]);
    run.id = "held".into();
    assert_eq!(agent.put(&run).await.0, 201);
    let hold = async |method: &str| agent.send(method, "/v1/runs/held/hold", b"").await.unwrap().0;
    agent.until("held", |status| status.rounds_done >= 2).await;
    assert_eq!([hold("PUT").await, hold("PUT").await], [200, 200], "again is the same");
    let held = agent.until("held", |status| status.hold == Some(wire::Hold::Held)).await;
    assert!(held.state == RunState::Running && (2..20).contains(&held.rounds_done), "{held:?}");
    assert_eq!(held.message, format!("held after round {} of 20", held.rounds_done));
    let sent = backend.seen().len();
    // A round takes 50 ms: the answers to this many questions take several.
    for _ in 0..100 {
        assert_eq!(agent.status("held").await.rounds_done, held.rounds_done);
    }
    assert_eq!(backend.seen().len(), sent, "no load is sent");
    assert_eq!([hold("DELETE").await, hold("DELETE").await], [200, 200]);
    agent.until("held", |status| status.state == RunState::Finished).await;
    let (_, report) = agent.get("/v1/runs/held/report").await;
    let report: Report = serde_json::from_slice(&report).unwrap();
    assert_eq!((report.rounds.len(), report.clusters[0].requests), (20, 200));
    let note = format!("after round {}", held.rounds_done);
    assert!(
        report.environment.notes.iter().any(|said| said.starts_with("the run was held for ") && said.ends_with(&note))
    );
    assert_eq!(hold("PUT").await, 200, "nothing happens to what has ended");
    assert_eq!(agent.send("PUT", "/v1/runs/none/hold", b"").await.unwrap().0, 404);
}

/// One that is held is ended like any other.
#[tokio::test(flavor = "multi_thread")]
async fn a_held_run_can_be_aborted_and_one_of_several_generators_cannot_be_held() {
    let data = directory("hold-abort");
    let agent = Agent::start(&data).await;
    let backend = Backend::start(|_, _| FINE).await;
    let mut run = spec(vec![backend.target("a")], 1000, vec![closed_loop(1, 10)]);
    run.id = "one".into();
    assert_eq!(agent.put(&run).await.0, 201);
    agent.send("PUT", "/v1/runs/one/hold", b"").await.unwrap();
    agent.until("one", |status| status.hold == Some(wire::Hold::Held)).await;
    assert_eq!(agent.abort("one").await.0, 200);
    assert_eq!(agent.status("one").await.state, RunState::Aborted);
    let load = ClosedLoop { concurrency: 2, stop: wire::Stop::DurationSeconds(60) };
    let slice = wire::Slice { index: 0, count: 2 };
    let start_at = Some(Timestamp::now() + Duration::from_secs(30));
    let two = RunSpec { id: "two".into(), phases: vec![wire::Phase::ClosedLoop(load)], slice, start_at, ..run };
    assert_eq!(agent.put(&two).await.0, 201);
    let (code, why) = agent.send("PUT", "/v1/runs/two/hold", b"").await.unwrap();
    assert_eq!((code, agent.status("two").await.hold), (409, None));
    assert!(String::from_utf8_lossy(&why).contains("cannot be held"));
}
