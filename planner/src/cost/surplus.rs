//! Surplus CPU credits of the instances of a launch: as runs have measured them, and else as if they were always busy.
//!
//! A run's report tells how much CPU time above their baseline the members of a cluster used while load was on. It is written into
//! the line of the launch in the same status that records the run, so no death of an operator loses it, and no report counts
//! twice. All of the run is counted as if load had been on: pauses and the turns of other clusters are not measured. Credits
//! that were earned before are not taken off. So it stays an upper bound, and a much lower one than always busy.

use api::{Launch, MeasuredSurplus};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use wire::Report;

use super::credits::surplus_hour;
use super::hourly::part_of_hour;
use crate::prices::small_change::surplus_vcpu_hour;

/// Surplus credits of `instances` of a line, each of which is paid for `seconds`. `hourly`: of one that is always busy.
pub(super) fn of_line(line: &Launch, hourly: u64, instances: u64, seconds: u64) -> u64 {
    let (measured, usd_micros) = line.measured_surplus.as_ref().map_or((0, 0), |measured| {
        let whole = |value: i64| u64::try_from(value).unwrap_or(0);
        (whole(measured.seconds), whole(measured.usd_micros))
    });
    let unmeasured = part_of_hour(hourly.saturating_mul(instances), seconds.saturating_sub(measured));
    unmeasured.saturating_add(usd_micros.saturating_mul(instances))
}

/// Writes into the lines of the workers what a run that was just collected has measured of them.
pub(crate) fn measure(lines: &mut [Launch], report: &Report) {
    for cluster in &report.clusters {
        let facts = report.environment.clusters.iter().find(|facts| facts.cluster == cluster.cluster);
        let instances = facts.and_then(|facts| facts.price.as_ref()).map_or(0, |price| price.instances);
        let Some(each) = cluster.surplus_per_mille.filter(|_| instances > 0).map(|all| all.div_ceil(instances)) else {
            continue;
        };
        for line in lines.iter_mut().filter(|line| line.pool == cluster.cluster) {
            measured(line, each, report.started_at, report.finished_at);
        }
    }
}

/// One line after a run from `start` to `end`, in which each instance used so many thousandths of a vCPU above its baseline.
fn measured(line: &mut Launch, per_mille: u32, start: Timestamp, end: Timestamp) {
    let (Some(vcpu_hour), Some(most)) = (surplus_vcpu_hour(&line.instance_type), surplus_hour(&line.instance_type))
    else {
        return;
    };
    let Some(launched) = line.launched_at.as_ref().map(|at| at.0) else { return };
    let before = line.measured_surplus.clone().unwrap_or_default();
    let start = before.until.as_ref().map_or(start, |until| start.max(until.0)).max(launched);
    let Ok(seconds @ 1..) = u64::try_from(end.as_second() - start.as_second()) else { return };
    let hourly = vcpu_hour.saturating_mul(u64::from(per_mille)).div_ceil(1_000).min(most);
    let added = |before: i64, more: u64| before.saturating_add(i64::try_from(more).unwrap_or(i64::MAX));
    line.measured_surplus = Some(MeasuredSurplus {
        // Status holds whole seconds.
        until: Some(Time(Timestamp::from_second(end.as_second()).unwrap_or(end))),
        seconds: added(before.seconds, seconds),
        usd_micros: added(before.usd_micros, part_of_hour(hourly, seconds)),
    });
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds)
    }

    fn line(kind: &str) -> Launch {
        let launched = at(0).to_string();
        let text = serde_json::json!({ "pool": "a", "number": 1, "instanceType": kind, "launchedAt": launched });
        serde_json::from_value(text).unwrap()
    }

    /// t3.large: 0.07 USD an hour above the baseline at the most, 0.05 for each vCPU.
    #[test]
    fn runs_are_counted_as_measured_and_the_rest_as_always_busy() {
        let mut line = line("t3.large");
        assert_eq!(of_line(&line, 70_000, 2, 3_600), 140_000);
        measured(&mut line, 200, at(1_800), at(3_600));
        assert_eq!(of_line(&line, 70_000, 2, 3_600), 70_000 + 2 * 5_000);
        // The same report once more, and one that overlaps it: no second is measured twice.
        measured(&mut line, 200, at(1_800), at(3_600));
        measured(&mut line, 1_400, at(3_000), at(5_400));
        assert_eq!(of_line(&line, 70_000, 1, 7_200), 70_000 + 5_000 + 35_000);
    }

    #[test]
    fn no_measure_is_more_than_always_busy_and_none_is_of_a_type_without_surplus() {
        let mut busy = line("t3.large");
        measured(&mut busy, 9_999, at(-100), at(3_600));
        assert_eq!(of_line(&busy, 70_000, 1, 3_600), 70_000);
        assert_eq!(busy.measured_surplus.unwrap().seconds, 3_600, "from its launch on");
        for name in ["c7i.large", "t2.unknown"] {
            let mut other = line(name);
            measured(&mut other, 500, at(0), at(60));
            assert_eq!(other.measured_surplus, None, "{name}");
        }
        let mut empty = line("t3.large");
        measured(&mut empty, 500, at(60), at(60));
        assert_eq!(empty.measured_surplus, None);
    }
}
