//! The least time that a run takes, by the phases of its load or the steps of its search. Pure.

use api::{Cluster, ClusterBenchmarkSpec, LAUNCH_ROUNDS, Load, Phase, Scaling, ScalingPool, Search};
use jiff::SignedDuration;
use wire::{AUTO_LOOKS, BETWEEN_CLUSTERS_SECONDS, CALIBRATION_SECONDS, DRAIN_SECONDS};

use super::pools::{generators, launches};

/// An instance that was started stays until its paid minute is over ([`crate::scale::rule::is_paid`]).
const PAID_SECONDS: i64 = 67;
/// Boots before anything was seen ([`crate::scale::rule::BOOT`], [`crate::scale::rule::WARM_BOOT`]).
const BOOT_SECONDS: i64 = 45;
const WARM_BOOT_SECONDS: i64 = 15;

/// One request at a time, and the most that a cluster answers (`loadgen/src/search`): what a search asks each cluster first.
const BEFORE_A_SEARCH_SECONDS: i64 = 10 + 5;
/// Steps of a cluster in a round: simulated ways have 3.4 in the mean.
const STEPS: i64 = 3;
/// The first second of a step is not counted; the rest lasts 40 limits, from 10 to 60 seconds, and longer at rates that are not known
/// before.
const NOT_COUNTED_SECONDS: i64 = 1;
const LIMITS: i64 = 40;
const STEP_SECONDS: std::ops::RangeInclusive<i64> = 10..=60;

/// Rounds that are measured at most, of each launch: those that are asked for; or up to the last look that the lifetime
/// has room for.
pub fn most_rounds(spec: &ClusterBenchmarkSpec, lifetime: SignedDuration) -> u32 {
    if let Some(rounds) = spec.load.rounds {
        return u32::try_from(rounds).unwrap_or(1);
    }
    if launches(spec) > 1 {
        return LAUNCH_ROUNDS;
    }
    let fitting = AUTO_LOOKS.into_iter().rev().find(|rounds| least(spec, *rounds) < lifetime);
    fitting.unwrap_or(AUTO_LOOKS[0])
}

/// Rounds without which nothing is said.
pub fn fewest_rounds(spec: &ClusterBenchmarkSpec) -> u32 {
    if decides_itself(spec) { AUTO_LOOKS[0] } else { most_rounds(spec, lifetime(spec)) }
}

/// Time that instances may live.
pub fn lifetime(spec: &ClusterBenchmarkSpec) -> SignedDuration {
    SignedDuration::from_secs(i64::from(spec.lifecycle.max_lifetime_seconds))
}

/// Whether the run ends as soon as it has shown what is asked.
pub fn decides_itself(spec: &ClusterBenchmarkSpec) -> bool {
    spec.load.rounds.is_none() && launches(spec) == 1
}

/// Least time of so many rounds: pauses, and phases that stop by the clock or send at a rate. How long a closed loop
/// takes for its requests is what the measurement finds out, and so it is with the steps of a search beyond the fewest. A cluster that scales from 0 boots and goes to rest again in each
/// round, and has no warm-up. Several generators keep to a timetable, which is exact.
pub fn least(spec: &ClusterBenchmarkSpec, rounds: u32) -> SignedDuration {
    let phases = of_round(&spec.load);
    let first = if spec.load.search.is_some() { BEFORE_A_SEARCH_SECONDS } else { 0 };
    let warm_up = i64::from(spec.load.warmup_seconds.unwrap_or(0));
    if generators(spec) == 1 {
        let each = phases.saturating_mul(i64::from(rounds)).saturating_add(warm_up).saturating_add(first);
        let of_scaled = |scaling: &Scaling| rest(scaling).saturating_mul(i64::from(rounds)).saturating_sub(warm_up);
        let more: i64 = measured(spec).filter_map(|cluster| cluster.scaling.as_ref()).map(of_scaled).sum();
        return SignedDuration::from_secs(each.saturating_mul(targets(spec)).saturating_add(more));
    }
    let loads = spec.load.phases.iter().filter(|phase| phase.arrivals.is_some()).count() as i64;
    let drain = spec.load.drain_seconds.or(spec.load.timeout_seconds).map_or(i64::from(DRAIN_SECONDS), i64::from);
    let slot = phases.saturating_add(loads * drain + i64::from(BETWEEN_CLUSTERS_SECONDS));
    let all = slot.saturating_mul(i64::from(rounds)).saturating_mul(targets(spec));
    SignedDuration::from_secs(all).saturating_add(ahead(spec))
}

/// What several generators need before they begin together: members are calibrated, and clusters warmed up. How long a
/// closed loop warms up is a guess (20 requests a second and user); a generator that is late voids its first round.
pub fn ahead(spec: &ClusterBenchmarkSpec) -> SignedDuration {
    let first = spec.load.phases.iter().find(|phase| phase.arrivals.is_some());
    let a_second = first.map_or(1, |phase| {
        phase.requests_per_second.map_or_else(|| 20 * i64::from(phase.concurrency.unwrap_or(1)), i64::from)
    });
    let requests = i64::from(spec.load.warmup_requests) / a_second.max(1) + 1;
    let each = i64::from(spec.load.warmup_seconds.unwrap_or(0)).saturating_add(requests);
    SignedDuration::from_secs(i64::from(CALIBRATION_SECONDS).saturating_add(each.saturating_mul(targets(spec))))
}

/// What a round of a scaled cluster takes besides its load, in seconds: a boot, and the minute that is paid in any case. With
/// instances at rest it may take nothing.
fn rest(scaling: &Scaling) -> i64 {
    if scaling.min.unwrap_or(0) > 0 {
        return 0;
    }
    let boot = if scaling.pool == Some(ScalingPool::StartStop) { WARM_BOOT_SECONDS } else { BOOT_SECONDS };
    PAID_SECONDS + boot
}

/// The clusters that are measured in a round, that of a self-test twice.
fn measured(spec: &ClusterBenchmarkSpec) -> impl Iterator<Item = &Cluster> {
    spec.clusters.iter().chain(spec.clusters.iter().take(usize::from(spec.load.self_test)))
}

/// What is measured in a round.
fn targets(spec: &ClusterBenchmarkSpec) -> i64 {
    let has_shared = spec.balancer.shared.as_ref().is_some_and(|shared| shared.measured);
    let others = usize::from(spec.load.self_test) + usize::from(has_shared);
    i64::try_from(spec.clusters.len() + others).unwrap_or(i64::MAX)
}

/// What a round of one cluster takes, in seconds.
fn of_round(load: &Load) -> i64 {
    let of_search = |search: &Search| {
        let limits = search.objective.at_most.saturating_mul(LIMITS).saturating_add(999_999) / 1_000_000;
        STEPS * (NOT_COUNTED_SECONDS + limits.clamp(*STEP_SECONDS.start(), *STEP_SECONDS.end()))
    };
    load.search.as_ref().map_or_else(|| load.phases.iter().map(of_phase).sum(), of_search)
}

fn of_phase(phase: &Phase) -> i64 {
    let seconds = phase.pause_seconds.or(phase.duration_seconds).map(i64::from);
    let at_a_rate = || Some(i64::from(phase.requests?) / i64::from(phase.requests_per_second?.max(1)));
    seconds.or_else(at_a_rate).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(load: serde_json::Value) -> ClusterBenchmarkSpec {
        let cluster = |name: &str| serde_json::json!({ "name": name, "instanceType": "t2.micro", "count": 1 });
        let spec = serde_json::json!({ "clusters": [cluster("a"), cluster("b")], "load": load });
        serde_json::from_value(spec).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn what_is_known_of_phases_is_added_up() {
        let phases = serde_json::json!([
            { "arrivals": "ClosedLoop", "concurrency": 100, "requests": 500 },
            { "pauseSeconds": 60 },
            { "arrivals": "Poisson", "requestsPerSecond": 100, "requests": 1000 },
            { "arrivals": "Constant", "requestsPerSecond": 1, "durationSeconds": 5 },
        ]);
        let two = spec(serde_json::json!({ "phases": phases, "rounds": 3, "warmupSeconds": 7 }));
        assert_eq!(least(&two, 3).as_secs(), 2 * (3 * (60 + 10 + 5) + 7));
        let three = spec(serde_json::json!({ "phases": phases, "rounds": 3, "selfTest": true }));
        assert_eq!(least(&three, 3).as_secs(), 3 * 3 * 75);
    }

    #[test]
    fn a_search_takes_three_steps_for_each_cluster_and_round_at_least() {
        let search = |at_most: i64| {
            let search = serde_json::json!({ "objective": { "metric": "P99Micros", "atMost": at_most } });
            spec(serde_json::json!({ "search": search, "rounds": 10 }))
        };
        assert_eq!(least(&search(50_000), 10).as_secs(), 2 * (10 * 3 * 11 + 15));
        assert_eq!(least(&search(500_001), 10).as_secs(), 2 * (10 * 3 * 22 + 15), "40 limits");
        assert_eq!(least(&search(30_000_000), 10).as_secs(), 2 * (10 * 3 * 61 + 15), "and no more than a minute");
        let asked = search(50_000);
        assert!(!decides_itself(&asked) && fewest_rounds(&asked) == 10);
        let mut auto = search(50_000);
        auto.load.rounds = None;
        assert_eq!(most_rounds(&auto, lifetime(&auto)), 40, "all looks in two hours: 2,670 s");
    }

    #[test]
    fn a_cluster_that_scales_from_nothing_takes_a_boot_and_its_paid_minute() {
        use crate::scale::rule::{BOOT, WARM_BOOT, is_paid};
        assert!(is_paid(67.0) && !is_paid(66.9), "the rule's own minute");
        assert!((BOOT - 45.0).abs() < 1e-9 && (WARM_BOOT - 15.0).abs() < 1e-9, "the rule's own boots");
        let phases = serde_json::json!([{ "arrivals": "ClosedLoop", "concurrency": 100, "durationSeconds": 10 }]);
        let mut two = spec(serde_json::json!({ "phases": phases, "rounds": 6, "warmupSeconds": 7 }));
        let scaling = |more: serde_json::Value| {
            let mut scaling = serde_json::json!({ "policy": "QueueDepth", "messagesPerInstance": 5 });
            for (key, value) in more.as_object().unwrap() {
                scaling[key] = value.clone();
            }
            serde_json::from_value::<Scaling>(scaling).unwrap()
        };
        two.clusters[1].scaling = Some(scaling(serde_json::json!({})));
        assert_eq!(least(&two, 6).as_secs(), 6 * 10 + 7 + 6 * (10 + 67 + 45));
        two.clusters[1].scaling = Some(scaling(serde_json::json!({ "pool": "StartStop" })));
        assert_eq!(least(&two, 6).as_secs(), 6 * 10 + 7 + 6 * (10 + 67 + 15));
        two.clusters[1].scaling = Some(scaling(serde_json::json!({ "min": 1 })));
        assert_eq!(least(&two, 6).as_secs(), 6 * 10 + 7 + 6 * 10);
        (two.load.self_test, two.load.warmup_seconds) = (true, None);
        two.clusters[0].scaling = Some(scaling(serde_json::json!({})));
        assert_eq!(least(&two, 6).as_secs(), 3 * 6 * 10 + 2 * 6 * (67 + 45), "the first one twice");
    }

    #[test]
    fn a_run_that_decides_itself_has_the_looks_that_its_lifetime_has_room_for() {
        let rounds = |seconds: i32| {
            let phases =
                serde_json::json!([{ "arrivals": "ClosedLoop", "concurrency": 1, "durationSeconds": seconds }]);
            let asked = spec(serde_json::json!({ "phases": phases }));
            most_rounds(&asked, lifetime(&asked))
        };
        assert_eq!([1, 89, 90, 179, 180, 3000].map(rounds), [40, 40, 20, 20, 10, 10], "of 7,200 s for two clusters");
    }

    #[test]
    fn each_launch_has_few_rounds_and_is_not_looked_at() {
        let phases = serde_json::json!([{ "arrivals": "ClosedLoop", "concurrency": 1, "requests": 1 }]);
        let launched = spec(serde_json::json!({ "phases": phases, "launches": 10 }));
        assert_eq!(
            (fewest_rounds(&launched), most_rounds(&launched, lifetime(&launched)), decides_itself(&launched)),
            (2, 2, false)
        );
        let asked = spec(serde_json::json!({ "phases": phases, "launches": 10, "rounds": 5 }));
        assert_eq!((fewest_rounds(&asked), most_rounds(&asked, lifetime(&asked))), (5, 5));
    }
}
