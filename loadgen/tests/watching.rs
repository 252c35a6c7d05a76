//! `loadgen watch`, through the real binary: the queues behind a front.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::process::Stdio;

use support::{Backend, FakeBalancer, Reply, status};
use tokio::io::{AsyncBufReadExt, BufReader};
use wire::{BalancerStatus, Health, QueueStatus};

fn loadgen(arguments: &[&str]) -> tokio::process::Command {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"));
    command.arg("watch").args(arguments).env_remove("CONTROL_LISTEN").kill_on_drop(true);
    command
}

/// A front that has `waiting` more requests in the queue of `micro` at each look.
fn front(look: usize) -> Option<BalancerStatus> {
    let queue = |cluster: &str, waiting| QueueStatus {
        cluster: cluster.into(),
        accepted: 38 + waiting,
        answered: 38,
        open: waiting,
        waiting,
        answers_waiting: 2,
        running: 3,
        inputs: 40,
        outputs: 38,
        ..QueueStatus::default()
    };
    let queues = vec![queue("micro", 10 + look as u64), queue("medium", 0)];
    Some(BalancerStatus { queues, ..status(&["micro", "medium"], 0, Health::Healthy) })
}

/// The cells of a line, without its time.
fn cells(line: &str) -> Vec<&str> {
    line.split_whitespace().skip(1).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_five_columns_are_shown_for_each_cluster() {
    let front = FakeBalancer::start(front).await;
    let output = loadgen(&[&front.control(), "--once"]).output().await.unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let lines: Vec<Vec<&str>> = text.lines().map(cells).collect();
    assert_eq!(
        lines,
        [
            ["CLUSTER", "REQUESTS", "ANSWERS", "RUNNING", "INPUTS", "OUTPUTS"],
            ["micro", "10", "2", "3", "40", "38"],
            ["medium", "0", "2", "3", "40", "38"],
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_shown_until_an_interrupt_also_when_a_look_fails() {
    let front = FakeBalancer::start(|look| front(look).filter(|_| look != 1)).await;
    let mut child = loadgen(&[&front.control()]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut shown = Vec::new();
    while shown.len() < 5 {
        shown.push(lines.next_line().await.unwrap().unwrap());
    }
    assert_eq!(cells(&shown[1])[..2], ["micro", "10"]);
    assert_eq!(cells(&shown[3])[..2], ["micro", "12"], "the look in between failed");
    let pid = rustix::process::Pid::from_raw(child.id().unwrap() as i32).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("does not answer: it answered 500"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_is_no_fronts_is_said_to_be_none() {
    let balancer = FakeBalancer::start(|_| Some(status(&["a"], 0, Health::Healthy))).await;
    let page = Backend::fine().await;
    let nothing = Backend::start(|_, _| Reply::Status(404)).await;
    let unused = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (url, why) in [
        (balancer.control(), "is no front: it is a balancer, which has no queues; give the control address of a front"),
        (page.url("/"), "is no front: what it answers is not the status of one"),
        (nothing.url(""), "is no front: it answered 404"),
        (format!("http://{unused}"), "does not answer: Connection refused"),
        ("https://h".to_owned(), "write http://"),
        ("10.0.0.5:8081".to_owned(), "is not a URL: write it as http://host:port"),
    ] {
        let output = loadgen(&[&url]).output().await.unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(output.status.code() == Some(1) && error.contains(why), "{url} says {error:?}, not {why:?}");
        assert!(output.stdout.is_empty());
    }
}
