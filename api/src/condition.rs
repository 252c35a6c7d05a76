//! Conditions of a benchmark.

/// Conditions in the order in which they become true. Present from the first pass on, each with a reason. Where the spec holds
/// thresholds, [`ConditionType::ThresholdsMet`] is there too.
pub const CONDITIONS: [ConditionType; 5] = [
    ConditionType::Accepted,
    ConditionType::Provisioned,
    ConditionType::Deployed,
    ConditionType::Measured,
    ConditionType::Ready,
];

/// Type of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ConditionType {
    /// The spec makes sense in this account and region.
    Accepted,
    /// Every instance runs.
    Provisioned,
    /// Balancer and generator answer, and every worker is a healthy member.
    Deployed,
    /// The run is finished and its report stored.
    Measured,
    /// The result that was asked for is recorded.
    Ready,
    /// The result is what load.thresholds ask for. Present only with thresholds.
    ThresholdsMet,
    /// Work is going on (kstatus). Present only while true.
    Reconciling,
    /// Nothing will happen until somebody changes something (kstatus). Present only while true.
    Stalled,
}

impl ConditionType {
    /// Name as status has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "Accepted",
            Self::Provisioned => "Provisioned",
            Self::Deployed => "Deployed",
            Self::Measured => "Measured",
            Self::Ready => "Ready",
            Self::ThresholdsMet => "ThresholdsMet",
            Self::Reconciling => "Reconciling",
            Self::Stalled => "Stalled",
        }
    }
}
