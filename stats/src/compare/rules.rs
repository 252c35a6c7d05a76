//! Rules of a comparison. Pure.

use wire::{Looks, Metric, Objective, Pairs, Phase, RunSpec};

/// Clusters are called equivalent when the 90 % interval lies within this many percent on both sides: two one-sided
/// tests at 5 %. Five percent is about what an instance differs from the next of its type.
pub const EQUIVALENCE_PERCENT: f64 = 5.0;

/// Rules of a comparison: what is compared, and under which promises it was measured.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    pub metric: Metric,
    pub looks: Looks,
    pub pairs: Pairs,
    pub arrivals: Arrivals,
    pub demands: Demands,
    /// The gap that `roundsNeeded` is about.
    pub gap_percent: f64,
    /// Users of the closed loops, fewest and most over the phases.
    pub users: Option<[u32; 2]>,
    /// Objective of a search. Absent: it is none.
    pub objective: Option<Objective>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            metric: Metric::default(),
            looks: Looks::default(),
            pairs: Pairs::default(),
            arrivals: Arrivals::default(),
            demands: Demands::default(),
            gap_percent: EQUIVALENCE_PERCENT,
            users: None,
            objective: None,
        }
    }
}

impl Rules {
    /// Rules for the rounds of `spec`: those it asks for, and those that follow from its load.
    pub fn of(spec: &RunSpec) -> Self {
        let judging = &spec.judging;
        let has_open = spec.phases.iter().any(|phase| matches!(phase, Phase::OpenLoop(_)));
        let is_open = has_open || spec.search.is_some();
        // In a search each cluster is asked for its own rates.
        let is_shared = has_open || (spec.request.work.is_some() && spec.search.is_none());
        Self {
            metric: judging.metric,
            looks: judging.looks,
            pairs: judging.pairs,
            arrivals: if is_open { Arrivals::Open } else { Arrivals::Closed },
            // One seed for all clusters of a round: the same arrivals, and the same work where requests carry it.
            demands: if is_shared { Demands::Shared } else { Demands::Own },
            gap_percent: f64::from(judging.gap_percent),
            users: users(&spec.phases),
            objective: spec.search.as_ref().map(|search| search.objective),
        }
    }
}

/// Users that the throughput of closed loops is the limit of.
fn users(phases: &[Phase]) -> Option<[u32; 2]> {
    let of = |phase: &Phase| match phase {
        Phase::ClosedLoop(closed) => Some(closed.concurrency),
        _ => None,
    };
    let users = || phases.iter().filter_map(of);
    Some([users().min()?, users().max()?])
}

/// Pattern in which requests came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arrivals {
    /// Users that wait for an answer before they ask again: a cluster cannot be asked for more than it gives.
    #[default]
    Closed,
    /// Arrivals by a schedule.
    Open,
}

/// Whether all clusters of a round were asked for the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Demands {
    #[default]
    Own,
    /// The same planned arrivals, or the same work carried by the requests, for every cluster of a round: most of the
    /// sampling noise is the same too and cancels.
    Shared,
}
