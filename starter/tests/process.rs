//! The binary as an instance runs it, with real programs: what it starts, what it refuses, and what it goes back to.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use wire::{APPLICATION_PATH, Application, NOT_AFTER_HEADER, Request, SIGNATURE_HEADER, Signer, StarterStatus};

const SEED: [u8; 32] = [5; 32];
/// Longer than anything here takes on a machine that does much else.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the scripts below run: it answers each connection with its name, and writes down that it was told to end.
#[test]
#[ignore = "a program for the other tests"]
fn the_program() {
    let variable = |name: &str| std::env::var(name).expect(name);
    let (listen, name, ends) = (variable("LISTEN"), variable("NAME"), PathBuf::from(variable("ENDS")));
    if std::env::var_os("DETACHED").is_some() {
        rustix::process::setsid().expect("a session of its own");
    }
    let is_once = std::env::var_os("ONCE").is_some();
    let strangers = ["APPLICATION", "CONTROL_LISTEN", "CONTROL_PUBLIC_KEY", "DATA_DIR"];
    assert!(strangers.iter().all(|name| std::env::var_os(name).is_none()));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("runtime");
    runtime.block_on(async {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).expect("signal");
        let listener = tokio::net::TcpListener::bind(&listen).await.expect("listens");
        loop {
            tokio::select! {
                _ = terminate.recv() => break,
                Ok((mut stream, _)) = listener.accept() => {
                    let _ = tokio::io::AsyncWriteExt::write_all(&mut stream, name.as_bytes()).await;
                    if is_once {
                        std::process::exit(3);
                    }
                }
            }
        }
    });
    fs::write(ends.join(&name), "TERM").expect("written down");
}

/// A mirror, a directory, and a starter in it; all gone when the test ends, however it ends.
struct Stage {
    directory: PathBuf,
    mirror: SocketAddr,
    files: Arc<Mutex<BTreeMap<String, String>>>,
    listen: SocketAddr,
    control: SocketAddr,
    starter: Option<Child>,
}

impl Stage {
    fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("starter-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&directory);
        for part in ["data", "ends"] {
            fs::create_dir_all(directory.join(part)).expect("directory");
        }
        let listener = TcpListener::bind("127.0.0.1:0").expect("mirror");
        let mirror = listener.local_addr().expect("address");
        let files: Arc<Mutex<BTreeMap<String, String>>> = Arc::default();
        let served = Arc::clone(&files);
        std::thread::spawn(move || listener.incoming().flatten().for_each(|stream| serve(stream, &served)));
        let free = || TcpListener::bind("127.0.0.1:0").and_then(|free| free.local_addr()).expect("a free port");
        Self { directory, mirror, files, listen: free(), control: free(), starter: None }
    }

    /// A program on the mirror, known by its name.
    fn program(&self, name: &str) -> Application {
        let itself = std::env::current_exe().expect("path");
        self.artifact(name, &format!("#!/bin/sh\nexec '{}' --exact the_program --ignored\n", itself.display()))
    }

    /// The same as a child of a shell, which goes on as `then` says.
    fn wrapped(&self, name: &str, then: &str) -> Application {
        let itself = std::env::current_exe().expect("path");
        self.artifact(name, &format!("#!/bin/sh\n'{}' --exact the_program --ignored &\n{then}\n", itself.display()))
    }

    fn artifact(&self, name: &str, script: &str) -> Application {
        let script = format!("{script}# {name}\n");
        let sha256 = wire::sha256_hex(script.as_bytes());
        self.files.lock().expect("lock").insert(format!("/{name}"), script);
        let ends = self.directory.join("ends").display().to_string();
        Application {
            url: format!("http://{}/{name}", self.mirror),
            sha256,
            environment: [("NAME", name.to_owned()), ("ENDS", ends)].map(|(key, value)| (key.to_owned(), value)).into(),
        }
    }

    /// Starts the starter, as systemd does after a restart too.
    fn start(&mut self, first: &Application) {
        let starter = Command::new(env!("CARGO_BIN_EXE_starter"))
            .args(["--fetch", "2", "--start", "5"])
            .env("INSTANCE_ID", "i-1")
            .env("LISTEN", self.listen.to_string())
            .env("CONTROL_LISTEN", self.control.to_string())
            .env("CONTROL_PUBLIC_KEY", Signer::new(SEED).public_key())
            .env("DATA_DIR", self.directory.join("data"))
            .env("APPLICATION", serde_json::to_string(first).expect("JSON"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        self.starter = Some(starter.expect("the starter starts"));
    }

    fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(self.starter.as_ref().expect("a starter"));
        rustix::process::kill_process(pid, signal).expect("signal");
    }

    /// What the program in front says. `None`: nobody listens.
    fn answer(&self) -> Option<String> {
        let mut text = String::new();
        TcpStream::connect(self.listen).ok()?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    fn status(&self) -> Option<StarterStatus> {
        let (status, body) = self.send("GET", "/status", &[], "")?;
        (status == 200).then(|| serde_json::from_str(&body).expect("a status"))
    }

    fn until<T>(&self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {:?}, {:?}", self.status(), self.answer());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn until_serving(&self, application: &Application) {
        let is_serving = |stage: &Self| stage.status().is_some_and(|status| status.serving == application.id());
        self.until("serving", |stage| is_serving(stage).then_some(()));
    }

    /// The reason for which an order came to nothing.
    fn until_failed(&self, application: &Application) -> String {
        let failure = |stage: &Self| stage.status()?.failure.filter(|failure| failure.application == application.id());
        self.until("failure", failure).why
    }

    /// An order that is signed by `seed` for `instance`, to replace what serves.
    fn order(&self, application: &Application, (seed, instance): ([u8; 32], &str)) -> (u16, String) {
        self.order_after(application, (seed, instance), self.status().expect("status").version)
    }

    fn order_after(
        &self,
        application: &Application,
        (seed, instance): ([u8; 32], &str),
        version: u64,
    ) -> (u16, String) {
        let if_match = format!("\"{version}\"");
        let body = serde_json::to_string(application).expect("JSON");
        let (method, path) = ("PUT", APPLICATION_PATH);
        let request = Request { method, path, instance_id: instance, if_match: &if_match, body: body.as_bytes() };
        let (signature, not_after) = Signer::new(seed).sign(&request, Timestamp::now() + SignedDuration::from_secs(60));
        let headers = [(SIGNATURE_HEADER, &signature), (NOT_AFTER_HEADER, &not_after), ("if-match", &if_match)];
        self.send("PUT", path, &headers, &body).expect("an answer")
    }

    fn send(&self, method: &str, path: &str, headers: &[(&str, &String)], body: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.control).ok()?;
        let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{headers}content-length: {length}\r\n\r\n"
        );
        stream.write_all((head + body).as_bytes()).ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        let (head, body) = text.split_once("\r\n\r\n")?;
        Some((head.split(' ').nth(1)?.parse().ok()?, body.to_owned()))
    }

    /// Whether a program was told to end by SIGTERM.
    fn was_asked_to_end(&self, name: &str) -> bool {
        self.directory.join("ends").join(name).exists()
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if self.starter.is_some() {
            // It takes its program with it.
            self.signal(rustix::process::Signal::TERM);
        }
        self.starter.iter_mut().for_each(|starter| drop(starter.wait()));
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn serve(mut stream: TcpStream, files: &Mutex<BTreeMap<String, String>>) {
    let mut head = [0; 2048];
    let Ok(length) = stream.read(&mut head) else { return };
    let head = String::from_utf8_lossy(&head[..length]).into_owned();
    let path = head.split(' ').nth(1).unwrap_or_default();
    if path == "/trickle" {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n");
        // Faster than what curl takes for a line that is dead.
        while stream.write_all(&[b' '; 4096]).is_ok() {
            std::thread::sleep(Duration::from_millis(500));
        }
        return;
    }
    let answer = match files.lock().expect("lock").get(path) {
        Some(file) => format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{file}", file.len()),
        None => "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned(),
    };
    let _ = stream.write_all(answer.as_bytes());
}

const OPERATOR: ([u8; 32], &str) = (SEED, "i-1");

#[test]
fn another_program_takes_the_place_of_the_one_that_is_told_to_end() {
    let mut stage = Stage::new("replaces");
    let (one, two) = (stage.program("one"), stage.program("two"));
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.answer().as_deref(), Some("one"));
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until_serving(&two);
    assert_eq!(stage.answer().as_deref(), Some("two"));
    assert!(stage.was_asked_to_end("one"));
    // The same order again changes nothing.
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    assert_eq!(stage.status().expect("status").starting, None);
    assert!(!stage.was_asked_to_end("two"));
    let kept: Vec<_> = fs::read_dir(stage.directory.join("data")).expect("data").flatten().collect();
    assert_eq!(kept.len(), 2, "the program and what is written down: {kept:?}");
}

#[test]
fn a_wrong_hash_is_not_run_and_the_old_program_never_stops() {
    let mut stage = Stage::new("hash");
    let one = stage.program("one");
    let wrong = Application { sha256: "0".repeat(64), ..stage.program("two") };
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.order(&wrong, OPERATOR).0, 202);
    let why = stage.until_failed(&wrong);
    assert!(why.contains("has sha256") && why.ends_with("it was not run"), "{why}");
    assert_eq!((stage.answer().as_deref(), stage.was_asked_to_end("one")), (Some("one"), false));
    assert_eq!(stage.status().expect("status").serving, one.id());
}

#[test]
fn what_cannot_be_fetched_leaves_the_old_program() {
    let mut stage = Stage::new("fetch");
    let one = stage.program("one");
    let gone = Application { url: format!("http://{}/gone", stage.mirror), ..stage.artifact("gone", "") };
    stage.files.lock().expect("lock").remove("/gone");
    stage.start(&one);
    stage.until_serving(&one);
    stage.order(&gone, OPERATOR);
    let why = stage.until_failed(&gone);
    assert!(why.starts_with("cannot fetch http://") && why.contains("404"), "{why}");
    assert_eq!((stage.answer().as_deref(), stage.was_asked_to_end("one")), (Some("one"), false));
}

#[test]
fn a_program_that_never_listens_or_ends_gives_way_to_the_old_one() {
    let mut stage = Stage::new("returns");
    let one = stage.program("one");
    let silent = stage.artifact("silent", "#!/bin/sh\nexec sleep 1000\n");
    let ends = stage.artifact("ends", "#!/bin/sh\nexit 3\n");
    stage.start(&one);
    stage.until_serving(&one);
    for (bad, words) in [(&silent, "it does not listen on 127.0.0.1:"), (&ends, "it ended: exit status: 3")] {
        assert_eq!(stage.order(bad, OPERATOR).0, 202);
        let why = stage.until_failed(bad);
        assert!(why.contains(words) && why.ends_with("what ran before serves again"), "{why}");
        assert_eq!(stage.answer().as_deref(), Some("one"));
        assert_eq!(stage.status().expect("status").serving, one.id());
    }
    // Reverted and set anew, it is tried anew.
    let two = stage.program("two");
    stage.order(&two, OPERATOR);
    stage.until_serving(&two);
    assert_eq!(stage.status().expect("status").failure, None);
}

#[test]
fn only_the_operators_order_for_this_instance_is_obeyed_and_only_for_what_it_saw() {
    let mut stage = Stage::new("signature");
    let (one, two) = (stage.program("one"), stage.program("two"));
    stage.start(&one);
    stage.until_serving(&one);
    for stranger in [([6; 32], "i-1"), (SEED, "i-2")] {
        let (status, why) = stage.order(&two, stranger);
        assert_eq!(status, 401, "{why}");
    }
    let unsigned = stage.send("PUT", APPLICATION_PATH, &[], "{}").expect("an answer");
    assert_eq!(unsigned.0, 401);
    // One that was signed for what served before comes late.
    stage.order(&two, OPERATOR);
    stage.until_serving(&two);
    assert_eq!(stage.order_after(&one, OPERATOR, 1).0, 412);
    assert_eq!(stage.answer().as_deref(), Some("two"));
}

/// What was seen is a version and no name: the program that serves again is not the one that was seen.
#[test]
fn an_order_for_what_served_before_the_last_two_changes_is_refused() {
    let mut stage = Stage::new("versions");
    let (one, two, ends) = (stage.program("one"), stage.program("two"), stage.artifact("ends", "#!/bin/sh\nexit 3\n"));
    stage.start(&one);
    stage.until_serving(&one);
    for application in [&two, &one] {
        assert_eq!(stage.order(application, OPERATOR).0, 202);
        stage.until_serving(application);
    }
    let status = stage.status().expect("status");
    assert_eq!((status.serving, status.version), (one.id(), 3));
    let (status, why) = stage.order_after(&two, OPERATOR, 1);
    assert_eq!(status, 412);
    assert!(why.contains("the version that serves is 3"), "{why}");
    // One that was ended and started again is another version too.
    assert_eq!(stage.order(&ends, OPERATOR).0, 202);
    stage.until_failed(&ends);
    let status = stage.status().expect("status");
    assert_eq!((status.serving, status.version), (one.id(), 4));
}

#[test]
fn a_failure_names_its_url_and_is_forgotten_when_what_serves_is_asked_for() {
    let mut stage = Stage::new("forgotten");
    let (one, two) = (stage.program("one"), stage.program("two"));
    let elsewhere = Application { url: format!("http://{}/nowhere", stage.mirror), ..two.clone() };
    stage.start(&one);
    stage.until_serving(&one);
    stage.order(&elsewhere, OPERATOR);
    stage.until_failed(&elsewhere);
    let failure = stage.status().expect("status").failure.expect("a failure");
    assert!(failure.is_of(&elsewhere) && !failure.is_of(&two), "{failure:?}");
    assert!(!failure.started, "{failure:?}");
    // By who saw something else it is not.
    stage.order_after(&one, OPERATOR, 7);
    assert!(stage.status().expect("status").failure.is_some());
    assert_eq!(stage.order(&one, OPERATOR).0, 202);
    assert_eq!(stage.status().expect("status").failure, None);
    // The same program from where it is.
    stage.order(&two, OPERATOR);
    stage.until_serving(&two);
}

#[test]
fn a_mirror_that_only_trickles_is_given_up() {
    let mut stage = Stage::new("trickle");
    let one = stage.program("one");
    let slow = Application { url: format!("http://{}/trickle", stage.mirror), ..stage.artifact("slow", "") };
    stage.start(&one);
    stage.until_serving(&one);
    stage.order(&slow, OPERATOR);
    let why = stage.until_failed(&slow);
    assert!(why.starts_with("cannot fetch http://") && why.contains("timed out"), "{why}");
}

#[test]
fn a_server_that_a_shell_started_ends_with_it() {
    let mut stage = Stage::new("wrapped");
    let (wrapped, two) = (stage.wrapped("wrapped", "wait"), stage.program("two"));
    stage.start(&wrapped);
    stage.until_serving(&wrapped);
    assert_eq!(stage.answer().as_deref(), Some("wrapped"));
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    stage.until_serving(&two);
    // It had time to finish before the other one began.
    assert!(stage.was_asked_to_end("wrapped"));
    assert_eq!(stage.answer().as_deref(), Some("two"));
}

#[test]
fn nothing_is_started_beside_a_server_that_went_into_the_background() {
    let mut stage = Stage::new("detached");
    let mut detached = stage.wrapped("detached", "echo $! > \"$ENDS/pid\"\nexec sleep 1000");
    detached.environment.insert("DETACHED".into(), "1".into());
    let two = stage.program("two");
    stage.start(&detached);
    stage.until_serving(&detached);
    assert_eq!(stage.order(&two, OPERATOR).0, 202);
    let why = stage.until_failed(&two);
    assert!(why.contains("was not run: something still listens") && why.contains("into the background"), "{why}");
    assert_eq!(stage.answer().as_deref(), Some("detached"));
    stage.signal(rustix::process::Signal::TERM);
    stage.starter.take().expect("a starter").wait().expect("it ends");
    let pid = fs::read_to_string(stage.directory.join("ends/pid")).expect("its id");
    let pid = rustix::process::Pid::from_raw(pid.trim().parse().expect("a number")).expect("an id");
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).expect("kill");
}

#[test]
fn a_program_that_listens_and_ends_does_not_serve() {
    let mut stage = Stage::new("once");
    let (one, mut once) = (stage.program("one"), stage.program("once"));
    once.environment.insert("ONCE".into(), "1".into());
    stage.start(&one);
    stage.until_serving(&one);
    assert_eq!(stage.order(&once, OPERATOR).0, 202);
    let why = stage.until_failed(&once);
    assert!(why.contains("it ended: exit status: 3") && why.ends_with("what ran before serves again"), "{why}");
    assert_eq!(stage.answer().as_deref(), Some("one"));
}

#[test]
fn after_a_restart_what_served_last_serves_again() {
    let mut stage = Stage::new("restart");
    let (one, two) = (stage.program("one"), stage.program("two"));
    stage.start(&one);
    stage.until_serving(&one);
    stage.order(&two, OPERATOR);
    stage.until_serving(&two);
    stage.signal(rustix::process::Signal::TERM);
    let ended = stage.starter.take().expect("a starter").wait().expect("it ends");
    assert!(ended.success() && stage.was_asked_to_end("two"), "{ended}");
    // The mirror is not needed for it.
    stage.files.lock().expect("lock").clear();
    stage.start(&one);
    stage.until_serving(&two);
    assert_eq!(stage.answer().as_deref(), Some("two"));
    assert_eq!(stage.status().expect("status").version, 2, "it is the same all the time");
}

#[test]
fn a_first_program_that_does_not_serve_ends_the_starter() {
    let mut stage = Stage::new("first");
    let ends = stage.artifact("ends", "#!/bin/sh\nexit 3\n");
    stage.start(&ends);
    let ended = stage.starter.take().expect("a starter").wait().expect("it ends");
    assert_eq!(ended.code(), Some(1), "{ended}");
}
