//! Settings of a run besides its document, and the errors that leave it without a measurement.

use std::sync::Arc;
use std::time::Duration;

use wire::{GateKind, Phase, RunSpec};

use crate::corpus::Files;
use crate::engine::drivers::DriverLost;
use crate::engine::open_files;
use crate::mutant::Mutation;
use crate::run::environment::parallelism;
use crate::run::histogram_log::HistogramLog;
use crate::run::send_log::SendLog;
use crate::run::wrong_log::WrongLog;
use crate::search::{ALONE_SECONDS, BETWEEN_ALONE_SECONDS, MOST_SECONDS};
use crate::{InvalidSpec, NoTrust, Resolver, Trust};

/// Settings that are not part of a run's document.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Name of this generator in reports.
    pub instance_id: String,
    /// How long a request may take unless the run says it; then it counts as a timeout.
    pub request_limit: Duration,
    /// How long to wait before a round for members to be healthy again; then the round is void.
    pub recovery: Duration,
    /// How long a cluster behind queues may take to be at rest before its load, and a scaled one after it; then the round is void.
    pub rest: Duration,
    /// How long a scaled one has to be at rest without a break.
    pub rest_holds: Duration,
    /// How often the queues behind a front are looked at while a run is on, for the series of its report.
    pub queue_looks: Duration,
    /// How long what a fixed number of workers did for the last answers takes to be counted by the front.
    pub counted_within: Duration,
    /// How long a target may let nobody in before the run ends.
    pub give_up: Duration,
    /// How long a connection may have been idle when a phase begins; longer ones are closed before.
    pub idle_limit: Duration,
    /// How many files this process may have open, see [`agent::raise_open_files`].
    pub open_files: u64,
    /// How the capacity of targets is searched.
    pub search: SearchSettings,
    /// How names are looked up.
    pub resolver: Resolver,
    /// Where every second is written, too.
    pub log: Option<Arc<HistogramLog>>,
    /// Where every send of an open loop is written, with the moment for which it was planned.
    pub sends: Option<Arc<SendLog>>,
    /// Files that are sent in turn, those of the run's corpus where it has one.
    pub files: Option<Arc<Files>>,
    /// Where every wrong answer to a file is written.
    pub wrong: Option<Arc<WrongLog>>,
    /// Authorities whose certificates are believed, where URLs begin with https.
    pub trust: Trust,
    pub(crate) mutation: Mutation,
}

impl Settings {
    /// Longer than any sane service takes, and what other tools wait at most.
    pub const REQUEST_LIMIT: Duration = Duration::from_secs(30);
    /// A worker that crashed is restarted within seconds, and checked within a few more.
    pub const RECOVERY: Duration = Duration::from_secs(30);

    /// The longest boot that is waited for, and more than a paid minute.
    pub const REST: Duration = Duration::from_secs(900);
    /// The operator looks each two seconds: what it decided on the last answers is known to the front by then.
    pub const REST_HOLDS: Duration = Duration::from_secs(5);
    /// A front answers from memory, and a picture shows no more.
    const QUEUE_LOOKS: Duration = Duration::from_secs(1);
    /// A front asks each second.
    pub const COUNTED_WITHIN: Duration = Duration::from_secs(2);

    /// A target that lets nobody in for so long will not be there for the rest either: longer than a restart of a
    /// listener takes and than TCP's third try to connect (three seconds, RFC 6298), shorter than anybody wants to pay for.
    pub const GIVE_UP: Duration = Duration::from_secs(10);

    /// Half of the minute after which an Application Load Balancer closes idle connections unless it is told otherwise:
    /// a request on one that is being closed would fail although nobody is to blame.
    pub const IDLE_LIMIT: Duration = Duration::from_secs(30);

    pub fn new(instance_id: &str, open_files: u64) -> Self {
        Self {
            instance_id: instance_id.to_owned(),
            request_limit: Self::REQUEST_LIMIT,
            recovery: Self::RECOVERY,
            rest: Self::REST,
            rest_holds: Self::REST_HOLDS,
            queue_looks: Self::QUEUE_LOOKS,
            counted_within: Self::COUNTED_WITHIN,
            give_up: Self::GIVE_UP,
            idle_limit: Self::IDLE_LIMIT,
            open_files,
            search: SearchSettings::default(),
            resolver: Resolver::system(),
            log: None,
            sends: None,
            files: None,
            wrong: None,
            trust: Trust::default(),
            mutation: Mutation::default(),
        }
    }

    /// Connections that a run may have open at the same time.
    pub fn most_connections(&self, spec: &RunSpec) -> u64 {
        open_files::most_connections(self.open_files, threads(spec), spec.targets.len())
    }
}

/// How long what a search does takes. Anything but the default is for tests: shorter steps overstate.
#[derive(Clone, Copy, Debug)]
pub struct SearchSettings {
    /// How long one request at a time is sent.
    pub alone_seconds: u32,
    /// Time from one such try to the next.
    pub between_alone: Duration,
    /// How long users that wait show the most that a target answers.
    pub most_seconds: u32,
    /// How long each step counts; `None`: as long as the rule says.
    pub step_seconds: Option<u32>,
    /// How long a target may take to have no request in flight after a step; then the round is void.
    pub recovers_within: Duration,
    /// Thousandths of the time before the first round in which the generator may have been held up; beyond, nothing is too slow.
    pub most_lost_per_mille: u32,
    /// Gates that a step has to pass to show anything of its target.
    pub gates: &'static [GateKind],
    /// Requests that a target serves at the same time, where neither its members nor the facts say it.
    pub slots: u32,
}

impl SearchSettings {
    /// Nobody is right who takes a target for recovered that still works on requests a minute later.
    const RECOVERS_WITHIN: Duration = Duration::from_secs(60);
    /// Four instances of two vCPUs. Where there are more slots, the first way gallops up to them; where there are fewer, users wait.
    const SLOTS: u32 = 8;
    /// More than a busy machine takes.
    const MOST_LOST_PER_MILLE: u32 = 100;
    /// Whether the generator sent what was planned, when it was planned, and had the machine for it.
    const GATES: &[GateKind] = &[
        GateKind::Sent,
        GateKind::SendLag,
        GateKind::GeneratorLimit,
        GateKind::GeneratorCpu,
        GateKind::GeneratorSteal,
    ];
}

impl Default for SearchSettings {
    fn default() -> Self {
        Self {
            alone_seconds: ALONE_SECONDS,
            between_alone: Duration::from_secs(u64::from(BETWEEN_ALONE_SECONDS)),
            most_seconds: MOST_SECONDS,
            step_seconds: None,
            recovers_within: Self::RECOVERS_WITHIN,
            most_lost_per_mille: Self::MOST_LOST_PER_MILLE,
            gates: Self::GATES,
            slots: Self::SLOTS,
        }
    }
}

/// Threads that send: no more than there are users.
pub(crate) fn threads(spec: &RunSpec) -> usize {
    let most_users = spec.phases.iter().map(|phase| match phase {
        Phase::ClosedLoop(load) => load.concurrency as usize,
        Phase::OpenLoop(_) => usize::MAX,
        Phase::Pause { .. } => 0,
    });
    let most_users = most_users.chain(spec.search.iter().map(|_| usize::MAX));
    parallelism().min(most_users.max().unwrap_or(1)).max(1)
}

/// Why there is no measurement.
#[derive(Debug, thiserror::Error)]
pub enum MeasureError {
    #[error(transparent)]
    Invalid(#[from] InvalidSpec),
    #[error(transparent)]
    NoTrust(#[from] NoTrust),
    #[error(transparent)]
    DriverLost(#[from] DriverLost),
}
