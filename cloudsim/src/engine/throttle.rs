//! Token buckets, as EC2 publishes them (EC2 developer guide, "Request throttling"): each action has its own, of the
//! size of its class.

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
pub(crate) struct Buckets(BTreeMap<(Action, Class), Bucket>);

/// Counted in thousandths of a token, so that a refill of 2/s is exact to the millisecond.
#[derive(Clone, Debug)]
struct Bucket {
    thousandths: u64,
    filled_at: Timestamp,
}

impl Buckets {
    /// Takes what the call costs, or nothing, of what others leave (`others_percent` is theirs). `false`: the call is
    /// throttled.
    pub(crate) fn admit(&mut self, rules: Throttling, others_percent: u32, call: &Call, now: Timestamp) -> bool {
        if rules == Throttling::Off {
            return true;
        }
        let ours = 100 - u64::from(others_percent.min(100));
        let (class, resources) = costs(call);
        let action = call.action();
        let mut has = |class, tokens: u64| self.bucket(action, class, ours, now).thousandths >= tokens * 1000;
        let enough = has(class, 1) && resources.is_none_or(|(class, count)| has(class, count));
        if enough {
            for (class, tokens) in [(class, 1)].into_iter().chain(resources) {
                self.bucket(action, class, ours, now).thousandths -= tokens * 1000;
            }
        }
        enough
    }

    /// The bucket as it is now, of which `ours` per cent are ours.
    fn bucket(&mut self, action: Action, class: Class, ours: u64, now: Timestamp) -> &mut Bucket {
        let (size, per_second) = limits(class);
        let most = size * 10 * ours;
        let bucket = self.0.entry((action, class)).or_insert(Bucket { thousandths: most, filled_at: now });
        let passed = u64::try_from(now.as_millisecond() - bucket.filled_at.as_millisecond()).unwrap_or(0);
        bucket.thousandths = (bucket.thousandths + passed * per_second * ours / 100).min(most);
        bucket.filled_at = bucket.filled_at.max(now);
        bucket
    }
}

/// Lists that are dearer without filters, ids and pages, of those that there are here.
const DEAR_WHEN_BARE: [Action; 3] =
    [Action::DescribeInstances, Action::DescribeSecurityGroups, Action::DescribeNetworkInterfaces];

/// The class of the call itself, and what it costs in instances.
fn costs(call: &Call) -> (Class, Option<(Class, u64)>) {
    let resources = call.resources();
    match call.action() {
        Action::RunInstances => (Class::Run, Some((Class::RunResources, resources))),
        Action::TerminateInstances => (Class::Terminate, Some((Class::TerminateResources, resources))),
        action if call.bare && DEAR_WHEN_BARE.contains(&action) => (Class::BareRead, None),
        action => (action.class(), None),
    }
}
