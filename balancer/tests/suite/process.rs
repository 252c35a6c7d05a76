//! The shipped binary.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;

use wire::Membership;

use crate::backend::{Backend, closed_port};
use crate::client::{Client, eventually};
use crate::front::cluster;

/// A running balancer; killed when dropped.
struct Process {
    child: Child,
    address: SocketAddr,
    log: mpsc::Receiver<String>,
    file: PathBuf,
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.file);
    }
}

impl Process {
    async fn start(name: &str, membership: &Membership) -> Self {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.json", std::process::id()));
        std::fs::write(&file, serde_json::to_vec(membership).unwrap()).unwrap();
        let address = closed_port().await;
        let mut child = Command::new(env!("CARGO_BIN_EXE_balancer"))
            .args(["--listen", &address.to_string(), "--membership"])
            .arg(&file)
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (lines, log) = mpsc::channel();
        let stderr = child.stderr.take().unwrap();
        std::thread::spawn(move || {
            BufReader::new(stderr).lines().map_while(Result::ok).try_for_each(|line| lines.send(line))
        });
        let mut process = Self { child, address, log, file };
        process.logged("\"message\":\"serving\"").await;
        process
    }

    async fn logged(&mut self, text: &str) {
        let log = &self.log;
        eventually(&format!("{text} is logged"), || log.try_iter().any(|line| line.contains(text))).await;
    }
}

#[tokio::test]
async fn the_file_is_read_again_and_a_bad_one_is_reported() {
    let (a, b) = (Backend::start("a").await, Backend::start("b").await);
    let membership = |backend: &Backend| Membership { clusters: vec![cluster("c", vec![backend.member()])] };
    let mut process = Process::start("reread", &membership(&a)).await;
    let mut client = Client::new(process.address);
    assert_eq!(client.get("/c").await.backend(), "a");
    std::fs::write(&process.file, "{\"clusters\": [{\"name\": \"\"").unwrap();
    process.logged("not a membership").await;
    assert_eq!(client.get("/c").await.backend(), "a");
    std::fs::write(&process.file, serde_json::to_vec(&membership(&b)).unwrap()).unwrap();
    process.logged("membership changed").await;
    assert_eq!(client.get("/c").await.backend(), "b");
    std::fs::remove_file(&process.file).unwrap();
    process.logged("the membership before stays").await;
    assert_eq!(client.get("/c").await.backend(), "b");
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_flight_and_exits_0() {
    let backend = Backend::start("a").await;
    let membership = Membership { clusters: vec![cluster("c", vec![backend.member()])] };
    let mut process = Process::start("sigterm", &membership).await;
    let mut client = Client::new(process.address);
    let held = tokio::spawn(async move { client.get("/c/slow").await });
    eventually("it is held", || backend.requests() == 1).await;
    let pid = rustix::process::Pid::from_child(&process.child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    eventually("the port is closed", || std::net::TcpStream::connect(process.address).is_err()).await;
    assert!(process.child.try_wait().unwrap().is_none(), "a request is in flight");
    backend.release();
    let answer = held.await.unwrap();
    assert_eq!((answer.status.as_u16(), answer.headers["connection"].to_str().unwrap()), (200, "close"));
    let child = &mut process.child;
    eventually("it exits", || child.try_wait().unwrap().is_some()).await;
    assert_eq!(process.child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_bad_start_names_the_flag() {
    let run = |arguments: &[&str]| {
        let output = Command::new(env!("CARGO_BIN_EXE_balancer")).args(arguments).output().unwrap();
        assert!(!output.status.success());
        String::from_utf8(output.stderr).unwrap()
    };
    let missing = run(&["--listen", "127.0.0.1:0", "--membership", "no-such-file.json"]);
    assert!(missing.contains("--membership no-such-file.json: No such file"), "{missing}");
    let neither = run(&["--listen", "127.0.0.1:0"]);
    assert!(neither.contains("--membership <FILE>|--control-listen <ADDRESS>"), "{neither}");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let in_use = run(&["--listen", &address, "--membership", "no-such-file.json"]);
    assert!(in_use.starts_with("error: --listen: cannot listen on"), "{in_use}");
    assert_eq!(in_use.lines().count(), 1, "{in_use}");
}

#[test]
fn too_few_open_files_is_one_sentence() {
    let command =
        format!("ulimit -n 100 && exec {} --listen 127.0.0.1:0 --membership f", env!("CARGO_BIN_EXE_balancer"));
    let output = Command::new("sh").args(["-c", &command]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), text.lines().count()), (Some(1), 1), "{text}");
    assert!(text.starts_with("error: this process may open 100 files, but 64 client connections need 192"), "{text}");
}

#[tokio::test]
async fn a_bad_membership_names_the_field_and_the_one_before_stays() {
    let backend = Backend::start("a").await;
    let good = Membership { clusters: vec![cluster("c", vec![backend.member()])] };
    let mut process = Process::start("bad", &good).await;
    let mut client = Client::new(process.address);
    let text = serde_json::to_string(&good).unwrap();
    let twice = text.replacen(
        "\"members\":[",
        &format!("\"members\":[{},", serde_json::to_string(&backend.member()).unwrap()),
        1,
    );
    let address = backend.address.to_string();
    for (document, reason) in [
        (twice, "member \\\"a\\\" twice: ids must differ"),
        (text.replace(&address, "nowhere"), "it must be an IP address and a port"),
        (text.replace("RoundRobin", "Best"), "unknown variant `Best`"),
        (text.replace("\"/c\"", "\"c/\""), "it must start with '/'"),
        (text.replace("\"path\"", "\"prefix\""), "unknown field `prefix`"),
    ] {
        std::fs::write(&process.file, document).unwrap();
        process.logged(reason).await;
        assert_eq!(client.get("/c").await.backend(), "a");
    }
}
