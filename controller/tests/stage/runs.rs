//! A run on a generator of the stage, from its start to its report.

use std::sync::OnceLock;

use jiff::{SignedDuration, Timestamp};
use wire::*;

use crate::stage::measured::{self, Members};

/// How long a generator that has lost its balancer goes on: ten voided rounds, with half a minute of hope before each.
pub(crate) const IN_VAIN: SignedDuration = SignedDuration::from_secs(300);

/// Length of a run that does not fit into any lifetime of a test.
pub(crate) const LONG_RUN: SignedDuration = SignedDuration::from_secs(100_000);

/// A run that a generator was told to begin.
pub(crate) struct FakeRun {
    pub(crate) spec: RunSpec,
    pub(crate) started_at: Timestamp,
    pub(crate) aborted: bool,
    pub(crate) failed: bool,
    pub(crate) length: SignedDuration,
    /// Since when it is held between rounds.
    pub(crate) held_since: Option<Timestamp>,
    /// Instance of the balancer that it began through; empty: nobody was there.
    pub(crate) balancer: String,
    /// When that balancer was seen alive last, and when it was first seen gone before the end.
    pub(crate) balancer_alive_at: Timestamp,
    pub(crate) balancer_lost_at: Option<Timestamp>,
    /// When it began.
    pub(crate) members: Members,
    pub(crate) spread: Option<f64>,
    /// The report and its hash, once it is over.
    pub(crate) report: OnceLock<(Vec<u8>, String)>,
}

impl FakeRun {
    pub(crate) fn is_over(&self, now: Timestamp) -> bool {
        let ends_at = self.balancer_lost_at.map_or(self.begins_at() + self.length, |at| at + IN_VAIN);
        // Rounds do not go on while it is held; what comes to nothing does.
        let is_held = self.held_since.is_some() && self.balancer_lost_at.is_none();
        self.aborted || self.failed || (now >= ends_at && !is_held)
    }

    /// Each of several generators keeps to the timetable.
    pub(crate) fn hold(&self) -> Option<Hold> {
        let hold = if self.held_since.is_some() { Hold::Held } else { Hold::No };
        (self.spec.slice.count == 1).then_some(hold)
    }

    /// Ends by itself, because going on is useless.
    pub(crate) fn has_failed(&self, now: Timestamp) -> bool {
        self.failed || self.balancer_lost_at.is_some_and(|at| now >= at + IN_VAIN)
    }

    /// Each of several generators waits for the moment that all were told.
    pub(crate) fn begins_at(&self) -> Timestamp {
        self.spec.start_at.map_or(self.started_at, |at| at.max(self.started_at))
    }

    pub(crate) fn report(&self) -> &(Vec<u8>, String) {
        self.report.get_or_init(|| {
            let report = serde_json::to_vec(&self.document()).unwrap();
            let sha256 = sha256_hex(&report);
            (report, sha256)
        })
    }

    pub(crate) fn document(&self) -> Report {
        let finished_at = self.begins_at() + self.length;
        // A part has to be one that can be joined with the others.
        let is_share = self.spec.slice.count > 1;
        let is_part = is_share || (self.spec.facts.launch > 0 && !self.aborted);
        let failed = self.failed || (self.balancer_lost_at.is_some() && !self.aborted);
        let spread = self.spread.or(is_part.then_some(0.0)).filter(|_| !failed);
        if let Some(spread) = spread {
            let rounds = self.spec.rounds.count - u32::from(self.aborted);
            let seen = (&self.members, rounds, &*self.balancer);
            return measured::report(&self.spec, seen, spread, self.started_at, finished_at);
        }
        Report {
            schema: REPORT_SCHEMA.into(),
            run: self.spec.clone(),
            started_at: self.started_at,
            finished_at,
            validity: if self.aborted || failed { Validity::Invalid } else { Validity::Valid },
            reasons: match (self.aborted, failed) {
                (true, _) => vec!["stopped".into()],
                (_, true) => vec!["a let nobody in for 10 s".into()],
                _ => Vec::new(),
            },
            gates: Vec::new(),
            environment: Environment::default(),
            clusters: Vec::new(),
            rounds: Vec::new(),
            series: Vec::new(),
            comparisons: Vec::new(),
            further_comparisons: Vec::new(),
            thresholds: Vec::new(),
            self_test: None,
            cost: None,
            summary: "b 14 % faster [9, 19]".into(),
            verdict: "These instances.".into(),
        }
    }

    pub(crate) fn status(&self, now: Timestamp) -> RunStatus {
        let over = self.is_over(now);
        RunStatus {
            id: self.spec.id.clone(),
            state: match (self.aborted, self.has_failed(now), over) {
                (true, ..) => RunState::Aborted,
                (_, true, _) => RunState::Failed,
                (.., true) => RunState::Finished,
                _ => RunState::Running,
            },
            rounds_done: if over { self.spec.rounds.count } else { 0 },
            rounds_total: self.spec.rounds.count,
            rounds_voided: 0,
            started_at: self.started_at,
            message: "round 1".into(),
            warning: String::new(),
            hold: self.hold(),
            balancer: self.spec.balancer().map(|control| {
                let is_ours = self.spec.balancer_control.is_some();
                let instance_id = if is_ours { self.balancer.clone() } else { String::new() };
                RunBalancer { control, instance_id }
            }),
            live: Vec::new(),
            report_sha256: over.then(|| self.report().1.clone()),
        }
    }
}
