//! The `status` of a pod as its kubelet says it, made from what happened to its one container.

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::kubelet::launch::Waiting;
use crate::kubelet::spec::RestartPolicy;

/// How a process ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub(super) id: String,
    pub(super) code: i32,
    pub(super) started_at: Timestamp,
    pub(super) finished_at: Timestamp,
}

impl End {
    /// A container runtime says 128 and the signal of a process that was killed (containerd's shim, as shells do).
    pub(super) fn code(status: ExitStatus) -> i32 {
        status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or_default())
    }

    fn state(&self) -> Value {
        json!({ "terminated": {
            "exitCode": self.code,
            "reason": if self.code == 0 { "Completed" } else { "Error" },
            "startedAt": seconds(self.started_at),
            "finishedAt": seconds(self.finished_at),
            "containerID": self.id,
        } })
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    Waiting(Waiting),
    Running { id: String, since: Timestamp },
    Ended(End),
}

/// All that status is made of.
#[derive(Clone, Debug)]
pub(super) struct Situation {
    /// When the kubelet saw the pod first.
    pub(super) since: Timestamp,
    pub(super) state: State,
    /// The end of the process before this one.
    last: Option<End>,
    pub(super) restarts: u32,
    pub(super) is_started: bool,
    pub(super) is_ready: bool,
    /// Nothing of it is started any more.
    pub(super) is_over: bool,
    conditions: BTreeMap<&'static str, (bool, Timestamp)>,
}

/// What of a pod's status does not change.
#[derive(Clone, Debug)]
pub(super) struct Fixed {
    pub(super) container: String,
    pub(super) image: String,
    pub(super) pod_ip: String,
    pub(super) host_ip: String,
}

impl Situation {
    pub(super) fn new(now: Timestamp) -> Self {
        let waiting = Waiting { reason: "ContainerCreating", message: String::new() };
        Self {
            since: now,
            state: State::Waiting(waiting),
            last: None,
            restarts: 0,
            is_started: false,
            is_ready: false,
            is_over: false,
            conditions: BTreeMap::new(),
        }
    }

    /// What is so now; an end becomes the last one.
    pub(super) fn turn(&mut self, state: State) {
        if let State::Ended(end) = std::mem::replace(&mut self.state, state) {
            self.last = Some(end);
        }
    }

    /// "All containers in the Pod have terminated" for a last time, or at least one ran (kubernetes.io, Pod Lifecycle, Pod phase).
    fn phase(&self) -> &'static str {
        let end = match &self.state {
            State::Ended(end) => Some(end),
            _ => self.last.as_ref(),
        };
        match (end, &self.state) {
            (Some(end), _) if self.is_over => {
                if end.code == 0 {
                    "Succeeded"
                } else {
                    "Failed"
                }
            }
            (None, _) if self.is_over => "Failed",
            (None, State::Waiting(_)) => "Pending",
            _ => "Running",
        }
    }

    /// The whole of `status` that a kubelet owns.
    pub(super) fn status(&mut self, fixed: &Fixed, now: Timestamp) -> Value {
        let phase = self.phase();
        let (state, id) = match &self.state {
            State::Waiting(waiting) => {
                (json!({ "waiting": { "reason": waiting.reason, "message": waiting.message } }), String::new())
            }
            State::Running { id, since } => (json!({ "running": { "startedAt": seconds(*since) } }), id.clone()),
            State::Ended(end) => (end.state(), end.id.clone()),
        };
        let is_ready = self.is_ready && matches!(self.state, State::Running { .. });
        let why = match phase {
            "Succeeded" => "PodCompleted",
            "Failed" => "PodFailed",
            _ => "ContainersNotReady",
        };
        let mut condition = |kind: &'static str, holds: bool| {
            let known = self.conditions.get(kind).filter(|(held, _)| *held == holds);
            let since = known.map_or(now, |(_, since)| *since);
            self.conditions.insert(kind, (holds, since));
            let mut condition = json!({ "type": kind, "status": if holds { "True" } else { "False" },
                "lastTransitionTime": seconds(since) });
            if !holds {
                condition["reason"] = why.into();
            }
            condition
        };
        let conditions: Vec<Value> =
            [("PodScheduled", true), ("Initialized", true), ("ContainersReady", is_ready), ("Ready", is_ready)]
                .map(|(kind, holds)| condition(kind, holds))
                .into();
        json!({
            "phase": phase,
            "conditions": conditions,
            "hostIP": fixed.host_ip,
            "hostIPs": [{ "ip": fixed.host_ip }],
            "podIP": fixed.pod_ip,
            "podIPs": [{ "ip": fixed.pod_ip }],
            "startTime": seconds(self.since),
            "containerStatuses": [{
                "name": fixed.container,
                "image": fixed.image,
                "imageID": "",
                "containerID": id,
                "state": state,
                "lastState": self.last.as_ref().map_or_else(|| json!({}), End::state),
                "ready": is_ready,
                "started": self.is_started && matches!(self.state, State::Running { .. }),
                "restartCount": self.restarts,
            }],
        })
    }
}

/// Whether a container that ended so is started again.
pub(super) fn restarts(policy: RestartPolicy, code: i32) -> bool {
    match policy {
        RestartPolicy::Always => true,
        RestartPolicy::OnFailure => code != 0,
        RestartPolicy::Never => false,
    }
}

/// A moment as Kubernetes writes it (RFC 3339, whole seconds).
pub(super) fn seconds(moment: Timestamp) -> String {
    moment.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIXED: fn() -> Fixed = || Fixed {
        container: "operator".to_owned(),
        image: "image:1".to_owned(),
        pod_ip: "127.159.0.2".to_owned(),
        host_ip: "127.159.0.1".to_owned(),
    };

    fn at(second: u32) -> Timestamp {
        format!("2026-12-01T09:00:{second:02}Z").parse().unwrap()
    }

    fn running(second: u32) -> State {
        State::Running { id: "lab://1".to_owned(), since: at(second) }
    }

    fn end(code: i32) -> End {
        End { id: "lab://1".to_owned(), code, started_at: at(1), finished_at: at(5) }
    }

    fn ready(status: &Value) -> (String, String) {
        let all = status["conditions"].as_array().unwrap();
        let ready = all.iter().find(|one| one["type"] == "Ready").unwrap();
        (ready["status"].as_str().unwrap().to_owned(), ready["lastTransitionTime"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_life_is_told_with_the_moments_of_its_turns() {
        let mut one = Situation::new(at(0));
        let status = one.status(&FIXED(), at(0));
        assert_eq!((&status["phase"], ready(&status)), (&json!("Pending"), ("False".into(), seconds(at(0)))));
        assert_eq!(status["containerStatuses"][0]["state"]["waiting"]["reason"], "ContainerCreating");
        one.turn(running(1));
        one.is_started = true;
        assert_eq!(ready(&one.status(&FIXED(), at(1))), ("False".into(), seconds(at(0))));
        one.is_ready = true;
        assert_eq!(ready(&one.status(&FIXED(), at(2))), ("True".into(), seconds(at(2))));
        let status = one.status(&FIXED(), at(4));
        assert_eq!((&status["phase"], ready(&status)), (&json!("Running"), ("True".into(), seconds(at(2)))));
        // Killed, and started again.
        one.turn(State::Ended(end(137)));
        (one.restarts, one.is_ready) = (1, false);
        one.turn(running(5));
        let status = one.status(&FIXED(), at(5));
        let container = &status["containerStatuses"][0];
        assert_eq!(
            (&container["restartCount"], &container["lastState"]["terminated"]["exitCode"]),
            (&json!(1), &json!(137))
        );
        assert_eq!((&status["phase"], ready(&status)), (&json!("Running"), ("False".into(), seconds(at(5)))));
    }

    #[test]
    fn what_crashes_runs_and_what_is_over_succeeded_or_failed() {
        let mut one = Situation::new(at(0));
        one.turn(State::Ended(end(1)));
        one.turn(State::Waiting(Waiting { reason: "CrashLoopBackOff", message: String::new() }));
        assert_eq!(one.phase(), "Running");
        for (code, phase) in [(0, "Succeeded"), (1, "Failed"), (143, "Failed")] {
            (one.state, one.is_over) = (State::Ended(end(code)), true);
            assert_eq!(one.phase(), phase);
        }
        assert!(restarts(RestartPolicy::Always, 0) && restarts(RestartPolicy::OnFailure, 1));
        assert!(!restarts(RestartPolicy::OnFailure, 0) && !restarts(RestartPolicy::Never, 1));
    }
}
