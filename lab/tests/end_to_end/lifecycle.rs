//! A lab comes up, works, and leaves nothing, however it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpStream;
use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::Signal;

use crate::lab::{Lab, is_possible, send, until};

/// Three control planes at the same time would only slow each other down.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// A lab that is ended when its test ends.
struct Own {
    lab: Lab,
    _turn: MutexGuard<'static, ()>,
}

impl Deref for Own {
    type Target = Lab;

    fn deref(&self) -> &Lab {
        &self.lab
    }
}

impl Own {
    fn new(name: &str) -> Option<Self> {
        let turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
        is_possible(name).then(|| Self { lab: Lab::new(&format!("lifecycle-{name}")), _turn: turn })
    }

    fn ports(&self) -> Vec<u16> {
        let record = self.record();
        let ports: Vec<u16> =
            record["ports"].as_object().unwrap().values().map(|port| port.as_u64().unwrap() as u16).collect();
        assert!(ports.len() >= 6, "{ports:?}");
        ports
    }

    /// Processes that know this lab's directory from their arguments or their environment.
    fn processes(&self) -> Vec<i32> {
        let needle = self.directory().to_str().unwrap().as_bytes().to_vec();
        let knows = |file: PathBuf| {
            fs::read(file).is_ok_and(|bytes| bytes.windows(needle.len()).any(|window| window == needle))
        };
        let pids = fs::read_dir("/proc").unwrap().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
        pids.filter(|pid: &i32| {
            let process = Path::new("/proc").join(pid.to_string());
            knows(process.join("cmdline")) || knows(process.join("environ"))
        })
        .collect()
    }

    /// At the first try, to a kubectl that remembers nothing.
    fn explains_itself_to(&self, user: &str) {
        for kind in ["clusterbenchmark.spec.load.phases", "benchmarkreports"] {
            let mut kubectl = self.kubectl_command();
            kubectl.arg("--cache-dir").arg(self.directory().join(user)).args(["explain", kind]);
            let output = kubectl.output().unwrap();
            assert!(output.status.success(), "{kind} for {user}: {}", String::from_utf8_lossy(&output.stderr));
        }
    }

    fn assert_nothing_is_left(&self, ports: &[u16]) {
        until("no process is left", || self.processes().is_empty());
        // A process that is being ended loses its memory, by which it is found, a moment before its sockets.
        let is_free = |port: &u16| TcpStream::connect(("127.0.0.1", *port)).is_err();
        until("no port is open", || ports.iter().all(is_free));
    }
}

impl Drop for Own {
    fn drop(&mut self) {
        let _ = self.command(&["down"]).output();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(self.directory());
        }
    }
}

#[test]
fn a_lab_works_and_down_leaves_nothing() {
    let Some(lab) = Own::new("works") else { return };
    assert!(lab.run(&["up"]).contains("the lab is up"));
    lab.explains_itself_to("the first user");
    assert!(lab.run(&["up"]).contains("up already"));

    assert!(lab.kubectl("get namespaces").contains("clusterbenchmark-system"));
    assert_eq!(lab.kubectl("get clusterbenchmarks,benchmarkreports --all-namespaces --output=name"), "");
    let nodes = lab.kubectl("get nodes");
    assert!(nodes.lines().count() == 2 && nodes.contains("lab") && nodes.contains(" Ready "), "{nodes}");
    let pods = lab.kubectl("get pods --all-namespaces --no-headers");
    assert!(pods.lines().count() == 1 && pods.contains("operator-") && pods.contains("1/1 "), "{pods}");
    assert!(lab.kubectl("logs deployment/operator --namespace clusterbenchmark-system --tail=1").contains("level"));
    // The namespace controller empties it, the garbage collector would never.
    lab.kubectl("create namespace short-lived");
    lab.kubectl("delete namespace short-lived --timeout=60s");
    assert!(
        lab.kubectl("auth can-i list clusterbenchmarks --as=system:serviceaccount:clusterbenchmark-system:operator")
            .contains("yes")
    );

    assert!(lab.run(&["logs", "etcd"]).len() < 1_000_000);
    assert!(lab.run(&["ledger"]).contains("\"launched\": 0"));
    assert!(lab.run(&["kill", "operator"]).contains("was killed"));
    until("the operator is restarted", || {
        let status = lab.run(&["status"]);
        let operator = status.lines().find(|line| line.starts_with("operator")).unwrap().to_owned();
        !operator.contains("down") && operator.split_whitespace().any(|word| word == "1")
    });
    assert!(lab.run(&["kill", "kube-apiserver"]).contains("kubectl is served again"));
    lab.explains_itself_to("the next user");

    let ports = lab.ports();
    assert!(lab.processes().len() >= 5);
    assert!(lab.run(&["down"]).contains("the lab is down"));
    lab.assert_nothing_is_left(&ports);
    assert!(lab.run(&["down"]).contains("no lab is up"));
    let status = lab.command(&["status"]).output().unwrap();
    assert!(!status.status.success() && String::from_utf8_lossy(&status.stderr).contains("lab up"));
}

#[test]
fn a_killed_supervisor_leaves_nothing_and_the_next_lab_works() {
    let Some(lab) = Own::new("killed") else { return };
    lab.run(&["up"]);
    let ports = lab.ports();
    send(lab.record()["supervisor"].as_i64().unwrap() as i32, Signal::KILL);
    lab.assert_nothing_is_left(&ports);
    lab.run(&["up"]);
    assert!(lab.kubectl("get namespaces").contains("default"));
    let ports = lab.ports();
    lab.run(&["down"]);
    lab.assert_nothing_is_left(&ports);
}

/// A demo that is told to print to us, stopped with `signal` as soon as it has said `word`.
fn stop_demo(lab: &Own, word: &str, signal: Signal) -> (Child, String) {
    let mut demo = lab.command(&["demo"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut output = BufReader::new(demo.stdout.take().unwrap());
    let mut said = String::new();
    while !said.contains(word) {
        assert!(output.read_line(&mut said).unwrap() > 0, "the demo ended before it said {word:?}:\n{said}");
    }
    send(demo.id().cast_signed(), signal);
    let _ = output.read_to_string(&mut said);
    (demo, said)
}

#[test]
fn a_demo_leaves_nothing_when_it_is_interrupted_or_killed() {
    let Some(lab) = Own::new("demo") else { return };
    for word in ["cloud:", "clusterbenchmark.clusterbench.dev/"] {
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            let (mut demo, said) = stop_demo(&lab, word, signal);
            assert!(!demo.wait().unwrap().success());
            assert!(!said.contains("nothing left"), "{said}");
            lab.assert_nothing_is_left(&[]);
        }
    }
}

#[test]
fn a_demo_whose_pages_cannot_be_left_says_so_before_it_starts() {
    let Some(lab) = Own::new("pages") else { return };
    let file = std::env::current_exe().unwrap();
    let output = lab.command(&["demo", "--html"]).arg(&file).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && output.stdout.is_empty(), "{output:?}");
    assert!(stderr.contains(&format!("--html: {} cannot be made", file.display())), "{stderr}");
    lab.assert_nothing_is_left(&[]);
}

#[test]
fn a_missing_control_plane_is_named_with_the_way_out() {
    let Some(lab) = Own::new("missing") else { return };
    let output = lab.command(&["up"]).env("CLUSTERBENCHMARK_CONTROLPLANE", "/nonexistent").output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && stderr.contains("CLUSTERBENCHMARK_CONTROLPLANE is /nonexistent"), "{stderr}");
    lab.assert_nothing_is_left(&[]);
}

/// Another operator took the Lease: ours ends, comes back, waits until that one was silent for as long as its Lease
/// lasts, and works again.
#[test]
fn an_operator_without_its_lease_ends_and_waits_for_the_other_to_fall_silent() {
    let Some(lab) = Own::new("lease") else { return };
    lab.run(&["up"]);
    let path = "lease/clusterbenchmark-operator --namespace clusterbenchmark-system";
    let holder = || lab.get(path).and_then(|lease| lease["spec"]["holderIdentity"].as_str().map(str::to_owned));
    let ours = || holder().is_some_and(|holder| holder.starts_with("operator-"));
    until("the operator holds the Lease", ours);
    let patch = r#"{"spec":{"holderIdentity":"intruder","leaseDurationSeconds":5}}"#;
    lab.kubectl(&format!("patch {path} --type=merge --patch={patch}"));
    until("it ended because of that", || lab.run(&["logs", "operator"]).contains("intruder holds it now"));
    until("the operator holds the Lease again", ours);
    lab.run(&["down"]);
}
