//! A lab of its own for a test, or the one that most tests share.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::{OnceLock, mpsc};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

/// For things that take seconds here and more beside a build.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// What a lab needs and only `cargo xtask test` provides.
const NEEDED: [&str; 2] = ["CLUSTERBENCHMARK_CONTROLPLANE", "CLUSTERBENCHMARK_BIN"];

/// Deadlines that are minutes on EC2. Here a launch is answered within a second and seen within another.
const SHORT_DEADLINES: [&str; 5] = [
    "--launch-window-seconds=10",
    "--settle-seconds=3",
    "--proof-gap-seconds=1",
    "--refusal-pause-seconds=5",
    "--boot-deadline-seconds=60",
];

/// For a cloud that is worse, in which things appear up to four seconds after their call.
const PATIENT_DEADLINES: [&str; 5] = [
    "--launch-window-seconds=10",
    "--settle-seconds=5",
    "--proof-gap-seconds=2",
    "--refusal-pause-seconds=2",
    "--boot-deadline-seconds=60",
];

/// What kubectl says when the server is away, as it is for some seconds in some tests.
const AWAY: [&str; 11] = [
    "was refused",
    "connection refused",
    "connection reset",
    "EOF",
    "Unable to connect",
    "TLS handshake",
    "apiserver not ready",
    "currently unable to handle the request",
    "etcdserver",
    // It is back, and does not serve our resources yet.
    "couldn't find resource for",
    "could not find the requested resource",
];

/// A lab in a directory of its own.
pub(crate) struct Lab {
    directory: PathBuf,
    /// What `eval "$(lab env)"` gives to a shell.
    exports: OnceLock<Vec<(OsString, OsString)>>,
}

/// Whether there is what a lab needs. If not, says that the test was skipped.
pub(crate) fn is_possible(test: &str) -> bool {
    let missing = NEEDED.iter().find(|variable| std::env::var_os(variable).is_none());
    if let Some(variable) = missing {
        skipped(test, &format!("{variable} is not set; use `cargo xtask test`"));
    }
    missing.is_none()
}

/// Not through `eprintln!`: the test runner would swallow it.
pub(crate) fn skipped(test: &str, why: &str) {
    let _ = writeln!(std::io::stderr(), "SKIPPED {test}: {why}");
}

/// The lab that most tests share, each in a namespace of its own. It ends with this process, however that ends.
pub(crate) fn shared(test: &str) -> Option<&'static Lab> {
    static LAB: OnceLock<Lab> = OnceLock::new();
    let started = || {
        let live = ["--operator-arg=--live-metrics".to_owned()];
        Lab::bound_to_this_process("end-to-end", &[&arguments(SHORT_DEADLINES)[..], &live].concat())
    };
    is_possible(test).then(|| LAB.get_or_init(started))
}

/// A second one, whose cloud is made as bad as its tests like; ends in the same way.
pub(crate) fn unkind(test: &str) -> Option<&'static Lab> {
    static LAB: OnceLock<Lab> = OnceLock::new();
    is_possible(test)
        .then(|| LAB.get_or_init(|| Lab::bound_to_this_process("end-to-end-unkind", &arguments(PATIENT_DEADLINES))))
}

/// A third one without an operator, for those who install it; ends in the same way.
pub(crate) fn bare(test: &str) -> Option<&'static Lab> {
    static LAB: OnceLock<Lab> = OnceLock::new();
    let arguments = ["--without-operator".to_owned()];
    is_possible(test).then(|| LAB.get_or_init(|| Lab::bound_to_this_process("end-to-end-bare", &arguments)))
}

fn arguments(deadlines: [&str; 5]) -> [String; 5] {
    deadlines.map(|argument| format!("--operator-arg={argument}"))
}

impl Lab {
    /// Nothing is started yet.
    pub(crate) fn new(name: &str) -> Self {
        let directory = std::env::temp_dir().join(format!("lab-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        Self { directory, exports: OnceLock::new() }
    }

    /// Runs a test in this lab, which comes up for it and goes down after it, however it ends.
    pub(crate) fn while_up(self, up: &[&str], test: impl FnOnce(&'static Self)) {
        let lab: &'static Self = Box::leak(Box::new(self));
        lab.run(up);
        let ended = catch_unwind(AssertUnwindSafe(|| test(lab)));
        lab.run(&["down"]);
        ended.unwrap_or_else(|panic| resume_unwind(panic));
    }

    fn bound_to_this_process(name: &str, arguments: &[String]) -> Self {
        sweep_former(name);
        let lab = Self::new(name);
        fs::create_dir_all(lab.state().join("logs")).unwrap();
        let log = lab.state().join("logs/supervisor.log");
        let mut command = lab.command(&["supervise", "--parent", &std::process::id().to_string()]);
        command.args(arguments);
        command.stdout(Stdio::null()).stderr(File::create(&log).unwrap());
        let (ended, end) = mpsc::channel();
        // The kernel ends the supervisor when the thread that started it ends: this one ends with the process.
        std::thread::spawn(move || {
            let status = command.spawn().unwrap().wait().unwrap();
            let _ = ended.send(status);
        });
        until(&format!("the lab {name} is up"), || {
            if let Ok(status) = end.try_recv() {
                panic!("the lab ended ({status}):\n{}", fs::read_to_string(&log).unwrap());
            }
            lab.state().join("lab.json").exists() && lab.record()["readyAt"].is_string()
        });
        lab
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        // Not the one in cargo's directory, which another clone may replace at any time.
        let mut command = Command::new(Path::new(&std::env::var_os(NEEDED[1]).unwrap()).join("lab"));
        // The demo makes its state directory in here.
        command.arg("--state").arg(self.state()).args(arguments).env("TMPDIR", &self.directory).stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> String {
        let output = self.command(arguments).output().unwrap();
        text(arguments, &output)
    }

    /// What the supervisor wrote about itself.
    pub(crate) fn record(&self) -> Value {
        serde_json::from_slice(&fs::read(self.state().join("lab.json")).unwrap()).unwrap()
    }

    /// The cloud's own word.
    pub(crate) fn ledger(&self) -> Value {
        serde_json::from_str(&self.run(&["ledger"])).unwrap()
    }

    /// A request to the supervisor: quicker than a process for it would be.
    pub(crate) fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let address = self.record()["admin"].as_str().unwrap().to_owned();
        let mut stream = TcpStream::connect(&address).unwrap();
        write!(stream, "{method} {path} HTTP/1.1\r\nhost: {address}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let code = answer.split(' ').nth(1).and_then(|code| code.parse().ok()).unwrap();
        (code, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
    }

    /// The kubeconfig of the operator's pod.
    pub(crate) fn operator_kubeconfig(&self) -> PathBuf {
        let selector = "--selector app.kubernetes.io/name=clusterbenchmark-operator";
        let pods = self.get(&format!("pods --namespace clusterbenchmark-system {selector}")).unwrap();
        let uid = pods["items"][0]["metadata"]["uid"].as_str().unwrap_or_else(|| panic!("no operator: {pods}"));
        self.state().join("pods").join(uid).join("kubeconfig")
    }

    /// SIGKILL; a part that is down already is killed when it is up again.
    pub(crate) fn kill(&self, part: &str) {
        until(&format!("{part} can be killed"), || self.ask("POST", &format!("/kill/{part}")).0 == 200);
    }

    /// A program with exactly the environment that `lab env` prints.
    pub(crate) fn program(&self, path: &Path) -> Command {
        let exports = self.exports.get_or_init(|| {
            let script = format!("{}\nenv -0", self.run(&["env"]));
            let output = Command::new("bash").arg("-euc").arg(&script).output().unwrap();
            let wanted = |name: &str| name == "KUBECONFIG" || name == "PATH" || name.starts_with("AWS_");
            let lines = text(&["env"], &output);
            let pairs = lines.split('\0').filter_map(|line| line.split_once('='));
            pairs.filter(|(name, _)| wanted(name)).map(|(name, value)| (name.into(), value.into())).collect()
        });
        let mut command = Command::new(path);
        command.envs(exports.iter().map(|(name, value)| (name, value))).env("HOME", &self.directory);
        command.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN").env("AWS_PAGER", "").stdin(Stdio::null());
        command
    }

    /// kubectl's words or its complaint, tried again while the API server is away.
    pub(crate) fn try_kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = self.kubectl_once(arguments, input);
            if output.status.success() {
                return Ok(String::from_utf8(output.stdout).unwrap());
            }
            let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
            if Instant::now() > deadline || !AWAY.iter().any(|word| complaint.contains(word)) {
                return Err(complaint);
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn kubectl_once(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.kubectl_command();
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // A document is smaller than a pipe; kubectl that refuses early closes it.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        child.wait_with_output().unwrap()
    }

    /// kubectl of the same version as the server, where there is one.
    pub(crate) fn kubectl_command(&self) -> Command {
        match std::env::var_os(NEEDED[0]).map(PathBuf::from) {
            Some(path) if path.is_file() => {
                let mut command = self.program(&path);
                command.arg("kubectl");
                command
            }
            Some(path) if path.join("kubectl").is_file() => self.program(&path.join("kubectl")),
            _ => self.program(Path::new("kubectl")),
        }
    }

    /// What kubectl prints.
    pub(crate) fn kubectl(&self, words: &str) -> String {
        let arguments: Vec<&str> = words.split_whitespace().collect();
        self.try_kubectl(&arguments, "").unwrap_or_else(|complaint| panic!("kubectl {words}: {complaint}"))
    }

    /// The object, if there is one.
    pub(crate) fn get(&self, words: &str) -> Option<Value> {
        let printed = self.kubectl(&format!("get {words} --ignore-not-found --output=json"));
        (!printed.trim().is_empty()).then(|| serde_json::from_str(&printed).unwrap())
    }

    /// Processes of an instance: (pid, its program).
    pub(crate) fn processes_of(&self, instance: &str) -> Vec<(i32, PathBuf)> {
        let directory = self.state().canonicalize().unwrap().join("instances").join(instance);
        let mark = format!("CLUSTERBENCH_INSTANCE={}", directory.display());
        let is_marked = |process: &Path| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|variable| variable == mark.as_bytes())
        };
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter_map(|pid: i32| {
            let process = PathBuf::from(format!("/proc/{pid}"));
            is_marked(&process).then(|| (pid, fs::read_link(process.join("exe")).unwrap_or_default()))
        })
        .collect()
    }
}

/// Removes what test runs left that are over; the last run's logs stay for reading.
fn sweep_former(lab: &str) {
    let prefix = format!("lab-{lab}-");
    for entry in fs::read_dir(std::env::temp_dir()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(pid) = name.strip_prefix(&prefix).and_then(|pid| pid.parse().ok()) else { continue };
        let is_over = Pid::from_raw(pid).is_none_or(|pid| test_kill_process(pid).is_err());
        if is_over {
            let _ = fs::remove_dir_all(entry.path()); // its lab may still be ending: the next run removes it
        }
    }
}

pub(crate) fn text(arguments: &[&str], output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}: {}\n{stdout}\n{stderr}", output.status);
    stdout.into_owned()
}

pub(crate) fn until(what: &str, is_so: impl FnMut() -> bool) {
    look(what, Duration::from_millis(50), is_so);
}

/// The same without a pause between looks, for what is over soon.
pub(crate) fn at_once_when(what: &str, is_so: impl FnMut() -> bool) {
    look(what, Duration::ZERO, is_so);
}

fn look(what: &str, pause: Duration, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "not within {} s: {what}", PATIENCE.as_secs());
        std::thread::sleep(pause);
    }
}

pub(crate) fn send(pid: i32, signal: Signal) {
    kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
}
