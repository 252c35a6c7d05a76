//! The load balancer in the placement: since when it is there, until when it was, and what that costs.
//!
//! Each hour that has begun is paid whole (AWS, "Elastic Load Balancing pricing"). What passes through it, its LCUs, is not
//! counted: only AWS measures it.

use api::{Placement, Scheme};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::hourly::part_of_hour;
use crate::ports::{self, LoadBalancer};
use crate::prices::small_change::{ADDRESS_HOUR, LOAD_BALANCER_HOUR, margin};

/// What the load balancer cost until `now`.
pub(super) fn cost(placement: &Placement, now: Timestamp) -> u64 {
    begun_hours(seconds(placement, now)).saturating_mul(paid(placement))
}

/// What a budget pays besides for the time until `now`.
pub(super) fn margin_of_cost(placement: &Placement, now: Timestamp) -> u64 {
    begun_hours(seconds(placement, now)).saturating_mul(margin(&placement.region, LOAD_BALANCER_HOUR))
}

/// What it costs to keep the load balancer for `time` more, or to have one at all: whole hours, less those that have begun.
pub(crate) fn coming(placement: &Placement, now: Timestamp, time: SignedDuration) -> u64 {
    let paid = Some(seconds(placement, now)).filter(|_| is_there(placement)).flatten();
    let time = u64::try_from(time.as_secs()).unwrap_or(0);
    let hours = begun_hours(Some(paid.unwrap_or(0).saturating_add(time))) - begun_hours(paid);
    hours.saturating_mul(safe(placement))
}

/// What a load balancer that is there may cost beyond the time that it is there: an hour, less what is left of the one that
/// has begun.
pub(crate) fn unused(placement: &Placement, now: Timestamp) -> u64 {
    let Some(seconds) = seconds(placement, now).filter(|_| is_there(placement)) else { return 0 };
    let left = begun_hours(Some(seconds)) * 3_600 - seconds;
    safe(placement).saturating_sub(part_of_hour(safe(placement), left))
}

/// The load balancer for an hour, with a public address in each zone where it faces the internet.
pub(crate) fn hourly(placement: &Placement) -> u64 {
    let placed = placement.balancer.as_ref().filter(|placed| placed.scheme == Scheme::InternetFacing);
    with_addresses(placed.map_or(0, |placed| placed.subnet_ids.len()))
}

/// The same as a budget pays it.
pub(crate) fn safe(placement: &Placement) -> u64 {
    hourly(placement).saturating_add(margin(&placement.region, LOAD_BALANCER_HOUR))
}

/// The one that is paid now. Another one with another scheme may be placed already.
fn paid(placement: &Placement) -> u64 {
    u64::try_from(placement.balancer_hourly_usd_micros)
        .ok()
        .filter(|paid| *paid > 0)
        .unwrap_or_else(|| hourly(placement))
}

fn with_addresses(addresses: usize) -> u64 {
    LOAD_BALANCER_HOUR.saturating_add(ADDRESS_HOUR.saturating_mul(u64::try_from(addresses).unwrap_or(0)))
}

/// A load balancer that is listed, for an hour.
fn hourly_of(listed: &LoadBalancer) -> u64 {
    with_addresses(if listed.scheme == ports::Scheme::InternetFacing { listed.subnet_ids.len() } else { 0 })
}

/// How long it was there. `None`: there was none.
fn seconds(placement: &Placement, now: Timestamp) -> Option<u64> {
    let since = placement.balancer_since.as_ref()?.0;
    let until = placement.balancer_until.as_ref().map_or(now, |at| at.0);
    Some(u64::try_from(until.as_second().saturating_sub(since.as_second())).unwrap_or(0))
}

fn begun_hours(seconds: Option<u64>) -> u64 {
    seconds.map_or(0, |seconds| seconds.div_ceil(3_600).max(1))
}

pub(crate) fn is_there(placement: &Placement) -> bool {
    placement.balancer_since.is_some() && placement.balancer_until.is_none()
}

/// The placement after a list of all load balancers of the benchmark. One that a list leaves out once and shows again is the
/// same, by the time of its creation.
pub(crate) fn seen(placement: &Placement, listed: &[LoadBalancer], now: Timestamp) -> Placement {
    let mut placement = placement.clone();
    let first = listed.iter().min_by_key(|balancer| balancer.created_at);
    let paid = first.map_or(0, |first| i64::try_from(hourly_of(first)).unwrap_or(i64::MAX));
    let first = first.map(|balancer| balancer.created_at);
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
            placement.balancer_hourly_usd_micros = paid;
        }
        (Some(first), None) => {
            placement.balancer_since = Some(Time(first));
            placement.balancer_hourly_usd_micros = paid;
        }
        (Some(_), Some(_)) => placement.balancer_until = None,
    }
    placement
}

#[cfg(test)]
mod tests {
    use super::*;

    fn here() -> Placement {
        Placement { region: "us-east-1".into(), ..Placement::default() }
    }

    fn since(seconds: i64) -> (Placement, Timestamp) {
        let placement = Placement { balancer_since: Some(Time(Timestamp::UNIX_EPOCH)), ..here() };
        (placement, Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds))
    }

    /// What was paid and what is coming are together the hours that will have begun.
    #[test]
    fn what_is_coming_is_whole_hours_less_those_that_have_begun() {
        for (elapsed, more, hours) in
            [(3_600, 360, 1), (3_601, 360, 0), (1_800, 1_800, 0), (1_800, 1_801, 1), (0, 60, 0)]
        {
            let (placement, now) = since(elapsed);
            assert_eq!(
                coming(&placement, now, SignedDuration::from_secs(more)),
                hours * LOAD_BALANCER_HOUR,
                "{elapsed}"
            );
        }
        let none = here();
        assert_eq!(coming(&none, Timestamp::UNIX_EPOCH, SignedDuration::from_secs(60)), LOAD_BALANCER_HOUR);
        // Where no price of the region is known, a budget pays more.
        let elsewhere = Placement { region: "sa-east-1".into(), ..here() };
        assert_eq!(
            coming(&elsewhere, Timestamp::UNIX_EPOCH, SignedDuration::from_secs(60)),
            LOAD_BALANCER_HOUR * 22 / 10
        );
    }

    fn listed(scheme: ports::Scheme, seconds: i64) -> LoadBalancer {
        LoadBalancer {
            arn: String::new(),
            name: String::new(),
            state: ports::LoadBalancerState::Active,
            state_reason: None,
            dns_name: String::new(),
            scheme,
            vpc_id: String::new(),
            subnet_ids: vec!["a".into(), "b".into()],
            group_ids: Vec::new(),
            created_at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds),
            tags: crate::owner::Tags::new(),
        }
    }

    /// The placement has the scheme that is to come from the moment on in which the former one is deleted.
    #[test]
    fn hours_are_paid_by_the_scheme_that_they_were_of() {
        let at = |seconds| Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds);
        let placed =
            |scheme| api::PlacedBalancer { scheme, subnet_ids: vec!["a".into(), "b".into()], ..Default::default() };
        let facing = Placement { balancer: Some(placed(Scheme::InternetFacing)), ..here() };
        let mut seen_first = seen(&facing, &[listed(ports::Scheme::InternetFacing, 0)], at(10));
        assert_eq!(cost(&seen_first, at(10)), 32_500);
        seen_first.balancer = Some(placed(Scheme::Internal));
        assert_eq!(cost(&seen_first, at(3_601)), 65_000, "it is still there");
        let next = seen(&seen_first, &[listed(ports::Scheme::Internal, 4_000)], at(4_010));
        assert_eq!((next.spent_usd_micros, cost(&next, at(4_010))), (65_000, 22_500));
        let back = Placement { balancer: Some(placed(Scheme::InternetFacing)), ..next };
        assert_eq!(cost(&back, at(4_010)), 22_500);
    }

    #[test]
    fn an_hour_that_has_begun_is_less_and_less_unused() {
        let unused = |seconds| {
            let (placement, now) = since(seconds);
            unused(&placement, now)
        };
        assert_eq!([unused(0), unused(1_800), unused(3_600), unused(5_400)], [0, 11_250, 22_500, 11_250]);
    }
}
