//! Settings of a run besides its document, and the errors that leave it without a measurement.

use std::sync::Arc;
use std::time::Duration;

use wire::{Phase, RunSpec};

use crate::corpus::Files;
use crate::engine::drivers::DriverLost;
use crate::engine::open_files;
use crate::mutant::Mutation;
use crate::run::environment::parallelism;
use crate::run::histogram_log::HistogramLog;
use crate::run::send_log::SendLog;
use crate::run::wrong_log::WrongLog;
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
    /// How long a target may let nobody in before the run ends.
    pub give_up: Duration,
    /// How long a connection may have been idle when a phase begins; longer ones are closed before.
    pub idle_limit: Duration,
    /// How many files this process may have open, see [`agent::raise_open_files`].
    pub open_files: u64,
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
            give_up: Self::GIVE_UP,
            idle_limit: Self::IDLE_LIMIT,
            open_files,
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

/// Threads that send: no more than there are users.
pub(crate) fn threads(spec: &RunSpec) -> usize {
    let most_users = spec.phases.iter().map(|phase| match phase {
        Phase::ClosedLoop(load) => load.concurrency as usize,
        Phase::OpenLoop(_) => usize::MAX,
        Phase::Pause { .. } => 0,
    });
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
