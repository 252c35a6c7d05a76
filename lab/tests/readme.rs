//! README is true: its commands are run exactly as they stand there, and its benchmark is the one that they apply.
//!
//! Every line of every `sh` block is either run here or listed in [`NOT_RUN`] with the reason. What needs the binaries
//! and the control plane that `cargo xtask test` provides says loudly when it is skipped.

#![allow(clippy::unwrap_used, reason = "all of it is test code")]

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

#[path = "support/machine.rs"]
mod machine;

const README: &str = include_str!("../../README.md");

/// The first word of each block that is run as a whole.
const SESSION: &str = "cargo xtask lab up";
const ALONE: &str = "worker --listen";

/// Lines that are not run, and why.
const NOT_RUN: [(&str, &str); 5] = [
    ("cargo xtask demo", "the tests of the demo in this crate run the same binary; it takes a minute"),
    ("cargo xtask test", "this test is a part of it"),
    (
        "cargo build --release -p balancer -p loadgen -p worker",
        "a second build, for speed only; the binaries under test are used",
    ),
    (
        "helm install clusterbenchmark charts/clusterbenchmark --namespace clusterbenchmark-system --create-namespace --values yours.yaml",
        "it is for a Kubernetes cluster of yours; the tests of the chart install it in a lab, with the lab's values",
    ),
    ("export PATH=\"$PWD/target/release:$PATH\"", "the test puts the directory of the binaries under test there"),
];

/// The last word of the generator where others take too much of this machine for a valid run. Its counts are right all the same.
const NOT_VALID: i32 = 3;

/// A session whose run others disturbed is begun again, so many times in all.
const SESSIONS: u32 = 4;

/// A session that takes longer hangs. It takes 40 s alone on two processors.
const PATIENCE: Duration = Duration::from_secs(300);

/// Contents of the blocks of one language, in order.
fn blocks(language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for line in README.lines() {
        match &mut open {
            Some(block) if line == "```" => {
                blocks.push(std::mem::take(block));
                open = None;
            }
            Some(block) => block.extend([line, "\n"]),
            None if line.strip_prefix("```") == Some(language) => open = Some(String::new()),
            None => {}
        }
    }
    assert!(open.is_none(), "a block of README does not end");
    blocks
}

fn is_run(block: &str) -> bool {
    [SESSION, ALONE].iter().any(|start| block.starts_with(start))
}

#[test]
fn every_command_is_run_or_listed_with_a_reason() {
    let blocks = blocks("sh");
    for start in [SESSION, ALONE] {
        let found = blocks.iter().filter(|block| block.starts_with(start)).count();
        assert_eq!(found, 1, "README has {found} blocks that begin with `{start}`");
    }
    let others = blocks.iter().filter(|block| !is_run(block)).flat_map(|block| block.lines());
    let commands: Vec<&str> = others
        .map(|line| line.split(" # ").next().unwrap_or_default().trim())
        .filter(|line| !line.is_empty())
        .collect();
    for command in &commands {
        assert!(NOT_RUN.iter().any(|(listed, _)| listed == command), "README says `{command}`, and nobody runs it");
    }
    for (listed, why) in NOT_RUN {
        assert!(commands.contains(&listed), "`{listed}` is listed ({why}) and no longer in README");
    }
}

/// A directory that ends with the test, and everything that was started in it.
struct Place {
    directory: PathBuf,
    shell: Option<Child>,
}

impl Place {
    /// `None` when this is not `cargo xtask test`.
    fn new(name: &str) -> Option<Self> {
        for variable in ["CLUSTERBENCHMARK_CONTROLPLANE", "CLUSTERBENCHMARK_BIN"] {
            if std::env::var_os(variable).is_none() {
                // Not through `eprintln!`: the test runner would swallow it.
                let _ = writeln!(std::io::stderr(), "SKIPPED {name}: {variable} is not set; use `cargo xtask test`");
                return None;
            }
        }
        let directory = std::env::temp_dir().join(format!("readme-{name}-{}", std::process::id()));
        fs::create_dir_all(directory.join("bin")).unwrap();
        Some(Self { directory, shell: None })
    }

    fn state(&self) -> PathBuf {
        self.directory.join("state")
    }

    fn shim(&self, name: &str, script: &str) {
        let path = self.directory.join("bin").join(name);
        fs::write(&path, script).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    }

    /// Runs a block in bash, each line traced, as somebody would who pastes it; what it printed, and whether it came to its
    /// end. Where it did not, the last word of ours was that the run is not valid.
    fn run(&mut self, block: &str) -> (String, bool) {
        let binaries = std::env::var_os("CLUSTERBENCHMARK_BIN").unwrap();
        let path = std::env::join_paths(
            [self.directory.join("bin"), PathBuf::from(binaries)]
                .into_iter()
                .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default())),
        );
        let log = self.directory.join("log");
        let output = File::create(&log).unwrap();
        let mut command = Command::new("bash");
        command.args(["-euxo", "pipefail", "-c", block]).current_dir(&self.directory).env("PATH", path.unwrap());
        // Nothing of the user's: neither the lab that may be up, nor kubectl's cache.
        command
            .env("HOME", &self.directory)
            .env("XDG_CACHE_HOME", self.directory.join("cache"))
            .env_remove("KUBECONFIG");
        command.stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let deadline = Instant::now() + PATIENCE;
        let shell = self.shell.insert(command.spawn().unwrap());
        let status = loop {
            if let Some(status) = shell.try_wait().unwrap() {
                break status;
            }
            assert!(Instant::now() < deadline, "README's commands hang:\n{}", fs::read_to_string(&log).unwrap());
            std::thread::sleep(Duration::from_millis(50));
        };
        let said = fs::read_to_string(&log).unwrap();
        assert!(status.success() || status.code() == Some(NOT_VALID), "README's commands failed ({status}):\n{said}");
        (said, status.success())
    }

    /// The reports of the lab that is up, by what README says of it.
    fn reports(&mut self) -> Vec<wire::Report> {
        let (said, _) = self.run("eval \"$(cargo xtask lab env)\"\nkubectl get benchmarkreports --output json");
        let list = document(&said);
        let text = |object: &serde_json::Value| object["spec"]["report"].as_str().unwrap().to_owned();
        list["items"].as_array().unwrap().iter().map(|object| serde_json::from_str(&text(object)).unwrap()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = lab(&self.state()).arg("down").output();
        // What the block left in the background is in the group of its shell.
        if let Some(group) = self.shell.as_ref().and_then(|shell| Pid::from_raw(shell.id().cast_signed())) {
            let _ = kill_process_group(group, Signal::KILL);
        }
        if let Some(shell) = &mut self.shell {
            let _ = shell.wait();
        }
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.directory);
        }
    }
}

/// The first document in what a session printed.
fn document(said: &str) -> serde_json::Value {
    let (_, rest) = said.split_once("\n{").unwrap_or_else(|| panic!("no document:\n{said}"));
    let document = serde_json::Deserializer::from_str(&format!("{{{rest}")).into_iter().next();
    document.unwrap().unwrap()
}

fn lab(state: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.arg("--state").arg(state).stdin(Stdio::null());
    command
}

fn quoted(path: &Path) -> String {
    format!("'{}'", path.to_str().unwrap().replace('\'', r"'\''"))
}

#[test]
fn the_session_with_a_lab_is_true() {
    let Some(mut place) = Place::new("session") else { return };
    let session = blocks("sh").into_iter().find(|block| block.starts_with(SESSION)).unwrap();
    let manifest = blocks("yaml").into_iter().find(|block| block.contains("kind: ClusterBenchmark")).unwrap();
    fs::write(place.directory.join("first.yaml"), manifest).unwrap();
    // What `cargo xtask lab` becomes after it has built, with a lab of this test's own.
    let (program, state) = (quoted(Path::new(env!("CARGO_BIN_EXE_lab"))), quoted(&place.state()));
    place.shim(
        "cargo",
        &format!(
            "#!/bin/sh\n[ \"$1 $2\" = 'xtask lab' ] || {{ echo \"this test cannot run: cargo $*\" >&2; exit 97; }}\n\
             shift 2\nexec {program} --state {state} \"$@\"\n"
        ),
    );
    let Some(said) = (0..SESSIONS).find_map(|_| {
        let (said, is_whole) = place.run(&session);
        if is_whole {
            return Some(said);
        }
        let reports = place.reports();
        assert!(reports.iter().any(machine::is_disturbed), "{said}");
        lab(&place.state()).arg("down").output().unwrap();
        None
    }) else {
        let _ =
            writeln!(std::io::stderr(), "SKIPPED session: {SESSIONS} times this machine was too busy for a valid run");
        return;
    };
    for sentence in ["the lab is up", "\none-large", "the lab is down"] {
        assert!(said.contains(sentence), "not said: {sentence}\n{said}");
    }
    let row = said.lines().find(|line| line.starts_with("first ")).unwrap_or_else(|| panic!("no row:\n{said}"));
    let words: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(words[..3], ["first", "Ready", "5/5"], "{said}");
    // It ends at the look that decides.
    let decided = ["10/10 rounds", "20/20 rounds", "40/40 rounds"].iter().any(|rounds| row.contains(rounds));
    assert!(decided && row.contains("one-large"), "{said}");
    let ledger = document(&said);
    assert_eq!((&ledger["launched"], &ledger["terminated"]), (&5.into(), &5.into()), "{ledger:#}");
    assert_eq!((&ledger["groups"], &ledger["processes"]), (&0.into(), &0.into()), "{ledger:#}");
}

#[test]
fn the_tools_work_alone() {
    let Some(mut place) = Place::new("alone") else { return };
    let block = blocks("sh").into_iter().find(|block| block.starts_with(ALONE)).unwrap();
    // Another loopback address than README's, so that nothing else on this machine has its ports.
    let [.., high, low] = std::process::id().to_be_bytes();
    let (said, _) = place.run(&block.replace("127.0.0.1", &format!("127.77.{high}.{low}")));
    assert!(said.contains("\"instanceId\":\"w"), "{said}");
    let row = said.lines().find(|line| line.starts_with("one ")).unwrap_or_else(|| panic!("no row:\n{said}"));
    assert_eq!(row.split_whitespace().take(3).collect::<Vec<_>>(), ["one", "1000", "0"], "{said}");
}
