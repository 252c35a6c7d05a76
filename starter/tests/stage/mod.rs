//! A mirror, a directory, and a starter in it, as an instance has them.

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

pub(crate) const SEED: [u8; 32] = [5; 32];
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
pub(crate) struct Stage {
    pub(crate) directory: PathBuf,
    pub(crate) mirror: SocketAddr,
    pub(crate) files: Arc<Mutex<BTreeMap<String, String>>>,
    pub(crate) listen: SocketAddr,
    pub(crate) control: SocketAddr,
    pub(crate) starter: Option<Child>,
}

impl Stage {
    pub(crate) fn new(name: &str) -> Self {
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
    pub(crate) fn program(&self, name: &str) -> Application {
        let itself = std::env::current_exe().expect("path");
        self.artifact(name, &format!("#!/bin/sh\nexec '{}' --exact stage::the_program --ignored\n", itself.display()))
    }

    /// The same as a child of a shell, which goes on as `then` says.
    pub(crate) fn wrapped(&self, name: &str, then: &str) -> Application {
        let itself = std::env::current_exe().expect("path");
        self.artifact(
            name,
            &format!("#!/bin/sh\n'{}' --exact stage::the_program --ignored &\n{then}\n", itself.display()),
        )
    }

    pub(crate) fn artifact(&self, name: &str, script: &str) -> Application {
        let script = format!("{script}# {name}\n");
        let sha256 = wire::sha256_hex(script.as_bytes());
        self.files.lock().expect("lock").insert(format!("/{name}"), script);
        let ends = self.directory.join("ends").display().to_string();
        Application {
            url: format!("http://{}/{name}", self.mirror),
            sha256,
            environment: [("NAME", name.to_owned()), ("ENDS", ends)].map(|(key, value)| (key.to_owned(), value)).into(),
            archive: None,
        }
    }

    /// An archive on the mirror, whose program calls itself what its setup wrote into the file `name`.
    pub(crate) fn archive(&self, setup: &[&str]) -> Application {
        let (tree, itself) = (self.directory.join("tree"), std::env::current_exe().expect("path"));
        fs::create_dir_all(&tree).expect("directory");
        let script = format!(
            "#!/bin/sh\nset -eu\nNAME=$(cat name)\nexport NAME\nexec '{}' --exact stage::the_program --ignored\n",
            itself.display()
        );
        fs::write(tree.join("serve"), script).expect("script");
        let pack = "chmod 755 \"$1/serve\"; tar -C \"$1\" -cf - .";
        let packed = Command::new("sh").args(["-euc", pack, "sh"]).arg(&tree).output().expect("sh runs");
        assert!(packed.status.success(), "{packed:?}");
        // It is text, and so are its headers.
        let file = String::from_utf8(packed.stdout).expect("text");
        let sha256 = wire::sha256_hex(file.as_bytes());
        self.files.lock().expect("lock").insert("/app.tar".to_owned(), file);
        let ends = self.directory.join("ends").display().to_string();
        Application {
            url: format!("http://{}/app.tar", self.mirror),
            sha256,
            environment: [("ENDS".to_owned(), ends)].into(),
            archive: Some(wire::Archive {
                setup: setup.iter().map(|line| (*line).to_owned()).collect(),
                command: vec!["./serve".to_owned()],
            }),
        }
    }

    /// Names of what the starter keeps.
    pub(crate) fn kept(&self) -> Vec<String> {
        let all = fs::read_dir(self.directory.join("data")).expect("data").flatten();
        let mut names: Vec<String> = all.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// Starts the starter, as systemd does after a restart too.
    pub(crate) fn start(&mut self, first: &Application) {
        let starter = Command::new(env!("CARGO_BIN_EXE_starter"))
            .args(["--fetch", "2", "--start", "5", "--setup", "5"])
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

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(self.starter.as_ref().expect("a starter"));
        rustix::process::kill_process(pid, signal).expect("signal");
    }

    /// What the program in front says. `None`: nobody listens.
    pub(crate) fn answer(&self) -> Option<String> {
        let mut text = String::new();
        TcpStream::connect(self.listen).ok()?.read_to_string(&mut text).ok()?;
        Some(text)
    }

    pub(crate) fn status(&self) -> Option<StarterStatus> {
        let (status, body) = self.send("GET", "/status", &[], "")?;
        (status == 200).then(|| serde_json::from_str(&body).expect("a status"))
    }

    pub(crate) fn until<T>(&self, what: &str, found: impl Fn(&Self) -> Option<T>) -> T {
        let begun = Instant::now();
        loop {
            if let Some(found) = found(self) {
                return found;
            }
            assert!(begun.elapsed() < PATIENCE, "{what}: {:?}, {:?}", self.status(), self.answer());
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    pub(crate) fn until_serving(&self, application: &Application) {
        let is_serving = |stage: &Self| stage.status().is_some_and(|status| status.serving == application.id());
        self.until("serving", |stage| is_serving(stage).then_some(()));
    }

    /// The reason for which an order came to nothing.
    pub(crate) fn until_failed(&self, application: &Application) -> String {
        let failure = |stage: &Self| stage.status()?.failure.filter(|failure| failure.application == application.id());
        self.until("failure", failure).why
    }

    /// An order that is signed by `seed` for `instance`, to replace what serves.
    pub(crate) fn order(&self, application: &Application, (seed, instance): ([u8; 32], &str)) -> (u16, String) {
        self.order_after(application, (seed, instance), self.status().expect("status").version)
    }

    pub(crate) fn order_after(
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

    pub(crate) fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &String)],
        body: &str,
    ) -> Option<(u16, String)> {
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

    /// Kills what is left of a starter that was killed: all processes that know this directory. Whether there are none any more.
    pub(crate) fn end_orphans(&self) -> bool {
        let mark = format!("ENDS={}", self.directory.join("ends").display());
        let has_mark = |pid: &i32| {
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        };
        let all = fs::read_dir("/proc").expect("processes").flatten();
        let pids = all.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok()).filter(has_mark);
        let left: Vec<_> = pids.filter_map(rustix::process::Pid::from_raw).collect();
        for pid in &left {
            // It may have ended meanwhile.
            let _ = rustix::process::kill_process(*pid, rustix::process::Signal::KILL);
        }
        left.is_empty()
    }

    /// Whether a program was told to end by SIGTERM.
    pub(crate) fn was_asked_to_end(&self, name: &str) -> bool {
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

pub(crate) const OPERATOR: ([u8; 32], &str) = (SEED, "i-1");
