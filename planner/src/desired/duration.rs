//! The least time that a run takes, by the phases of its load. Pure.

use api::{ClusterBenchmarkSpec, LAUNCH_ROUNDS, Phase};
use jiff::SignedDuration;
use wire::{AUTO_LOOKS, BETWEEN_CLUSTERS_SECONDS, CALIBRATION_SECONDS, DRAIN_SECONDS};

use super::pools::{generators, launches};

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
/// takes for its requests is what the measurement finds out. Several generators keep to a timetable, which is exact.
pub fn least(spec: &ClusterBenchmarkSpec, rounds: u32) -> SignedDuration {
    let phases: i64 = spec.load.phases.iter().map(of_phase).sum();
    let warm_up = i64::from(spec.load.warmup_seconds.unwrap_or(0));
    if generators(spec) == 1 {
        let each = phases.saturating_mul(i64::from(rounds)).saturating_add(warm_up);
        return SignedDuration::from_secs(each.saturating_mul(targets(spec)));
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

/// What is measured in a round.
fn targets(spec: &ClusterBenchmarkSpec) -> i64 {
    let has_shared = spec.balancer.shared.as_ref().is_some_and(|shared| shared.measured);
    let others = usize::from(spec.load.self_test) + usize::from(has_shared);
    i64::try_from(spec.clusters.len() + others).unwrap_or(i64::MAX)
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
