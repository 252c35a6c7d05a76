//! A node of a load balancer, its targets and its clients, with real sockets.

#![allow(clippy::expect_used)] // the exemption for tests does not reach their fixtures

mod backend;
mod bodies;
mod choosing;
mod client;
mod counting;
mod failures;
mod health;
mod processes;
mod routing;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::SocketAddr;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use lab::albnode::{Action, Algorithm, Config, Event, Group, HealthCheck, HealthState, Rule, Sample, Target};

use backend::Backend;
use client::{Client, get};

/// Longest wait for anything; reached only when it never comes.
const PATIENCE: Duration = Duration::from_secs(30);

const ZONE: &str = "us-east-1a";

/// A node as a process; ends with this.
struct Node {
    child: Child,
    stdin: Option<ChildStdin>,
    events: Receiver<Event>,
    /// Those that were read on the way to another event.
    samples: Vec<Sample>,
    address: SocketAddr,
    version: u64,
}

impl Node {
    fn start(options: &[&str]) -> Self {
        Self::at("127.0.0.1:0", options)
    }

    fn at(listen: &str, options: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
            .args(["albnode", "--listen", listen])
            .args(options)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("a node");
        let (stdin, stdout) = (child.stdin.take(), child.stdout.take().expect("a pipe"));
        let (say, events) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let event = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{line}: {error}"));
                if say.send(event).is_err() {
                    return;
                }
            }
        });
        let address = "127.0.0.1:0".parse().expect("an address");
        let mut node = Self { child, stdin, events, samples: Vec::new(), address, version: 0 };
        node.address = node.until("listening", |event| match event {
            Event::Listening { address } => Some(*address),
            _ => None,
        });
        node
    }

    fn say(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().expect("open"), "{line}").expect("it listens");
    }

    /// Sends a configuration and waits until it is in force.
    fn configure(&mut self, config: &Config) {
        self.version += 1;
        let config = Config { version: self.version, ..config.clone() };
        self.say(&serde_json::to_string(&config).expect("JSON"));
        let version = self.version;
        self.until("configured", |event| match event {
            Event::Configured { version: now } => (*now == version).then_some(()),
            Event::Refused { why } => panic!("{why}"),
            _ => None,
        });
    }

    /// The first event of those to come that `wanted` takes.
    fn until<T>(&mut self, what: &str, mut wanted: impl FnMut(&Event) -> Option<T>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let event = self.events.recv_timeout(left).unwrap_or_else(|_| panic!("waited in vain for {what}"));
            let found = wanted(&event);
            if let Event::Sample(sample) = event {
                self.samples.push(sample);
            }
            if let Some(found) = found {
                return found;
            }
        }
    }

    /// Waits until targets are in a state, the last one too.
    fn until_all(&mut self, state: HealthState, mut targets: Vec<&str>) {
        self.until("the health of targets", |event| {
            if let Event::Health(health) = event {
                targets.retain(|target| !(*target == health.target && state == health.state));
            }
            targets.is_empty().then_some(())
        });
    }

    /// Ends it by ending its standard input. Everything that it counted, in one sample.
    fn end(mut self) -> Sample {
        drop(self.stdin.take());
        let status = self.child.wait().expect("its end");
        assert!(status.success(), "{status}");
        while let Ok(event) = self.events.recv_timeout(PATIENCE) {
            if let Event::Sample(sample) = event {
                self.samples.push(sample);
            }
        }
        sum(std::mem::take(&mut self.samples))
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn sum(samples: Vec<Sample>) -> Sample {
    let mut sum = Sample::default();
    for sample in samples {
        for (status, count) in sample.own {
            *sum.own.entry(status).or_default() += count;
        }
        sum.fixed += sample.fixed;
        sum.new_connections += sample.new_connections;
        sum.rejected_connections += sample.rejected_connections;
        for (id, group) in sample.groups {
            let of_group = sum.groups.entry(id).or_default();
            of_group.requests += group.requests;
            of_group.connection_errors += group.connection_errors;
            for (status, micros) in group.answers {
                of_group.answers.entry(status).or_default().extend(micros);
            }
            // Not a sum: the last word.
            (of_group.registered, of_group.healthy, of_group.unhealthy) =
                (group.registered, group.healthy, group.unhealthy);
        }
    }
    sum
}

/// A configuration of one group `all` that takes every path.
fn one_group(algorithm: Algorithm, backends: &[&Backend]) -> Config {
    config([("all", algorithm, backends)], &[(1, &["*"], "all")])
}

fn config<'a>(
    groups: impl IntoIterator<Item = (&'a str, Algorithm, &'a [&'a Backend])>,
    rules: &[(u32, &[&str], &str)],
) -> Config {
    let groups = groups.into_iter().map(|(id, algorithm, backends)| Group {
        id: id.to_owned(),
        algorithm,
        health_check: HealthCheck {
            path: "/health".to_owned(),
            interval_millis: 20,
            timeout_millis: 15_000,
            healthy_count: 2,
            unhealthy_count: 2,
            statuses: "200-299".to_owned(),
        },
        targets: backends.iter().map(|backend| target(backend)).collect(),
    });
    let rules = rules.iter().map(|(priority, paths, group)| Rule {
        priority: *priority,
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        action: Action::Forward(BTreeMap::from([((*group).to_owned(), 1)])),
    });
    Config { zones: vec![ZONE.to_owned()], rules: rules.collect(), groups: groups.collect(), ..Config::default() }
}

fn target(backend: &Backend) -> Target {
    Target {
        id: backend.name.clone(),
        address: backend.address,
        zone: ZONE.to_owned(),
        draining: false,
        reachable: true,
    }
}

/// A node whose targets are all healthy.
fn serving(options: &[&str], algorithm: Algorithm, backends: &[&Backend]) -> (Node, Config) {
    let (mut node, config) = (Node::start(options), one_group(algorithm, backends));
    node.version += 1;
    let sent = Config { version: node.version, ..config.clone() };
    // Not `configure`, which would read over the states that are waited for.
    node.say(&serde_json::to_string(&sent).expect("JSON"));
    node.until_all(HealthState::Healthy, backends.iter().map(|backend| backend.name.as_str()).collect());
    (node, config)
}

/// Looks again and again, without a pause between that would be a guess.
fn until(what: &str, is_so: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !is_so() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::yield_now();
    }
}
