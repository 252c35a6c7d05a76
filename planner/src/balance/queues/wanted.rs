//! The queues and the bucket of a spec as they are to be: names and attributes.

use std::collections::BTreeMap;

use api::{BalancerKind, PlacedQueue, Placement};

use crate::resources::name::{answer_queue, bucket, numbered_queue_stem, request_queue};
use crate::world::World;

/// A queue of a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct QueueSpec {
    pub(super) name: String,
    pub(super) attributes: BTreeMap<String, String>,
}

/// The placement's queues, as the spec asks for them: with other settings than before under the next number. Where it asks
/// for none (any more), only the number is kept.
pub(crate) fn placed(world: &World, placement: &Placement) -> Option<PlacedQueue> {
    let (balancer, former) = (&world.object.spec.balancer, placement.queue.as_ref());
    let Some(asked) = balancer.queue.as_ref().filter(|_| balancer.kind == BalancerKind::Queue) else {
        return former.map(|former| PlacedQueue { number: former.number, ..PlacedQueue::default() });
    };
    let settings = (&asked.instance_profile, asked.visibility_seconds);
    if let Some(former) = former.filter(|former| (&former.instance_profile, former.visibility_seconds) == settings) {
        return Some(former.clone());
    }
    let number = former.map_or(0, |former| former.number) + 1;
    let owner = world.owner();
    Some(PlacedQueue {
        number,
        stem: numbered_queue_stem(&owner, number),
        bucket: bucket(&owner, &placement.account_id, &placement.region),
        instance_profile: asked.instance_profile.clone(),
        visibility_seconds: asked.visibility_seconds,
    })
}

/// Two queues for each cluster. Attributes depend on what is placed and on what cannot be changed alone: a create call of an
/// existing name with others is refused (API reference, CreateQueue: QueueNameExists).
pub(super) fn queues(world: &World, placed: &PlacedQueue) -> Vec<QueueSpec> {
    let spec = &world.object.spec;
    // Nothing in a queue is of use for longer than the benchmark lives: from 60 seconds to 14 days (CreateQueue).
    let retention = ("MessageRetentionPeriod", spec.lifecycle.max_lifetime_seconds);
    let visibility = ("VisibilityTimeout", placed.visibility_seconds);
    let queue = |name: String, attributes: &[(&str, i32)]| {
        let attributes = attributes.iter().map(|(key, value)| ((*key).to_owned(), value.to_string()));
        QueueSpec { name, attributes: attributes.collect() }
    };
    let of_cluster = |cluster: &api::Cluster| {
        let requests = queue(request_queue(&placed.stem, &cluster.name), &[retention, visibility]);
        [requests, queue(answer_queue(&placed.stem, &cluster.name), &[retention])]
    };
    spec.clusters.iter().flat_map(of_cluster).collect()
}
