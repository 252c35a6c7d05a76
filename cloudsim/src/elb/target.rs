//! Targets, as values, and what their checks found.

use planner::ports::TargetState;

/// A target with its health, as DescribeTargetHealth answers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetHealth {
    pub instance_id: String,
    /// Port of the traffic and of the check.
    pub port: u16,
    pub state: TargetState,
    /// Reason code; `None` for a healthy one.
    pub reason: Option<String>,
    pub description: Option<String>,
}

/// An instance that was registered with a target group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Registration {
    pub instance_id: String,
    pub zone: String,
    pub health: Health,
}

/// What the load balancer thinks of a target that gets traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Health {
    /// Its first checks are on.
    Initial,
    Healthy,
    Unhealthy(CheckFailure),
    /// It was taken out, and is shown so for the whole delay.
    Draining,
    /// Its instance stopped or was terminated.
    InvalidState(&'static str),
}

/// The outcome of one check, as a node saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Check {
    /// The target answered with this status.
    Answered(u16),
    /// The target did not answer in time.
    Timeout,
    /// No connection, or one that broke.
    Failed,
}

/// Why a target is unhealthy (API reference, TargetHealth).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckFailure {
    /// An answer with this status, which the matcher does not take.
    ResponseCodeMismatch(u16),
    Timeout,
    FailedHealthChecks,
}

impl CheckFailure {
    pub fn reason(self) -> &'static str {
        match self {
            Self::ResponseCodeMismatch(_) => "Target.ResponseCodeMismatch",
            Self::Timeout => "Target.Timeout",
            Self::FailedHealthChecks => "Target.FailedHealthChecks",
        }
    }

    pub fn description(self) -> String {
        match self {
            Self::ResponseCodeMismatch(status) => format!("Health checks failed with these codes: [{status}]"),
            Self::Timeout => "Request timed out".to_owned(),
            Self::FailedHealthChecks => "Health checks failed".to_owned(),
        }
    }
}
