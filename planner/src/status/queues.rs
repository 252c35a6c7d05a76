//! The queues of status, as the front last said them.

use api::{BalancerKind, QueueStatus};

use crate::counts::decision;
use crate::goal::{Goal, goal};
use crate::plan::Plan;
use crate::world::{Facet, World};

/// The queues of each cluster. Left as they were at every look but those that are to say them, because they change at each.
pub(super) fn queues(world: &World, plan: &Plan) -> Vec<QueueStatus> {
    if world.object.spec.balancer.kind != BalancerKind::Queue || goal(world) != Goal::Instances {
        return Vec::new();
    }
    match &world.balancer {
        Some(Facet::Known(front)) if plan.memory.queues_said_at == Some(world.now) => {
            front.queues.iter().map(|told| of_cluster(world, told)).collect()
        }
        _ => world.object.status.queues.clone(),
    }
}

fn of_cluster(world: &World, told: &wire::QueueStatus) -> QueueStatus {
    let scaled = decision(world, &told.cluster);
    let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let (waiting, taken) = told.unanswered();
    QueueStatus {
        cluster: told.cluster.clone(),
        waiting: whole(waiting),
        in_flight: whole(taken),
        answers_waiting: whole(told.answers_waiting),
        running: whole(told.running),
        inputs: whole(told.inputs),
        outputs: whole(told.outputs),
        oldest_seconds: whole(told.oldest_millis / 1_000),
        wanted: scaled.as_ref().map(|scaled| i64::from(scaled.wanted)),
        starting: scaled.as_ref().map_or(0, |scaled| i64::from(scaled.booting)),
        draining: scaled.as_ref().map_or(0, |scaled| i64::try_from(scaled.drain.len()).unwrap_or(i64::MAX)),
    }
}

/// All clusters in one line for a column. `None`: there are no queues.
pub(super) fn line(queues: &[QueueStatus]) -> Option<String> {
    let sum = |of: fn(&QueueStatus) -> i64| queues.iter().map(of).fold(0, i64::saturating_add);
    // Those that the rule wants where a cluster is scaled; elsewhere those that are there.
    let wanted = sum(|one| one.wanted.unwrap_or(one.running));
    let is_scaled = queues.iter().any(|one| one.wanted.is_some());
    let of = if is_scaled { format!(" of {wanted}") } else { String::new() };
    (!queues.is_empty()).then(|| {
        format!(
            "{} waiting, {} taken, {} answers, {}{of} running, {} in, {} out",
            sum(|one| one.waiting),
            sum(|one| one.in_flight),
            sum(|one| one.answers_waiting),
            sum(|one| one.running),
            sum(|one| one.inputs),
            sum(|one| one.outputs),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_summed_in_the_order_of_a_requests_way() {
        let one = QueueStatus {
            cluster: "a".into(),
            waiting: 12,
            in_flight: 3,
            answers_waiting: 1,
            running: 4,
            inputs: 100,
            outputs: 84,
            oldest_seconds: 9,
            ..QueueStatus::default()
        };
        let other = QueueStatus { cluster: "b".into(), inputs: 5, outputs: 5, ..QueueStatus::default() };
        assert_eq!(line(&[one, other]).as_deref(), Some("12 waiting, 3 taken, 1 answers, 4 running, 105 in, 89 out"));
        let scaled =
            QueueStatus { cluster: "c".into(), running: 2, wanted: Some(7), starting: 5, ..QueueStatus::default() };
        let fixed = QueueStatus { running: 4, ..QueueStatus::default() };
        assert_eq!(
            line(&[scaled, fixed]).as_deref(),
            Some("0 waiting, 0 taken, 0 answers, 6 of 11 running, 0 in, 0 out")
        );
        assert_eq!(line(&[]), None);
    }
}
