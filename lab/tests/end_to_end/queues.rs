//! Benchmarks behind queues: every answer is right, nothing is lost however often pullers and operator die, nothing is left.
//!
//! `SERVICE_MILLIS=500 cargo xtask test lab nothing_is_lost` lets each request take half a second while they die, and
//! `DUPLICATES_PER_MILLE=200` lets a fifth of all messages be delivered twice; `cargo xtask soak` does both.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::bench::{self, Bench, REQUESTS};
use crate::lab::{Lab, is_possible, send, shared, skipped, text, until};

const SAMPLE: &str = include_str!("../../../manifests/samples/queue.yaml");
const CORPUS: &str = "../examples/corpus.tar";
const ROUNDS: u32 = 2;

/// Requests while pullers die, at so many at a time.
const UNDER_FIRE: usize = 300;
const AT_ONCE: u32 = 20;
/// How long each takes, and how many of a thousand messages are delivered twice: what a gate has time for, unless
/// `SERVICE_MILLIS` and `DUPLICATES_PER_MILLE` say otherwise.
const SERVICE_MILLIS: u32 = 200;
const DUPLICATES_PER_MILLE: u32 = 0;
/// From one death to the next.
const PULLER_DIES: Duration = Duration::from_secs(2);
const OPERATOR_DIES: Duration = Duration::from_secs(10);
/// The lab in which they die, with deadlines that are minutes on EC2.
const UP: [&str; 4] = [
    "up",
    "--operator-arg=--launch-window-seconds=10",
    "--operator-arg=--settle-seconds=3",
    "--operator-arg=--proof-gap-seconds=1",
];
/// Seconds after which the lab refuses credentials of an instance. Front and pullers fetch new ones when ten of them are left.
const CREDENTIALS_LIVE: u64 = 30;

/// The value of a line of the sample.
fn of_sample(key: &str) -> &str {
    let line = SAMPLE.lines().find_map(|line| line.trim().strip_prefix(key));
    line.unwrap_or_else(|| panic!("no {key} in the sample")).trim()
}

/// What all benchmarks of this file are behind. A request whose worker is gone comes back after five seconds.
pub(crate) fn behind_queues(mut spec: Value) -> Value {
    spec["balancer"] = json!({
        "kind": "Queue",
        "queue": { "instanceProfile": "clusterbench-queue", "visibilitySeconds": 5, "attempts": 50 },
    });
    spec["load"]["timeoutSeconds"] = json!(120);
    let corpus = json!({ "url": of_sample("url:"), "sha256": of_sample("sha256:") });
    spec["load"]["request"] = json!({ "method": "POST", "corpus": corpus });
    spec
}

/// Queues and bucket that the lab's cloud has of a benchmark: names of queues, and inputs and outputs of its bucket.
fn made(lab: &Lab, placed: &Value) -> (Vec<String>, Option<(u64, u64)>) {
    let (stem, bucket) = (placed["stem"].as_str().unwrap(), &placed["bucket"]);
    let status: Value = serde_json::from_str(&lab.ask("GET", "/status").1).unwrap();
    let names = status["queues"].as_array().unwrap().iter().map(|queue| queue["name"].as_str().unwrap().to_owned());
    let own = status["buckets"].as_array().unwrap().iter().find(|one| one["name"] == *bucket);
    let count = |of: &Value, name: &str| of[name].as_u64().unwrap();
    (
        names.filter(|name| name.starts_with(stem)).collect(),
        own.map(|own| (count(own, "inputs"), count(own, "outputs"))),
    )
}

pub(crate) fn nothing_is_left(bench: &Bench, placed: &Value) {
    bench.delete();
    until("queues, bucket and objects are gone", || made(bench.lab, placed) == (Vec::new(), None));
}

#[test]
fn a_hundred_files_are_answered_right_and_nothing_is_left() {
    let Some(lab) = shared("queues") else { return };
    let bench = Bench::apply(lab, "queued", behind_queues(bench::spec(ROUNDS, 5000)));
    let seen = bench.ready();
    let pools = bench.only_running();
    let names: Vec<&str> = pools.keys().map(String::as_str).collect();
    assert_eq!(names, ["front", "generator", "one", "two"]);
    assert_eq!(seen["status"]["balancer"]["kind"], "Queue");
    let of_clusters: Vec<&Value> =
        seen["status"]["queues"].as_array().unwrap().iter().map(|one| &one["cluster"]).collect();
    assert_eq!(of_clusters, ["one", "two"]);

    let [(object, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    let stored: Value = serde_json::from_str(object["spec"]["report"].as_str().unwrap()).unwrap();
    for (number, cluster) in report.clusters.iter().enumerate() {
        let wanted = REQUESTS * u64::from(ROUNDS);
        assert_eq!((cluster.requests, cluster.failures.total()), (wanted, 0), "{}", cluster.cluster);
        assert_eq!(stored["clusters"][number]["right"], wanted, "{}", cluster.cluster);
    }

    let placed = &seen["status"]["placement"]["queue"];
    let (queues, objects) = made(lab, placed);
    assert_eq!(queues.len(), 4, "{queues:?}");
    // The warm-up's too; what was asked was answered.
    let (inputs, outputs) = objects.unwrap();
    assert!(inputs >= 2 * REQUESTS * u64::from(ROUNDS) && inputs == outputs, "{inputs} {outputs}");
    aws_lists_them(lab, placed, &queues);
    nothing_is_left(&bench, placed);
}

/// With the official command line and all that `lab env` prints, its function included.
fn aws_lists_them(lab: &Lab, placed: &Value, queues: &[String]) {
    let words = ["stem", "bucket"].map(|name| placed[name].as_str().unwrap());
    let script = format!(
        "{}\naws sqs list-queues --queue-name-prefix {} --query QueueUrls --output text\n\
         aws s3api list-objects-v2 --bucket {} --prefix in/ --max-items 1 --query 'Contents[0].Key' --output text",
        lab.run(&["env"]),
        words[0],
        words[1]
    );
    if Command::new("aws").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_err() {
        return skipped("aws sqs and s3api", "there is no aws on PATH (pip install awscli)");
    }
    let mut shell = Command::new("bash");
    shell.args(["-euc", &script]).env("HOME", lab.directory()).env("AWS_PAGER", "").stdin(Stdio::null());
    shell.env_remove("AWS_PROFILE").env_remove("AWS_SESSION_TOKEN");
    let said = text(&["aws sqs", "aws s3api"], &shell.output().unwrap());
    assert!(queues.iter().all(|name| said.contains(&format!("/{name}"))), "{said}");
    assert!(said.lines().any(|line| line.starts_with("in/")), "{said}");
}

/// A number that the environment may say.
fn asked(name: &str, otherwise: u32) -> u32 {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text} is no number")))
}

/// A lab of its own: its knobs are for all instances that start in it, and another test turns those of the shared one back.
#[test]
fn nothing_is_lost_while_a_puller_dies_every_two_seconds_and_the_operator_every_ten() {
    if !is_possible("queues under fire") {
        return;
    }
    Lab::new("under-fire").while_up(&UP, under_fire);
}

fn under_fire(lab: &'static Lab) {
    let millis = asked("SERVICE_MILLIS", SERVICE_MILLIS);
    let duplicates = asked("DUPLICATES_PER_MILLE", DUPLICATES_PER_MILLE);
    lab.run(&["chaos", &format!("role-credentials={CREDENTIALS_LIVE}s")]);
    let mut wanted = behind_queues(bench::spec(1, millis * 1000));
    wanted["clusters"] = json!([{ "name": "one", "instanceType": "t2.micro", "count": 4 }]);
    // A short one, after which the tier stays.
    wanted["load"]["phases"] = json!([{ "arrivals": "ClosedLoop", "concurrency": 4, "requests": 8 }]);
    wanted["load"]["warmupRequests"] = json!(0);
    let bench = Bench::apply(lab, "under-fire-queued", wanted);
    let seen = bench.ready();
    let placed = seen["status"]["placement"]["queue"].clone();
    let workers = bench.only_running()["one"].clone();
    let (_, before) = made(lab, &placed);
    if duplicates > 0 {
        let knob = format!("queue-duplicates={}.{}%", duplicates / 10, duplicates % 10);
        lab.run(&["chaos", &knob]);
    }

    let endpoint = seen["status"]["balancer"]["endpoint"].as_str().unwrap();
    let files = Arc::new(corpus(lab));
    let begun = Instant::now();
    let address = endpoint.strip_prefix("http://").unwrap();
    let clients = clients(&files, address);
    let (mut pullers, mut operators) = (0, 0);
    let (mut last_puller, mut last_operator) = (Instant::now(), Instant::now());
    until("all are answered", || {
        if last_puller.elapsed() >= PULLER_DIES {
            last_puller = Instant::now();
            pullers += usize::from(kill_puller(lab, &workers[pullers % workers.len()]));
        }
        if last_operator.elapsed() >= OPERATOR_DIES {
            last_operator = Instant::now();
            lab.kill("operator");
            operators += 1;
        }
        clients.iter().all(JoinHandle::is_finished)
    });
    let mut answers: Vec<(usize, u16, String)> = clients.into_iter().flat_map(|one| one.join().unwrap()).collect();
    let took = begun.elapsed().as_secs_f64();
    if duplicates > 0 {
        lab.run(&["chaos", "queue-duplicates=off"]);
    }
    // The front began with others, and nobody killed it.
    until("the first credentials are over", || begun.elapsed().as_secs() > CREDENTIALS_LIVE);
    answers.push(ask(address, UNDER_FIRE, &files[UNDER_FIRE % files.len()].0));
    let is_right =
        |(number, status, body): &&(usize, u16, String)| *status == 200 && *body == files[number % files.len()].1;
    let wrong: Vec<_> = answers.iter().filter(|one| !is_right(one)).collect();
    assert!(answers.len() == UNDER_FIRE + 1 && wrong.is_empty(), "{pullers} and {operators} died: {wrong:?}");
    assert!(pullers >= 3 && operators >= 1, "{pullers} pullers and {operators} operators died");
    // One output for each input, however often it was worked on.
    let sent = answers.len() as u64;
    let more = |count: (u64, u64)| (count.0 + sent, count.1 + sent);
    assert_eq!(made(lab, &placed).1, before.map(more));
    assert_eq!(bench.only_running()["one"], workers, "no instance was replaced");
    println!(
        "{UNDER_FIRE} requests of {millis} ms are answered right in {took:.1} s: {duplicates} of a thousand messages were to come \
         twice, {pullers} pullers and {operators} operators died"
    );
    nothing_is_left(&bench, &placed);
}

/// The files of the corpus, each with its right answer.
fn corpus(lab: &Lab) -> Vec<(Vec<u8>, String)> {
    let directory = lab.directory().join("corpus");
    fs::create_dir_all(&directory).unwrap();
    let status = Command::new("tar").args(["-xf", CORPUS, "-C"]).arg(&directory).status().unwrap();
    assert!(status.success(), "the corpus cannot be unpacked");
    let table = fs::read_to_string(directory.join("expected.csv")).unwrap();
    let rows = table.lines().skip(1).map(|row| row.split_once(',').unwrap());
    rows.map(|(stem, name)| (fs::read(directory.join(format!("{stem}.pgm"))).unwrap(), name.to_owned())).collect()
}

/// Clients that send the files in turn, each the next one when it has its answer: number, status and body of the answers. Our
/// generator would void its round, because workers restart.
fn clients(files: &Arc<Vec<(Vec<u8>, String)>>, address: &str) -> Vec<JoinHandle<Vec<(usize, u16, String)>>> {
    let next = Arc::new(AtomicUsize::new(0));
    let client = |_| {
        let (files, next, address) = (Arc::clone(files), Arc::clone(&next), address.to_owned());
        thread::spawn(move || {
            let numbers =
                std::iter::repeat_with(|| next.fetch_add(1, Relaxed)).take_while(|number| *number < UNDER_FIRE);
            numbers.map(|number| ask(&address, number, &files[number % files.len()].0)).collect()
        })
    };
    (0..AT_ONCE).map(client).collect()
}

fn ask(address: &str, number: usize, file: &[u8]) -> (usize, u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(150))).unwrap();
    let head =
        format!("POST /one HTTP/1.1\r\nhost: front\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", file.len());
    stream.write_all(&[head.as_bytes(), file].concat()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (number, head.split(' ').nth(1).unwrap().parse().unwrap(), body.trim().to_owned())
}

/// SIGKILL to the puller of an instance, which its systemd starts again. Whether there was one.
fn kill_puller(lab: &Lab, instance: &str) -> bool {
    let processes = lab.processes_of(instance);
    let puller = processes.iter().find(|(_, program)| program.file_name().is_some_and(|name| name == "puller"));
    puller.inspect(|(pid, _)| send(*pid, Signal::KILL)).is_some()
}
