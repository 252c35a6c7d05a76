//! The control APIs of balancer and generator, and of starters through them.

use std::collections::BTreeMap;
use std::future::Future;

use jiff::Timestamp;
use wire::{Application, BalancerStatus, Loaders, Membership, RunSpec, RunStatus, Said};

/// A call of an agent that gave no answer. It is never a reason to replace an instance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AgentError {
    /// No connection, no answer in time, or an answer that is not the agent's.
    #[error("cannot reach {url}: {why}")]
    Unreachable {
        /// URL that was asked.
        url: String,
        /// Reason for people.
        why: String,
    },
    /// A loader answers: the programs with these hashes are not there yet.
    #[error("{url} waits for its programs")]
    Loading {
        /// URL that was asked.
        url: String,
        /// What is waited for.
        missing: Vec<String>,
    },
    /// `If-Match` did not match: somebody changed the membership, or what a worker runs, since it was seen.
    #[error("the membership, or what a worker runs, changed since it was seen")]
    Conflict,
    /// The agent refused; its own words.
    #[error("{url} refused: {status} {why}")]
    Refused {
        /// URL that was asked.
        url: String,
        /// HTTP status of the answer.
        status: u16,
        /// Body of the answer.
        why: String,
    },
}

/// A report as the generator holds it: the exact bytes, whose hash the run's status names.
pub type ReportBytes = Vec<u8>;

/// A worker that is to run another application, and the version of what it serves as far as it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// Id of the instance.
    pub id: String,
    /// IP address and port of its starter.
    pub address: String,
    /// Version of what it serves, as it said: it takes the order for that alone.
    pub version: u64,
}

/// `control` is `address:port` of the agent's control API; `instance_id` is signed into each request.
pub trait Agents: Send + Sync + 'static {
    /// Membership, health, counts and shares as the balancer has them.
    fn balancer_status(&self, control: &str) -> impl Future<Output = Result<BalancerStatus, AgentError>> + Send;

    /// Replaces the whole membership if the balancer still serves version `expect`.
    fn set_membership(
        &self,
        control: &str,
        instance_id: &str,
        expect: &str,
        to: &Membership,
    ) -> impl Future<Output = Result<(), AgentError>> + Send;

    /// What the loaders at these members wait for, by id, as the agent at `control` hears it. Who has none is not among the
    /// answers.
    fn loaders(
        &self,
        control: &str,
        instance_id: &str,
        members: &[(String, String)],
    ) -> impl Future<Output = Result<Loaders, AgentError>> + Send;

    /// Brings a program to the loader at `control`, or, where there are members, has the agent there bring it to these. It goes
    /// on after that, and what becomes of it is in what their loaders say. Idempotent.
    fn deliver(
        &self,
        control: &str,
        instance_id: &str,
        program: &str,
        members: &[(String, String)],
    ) -> impl Future<Output = Result<(), AgentError>> + Send;

    /// What the starters at these members say, by id, as the agent at `control` hears it. Starters that are silent are among
    /// the answers.
    fn applications(
        &self,
        control: &str,
        instance_id: &str,
        members: &[(String, String)],
    ) -> impl Future<Output = Result<BTreeMap<String, Said>, AgentError>> + Send;

    /// Has starters run something else, through the agent at `control`. They answer at once; what becomes of it is in their
    /// status. After `not_after` they obey no more, however late the order comes. Idempotent. An error is the first of those of single starters; others may have taken their order.
    fn update_workers(
        &self,
        control: &str,
        instance_id: &str,
        recipients: &[Recipient],
        to: &Application,
        not_after: Timestamp,
    ) -> impl Future<Output = Result<(), AgentError>> + Send;

    /// `Ok(None)`: the generator answers and knows no run of this id.
    fn run_status(&self, control: &str, id: &str)
    -> impl Future<Output = Result<Option<RunStatus>, AgentError>> + Send;

    /// Idempotent by id.
    fn start_run(
        &self,
        control: &str,
        instance_id: &str,
        run: &RunSpec,
    ) -> impl Future<Output = Result<(), AgentError>> + Send;

    /// A running run waits when its round has ended. Nothing happens to one that has ended or is not there; idempotent.
    fn hold_run(
        &self,
        control: &str,
        instance_id: &str,
        id: &str,
    ) -> impl Future<Output = Result<(), AgentError>> + Send;

    /// A run that is held goes on. Nothing happens to one that is not; idempotent.
    fn resume_run(
        &self,
        control: &str,
        instance_id: &str,
        id: &str,
    ) -> impl Future<Output = Result<(), AgentError>> + Send;

    /// A running run becomes `Aborted` and keeps its report; nothing happens to one that has ended.
    fn stop_run(
        &self,
        control: &str,
        instance_id: &str,
        id: &str,
    ) -> impl Future<Output = Result<(), AgentError>> + Send;

    /// A run that has ended with this very report is forgotten with it. `Conflict`: it is on, or its report is another.
    fn forget_run(
        &self,
        control: &str,
        instance_id: &str,
        id: &str,
        report_sha256: &str,
    ) -> impl Future<Output = Result<(), AgentError>> + Send;

    /// The report of a run that has ended.
    fn report(&self, control: &str, id: &str) -> impl Future<Output = Result<ReportBytes, AgentError>> + Send;
}
