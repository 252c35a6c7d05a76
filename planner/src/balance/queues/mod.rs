//! Queues and bucket between front and workers: their names, their making, and their end when nobody writes to them any more.
//!
//! They are made first: front and workers are launched when lists show them with our tags, and know their names only. What
//! the spec asks for no longer goes when no instance is left that was launched for it.

mod wanted;
mod writers;

use std::collections::BTreeSet;

use api::{BalancerKind, PlacedQueue, Placement};
use jiff::SignedDuration;

use crate::conditions::Reason;
use crate::effect::Action;
use crate::owner::{EXPIRES_AT, Tags};
use crate::plan::{MOVING, Plan};
use crate::ports::{Bucket, BucketRequest, Queue, QueueRequest};
use crate::resources::creation::create;
use crate::resources::removal::{bucket_out, is_going};
use crate::resources::{ResourceKind, seeks_queues};
use crate::world::{Facet, World};
use wanted::QueueSpec;

pub(crate) use wanted::placed;

/// Between two statuses that differ in nothing but what the front says of its queues.
const SAID_EVERY: SignedDuration = SignedDuration::from_secs(5);

fn are_wanted(world: &World) -> bool {
    world.object.spec.balancer.kind == BalancerKind::Queue
}

/// Chooses the names of queues and bucket where that is due. Why nothing else can be planned before: `None`, it can.
pub(crate) fn place(world: &World, placement: &Placement, plan: &mut Plan) -> Option<String> {
    let queue = placed(world, placement);
    if queue == placement.queue {
        return None;
    }
    plan.placement = Some(Placement { queue, ..placement.clone() });
    plan.wake = SignedDuration::ZERO;
    Some("the names of queues and bucket are being written down".to_owned())
}

/// Makes what is missing, and removes what is not wanted (any more). How it is with them: `None` when they are as they are
/// to be.
pub(crate) fn plan(world: &World, placement: &Placement, plan: &mut Plan) -> Option<(Reason, String)> {
    if !seeks_queues(world) {
        return None;
    }
    let cloud = &world.cloud;
    let (Facet::Known(queues), Facet::Known(buckets)) = (&cloud.queues, &cloud.buckets) else {
        plan.wake_within(MOVING * 5);
        let why = cloud.queues.unknown().or(cloud.buckets.unknown()).filter(|_| are_wanted(world))?;
        return Some((Reason::QueuesUnseen, format!("queues and buckets cannot be listed: {}", why.message)));
    };
    let placed = placement.queue.as_ref().filter(|_| are_wanted(world));
    let wanted = placed.map(|placed| wanted::queues(world, placed)).unwrap_or_default();
    remove(world, placement, plan, (queues, &wanted), (buckets, placed));
    let placed = placed?;
    let mut missing: Vec<&str> = Vec::new();
    for queue in &wanted {
        let is_listed = queues.iter().any(|listed| listed.name == queue.name);
        if !is_listed {
            create_queue(world, placement, plan, queue);
        }
        if !is_listed || is_going(world, &queue.name) {
            missing.push(&queue.name);
        }
    }
    if buckets.iter().all(|bucket| bucket.name != placed.bucket) {
        create_bucket(world, placement, plan, &placed.bucket);
        missing.push(&placed.bucket);
    }
    let first = missing.first()?;
    let more = if missing.len() > 1 { format!(" and {} more", missing.len() - 1) } else { String::new() };
    plan.wake_within(MOVING);
    Some((
        Reason::QueuesProvisioning,
        format!("{first}{more}: queues and bucket are made before front and workers are launched"),
    ))
}

/// Removes what the spec does not ask for and nobody writes to any more: queues first, then the bucket.
fn remove(
    world: &World,
    placement: &Placement,
    plan: &mut Plan,
    (queues, wanted): (&[Queue], &[QueueSpec]),
    (buckets, placed): (&[Bucket], Option<&PlacedQueue>),
) {
    let names: BTreeSet<&str> = wanted.iter().map(|queue| queue.name.as_str()).collect();
    let strange: Vec<&Queue> = queues.iter().filter(|queue| !names.contains(queue.name.as_str())).collect();
    let is_strange = |bucket: &&Bucket| placed.is_none_or(|placed| placed.bucket != bucket.name);
    let strange_buckets: Vec<&Bucket> = buckets.iter().filter(is_strange).collect();
    if strange.is_empty() && strange_buckets.is_empty() {
        return;
    }
    plan.wake_within(MOVING * 5);
    if writers::may_write(world, placement, plan) {
        return;
    }
    for queue in strange.iter().filter(|queue| !is_going(world, &queue.name)) {
        let delete = Action::DeleteQueue { url: queue.url.clone(), name: queue.name.clone() };
        plan.act(delete, "the spec asks for others, or for none, and nobody writes to it");
    }
    for bucket in strange_buckets.iter().filter(|_| queues.is_empty()) {
        let out = bucket_out(world, bucket, &placement.account_id);
        plan.act(out, "the spec asks for no queues, and nobody writes to it");
    }
}

fn create_queue(world: &World, placement: &Placement, plan: &mut Plan, queue: &QueueSpec) {
    create(world, placement, plan, (ResourceKind::Queue, &queue.name), |not_after| {
        Action::CreateQueue(QueueRequest {
            name: queue.name.clone(),
            attributes: queue.attributes.clone(),
            tags: tags(world, placement),
            not_after,
        })
    });
}

fn create_bucket(world: &World, placement: &Placement, plan: &mut Plan, name: &str) {
    create(world, placement, plan, (ResourceKind::Bucket, name), |not_after| {
        Action::CreateBucket(BucketRequest { name: name.to_owned(), tags: tags(world, placement), not_after })
    });
}

/// Neither can end itself: the expiry is for people and for whoever sweeps.
fn tags(world: &World, placement: &Placement) -> Tags {
    let mut tags = world.tags();
    tags.entry("Name".to_owned()).or_insert_with(|| format!("clusterbench {}/queue", world.object.name));
    if let Some(at) = &placement.expires_at {
        tags.insert(EXPIRES_AT.to_owned(), at.0.to_string());
    }
    tags
}

/// Notes whether the status of this pass says what the front says: at most every five seconds, because it changes at each look.
pub(crate) fn note_said(world: &World, plan: &mut Plan) {
    let is_due = |at: jiff::Timestamp| world.now.duration_since(at) >= SAID_EVERY;
    if are_wanted(world) && matches!(world.balancer, Some(Facet::Known(_))) {
        let said_at = plan.memory.queues_said_at.filter(|at| !is_due(*at));
        plan.memory.queues_said_at = Some(said_at.unwrap_or(world.now));
    }
}
