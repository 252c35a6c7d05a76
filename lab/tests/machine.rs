//! Instances as processes: the real user data boots the real worker on a loopback address.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

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
use planner::userdata::{Role, UserData};
use rustix::process::{Pid, Signal, kill_process};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::mpsc::error::TryRecvError;

/// Longest wait for anything; reached only when it never comes.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);
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
        Self { state, processes: Some(processes), events, artifact: serve(worker()) }
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
            artifact_url: &self.artifact.url,
            artifact_sha256: &self.artifact.sha256,
            port: Some(PORT),
            control: None,
            environment: &[],
        }
    }

    fn console(&self) -> String {
        self.machines().console(ID)
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
    }
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        thread::sleep(LOOK);
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

/// The worker's binary, built once unless it is given.
fn worker() -> &'static [u8] {
    static WORKER: OnceLock<Vec<u8>> = OnceLock::new();
    WORKER.get_or_init(|| {
        if let Some(path) = std::env::var_os("WORKER_BINARY") {
            return fs::read(path).expect("WORKER_BINARY can be read");
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let built = Command::new(cargo).args(["build", "--quiet", "--package", "worker"]).status();
        assert!(built.expect("cargo runs").success(), "the worker does not build");
        let beside = Path::new(env!("CARGO_BIN_EXE_lab")).with_file_name("worker");
        fs::read(beside).expect("the worker is beside the lab")
    })
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

#[test]
fn user_data_boots_the_worker_which_is_restarted_when_it_dies_and_gone_when_stopped() {
    let (mut lab, address) = (Lab::new("boot"), address(1));
    let environment = [("CLUSTER", "blue".to_owned()), ("WORK", "sleep:1ms".to_owned())];
    let script = UserData { environment: &environment, ..lab.user_data() }.script().expect("script");
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    let (head, _) = until("the worker", || get(address, "/health"));
    assert!(head.starts_with("http/1.1 200 "), "{head}");
    let (head, body) = until("an answer", || get(address, "/blue"));
    assert!(body.starts_with(&format!("{{\"instanceId\":\"{ID}\",\"cluster\":\"blue\",")), "{body}");
    // One vCPU by affinity, which the worker takes its slots from.
    assert_eq!(header(&head, "x-slots"), "1");
    until("the last boot step", || lab.console().ends_with(":8080\n").then_some(()));
    assert!(lab.console().contains("\nclusterbench: step 1/6 arm expiry "), "{}", lab.console());

    // Killed, it comes back as another process.
    let program = lab.directory().join("root/opt/clusterbench/worker");
    let pids = with_argument(program.to_str().expect("text"));
    assert_eq!(pids.len(), 1);
    kill_process(pids[0], Signal::KILL).expect("kill");
    let boot = header(&head, "x-boot");
    until("another process", || get(address, "/").filter(|(head, _)| header(head, "x-boot") != boot));

    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() });
    assert_eq!((count_processes(&lab.state), get(address, "/health")), (0, None));
    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() }, "stopping again is no error");
}

#[test]
fn a_wrong_hash_is_the_last_line_of_the_console() {
    let (mut lab, address) = (Lab::new("hash"), address(2));
    let wrong = "0".repeat(64);
    let script = UserData { artifact_sha256: &wrong, ..lab.user_data() }.script().expect("script");
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    let last =
        until("the error", || lab.console().lines().last().filter(|line| line.contains("error")).map(str::to_owned));
    assert!(last.starts_with("clusterbench: error: ") && last.contains(&wrong), "{last}");
    assert!(last.contains(&lab.artifact.sha256), "{last}");
    assert!(!lab.directory().join("root/opt/clusterbench/worker").exists());
}

#[test]
fn stopping_kills_what_left_its_session_its_group_and_its_environment() {
    let (mut lab, address) = (Lab::new("setsid"), address(3));
    // A length that no other process on this machine sleeps.
    let length = format!("{}.25", 100_000 + std::process::id());
    let script = format!(
        "#!/bin/bash\nsetsid env -i /bin/sh -c 'trap \"\" TERM; /bin/sleep {length}; true' &\nsetsid setsid sleep {length} &\n"
    );
    lab.start(spec(address, script));
    assert_eq!(lab.event(), started());
    until("both sleeps", || (with_argument(&length).len() == 2).then_some(()));
    lab.machines().stop(ID);
    assert_eq!(lab.event(), MachineEvent::Stopped { id: ID.to_owned() });
    assert_eq!(with_argument(&length), []);
}

#[test]
fn a_guest_that_shuts_down_powers_off() {
    let (mut lab, address) = (Lab::new("shutdown"), address(4));
    lab.start(spec(
        address,
        "#!/bin/bash\necho bye\nsetsid sleep 600 &\nshutdown -r now\nshutdown -h now\nsleep 600\n".to_owned(),
    ));
    assert_eq!(lab.event(), started());
    assert_eq!(lab.event(), MachineEvent::PoweredOff { id: ID.to_owned() });
    assert_eq!(count_processes(&lab.state), 0);
    let console = lab.console();
    assert!(console.contains("bye\nthe lab's shutdown knows only: shutdown -h now\n"), "{console}");
    assert!(console.ends_with("lab: power down\n"), "{console}");
}

#[test]
fn an_expired_instance_powers_off_by_its_timer() {
    let (mut lab, address) = (Lab::new("expiry"), address(5));
    // On a slow day the first lives are too short for a whole boot; then the next one is longer.
    let served = [3, 10, 40].into_iter().any(|seconds| {
        let expires_at = Timestamp::now() + SignedDuration::from_secs(seconds);
        let script = UserData { expires_at, ..lab.user_data() }.script().expect("script");
        lab.start(spec(address, script));
        assert_eq!(lab.event(), started());
        let mut served = false;
        let ended = until("the end", || {
            served = served || get(address, "/health").is_some();
            lab.events.try_recv().ok()
        });
        assert_eq!(ended, MachineEvent::PoweredOff { id: ID.to_owned() });
        assert!(Timestamp::now().as_second() >= expires_at.as_second());
        assert_eq!((count_processes(&lab.state), get(address, "/health")), (0, None));
        served
    });
    // The worker served until then, so it was the timer that ended it and not the script.
    assert!(served, "no boot in time:\n{}", lab.console());
}

#[test]
fn metadata_want_a_token_and_an_address_that_is_taken_fails_the_start() {
    let (mut lab, address) = (Lab::new("metadata"), address(6));
    lab.start(spec(address, "not a script".to_owned()));
    assert_eq!(lab.event(), started());
    let ask = |request: &str| http((address, METADATA_PORT).into(), request).expect("metadata answer");
    let (head, _) = ask("GET /latest/meta-data/instance-id HTTP/1.1\r\n");
    assert!(head.starts_with("http/1.1 401 "), "{head}");
    let (_, token) = ask("PUT /latest/api/token HTTP/1.1\r\nX-aws-ec2-metadata-token-ttl-seconds: 60\r\n");
    let with_token = |path: &str| ask(&format!("GET {path} HTTP/1.1\r\nX-aws-ec2-metadata-token: {token}\r\n"));
    assert_eq!(with_token("/latest/meta-data/instance-id").1, ID);
    assert_eq!(with_token("/latest/meta-data/local-ipv4").1, address.to_string());
    assert_eq!(with_token("/latest/user-data").1, "not a script");
    assert!(lab.console().ends_with("lab: the user data is not a script and was not run\n"));

    let other = MachineSpec { id: "i-1".to_owned(), ..spec(address, String::new()) };
    lab.start(other);
    match lab.event() {
        MachineEvent::Failed { id, why } => assert!(id == "i-1" && why.contains(&format!("{address}:1338")), "{why}"),
        event => panic!("{event:?}"),
    }
}

#[test]
fn an_instance_has_as_many_processors_as_its_type_or_as_the_machine() {
    let parallelism = thread::available_parallelism().expect("parallelism").get();
    let (mut lab, address) = (Lab::new("cores"), address(7));
    let vcpus = parallelism as u32 + 1;
    lab.start(MachineSpec { vcpus, ..spec(address, "#!/bin/bash\nnproc\n".to_owned()) });
    assert_eq!(lab.event(), started());
    until("nproc", || lab.console().ends_with(&format!("\n{parallelism}\n")).then_some(()));
    let console = lab.console();
    assert!(console.contains(&format!("{vcpus} vCPUs on processors ")), "{console}");
    assert!(console.contains(", fewer than the type has, "), "{console}");
}

#[test]
fn systemctl_starts_stops_and_tells() {
    let (mut lab, address) = (Lab::new("systemctl"), address(8));
    let script = r#"#!/bin/bash
cat >"$DESTDIR/etc/systemd/system/a.service" <<'UNIT'
[Unit]
StartLimitIntervalSec=0
[Service]
ExecStart=/bin/bash -c 'echo "$GREETING from $DATA_DIR"; exec sleep 600'
Environment=GREETING=hello DATA_DIR=%S/a
StateDirectory=a
[Install]
WantedBy=multi-user.target
UNIT
systemctl daemon-reload
systemctl enable --now a || echo "enable failed"
systemctl is-active a
systemctl stop a
systemctl is-active a || echo "code $?"
systemctl restart a
systemctl is-active a
until journalctl -u a -n 1 -o cat --no-pager | grep hello; do sleep 0.05; done
systemctl start absent || echo "code $?"
[ -L "$DESTDIR/etc/systemd/system/multi-user.target.wants/a.service" ] && echo linked
echo done
"#;
    lab.start(spec(address, script.to_owned()));
    assert_eq!(lab.event(), started());
    until("the end of the script", || lab.console().ends_with("done\n").then_some(()));
    let console = lab.console();
    let lines: Vec<&str> = console.lines().skip(1).collect();
    let greeting =
        format!("hello from {}", lab.directory().canonicalize().expect("path").join("root/var/lib/a").display());
    let expected = [
        "active",
        "inactive",
        "code 3",
        "active",
        &greeting,
        "Unit absent.service not found.",
        "code 1",
        "linked",
        "done",
    ];
    assert_eq!(lines, expected);
}

/// Not a test of its own: the lab that the next test kills.
#[test]
fn holder() {
    let Some(state) = std::env::var_os(HOLDER) else { return };
    let mut lab = Lab::at(state.into());
    let script = lab.user_data().script().expect("script");
    lab.start(spec(address(9), script));
    assert_eq!(lab.event(), started());
    until("the worker", || get(address(9), "/health"));
    println!("serving at {}", address(9));
    thread::sleep(PATIENCE * 10);
}

#[test]
fn a_lab_that_is_killed_takes_its_instances_along() {
    let state = std::env::temp_dir().join(format!("machine-{}-killed", std::process::id()));
    let mut holder = hold(&state);
    assert!(count_processes(&state) >= 2);
    holder.kill().expect("kill");
    holder.wait().expect("wait");
    until("the inits to notice", || (count_processes(&state) == 0).then_some(()));
    assert_eq!(sweep_leftovers(&state).expect("sweep"), 0);
    fs::remove_dir_all(&state).expect("clean");
}

#[test]
fn what_outlives_a_killed_lab_and_a_killed_init_is_swept_at_the_next_start() {
    let state = std::env::temp_dir().join(format!("machine-{}-swept", std::process::id()));
    let mut holder = hold(&state);
    let directory = state.join("instances").join(ID).canonicalize().expect("directory");
    let inits = with_argument(directory.to_str().expect("text"));
    assert_eq!(inits.len(), 1);
    // Stopped first, so that the lab cannot clean up after its init.
    let lab = Pid::from_child(&holder);
    kill_process(lab, Signal::STOP).expect("stop");
    kill_process(inits[0], Signal::KILL).expect("kill");
    kill_process(lab, Signal::KILL).expect("kill");
    holder.wait().expect("wait");
    let left = count_processes(&state);
    assert!(left >= 1, "the worker lives on");
    assert_eq!(sweep_leftovers(&state).expect("sweep"), left);
    assert!(!directory.join("quota").exists(), "its group is removed too");
    assert_eq!(count_processes(&state), 0);
    fs::remove_dir_all(&state).expect("clean");
}

#[test]
fn an_instance_whose_init_is_killed_has_failed_and_leaves_nothing() {
    let (mut lab, address) = (Lab::new("init"), address(10));
    lab.start(spec(address, "#!/bin/bash\nsetsid sleep 600 &\necho up\n".to_owned()));
    assert_eq!(lab.event(), started());
    until("the sleep", || lab.console().ends_with("up\n").then_some(()));
    let directory = lab.directory().canonicalize().expect("directory");
    kill_process(with_argument(directory.to_str().expect("text"))[0], Signal::KILL).expect("kill");
    match lab.event() {
        MachineEvent::Failed { why, .. } => assert!(why.contains("signal: 9"), "{why}"),
        event => panic!("{event:?}"),
    }
    assert_eq!(count_processes(&lab.state), 0);
}

/// Another process of this test that holds a lab with one instance serving.
fn hold(state: &Path) -> std::process::Child {
    let mut holder = Command::new(std::env::current_exe().expect("this test"))
        .args(["--exact", "holder", "--nocapture"])
        .env(HOLDER, state)
        .stdout(std::process::Stdio::piped())
        .spawn()
        .expect("holder");
    let mut lines = BufReader::new(holder.stdout.take().expect("stdout")).lines();
    let served = lines.any(|line| line.expect("text").starts_with("serving at "));
    assert!(served, "the holder's instance never served");
    holder
}

#[test]
fn an_id_cannot_lead_out_of_the_lab() {
    let mut lab = Lab::new("ids");
    let machines: &dyn Machines = lab.machines();
    assert_eq!(machines.console("../../../etc/passwd"), "");
    machines.start(MachineSpec { id: "../escaped".to_owned(), ..spec(address(11), String::new()) });
    assert!(matches!(lab.event(), MachineEvent::Failed { .. }));
    assert!(!lab.state.join("escaped").exists());
}
