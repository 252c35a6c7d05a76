//! The life of one pod: its volumes, its process, its probes, its end.

use std::net::Ipv4Addr;
use std::process::ExitStatus;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::Value;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep_until};

use crate::kubelet::backoff::{Backoff, LIMIT};
use crate::kubelet::board::Board;
use crate::kubelet::image;
use crate::kubelet::launch::Waiting;
use crate::kubelet::mounts::Mounts;
use crate::kubelet::place::Place;
use crate::kubelet::probe::{Change, Probes};
use crate::kubelet::report::Reports;
use crate::kubelet::spec::{Head, PodSpec};
use crate::kubelet::status::{End, Fixed, Situation, State, restarts};
use crate::part::{Process, Program};

/// Before a container that could not be started is tried again: what it waits for may be there now.
const RETRY: Duration = Duration::from_millis(500);
/// Between two looks at tokens and volumes of a container that runs (`kubelet.go`, syncFrequency of one minute).
const REFRESH: Duration = Duration::from_secs(60);

/// What is to become of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Run,
    /// SIGTERM, and SIGKILL after so long.
    End(Duration),
    /// There is no such pod any more.
    Vanish,
}

/// One pod.
pub(super) struct Worker {
    pub(super) place: Arc<Place>,
    pub(super) head: Head,
    pub(super) pod: Value,
    pub(super) address: Ipv4Addr,
    pub(super) wishes: watch::Receiver<Wish>,
    pub(super) reports: Reports,
    pub(super) situation: Situation,
}

/// A process that was started, and its end.
struct Started {
    process: Arc<Process>,
    exit: oneshot::Receiver<std::io::Result<ExitStatus>>,
}

impl Worker {
    /// Returns when nothing of the pod runs any more and nothing of it will.
    pub(super) async fn live(mut self) {
        let spec = PodSpec::of(&self.pod);
        let judged =
            spec.map_err(|error| Waiting { reason: "CreateContainerConfigError", message: format!("{error:#}") });
        match judged.and_then(|spec| image::judge(spec.container()).map(|()| spec)) {
            Ok(spec) => self.run(&spec).await,
            Err(waiting) => {
                self.wait(waiting);
                self.asked_to_end().await;
            }
        }
        self.over();
    }

    async fn run(&mut self, spec: &PodSpec) {
        let mut mounts = Mounts::new(self.place.clone(), &self.head, self.address);
        let mut backoff = Backoff::new(LIMIT);
        while let Some(started) = self.start(spec, &mut mounts).await {
            let end = self.attend(spec, started, &mut mounts).await;
            let (code, ended) = (end.code, Instant::now());
            self.situation.turn(State::Ended(end));
            (self.situation.is_ready, self.situation.is_started) = (false, false);
            if self.is_to_end() || !restarts(spec.restart_policy, code) {
                return;
            }
            let rest = backoff.rest(ended);
            if !rest.is_zero() {
                let message = format!(
                    "back-off {}s restarting failed container={} pod={}",
                    rest.as_secs(),
                    spec.container().name,
                    self.head.name
                );
                self.wait(Waiting { reason: "CrashLoopBackOff", message });
                tokio::select! {
                    () = sleep_until(ended + rest) => {}
                    () = self.asked_to_end() => return,
                }
            }
            backoff.restarted(ended, Instant::now());
            self.situation.restarts += 1;
        }
    }

    /// A process, once there is all that it needs; `None` if the pod is to end before.
    async fn start(&mut self, spec: &PodSpec, mounts: &mut Mounts) -> Option<Started> {
        loop {
            if self.is_to_end() {
                return None;
            }
            let program = tokio::select! {
                program = mounts.program(spec) => program,
                () = self.asked_to_end() => return None,
            };
            let started = match program {
                Ok(program) => self.spawn(program).await,
                Err(waiting) => Err(waiting),
            };
            match started {
                Ok(started) => return Some(started),
                Err(waiting) => self.wait(waiting),
            }
            tokio::select! {
                () = tokio::time::sleep(RETRY) => {}
                () = self.asked_to_end() => return None,
            }
        }
    }

    async fn spawn(&mut self, program: Program) -> Result<Started, Waiting> {
        let begins = std::fs::metadata(&program.log).map_or(0, |log| log.len());
        let log = program.log.clone();
        let address = program.address.clone();
        let started = started(program).await;
        let started =
            started.map_err(|error| Waiting { reason: "RunContainerError", message: format!("{error:#}") })?;
        let since = started.process.started_at;
        self.situation.turn(State::Running { id: id(&started.process), since });
        let restarts = self.situation.restarts;
        self.board().set(&self.head.uid, |entry| {
            entry.address = address;
            entry.process = Some(started.process.clone());
            entry.restarts = restarts;
            entry.waits.clear();
            entry.log = log;
            entry.began = (restarts > 0).then_some(entry.begins);
            (entry.begins, entry.ends) = (begins, None);
        });
        Ok(started)
    }

    /// Watches over a process until it has ended.
    async fn attend(&mut self, spec: &PodSpec, started: Started, mounts: &mut Mounts) -> End {
        let Started { process, mut exit } = started;
        let mut probes = Probes::of(spec.container(), self.address);
        let mut refresh = interval_at(Instant::now() + REFRESH, REFRESH);
        refresh.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut wishes = self.wishes.clone();
        wishes.mark_changed();
        // SIGKILL, once SIGTERM was sent.
        let mut deadline: Option<Instant> = None;
        self.probed(&probes);
        loop {
            tokio::select! {
                status = &mut exit => return self.ended(spec, &process, status.ok().and_then(Result::ok)),
                Ok(()) = wishes.changed() => {
                    let wish = *wishes.borrow_and_update();
                    match wish {
                        Wish::Run => {}
                        Wish::End(grace) => end_within(&process, grace, &mut deadline),
                        Wish::Vanish => end_within(&process, Duration::ZERO, &mut deadline),
                    }
                }
                () = sleep_until(deadline.unwrap_or_else(Instant::now)), if deadline.is_some() => {
                    process.signal(Signal::KILL);
                    deadline = None;
                }
                change = probes.next(), if deadline.is_none() => match change {
                    Change::Unwell(why) => {
                        tracing::warn!(pod = self.head.name, why, "the container is ended, to be started again");
                        let grace = Duration::from_secs(spec.termination_grace_period_seconds);
                        end_within(&process, grace, &mut deadline);
                    }
                    Change::Started | Change::Ready(_) => self.probed(&probes),
                },
                _ = refresh.tick() => mounts.refresh(spec).await,
            }
        }
    }

    fn probed(&mut self, probes: &Probes) {
        (self.situation.is_started, self.situation.is_ready) = (probes.is_started, probes.is_ready);
        self.publish();
    }

    fn ended(&mut self, spec: &PodSpec, process: &Process, status: Option<ExitStatus>) -> End {
        let said = status.map_or_else(|| "it could not be waited for".to_owned(), |status| status.to_string());
        let container = &spec.container().name;
        tracing::info!(pod = self.head.name, container, ended = said, "container ended");
        self.board().set(&self.head.uid, |entry| {
            entry.process = None;
            entry.last_end = said;
            entry.is_ready = false;
            entry.ends = std::fs::metadata(&entry.log).ok().map(|log| log.len());
        });
        End {
            id: id(process),
            code: status.map_or(255, End::code),
            started_at: process.started_at,
            finished_at: Timestamp::now(),
        }
    }

    fn wait(&mut self, waiting: Waiting) {
        self.board().set(&self.head.uid, |entry| {
            entry.waits = format!("{}: {}", waiting.reason, waiting.message);
        });
        if self.situation.state != State::Waiting(waiting.clone()) {
            self.situation.turn(State::Waiting(waiting));
            self.publish();
        }
    }

    fn publish(&mut self) {
        let is_ready = self.situation.is_ready;
        self.board().set(&self.head.uid, |entry| entry.is_ready = is_ready);
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let container = &self.pod["spec"]["containers"][0];
        let fixed = Fixed {
            container: text(&container["name"]),
            image: text(&container["image"]),
            pod_ip: self.address.to_string(),
            host_ip: self.place.node.address.to_string(),
        };
        self.reports.say(self.situation.status(&fixed, Timestamp::now()));
    }

    fn over(mut self) {
        self.situation.is_over = true;
        self.situation.is_ready = false;
        self.publish();
        self.board().set(&self.head.uid, |entry| entry.is_over = true);
        if self.is_to_end() {
            self.reports.then_delete();
        }
        self.place.forget(&self.head);
    }

    fn board(&self) -> Board {
        self.place.board.clone()
    }

    fn is_to_end(&self) -> bool {
        *self.wishes.borrow() != Wish::Run
    }

    async fn asked_to_end(&self) {
        let mut wishes = self.wishes.clone();
        let _ = wishes.wait_for(|wish| *wish != Wish::Run).await; // a kubelet that is gone wishes nothing to run
    }
}

/// SIGTERM, and SIGKILL after `grace` or when it was due before.
fn end_within(process: &Process, grace: Duration, deadline: &mut Option<Instant>) {
    let last = Instant::now() + grace;
    if deadline.is_none() {
        process.signal(Signal::TERM);
    }
    *deadline = Some(deadline.map_or(last, |known| known.min(last)));
}

fn id(process: &Process) -> String {
    format!("lab://{}-{}", process.pid, process.started_at.as_millisecond())
}

/// Starts a process on a thread of its own, which lives as long as the process: it would die with the thread.
async fn started(program: Program) -> anyhow::Result<Started> {
    let ((tell, told), (ends, exit)) = (oneshot::channel(), oneshot::channel());
    let name = program.name.clone();
    let keep = move || match Process::start(&program) {
        Ok((mut child, process)) => {
            let process = Arc::new(process);
            if tell.send(Ok(process.clone())).is_err() {
                process.signal(Signal::KILL); // nobody attends it
            }
            let _ = ends.send(child.wait());
        }
        Err(error) => drop(tell.send(Err(error))),
    };
    std::thread::Builder::new().name(name).spawn(keep).context("no thread for a container")?;
    let process = told.await.context("the thread of a container ended")??;
    Ok(Started { process, exit })
}
