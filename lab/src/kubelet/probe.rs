//! Probes of a container: when it has started, whether it serves, whether it is to be started again.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::fetch;
use crate::kubelet::spec::{Container, Probe};

/// Between two looks at a container that is not ready yet. A kubelet does not wait for the period either: until the first success
/// each sync of the pod triggers its readiness probe (`prober_manager.go`, `UpdatePodStatus`).
const IMPATIENCE: Duration = Duration::from_millis(100);

/// What probes found out.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Change {
    Started,
    Ready(bool),
    /// It is to be ended, for this reason.
    Unwell(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Startup,
    Liveness,
    Readiness,
}

/// The probes of one process.
#[derive(Debug)]
pub(super) struct Probes {
    address: Ipv4Addr,
    tracks: Vec<Track>,
    pub(super) is_started: bool,
    pub(super) is_ready: bool,
}

#[derive(Debug)]
struct Track {
    kind: Kind,
    probe: Probe,
    port: u16,
    due: Instant,
    run: Run,
}

/// Equal answers in a row.
#[derive(Debug, Default)]
struct Run {
    last: Option<bool>,
    length: u64,
}

impl Run {
    /// What holds after one more answer, once there were enough of them in a row (`worker.go`, `doProbe`).
    fn after(&mut self, answer: bool, probe: &Probe) -> Option<bool> {
        self.length = if self.last == Some(answer) { self.length + 1 } else { 1 };
        self.last = Some(answer);
        let enough = if answer { probe.success_threshold } else { probe.failure_threshold };
        (self.length >= enough).then_some(answer)
    }
}

impl Probes {
    /// Probes of a process that was started now and listens at `address`.
    pub(super) fn of(container: &Container, address: Ipv4Addr) -> Self {
        let now = Instant::now();
        let kinds = [
            (Kind::Startup, &container.startup_probe),
            (Kind::Liveness, &container.liveness_probe),
            (Kind::Readiness, &container.readiness_probe),
        ];
        let tracks: Vec<Track> = kinds
            .into_iter()
            .filter_map(|(kind, probe)| {
                let probe = probe.clone()?;
                // Judged when the pod was read.
                let port = container.port_of(&probe).ok()?;
                let due = now + Duration::from_secs(probe.initial_delay_seconds);
                Some(Track { kind, probe, port, due, run: Run::default() })
            })
            .collect();
        let has = |kind| tracks.iter().any(|track| track.kind == kind);
        let (is_started, is_ready) = (!has(Kind::Startup), !has(Kind::Readiness));
        Self { address, tracks, is_started, is_ready: is_started && is_ready }
    }

    /// The next thing that is otherwise.
    ///
    /// *Cancellation*: a probe that is on its way is made again.
    pub(super) async fn next(&mut self) -> Change {
        loop {
            let is_started = self.is_started;
            // Others wait until the container has started, and the startup probe has done its work then.
            let active = self.tracks.iter_mut().filter(|track| (track.kind == Kind::Startup) != is_started);
            let Some(track) = active.min_by_key(|track| track.due) else { return std::future::pending().await };
            sleep_until(track.due).await;
            let answer = track.ask(self.address).await;
            let is_waited_for = track.kind == Kind::Readiness && !self.is_ready;
            let period = Duration::from_secs(track.probe.period_seconds);
            track.due = Instant::now() + if is_waited_for { IMPATIENCE } else { period };
            let verdict = track.run.after(answer.is_ok(), &track.probe);
            let kind = track.kind;
            if let Some(change) = verdict.and_then(|is_well| self.changed(kind, is_well, answer)) {
                return change;
            }
        }
    }

    fn changed(&mut self, kind: Kind, is_well: bool, answer: Result<(), String>) -> Option<Change> {
        match (kind, is_well) {
            (Kind::Startup, true) => {
                self.is_started = true;
                self.is_ready = !self.tracks.iter().any(|track| track.kind == Kind::Readiness);
                Some(Change::Started)
            }
            (Kind::Readiness, _) if self.is_ready != is_well => {
                self.is_ready = is_well;
                Some(Change::Ready(is_well))
            }
            (Kind::Startup | Kind::Liveness, false) => {
                Some(Change::Unwell(format!("{kind:?} probe failed: {}", answer.err().unwrap_or_default())))
            }
            _ => None,
        }
    }
}

impl Track {
    /// "Any code greater than or equal to 200 and less than 400 indicates success" (kubernetes.io, Configure Liveness, Readiness
    /// and Startup Probes).
    async fn ask(&self, address: Ipv4Addr) -> Result<(), String> {
        let limit = Duration::from_secs(self.probe.timeout_seconds);
        match fetch::get_within(limit, SocketAddr::from((address, self.port)), &self.probe.http_get.path).await {
            Ok((200..400, _)) => Ok(()),
            Ok((code, _)) => Err(format!("HTTP probe failed with statuscode: {code}")),
            Err(error) => Err(format!("{error:#}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn probe(success: u64, failure: u64) -> Probe {
        let json = serde_json::json!({ "httpGet": { "path": "/", "port": 1 },
            "successThreshold": success, "failureThreshold": failure });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn thresholds_count_answers_in_a_row() {
        let probe = probe(2, 3);
        let mut run = Run::default();
        let mut after =
            |answers: &[bool]| answers.iter().map(|answer| run.after(*answer, &probe)).next_back().flatten();
        assert_eq!(after(&[true]), None);
        assert_eq!(after(&[true]), Some(true));
        assert_eq!(after(&[false, false]), None);
        assert_eq!(after(&[true, false, false]), None, "one success begins anew");
        assert_eq!(after(&[false]), Some(false));
    }
}
