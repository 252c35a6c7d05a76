//! Token buckets of ELBv2: all lists share one, and effects another (user guide, "API throttling": a bucket of 40 that
//! refills by 10 a second for lists). The figures of effects are not published for each action; they are assumed to be
//! smaller.

use super::Action;
use crate::actions::Effect;
use crate::engine::throttle::{Cost, Limit};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Bucket {
    Reads,
    Effects,
}

/// The cost of a call.
pub(crate) fn costs(action: Action) -> Vec<Cost<Bucket>> {
    let (bucket, limit) = match action.effect() {
        Effect::Reads => (Bucket::Reads, Limit { size: 40, per_second: 10 }),
        Effect::Changes => (Bucket::Effects, Limit { size: 20, per_second: 3 }),
    };
    vec![Cost { bucket, limit, tokens: 1 }]
}
