//! The queues of status, as the front last said them.

use api::{BalancerKind, QueueStatus};

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
            front.queues.iter().map(of_cluster).collect()
        }
        _ => world.object.status.queues.clone(),
    }
}

fn of_cluster(told: &wire::QueueStatus) -> QueueStatus {
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
    }
}

/// All clusters in one line for a column. `None`: there are no queues.
pub(super) fn line(queues: &[QueueStatus]) -> Option<String> {
    let sum = |of: fn(&QueueStatus) -> i64| queues.iter().map(of).fold(0, i64::saturating_add);
    (!queues.is_empty()).then(|| {
        format!(
            "{} waiting, {} taken, {} answers, {} running, {} in, {} out",
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
        };
        let other = QueueStatus { cluster: "b".into(), inputs: 5, outputs: 5, ..QueueStatus::default() };
        assert_eq!(line(&[one, other]).as_deref(), Some("12 waiting, 3 taken, 1 answers, 4 running, 105 in, 89 out"));
        assert_eq!(line(&[]), None);
    }
}
