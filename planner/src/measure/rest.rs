//! The rest of a cluster behind queues, from which it is measured: nothing waits, and where its number of instances follows its queue,
//! its fewest take requests, and nobody comes or goes.

use api::BalancerKind;

use crate::balance::membership::membership;
use crate::counts::{Decision, decision};
use crate::scale::pool;
use crate::world::{Facet, World};

const UNCOUNTED: &str = "SQS has not said how many messages there are, or not of late; if that lasts, see whether the role of the instances allows sqs:GetQueueAttributes";

/// Why a cluster behind queues is not at rest, in words. `None`: all of them are, or there is none.
pub(crate) fn lacking(world: &World) -> Option<String> {
    let spec = &world.object.spec;
    if spec.balancer.kind != BalancerKind::Queue {
        return None;
    }
    let first = spec.clusters.iter().find_map(|cluster| {
        let why = match decision(world, &cluster.name) {
            Some(decision) => why(&decision),
            None => left(world, &cluster.name),
        }?;
        Some(format!("waits until cluster {} is at rest: {why}", cluster.name))
    });
    first.or_else(|| {
        let is_told = matches!(&world.balancer, Some(Facet::Known(front)) if front.membership_sha256 == membership(world).sha256());
        (pool::is_any_scaled(spec) && !is_told).then(|| "waits until the front is told its members".to_owned())
    })
}

/// What is left in the queue of a fixed number of instances: it would be worked off within the first round.
fn left(world: &World, cluster: &str) -> Option<String> {
    let front = world.balancer.as_ref().and_then(Facet::known)?;
    let queue = front.queues.iter().find(|queue| queue.cluster == cluster)?;
    joined(in_queue(queue.all_unanswered(), queue.unclear > 0, queue.is_uncounted))
}

/// What waits, and what may wait.
fn in_queue(unanswered: u64, is_unclear: bool, is_uncounted: bool) -> [Option<String>; 3] {
    [
        (unanswered > 0).then(|| "requests wait for an answer".to_owned()),
        is_uncounted.then(|| UNCOUNTED.to_owned()),
        (is_unclear && !is_uncounted)
            .then(|| "SQS counts messages that the front does not know, and may be late".to_owned()),
    ]
}

fn joined(lacks: impl IntoIterator<Item = Option<String>>) -> Option<String> {
    let lacks: Vec<String> = lacks.into_iter().flatten().collect();
    (!lacks.is_empty()).then(|| lacks.join(", "))
}

fn why(decision: &Decision) -> Option<String> {
    let Decision { least, ready, booting, unanswered, is_unclear, is_uncounted, lacking, drain, .. } = decision;
    if decision.is_held {
        return Some("the front does not say what waits".to_owned());
    }
    let some = |count: u32, what: &str| (count > 0).then(|| format!("{count} {what}"));
    let of_instances = [
        some(*lacking, "are wanted and cannot be had"),
        (ready != least).then(|| format!("{ready} instances take requests and {least} do at rest")),
        some(*booting, "are starting"),
        some(u32::try_from(drain.len()).unwrap_or(u32::MAX), "are finishing"),
    ];
    joined(in_queue(*unanswered, *is_unclear, *is_uncounted).into_iter().chain(of_instances))
}
