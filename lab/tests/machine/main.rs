//! Instances as processes: the real user data boots the real worker on a loopback address.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

mod boots;
mod containers;
mod ends;
mod loader;
#[path = "../oci/mod.rs"]
mod oci;
mod programs;
mod restarts;
mod roles;
mod units;
mod updates;

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use lab::machine::{METADATA_PORT, MachineEvent, MachineSpec, Machines, Processes, count_processes, sweep_leftovers};
use planner::desired::payload::Payload;
use planner::desired::role::Role;
use planner::desired::user_data::UserData;
use planner::instances::console::{self, last_word};
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;

/// Longest wait for anything; reached only when it never comes.
const PATIENCE: Duration = Duration::from_secs(180);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
const PORT: u16 = 8080;
const ID: &str = "i-0123456789abcdef0";
/// Set in the copy of this test that plays the lab which is killed: the directory to work in.
const HOLDER: &str = "MACHINE_TEST_HOLDER";

/// A lab of one test: a directory, its instances and an artifact server.
struct Lab {
    state: PathBuf,
    processes: Option<Processes>,
    events: UnboundedReceiver<MachineEvent>,
    artifact: Artifact,
}

struct Artifact {
    url: String,
    sha256: String,
}

impl Lab {
    fn new(name: &str) -> Self {
        let state = std::env::temp_dir().join(format!("machine-{}-{name}", std::process::id()));
        Self::at(state)
    }

    fn at(state: PathBuf) -> Self {
        let init = Path::new(env!("CARGO_BIN_EXE_lab"));
        let (processes, events) = Processes::start_in(&state, init).expect("a lab");
        Self { state, processes: Some(processes), events, artifact: serve(program("worker")) }
    }

    fn start(&self, spec: MachineSpec) {
        self.machines().start(spec);
    }

    fn machines(&self) -> &Processes {
        self.processes.as_ref().expect("running")
    }

    fn event(&mut self) -> MachineEvent {
        until("an event", || match self.events.try_recv() {
            Ok(event) => Some(event),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => panic!("the keeper is gone"),
        })
    }

    fn user_data(&self) -> UserData<'_> {
        UserData {
            role: Role::Worker,
            expires_at: Timestamp::now() + SignedDuration::from_hours(1),
            payload: Payload::File { url: &self.artifact.url, sha256: &self.artifact.sha256 },
            port: Some(PORT),
            control: None,
            environment: &[],
            companion: None,
            stock: None,
            handed: None,
        }
    }

    fn console(&self) -> String {
        self.machines().console(ID)
    }

    /// What the user data printed: what journald puts before a line is taken off, cloud-init's own words are left out.
    fn said(&self) -> Vec<String> {
        let console = self.console();
        let spoken = console.lines().filter_map(|line| Some(line.split_once("] cloud-init[")?.1.split_once("]: ")?.1));
        let is_ours = |line: &&str| !line.contains("[WARNING]") && !line.starts_with("Cloud-init v. ");
        spoken.filter(is_ours).map(str::to_owned).collect()
    }

    /// Returns once the boot has come to its end; an error in it is told at once.
    fn boots(&self) {
        until("the last boot step", || {
            let word = self.last_word();
            assert!(!word.starts_with(console::ERROR), "{word}");
            word.starts_with(console::READY).then_some(())
        });
    }

    fn last_word(&self) -> String {
        last_word(&self.console()).unwrap_or_default().to_owned()
    }

    fn directory(&self) -> PathBuf {
        self.state.join("instances").join(ID)
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        if thread::panicking() && self.processes.is_some() {
            eprintln!("console:\n{}", self.console());
        }
        drop(self.processes.take());
        let left = count_processes(&self.state);
        let _ = fs::remove_dir_all(&self.state);
        assert!(thread::panicking() || left == 0, "{left} processes are left");
    }
}

/// An address of this test run: parallel runs of this file differ in the third byte, tests in the fourth.
fn address(test: u8) -> Ipv4Addr {
    Ipv4Addr::new(127, 77, (std::process::id() % 250) as u8, test)
}

fn spec(address: Ipv4Addr, user_data: String) -> MachineSpec {
    MachineSpec {
        id: ID.to_owned(),
        address,
        vcpus: 1,
        instance_type: "t2.micro".to_owned(),
        image_id: "ami-0".to_owned(),
        region: "eu-west-1".to_owned(),
        zone: "eu-west-1a".to_owned(),
        zone_id: "euw1-az1".to_owned(),
        public_address: None,
        user_data,
        endpoint: None,
        role: None,
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        thread::sleep(POLL_INTERVAL);
    }
}

/// Head and body of the answer to one request; `None` while nobody listens.
fn http(to: SocketAddr, request: &str) -> Option<(String, String)> {
    let mut stream = TcpStream::connect(to).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    write!(stream, "{request}host: test\r\nconnection: close\r\n\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    Some((head.to_ascii_lowercase(), body.to_owned()))
}

fn get(address: Ipv4Addr, path: &str) -> Option<(String, String)> {
    http((address, PORT).into(), &format!("GET {path} HTTP/1.1\r\n"))
}

fn header(head: &str, name: &str) -> String {
    let prefix = format!("{name}: ");
    head.lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or_else(|| panic!("{name} in {head}")).to_owned()
}

/// A binary that instances run.
fn program(name: &str) -> &'static [u8] {
    // For as long as the tests run.
    Vec::leak(fs::read(binary(name)).expect("it is among the binaries"))
}

/// Its file, built once unless it is given.
fn binary(name: &str) -> PathBuf {
    static DIRECTORY: OnceLock<PathBuf> = OnceLock::new();
    let directory = DIRECTORY.get_or_init(|| {
        if let Some(directory) = std::env::var_os("CLUSTERBENCHMARK_BIN") {
            return directory.into();
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        // Of the whole workspace: with the features of one package everything below would be compiled once more.
        let arguments = ["build", "--quiet", "--workspace", "--bin", "worker", "--bin", "starter", "--bin", "balancer"];
        assert!(Command::new(cargo).args(arguments).status().expect("cargo runs").success(), "they do not build");
        Path::new(env!("CARGO_BIN_EXE_lab")).parent().expect("directory").to_owned()
    });
    directory.join(name)
}

/// Serves `bytes` at any path until the test process ends.
fn serve(bytes: &'static [u8]) -> Artifact {
    let listener = TcpListener::bind("127.0.0.1:0").expect("port");
    let url = format!("http://{}/worker", listener.local_addr().expect("address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut lines = BufReader::new(stream.try_clone().expect("stream")).lines();
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n", bytes.len());
                let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(bytes));
            });
        }
    });
    Artifact { url, sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(bytes)) }
}

/// Process ids whose command line holds `word`.
fn with_argument(word: &str) -> Vec<Pid> {
    let processes = fs::read_dir("/proc").expect("proc").flatten();
    processes
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            let line = fs::read(entry.path().join("cmdline")).ok()?;
            line.split(|byte| *byte == 0).any(|argument| argument == word.as_bytes()).then_some(pid)
        })
        .collect()
}

fn started() -> MachineEvent {
    MachineEvent::Started { id: ID.to_owned() }
}
