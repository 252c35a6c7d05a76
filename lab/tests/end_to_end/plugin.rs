//! The plugin, as people and scripts use it: every verb, and every exit code that a lab can bring about.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::bench::{Bench, spec};
use crate::lab::{Lab, send, shared, until};

const DOCUMENT: &str = include_str!("../../../docs/plugin.md");

/// `kubectl clusterbenchmark`, which kubectl finds on the `PATH` by the name of its file.
struct Plugin<'a> {
    lab: &'a Lab,
    namespace: &'a str,
}

impl Plugin<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let binaries = std::env::var_os("CLUSTERBENCHMARK_BIN").unwrap();
        let mut plugin = self.lab.program(&Path::new(&binaries).join("kubectl-clusterbenchmark"));
        plugin.args(["--namespace", self.namespace]).args(words);
        plugin
    }

    fn run(&self, words: &[&str]) -> Output {
        self.command(words).output().unwrap()
    }

    /// Exit code, standard output, standard error.
    fn ends(&self, words: &[&str]) -> (i32, String, String) {
        let output = self.run(words);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code().unwrap_or(-1), text(output.stdout), text(output.stderr))
    }

    fn says(&self, words: &[&str]) -> String {
        let (code, said, complaint) = self.ends(words);
        assert_eq!(code, 0, "{words:?}: {said}{complaint}");
        said
    }
}

/// `watch --serve`, which ends with the test.
struct Served {
    child: Child,
    address: String,
    /// What it says goes on somewhere.
    _said: BufReader<ChildStdout>,
}

impl Served {
    fn start(plugin: &Plugin<'_>, name: &str) -> Self {
        let mut command = plugin.command(&["watch", name, "--serve", "127.0.0.1:0"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut said = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        said.read_line(&mut line).unwrap();
        let address = line.strip_prefix("serving http://").and_then(|rest| rest.strip_suffix("/, until Ctrl-C\n"));
        let address = address.unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { child, address, _said: said }
    }

    /// Head and body of the answer to who asks for this host.
    fn get(&self, host: &str) -> (String, String) {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        write!(stream, "GET / HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        (head.to_owned(), body.to_owned())
    }

    fn page(&self) -> (String, String) {
        self.get(&self.address)
    }

    /// Its exit code after Ctrl-C.
    fn interrupted(mut self) -> Option<i32> {
        send(self.child.id().try_into().unwrap(), Signal::INT);
        self.child.wait().unwrap().code()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // It may be over.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A median below so many microseconds is what is asked of the first cluster.
fn with_threshold(at_most: u32) -> Value {
    let mut spec = spec(6, 1000);
    spec["load"]["thresholds"] = json!([{ "cluster": "one", "metric": "P50Micros", "atMost": at_most }]);
    spec
}

#[test]
fn a_run_is_watched_waited_for_read_measured_again_and_compared() {
    let Some(lab) = shared("plugin") else { return };
    let plugin = Plugin { lab, namespace: "plugin" };
    // Rounds of a second and a half each: long enough for a page that says how it goes.
    let mut slow = spec(6, 10_000);
    slow["load"]["thresholds"] = with_threshold(1_000_000)["load"]["thresholds"].take();
    let bench = Bench::apply(lab, "plugin", slow);
    let (code, _, complaint) = plugin.ends(&["wait", "plugin", "--timeout", "1s"]);
    assert_eq!(code, 124, "{complaint}");
    assert!(complaint.starts_with("timed out after 1s: "), "{complaint}");
    let (code, _, complaint) = plugin.ends(&["report", "plugin"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("has no report yet: `kubectl clusterbenchmark watch plugin`"), "{complaint}");

    let served = Served::start(&plugin, "plugin");
    let (head, going) = served.page();
    assert!(head.contains("refresh: 2") && going.contains("plugin/plugin \u{b7} run 1"), "{head} {going}");
    assert!(!going.contains("<script") && head.contains("content-security-policy: default-src 'none'; "), "{head}");
    let (head, refused) = served.get("evil.example");
    assert!(head.starts_with("HTTP/1.1 421 ") && !refused.contains("plugin"), "{head} {refused}");
    let (code, _, complaint) = plugin.ends(&["watch", "plugin", "--serve", &served.address]);
    assert_eq!(code, 1);
    assert!(complaint.contains(&format!("--serve {} cannot be listened to", served.address)), "{complaint}");
    until("the page shows a round", || served.page().1.contains("Measured so far"));

    let (code, watched, complaint) = plugin.ends(&["watch", "plugin"]);
    if code == 3 && bench.is_disturbed() {
        return bench.gone_disturbed();
    }
    assert_eq!(code, 0, "{watched}{complaint}");
    assert!(watched.lines().count() > 2 && watched.contains("instances 4/4"), "a line for each change: {watched}");
    assert!(!watched.contains('\x1b'), "no pipe is drawn on: {watched}");
    let (code, waited, complaint) = plugin.ends(&["wait", "plugin"]);
    if code == 3 && bench.is_disturbed() {
        return bench.gone_disturbed();
    }
    assert_eq!(code, 0, "{waited}{complaint}");
    let status = bench.get().unwrap()["status"].clone();
    let summary = status["result"].as_str().unwrap();
    for said in [&watched, &waited] {
        assert!(said.contains(summary) && said.contains("thresholds met: "), "{summary} is not in {said}");
    }
    assert!(watched.lines().last().unwrap().starts_with("thresholds met: "), "{watched}");
    let name = status["runs"][0]["report"].as_str().unwrap();
    let columns = lab.kubectl(&format!("get benchmarkreports {name} --namespace plugin"));
    assert!(columns.contains(summary), "{summary} is not in {columns}");

    let elsewhere = Plugin { lab, namespace: "default" };
    for words in [&["report", "plugin"][..], &["wait", "plugin"], &["compare", "plugin@1", "plugin"]] {
        let (code, said, complaint) = elsewhere.ends(words);
        assert_eq!(code, 1, "{words:?}: {said}{complaint}");
        for part in [" plugin in the namespace default: ", "--all-namespaces` lists all, and -n names another"] {
            assert!(complaint.contains(part), "{words:?}: {part} is not in {complaint}");
        }
    }

    let text = plugin.says(&["report", "plugin"]);
    let document: Value = serde_json::from_str(&plugin.says(&["report", "plugin", "--output", "json"])).unwrap();
    assert_eq!(document["summary"].as_str().unwrap(), summary);
    assert!(text.contains(document["verdict"].as_str().unwrap()), "{text}");
    let csv = plugin.says(&["report", "plugin", "-o", "csv"]);
    assert!(csv.lines().count() > 12, "six rounds of two clusters: {csv}");
    let page = plugin.says(&["report", "plugin", "-o", "html"]);
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("Content-Security-Policy"), "{}", &page[..300]);
    until("the page that is served is the report's, byte by byte", || served.page().1 == page);
    assert!(!served.page().0.contains("refresh:"), "nothing is to come");
    let comment = plugin.says(&["report", "plugin", "-o", "md"]);
    assert!(comment.contains("| cluster | requests |"), "{comment}");
    assert!(comment.replace('\\', "").contains(document["verdict"].as_str().unwrap()), "{comment}");

    let said = plugin.says(&["rerun", "plugin"]);
    assert!(said.starts_with("plugin: run 2 is asked for"), "{said}");
    let (code, waited, complaint) = plugin.ends(&["wait", "plugin"]);
    if code == 3 && bench.is_disturbed() {
        return bench.gone_disturbed();
    }
    assert_eq!(code, 0, "{waited}{complaint}");
    let beside = plugin.says(&["compare", "plugin@1", "plugin@2"]);
    assert!(beside.contains("run 1") && beside.contains("run 2"), "{beside}");
    assert!(beside.contains("two against one: ") && beside.contains("Not paired: "), "{beside}");
    let (code, _, complaint) = plugin.ends(&["report", "plugin", "--run", "7"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("no report of the run 7: there are those of 1, 2"), "{complaint}");
    let (code, _, complaint) = plugin.ends(&["rerun", "plugin", "--run", "1"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("--run 1: plugin has a run of this name"), "{complaint}");

    let second = plugin.says(&["report", "plugin", "-o", "html"]);
    until("the page is that of the second run", || served.page().1 == second);
    bench.delete();
    let (code, _, complaint) = plugin.ends(&["wait", "plugin"]);
    assert_eq!(code, 1);
    assert!(complaint.contains("there is no ClusterBenchmark plugin in the namespace plugin"), "{complaint}");
    // The report outlives it, and so does the page.
    plugin.says(&["report", "plugin", "--run", "2"]);
    assert_eq!(served.page().1, second);
    assert_eq!(served.interrupted(), Some(130));
}

/// Runs that others may disturb before a test says that it showed nothing.
const TRIES: usize = 5;

/// Each way to end that the documentation has a code for, as a script meets it.
#[test]
fn a_script_tells_every_end_from_every_other() {
    let Some(lab) = shared("plugin exit codes") else { return };
    let plugin = Plugin { lab, namespace: "plugin-codes" };
    let stalls = Plugin { lab, namespace: "plugin-codes-stalled" };
    let mut seen = BTreeSet::new();
    let mut ended = |plugin: &Plugin<'_>, words: &[&str], wanted: i32, part: &str| {
        let (code, said, complaint) = plugin.ends(words);
        assert_eq!(code, wanted, "{words:?}: {said}{complaint}");
        assert!(said.contains(part) || complaint.contains(part), "{words:?}: {part} is not in {said}{complaint}");
        seen.insert(code);
    };
    let mut stalled = spec(2, 1000);
    stalled["network"] = json!({ "subnetIds": ["subnet-0123456789abcdef0"] });
    let bench = Bench::apply(lab, "plugin-codes-stalled", stalled);
    ended(&stalls, &["wait", "plugin-codes-stalled"], 5, "UnknownSubnet: ");
    bench.delete();

    let mut ends = |words: &[&str], wanted: i32, part: &str| ended(&plugin, words, wanted, part);
    let wait = ["wait", "plugin-codes"];
    ends(&["wait"], 2, "<NAME>");
    ends(&wait, 1, "there is no ClusterBenchmark plugin-codes");

    // Two rounds carry no interval, so nothing between clusters is decided.
    let mut undecided = spec(2, 1000);
    undecided["load"]["thresholds"] = json!([{ "cluster": "two", "fasterThan": "one" }]);
    let bench = Bench::apply(lab, "plugin-codes", undecided.clone());
    ends(&[&wait[..], &["--timeout", "1s"]].concat(), 124, "timed out after 1s");
    let mut watching = plugin.command(&["watch", "plugin-codes"]).stdout(Stdio::piped()).spawn().unwrap();
    let mut said = BufReader::new(watching.stdout.take().unwrap());
    // Once it says something it hears Ctrl-C as well.
    assert!(said.read_line(&mut String::new()).unwrap() > 0);
    assert_eq!(interrupted(watching), Some(130));
    // Whoever is stolen from measures again.
    let settled = |mut spec: Value, name: &str| {
        (0..TRIES).find_map(|number| {
            let id = format!("{name}-{number}");
            spec["runId"] = id.clone().into();
            bench.apply_spec(spec.clone());
            let (code, _, _) = plugin.ends(&wait);
            (code != 3 || !bench.is_disturbed()).then_some(id)
        })
    };
    let Some(first) = settled(undecided, "undecided") else { return bench.gone_disturbed() };
    let first = format!("plugin-codes@{first}");
    ends(&wait, 6, "threshold undecided: ");

    // Every answer is a wrong one.
    let mut wrong = spec(2, 1000);
    wrong["load"]["request"] = json!({ "expectStatus": 418 });
    wrong["runId"] = "wrong".into();
    bench.apply_spec(wrong);
    ends(&wait, 3, "Invalid: ");
    ends(&["compare", &first, "plugin-codes"], 7, "is not valid: ");

    // Another load, and a threshold that cannot be met.
    let mut missed = with_threshold(1);
    missed["load"]["rounds"] = 2.into();
    missed["load"]["phases"][0]["concurrency"] = 5.into();
    let Some(_) = settled(missed, "missed") else { return bench.gone_disturbed() };
    ends(&wait, 4, "threshold not met: ");
    ends(&["compare", &first, "plugin-codes"], 7, "load.phases differ");
    let mut met = with_threshold(1_000_000);
    met["load"]["rounds"] = 2.into();
    let Some(_) = settled(met, "met") else { return bench.gone_disturbed() };
    ends(&wait, 0, "thresholds met: ");
    bench.delete();

    seen.insert(130);
    let codes = DOCUMENT.split("## Exit codes").nth(1).unwrap().lines();
    let documented: BTreeSet<i32> =
        codes.filter_map(|line| line.strip_prefix("| ")?.split(' ').next()?.parse().ok()).collect();
    assert_eq!(seen, documented, "those that were met, and those that docs/plugin.md has");
}

/// Exit code of a child after Ctrl-C.
fn interrupted(mut child: Child) -> Option<i32> {
    send(child.id().try_into().unwrap(), Signal::INT);
    child.wait().unwrap().code()
}

#[test]
fn a_benchmark_that_stalls_and_one_that_is_not_valid_end_the_wait_at_once() {
    let Some(lab) = shared("plugin stalls") else { return };
    let plugin = Plugin { lab, namespace: "plugin-stalls" };
    let mut spec = spec(6, 1000);
    spec["network"] = json!({ "subnetIds": ["subnet-0123456789abcdef0"] });
    let bench = Bench::apply(lab, "plugin-stalls", spec);
    let (code, _, complaint) = plugin.ends(&["wait", "plugin-stalls", "--timeout", "2m"]);
    assert_eq!(code, 5, "{complaint}");
    assert!(complaint.contains("UnknownSubnet: "), "{complaint}");
    let (code, said, _) = plugin.ends(&["doctor"]);
    assert_eq!(code, 1, "{said}");
    for line in [
        "ok    operator clusterbenchmark-system/operator",
        "ok    you may create clusterbenchmarks",
        "FAIL  plugin-stalls: UnknownSubnet",
    ] {
        assert!(said.contains(line), "{line} is not in {said}");
    }
    bench.delete();
    assert!(plugin.says(&["doctor"]).contains("ok    0 benchmarks in plugin-stalls, none is stalled"));
}

#[test]
fn what_is_not_permitted_is_said_with_the_verb() {
    let Some(lab) = shared("plugin permissions") else { return };
    lab.kubectl("create namespace plugin-nobody");
    lab.kubectl("create serviceaccount nobody --namespace plugin-nobody");
    let token = lab.kubectl("create token nobody --namespace plugin-nobody");
    let mut config: Value = serde_json::from_str(&lab.kubectl("config view --raw --output=json")).unwrap();
    for user in config["users"].as_array_mut().unwrap() {
        user["user"] = json!({ "token": token.trim() });
    }
    let path = lab.directory().join("nobody.kubeconfig");
    std::fs::write(&path, config.to_string()).unwrap();
    let plugin = Plugin { lab, namespace: "plugin-nobody" };
    let nobody = ["--kubeconfig", path.to_str().unwrap()];
    for (words, said) in [
        (
            &["report", "x"][..],
            "you may not get benchmarkreports in the namespace plugin-nobody: ask for the verb `get`",
        ),
        (&["wait", "x"], "you may not get clusterbenchmarks in the namespace plugin-nobody"),
        (&["iam", "--account", "123456789012"], "and set --cluster-uid"),
    ] {
        let (code, _, complaint) = plugin.ends(&[words, &nobody].concat());
        assert_eq!(code, 1, "{complaint}");
        assert!(complaint.contains(said), "{complaint}");
    }
    let policy = plugin.says(&["iam", "--account", "123456789012"]);
    assert!(policy.contains("123456789012") && !policy.contains("ACCOUNT_ID"));
    let (code, _, complaint) = plugin.ends(&["wait", "x", "--timeout", "soon"]);
    assert_eq!(code, 2);
    assert!(complaint.contains("write it as 90s, 30m or 1h30m"), "{complaint}");
    assert!(plugin.says(&["completions", "bash"]).contains("complete"));
    let script = plugin.says(&["completions", "kubectl"]);
    assert!(script.starts_with("#!/bin/sh\n") && script.contains("kubectl-clusterbenchmark __complete "), "{script}");
    let binaries = std::env::var_os("CLUSTERBENCHMARK_BIN").unwrap();
    let mut asking = lab.program(&Path::new(&binaries).join("kubectl-clusterbenchmark"));
    let answer = asking.args(["__complete", "report", "x", "--out"]).output().unwrap();
    assert_eq!(String::from_utf8(answer.stdout).unwrap(), "--output\tForm of the report\n:4\n");
}
