//! The tier in front of the clusters of a script, and how AWS is about it.

use api::{BalancerKind, Scaling, ScalingPolicy, ScalingPool};
use cloudsim::{BucketSettings, LoadBalancing, Queues, RepeatedTags, Span};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::generate::Plan;
use crate::people::is_in_place;

/// An Application Load Balancer in every third seed, from a stream of its own as well.
pub(crate) fn balancer(seed: u64) -> BalancerKind {
    if has_queues(seed) {
        return BalancerKind::Queue;
    }
    let random = &mut StdRng::seed_from_u64(seed ^ 0x6261_6c61_6e63_6572);
    if random.random_ratio(1, 3) { BalancerKind::Application } else { BalancerKind::Custom }
}

/// Queues in every fifth seed, from a stream of its own as well; not where workers are updated in place.
fn has_queues(seed: u64) -> bool {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x7175_6575_6573);
    random.random_ratio(1, 5) && !is_in_place(seed)
}

/// How clusters follow their queue, in three of four seeds with queues; a run has one launch and one generator then. From a stream of its own.
pub(crate) fn scaling(seed: u64, launches: i32) -> Vec<Option<Scaling>> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x7363_616c_6564);
    if !has_queues(seed) || launches > 1 || random.random_ratio(1, 4) {
        return Vec::new();
    }
    let cluster = |random: &mut StdRng| {
        let is_latency = random.random_bool(0.5);
        let (seconds, messages) = (random.random_range(5..60), random.random_range(1..5));
        Scaling {
            policy: if is_latency { ScalingPolicy::LatencyTarget } else { ScalingPolicy::QueueDepth },
            min: random.random_bool(0.5).then(|| random.random_range(0..=2)),
            target_seconds: is_latency.then_some(seconds),
            messages_per_instance: (!is_latency).then_some(messages),
            pool: random.random_bool(0.5).then_some(ScalingPool::StartStop),
        }
    };
    (0..2).map(|_| random.random_bool(0.8).then(|| cluster(random))).collect()
}

/// Queues that are late within what the settling time is made for, together with what lists are late.
pub(crate) fn queues(plan: Plan, seed: u64) -> Queues {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x0073_7173);
    let most = if plan == Plan::Crash { 2 } else { 15 };
    Queues {
        creation: Span::seconds(0, random.random_range(0..=most)),
        tags_late: Span::seconds(0, random.random_range(0..=most)),
        deletion: Span::seconds(0, random.random_range(0..=60)),
        repeated_tags: RepeatedTags::ALL[random.random_range(0..3)],
        ..Queues::default()
    }
}

/// Buckets whose names are not free at once, and objects that are not deleted at the first try.
pub(crate) fn buckets(plan: Plan, seed: u64) -> BucketSettings {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x0073_3373);
    let is_calm = plan == Plan::Crash;
    BucketSettings {
        name_linger: Span::seconds(0, random.random_range(0..=if is_calm { 5 } else { 120 })),
        failed_deletion_per_mille: if is_calm { 0 } else { random.random_range(0..=200) },
        ..BucketSettings::default()
    }
}

/// Load balancers that are late within what the settling time is made for, and interfaces that stay for ten minutes.
pub(crate) fn load_balancing(plan: Plan, seed: u64) -> LoadBalancing {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x7072_6f76_6973_696f);
    let is_calm = plan == Plan::Crash;
    LoadBalancing {
        provisioning: Span::seconds(0, random.random_range(0..=240)),
        interface_linger: Span::seconds(0, random.random_range(0..=if is_calm { 60 } else { 600 })),
        used_linger: Span::seconds(0, random.random_range(0..=60)),
        tags_are_settings: random.random_bool(0.5),
        flaps: if !is_calm && random.random_ratio(1, 4) { Span::seconds(60, 600) } else { Span::NONE },
        ..LoadBalancing::default()
    }
}
