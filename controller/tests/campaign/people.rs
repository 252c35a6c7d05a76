//! Steps of people in the middle of a play, which are added to a script: each kind from a stream of its own, so that it changes
//! nothing else of a seed.

use api::BalancerKind;
use planner::owner;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::script::{Edit, Step};

/// Tags that the policy asks for.
const PROOF: [&str; 3] = [owner::MANAGED_BY, owner::INSTALLATION, owner::KUBERNETES_CLUSTER];

/// People who edit the tags of single instances or protect them, in every third seed; from a stream of its own.
pub(crate) fn with_hands(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x6861_6e64_735f_6f6e);
    if !random.random_ratio(1, 3) {
        return steps;
    }
    for _ in 0..random.random_range(1..=3) {
        let nth = random.random_range(0..10);
        let tag = PROOF[random.random_range(0..PROOF.len())].to_owned();
        let step = match random.random_range(0..3) {
            0 => Step::Untag { nth, tag },
            1 => Step::Retag { nth, tag },
            _ => Step::Protect { nth },
        };
        steps.insert(random.random_range(steps.len() / 4..=steps.len()), step);
    }
    steps
}

/// Users who change their mind about what stands in front, in every sixth seed.
pub(crate) fn with_other_kinds(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x006b_696e_6473);
    if !random.random_ratio(1, 6) {
        return steps;
    }
    for _ in 0..random.random_range(1..=3) {
        let kind = if random.random_bool(0.5) { BalancerKind::Application } else { BalancerKind::Custom };
        steps.insert(random.random_range(0..=steps.len()), Step::Edit(Edit::Balancer(kind)));
    }
    steps
}

/// Users who want queues for a while, or other ones, in every seventh seed; from a stream of its own.
pub(crate) fn with_queues(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x6672_6f6e_7473);
    if !random.random_ratio(1, 7) || is_in_place(seed) {
        return steps;
    }
    for _ in 0..random.random_range(1..=3) {
        let edit = match random.random_range(0..4) {
            0 => Edit::Balancer(BalancerKind::Custom),
            1 => Edit::Visibility(random.random_range(1..=3) * 10),
            _ => Edit::Balancer(BalancerKind::Queue),
        };
        steps.insert(random.random_range(0..=steps.len()), Step::Edit(edit));
    }
    steps
}

/// Bursts of requests for clusters that follow their queue, and fronts that begin anew; from a stream of its own.
pub(crate) fn with_requests(seed: u64, is_scaled: bool, mut steps: Vec<Step>) -> Vec<Step> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x6275_7273_7473);
    if !is_scaled {
        return steps;
    }
    for _ in 0..random.random_range(2..=8) {
        let step = match random.random_ratio(1, 8) {
            true => Step::FrontRestarts,
            false => Step::Requests { cluster: random.random_range(0..2), count: random.random_range(1..40) },
        };
        steps.insert(random.random_range(0..=steps.len()), step);
    }
    steps
}

/// Workers that are updated in place, in every sixth seed; from a stream of its own.
pub(crate) fn is_in_place(seed: u64) -> bool {
    StdRng::seed_from_u64(seed ^ 0x7570_6461_7465).random_ratio(1, 6)
}

/// Users who give these workers other work.
pub(crate) fn with_updates(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x776f_726b);
    if is_in_place(seed) {
        for _ in 0..random.random_range(1..=3) {
            let edit = Edit::Work(random.random_range(1..=3) * 1000);
            steps.insert(random.random_range(0..=steps.len()), Step::Edit(edit));
        }
    }
    steps
}

/// A network that cuts every list of instances, long after the last launch and for longer than it takes to believe that something
/// is gone, in every eighth seed; from a stream of its own.
pub(crate) fn with_cuts(seed: u64, mut steps: Vec<Step>) -> Vec<Step> {
    let random = &mut StdRng::seed_from_u64(seed ^ 0x6375_7473);
    if !random.random_ratio(1, 8) {
        return steps;
    }
    steps.extend([Step::Wait { seconds: random.random_range(400..600) }, Step::Cut(true)]);
    for _ in 0..random.random_range(6..12) {
        steps.push(Step::Pass { operator: 0, strike: None, stretch_per_mille: random.random_range(500..4000) });
        steps.push(Step::Wait { seconds: random.random_range(30..90) });
    }
    steps.push(Step::Cut(false));
    steps
}
