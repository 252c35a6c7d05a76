//! Resources of one benchmark as the lists of its region show them. A kind of resource that is added is a field here.

use jiff::Timestamp;

use super::facet::Facet;
use crate::failure::Unknown;
use crate::ports::{Bucket, Group, Instance, LoadBalancer, Queue, TargetGroup};

/// Resources of one benchmark, a complete list for each kind.
#[derive(Clone, Debug, PartialEq)]
pub struct CloudView {
    /// When the lists were begun. They may be older than this pass, because all objects of a region share them: what they
    /// do not show is measured against this time, never against `now`.
    pub listed_at: Timestamp,
    /// Instances by owner tags, by the tokens of open launches and by the ids in the ledger, each a complete list; dead ones
    /// included.
    pub instances: Facet<Vec<Instance>>,
    /// Groups by owner tags.
    pub groups: Facet<Vec<Group>>,
    /// Load balancers by name and owner tags. None at all where nothing announces one
    /// ([`crate::resources::seeks_load_balancers`]).
    pub load_balancers: Facet<Vec<LoadBalancer>>,
    /// Target groups likewise.
    pub target_groups: Facet<Vec<TargetGroup>>,
    /// Queues by name and owner tags. None at all where nothing announces one ([`crate::resources::seeks_queues`]).
    pub queues: Facet<Vec<Queue>>,
    /// Buckets likewise.
    pub buckets: Facet<Vec<Bucket>>,
}

impl CloudView {
    /// Nothing is known of any kind, for one reason.
    pub fn unseen(listed_at: Timestamp, why: &Unknown) -> Self {
        Self {
            listed_at,
            instances: Facet::Unknown(why.clone()),
            groups: Facet::Unknown(why.clone()),
            load_balancers: Facet::Unknown(why.clone()),
            target_groups: Facet::Unknown(why.clone()),
            queues: Facet::Unknown(why.clone()),
            buckets: Facet::Unknown(why.clone()),
        }
    }

    /// Names of all that lists show of kinds that are created by name.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        let groups = self.groups.known().into_iter().flatten().map(|group| group.name.as_str());
        let balancers = self.load_balancers.known().into_iter().flatten().map(|balancer| balancer.name.as_str());
        let target_groups = self.target_groups.known().into_iter().flatten().map(|group| group.name.as_str());
        let queues = self.queues.known().into_iter().flatten().map(|queue| queue.name.as_str());
        let buckets = self.buckets.known().into_iter().flatten().map(|bucket| bucket.name.as_str());
        groups.chain(balancers).chain(target_groups).chain(queues).chain(buckets)
    }

    /// Why a kind is not known, the first of them in the order of teardown.
    pub fn unknown(&self) -> Option<&Unknown> {
        let Self { listed_at: _, instances, groups, load_balancers, target_groups, queues, buckets } = self;
        let of_balancing = load_balancers.unknown().or(target_groups.unknown());
        let of_queues = queues.unknown().or(buckets.unknown());
        of_balancing.or(instances.unknown()).or(of_queues).or(groups.unknown())
    }
}
