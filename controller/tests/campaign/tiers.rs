//! The tier in front of the clusters of a script, and how AWS is about it.

use api::BalancerKind;
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
