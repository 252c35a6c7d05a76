//! Token buckets per class of action, as EC2 publishes them (EC2 developer guide, "Request throttling").

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::action::{Action, Call, Class};
use crate::settings::Throttling;

/// Size of the bucket and tokens that come back per second.
fn limits(class: Class) -> (u64, u64) {
    match class {
        Class::Read => (100, 20),
        Class::BareRead | Class::Identity => (50, 10),
        Class::Mutate | Class::Rules => (50, 5),
        Class::Run => (5, 2),
        Class::Terminate => (100, 5),
        Class::RunResources => (1000, 2),
        Class::TerminateResources => (1000, 20),
    }
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Buckets(BTreeMap<Class, Bucket>);

/// Counted in thousandths of a token, so that a refill of 2/s is exact to the millisecond.
#[derive(Clone, Debug)]
struct Bucket {
    thousandths: u64,
    filled_at: Timestamp,
}

impl Buckets {
    /// Takes what the call costs, or nothing. `false`: the call is throttled.
    pub(crate) fn admit(&mut self, rules: Throttling, call: Call, now: Timestamp) -> bool {
        if rules == Throttling::Off {
            return true;
        }
        let costs = costs(call);
        let enough = costs.iter().all(|(class, tokens)| self.bucket(*class, now).thousandths >= tokens * 1000);
        if enough {
            for (class, tokens) in costs {
                self.bucket(class, now).thousandths -= tokens * 1000;
            }
        }
        enough
    }

    fn bucket(&mut self, class: Class, now: Timestamp) -> &mut Bucket {
        let (size, per_second) = limits(class);
        let bucket = self.0.entry(class).or_insert(Bucket { thousandths: size * 1000, filled_at: now });
        let passed = u64::try_from(now.as_millisecond() - bucket.filled_at.as_millisecond()).unwrap_or(0);
        bucket.thousandths = (bucket.thousandths + passed * per_second).min(size * 1000);
        bucket.filled_at = bucket.filled_at.max(now);
        bucket
    }
}

fn costs(call: Call) -> Vec<(Class, u64)> {
    let resources = u64::from(call.resources);
    match call.action {
        Action::RunInstances => vec![(Class::Run, 1), (Class::RunResources, resources)],
        Action::TerminateInstances => vec![(Class::Terminate, 1), (Class::TerminateResources, resources)],
        action if call.bare && action.class() == Class::Read => vec![(Class::BareRead, 1)],
        action => vec![(action.class(), 1)],
    }
}
