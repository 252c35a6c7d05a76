//! Two clusters with the same rule under the same load, compared by the product's own rule: whoever is called cheaper is called so
//! by mistake.

use planner::scale::rule::Rule;
use stats::{Arrivals, Demands, Metric, Rules, compare};
use wire::{ClusterReport, Direction, Looks, Pairs, QueueCost, RoundReport, Size};

use super::engine::{Pool, SERVICE, run_with_boots};
use super::load::Load;
use super::ours::Ours;

/// Rounds of a benchmark: from as many on an interval is useful.
pub(crate) const ROUNDS: u32 = 10;
/// A t3.micro in eu-west-1 with 8 GiB, in millionths of a US dollar an hour.
const HOURLY: f64 = 12_277.0;

/// What came of benchmarks of equal clusters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Twins {
    /// One of the two was called cheaper.
    pub(crate) different: u32,
    /// They were called equivalent within 5 %.
    pub(crate) equivalent: u32,
}

/// So many benchmarks of a load. In each round both clusters get the same requests, and boots take what they take.
pub(crate) fn twins(load: Load, pool: Pool, rule: Rule, benchmarks: u32) -> Twins {
    let mut found = Twins::default();
    for benchmark in 0..benchmarks {
        let rounds: Vec<RoundReport> =
            (1..=ROUNDS).map(|number| round(load, pool, rule, (benchmark, number))).collect();
        let comparison = compare(&RULES, &rounds, &["cluster1", "cluster2"]).remove(0);
        found.different += u32::from(matches!(comparison.direction, Direction::Faster | Direction::Slower));
        found.equivalent += u32::from(comparison.size == Size::EquivalentWithin5Percent);
    }
    found
}

const RULES: Rules = Rules {
    metric: Metric::UsdMicrosPerThousand,
    looks: Looks::AtTheEnd,
    pairs: Pairs::AgainstFirst,
    arrivals: Arrivals::Open,
    demands: Demands::Own,
    gap_percent: 5.0,
    users: None,
    objective: None,
};

fn round(load: Load, pool: Pool, rule: Rule, (benchmark, number): (u32, u32)) -> RoundReport {
    let seed = u64::from(benchmark * ROUNDS + number);
    let clusters = [("cluster1", 0), ("cluster2", 1)].map(|(name, place)| {
        let boots = 1_000_000 + 2 * seed + place;
        let outcome = run_with_boots(load, pool, SERVICE, &mut Ours::new(rule, pool), (seed, boots));
        let cost = QueueCost {
            instance_millis: (outcome.instance_seconds * 1_000.0) as u64,
            starts: outcome.starts,
            usd_nanos: Some((outcome.instance_seconds * HOURLY / 3.6) as u64),
            ..QueueCost::default()
        };
        let requests = outcome.latencies.len() as u64;
        ClusterReport { cluster: name.to_owned(), requests, queue_cost: Some(cost), ..ClusterReport::default() }
    });
    RoundReport::counted(number, seed, clusters.into())
}
