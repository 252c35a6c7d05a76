//! The shipped binary.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use wire::Membership;

use crate::backend::{Backend, closed_port};
use crate::client::{Client, eventually};
use crate::running::cluster;

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
        Self::with(name, membership, 0).await
    }

    async fn with(name: &str, membership: &Membership, access_log_per_mille: u32) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_balancer"));
        command.args(["--access-log-per-mille", &access_log_per_mille.to_string()]);
        Self::run(name, membership, command).await
    }

    /// With so many files at the same time, and one shard.
    async fn with_files(name: &str, membership: &Membership, open_files: u32) -> Self {
        let mut command = Command::new("sh");
        let limited = format!("ulimit -n {open_files} && exec \"$0\" \"$@\"");
        command.args(["-c", &limited, env!("CARGO_BIN_EXE_balancer"), "--shards", "1"]);
        Self::run(name, membership, command).await
    }

    async fn run(name: &str, membership: &Membership, mut command: Command) -> Self {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}.json", std::process::id()));
        std::fs::write(&file, serde_json::to_vec(membership).unwrap()).unwrap();
        let address = closed_port().await;
        let mut child = command
            .args(["--listen", &address.to_string(), "--membership"])
            .arg(&file)
            .env_remove("RUST_LOG")
            .stdout(Stdio::piped())
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
    let membership = |backend: &Backend| Membership {
        clusters: vec![cluster("c", vec![backend.member()])],
        ..Membership::default()
    };
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
    let membership = Membership { clusters: vec![cluster("c", vec![backend.member()])], ..Membership::default() };
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

/// The words of a start that must fail: one sentence, and exit code 1. Usage errors are clap's, with code 2.
fn refused(arguments: &[&str], code: i32) -> String {
    let mut child =
        Command::new(env!("CARGO_BIN_EXE_balancer")).args(arguments).stderr(Stdio::piped()).spawn().unwrap();
    let deadline = Instant::now() + Duration::from_secs(20);
    while child.try_wait().unwrap().is_none() {
        if Instant::now() > deadline {
            let _ = child.kill();
            panic!("it serves with {arguments:?}");
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(code), "{text}");
    let sentences = text.lines().filter(|line| line.starts_with("error: ")).count();
    assert!(sentences == 1 && (code == 2 || text.lines().count() == 1), "{text}");
    text
}

#[test]
fn a_bad_start_names_the_flag() {
    let missing = refused(&["--listen", "127.0.0.1:0", "--membership", "no-such-file.json"], 1);
    assert!(missing.contains("--membership no-such-file.json: No such file"), "{missing}");
    let neither = refused(&["--listen", "127.0.0.1:0"], 2);
    assert!(neither.contains("--membership <FILE>|--control-listen <ADDRESS>"), "{neither}");
}

#[test]
fn a_port_in_use_is_named_with_its_flag() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let key = wire::Signer::new([1; 32]).public_key();
    let free = ["--listen", "127.0.0.1:0"];
    let file = ["--membership", "no-such-file.json"];
    let control = ["--control-listen", &address, "--instance-id", "i-1", "--control-public-key", &key];
    for (flag, arguments) in [
        ("--listen", [&["--listen", &address], &file[..]].concat()),
        ("--status-listen", [&free[..], &file, &["--status-listen", &address]].concat()),
        ("--control-listen", [&free[..], &control].concat()),
    ] {
        let text = refused(&arguments, 1);
        assert!(text.starts_with(&format!("error: {flag}: cannot listen on {address}")), "{text}");
    }
}

#[test]
fn a_bad_membership_at_the_start_names_the_field() {
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("start-{}.json", std::process::id()));
    let cluster = |members: &str| format!(r#"{{"name":"c","path":"/c","policy":"RoundRobin","members":[{members}]}}"#);
    let member = |id: &str| format!(r#"{{"id":"{id}","address":"127.0.0.1:1"}}"#);
    let whole = |clusters: &str| format!(r#"{{"clusters":[{clusters}]}}"#);
    for (document, reason) in [
        ("{\"clusters\":[".to_owned(), "not a membership"),
        (whole(&[cluster(""), cluster("")].join(",")), "two clusters are named \"c\": names must differ"),
        (whole(&cluster(&[member("a"), member("a")].join(","))), "member \"a\" twice: ids must differ"),
        (whole(&cluster(&member(""))), "has a member without an id"),
        (whole(&cluster("").replace("RoundRobin", "Best")), "unknown variant `Best`"),
    ] {
        std::fs::write(&file, document).unwrap();
        let text = refused(&["--listen", "127.0.0.1:0", "--membership", file.to_str().unwrap()], 1);
        assert!(text.contains("--membership") && text.contains(reason), "{reason}: {text}");
    }
    std::fs::remove_file(&file).unwrap();
}

#[test]
fn the_help_says_what_it_is_and_every_flag_what_it_is_for() {
    let output = Command::new(env!("CARGO_BIN_EXE_balancer")).arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && text.starts_with("HTTP/1.1 load balancer"), "{text}");
    let flags: Vec<&str> = text.lines().map(str::trim_start).filter(|line| line.contains("--")).collect();
    for flag in [
        "--listen <ADDRESS>",
        "--membership <FILE>",
        "--status-listen <ADDRESS>",
        "--shards <NUMBER>",
        "--max-connections <NUMBER>",
        "--access-log-per-mille <PER_MILLE>",
        "--connect-timeout-ms <MS>",
    ] {
        assert!(flags.iter().any(|line| line.contains(flag)), "{flag} is not in\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 120), "{text}");
}

/// All of it, some of it, none of it.
#[tokio::test]
async fn the_access_log_is_a_sample_of_lines_of_json() {
    let backend = Backend::start("a").await;
    let membership = Membership { clusters: vec![cluster("c", vec![backend.member()])], ..Membership::default() };
    for (per_mille, expected) in [(1_000, 60..=60), (500, 15..=45), (0, 0..=0)] {
        let mut process = Process::with(&format!("log-{per_mille}"), &membership, per_mille).await;
        let stdout = process.child.stdout.take().unwrap();
        let mut client = Client::new(process.address);
        for _ in 0..60 {
            assert_eq!(client.get("/c").await.status, 200);
        }
        drop(client);
        let pid = rustix::process::Pid::from_child(&process.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
        let lines = tokio::task::spawn_blocking(|| BufReader::new(stdout).lines().map_while(Result::ok).collect());
        let lines: Vec<String> = lines.await.unwrap();
        assert!(expected.contains(&lines.len()), "{per_mille}: {} lines", lines.len());
        for line in lines {
            let logged: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert_eq!(
                (&logged["status"], &logged["cluster"], &logged["member"]),
                (&200.into(), &"c".into(), &"a".into())
            );
        }
    }
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

/// Idle connections to one cluster would hold the files that connections to another one need. That is the balancer's own
/// limit, and no failure of a member.
#[tokio::test]
async fn idle_connections_to_one_cluster_give_way_to_those_to_another() {
    const CLIENTS: u64 = 60;
    let (one, two) = (Backend::start("one").await, Backend::start("two").await);
    let clusters = vec![cluster("one", vec![one.member()]), cluster("two", vec![two.member()])];
    let process = Process::with_files("files", &Membership { clusters, ..Membership::default() }, 192).await;
    let mut clients: Vec<Client> = (0..CLIENTS).map(|_| Client::new(process.address)).collect();
    for (backend, path) in [(&one, "/one/slow"), (&two, "/two/slow")] {
        let mut asking = tokio::task::JoinSet::new();
        for mut client in clients.drain(..) {
            asking.spawn(async move {
                let answer = client.get(path).await;
                (client, answer)
            });
        }
        // All at the same time, so that each has a connection of its own; or one was refused already.
        eventually("all have arrived", || backend.requests() == CLIENTS || asking.try_join_next().is_some()).await;
        backend.release();
        for (client, answer) in asking.join_all().await {
            assert_eq!(answer.status, 200, "{path}: {}", answer.text());
            clients.push(client);
        }
        assert_eq!(clients.len() as u64, CLIENTS, "{path}: somebody was answered before the others had come");
    }
}

#[tokio::test]
async fn a_bad_membership_names_the_field_and_the_one_before_stays() {
    let backend = Backend::start("a").await;
    let good = Membership { clusters: vec![cluster("c", vec![backend.member()])], ..Membership::default() };
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
