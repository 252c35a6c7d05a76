//! The load balancer in the placement: since when it is there, until when it was, and what that costs.
//!
//! Each hour that has begun is paid whole (AWS, "Elastic Load Balancing pricing"). What passes through it, its LCUs, is not
//! counted: only AWS measures it.

use api::Placement;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::ports::LoadBalancer;
use crate::prices::small_change::LOAD_BALANCER_HOUR;

/// What the load balancer cost until `now`.
pub(super) fn cost(placement: &Placement, now: Timestamp) -> u64 {
    let Some(since) = &placement.balancer_since else { return 0 };
    let until = placement.balancer_until.as_ref().map_or(now, |at| at.0);
    let seconds = u64::try_from(until.as_second().saturating_sub(since.0.as_second())).unwrap_or(0);
    seconds.div_ceil(3_600).max(1).saturating_mul(LOAD_BALANCER_HOUR)
}

pub(super) fn is_there(placement: &Placement) -> bool {
    placement.balancer_since.is_some() && placement.balancer_until.is_none()
}

/// The placement after a list of all load balancers of the benchmark. One that a list leaves out once and shows again is the
/// same, by the time of its creation.
pub(crate) fn seen(placement: &Placement, listed: &[LoadBalancer], now: Timestamp) -> Placement {
    let mut placement = placement.clone();
    let first = listed.iter().map(|balancer| balancer.created_at).min();
    let since = placement.balancer_since.as_ref().map(|at| at.0);
    match (first, since) {
        (None, None) => {}
        (None, Some(_)) if placement.balancer_until.is_some() => {}
        (None, Some(_)) => placement.balancer_until = Some(Time(now)),
        (Some(first), Some(since)) if first.as_second() > since.as_second() => {
            // Another one: the former is gone.
            let spent = i64::try_from(cost(&placement, now)).unwrap_or(i64::MAX);
            placement.spent_usd_micros = placement.spent_usd_micros.saturating_add(spent);
            (placement.balancer_since, placement.balancer_until) = (Some(Time(first)), None);
        }
        (Some(first), None) => placement.balancer_since = Some(Time(first)),
        (Some(_), Some(_)) => placement.balancer_until = None,
    }
    placement
}
