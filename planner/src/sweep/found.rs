//! Resources of an installation in a region. A kind of resource that is added is a field here.

use crate::ports::{Bucket, Group, Instance, LoadBalancer, Queue, TargetGroup};

/// Resources with the tags of an installation, as complete lists show them: a field for each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    pub instances: Vec<Instance>,
    pub groups: Vec<Group>,
    pub load_balancers: Vec<LoadBalancer>,
    pub target_groups: Vec<TargetGroup>,
    pub queues: Vec<Queue>,
    pub buckets: Vec<Bucket>,
}
