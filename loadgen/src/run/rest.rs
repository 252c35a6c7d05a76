//! Rest of a cluster behind queues, with which its rounds begin: nothing is without an answer. Where its number of instances
//! follows its queue, the fewest are there as well, and its rounds end so too. And what such a cluster used in between. Pure.

use wire::{QueueCalls, QueueCost, QueueStatus, ScalingStatus};

use crate::run::sight::{SeenCluster, Sight};

impl Sight {
    /// What is waited for until all of these clusters are at rest. `None`: they are.
    pub(crate) fn restless(&self, clusters: &[String]) -> Option<String> {
        clusters.iter().filter_map(|name| self.of(name)).find_map(SeenCluster::restless)
    }

    /// Whether one of them follows its queue.
    pub(crate) fn is_scaled(&self) -> bool {
        self.0.iter().any(|cluster| cluster.is_scaled)
    }
}

impl SeenCluster {
    /// What is waited for until the cluster is at rest. One that is behind no queue always is.
    fn restless(&self) -> Option<String> {
        let Some(queue) = &self.queue else {
            return self.is_scaled.then(|| format!("the front does not say what waits for {}", self.name));
        };
        self.unanswered(queue).or_else(|| if self.is_scaled { self.moving(queue) } else { None })
    }

    /// What has no answer, or may have none: it would be worked on within the next round.
    fn unanswered(&self, queue: &QueueStatus) -> Option<String> {
        let (name, unanswered, unclear) = (&self.name, queue.all_unanswered(), queue.unclear);
        if unanswered > 0 {
            return Some(format!("{unanswered} requests of {name} have no answer"));
        }
        if queue.is_uncounted {
            return Some(format!("SQS has not said how many messages {name} has, or not of late"));
        }
        (!queue.is_empty())
            .then(|| format!("SQS counts {unclear} messages of {name} that the front does not know, and may be late"))
    }

    /// Instances that come or go where their number follows the queue, or that are not the fewest, or not well.
    fn moving(&self, queue: &QueueStatus) -> Option<String> {
        let name = &self.name;
        let Some(scaling) = &queue.scaling else {
            return Some(format!("the front does not say how many instances {name} has at rest"));
        };
        let leaving = scaling.draining.len() + scaling.drained.len();
        let (there, least) = (self.members.len(), scaling.least as usize);
        if scaling.lacking > 0 {
            return Some(format!(
                "{name} lacks {} that its rule wants and that cannot be had",
                instances(scaling.lacking as usize)
            ));
        }
        if scaling.starting > 0 {
            return Some(format!("{name} has {} starting", scaling.starting));
        }
        if leaving > 0 {
            return Some(format!("{name} has {leaving} that were told to go"));
        }
        if there != least {
            return Some(format!("{name} has {}, and at rest it has {least}", instances(there)));
        }
        self.ill()
    }

    /// Why what happened until `after` does not count, by what the front says of the queue.
    pub(crate) fn change_of_queue(&self, after: &Self) -> Option<String> {
        let (name, before) = (&self.name, self.queue.as_ref()?);
        let Some(after) = &after.queue else {
            return Some(format!("the front does not say what waits for {name} any more"));
        };
        if is_forgotten(before, after) {
            return Some(format!("the front forgot its counts of {name}: it was restarted"));
        }
        if !self.is_scaled {
            return None;
        }
        let more = |count: fn(&ScalingStatus) -> u64| {
            let of = |queue: &QueueStatus| queue.scaling.as_ref().map_or(0, count);
            of(after).saturating_sub(of(before))
        };
        let lost = more(|scaling| scaling.lost);
        if lost > 0 {
            return Some(format!(
                "{} of {name} ended before it was drained, or was restarted",
                instances(lost as usize)
            ));
        }
        // What a rule costs is not known where it did not have what it wants.
        (more(|scaling| scaling.lacks) > 0).then(|| {
            format!("{name} lacked instances that its rule wants: they could not be had, see the condition Provisioned")
        })
    }

    /// Why a visit with so many good answers does not count, if the front knows of fewer: those that came before it was
    /// restarted.
    pub(crate) fn unknown_answers(&self, after: &Self, good: u64) -> Option<String> {
        let (before, after) = (self.queue.as_ref()?, after.queue.as_ref()?);
        let known = after.answered.saturating_sub(before.answered);
        let name = &self.name;
        (known < good)
            .then(|| format!("the front knows of {known} answers of {name}, and {good} came: it was restarted"))
    }

    /// What the cluster used from then until `after`, which is so many milliseconds later. `None`: it is not behind queues.
    pub(crate) fn used(&self, after: &Self, millis: u64) -> Option<QueueCost> {
        let (before, after) = (self.queue.as_ref()?, after.queue.as_ref()?);
        let of_scaled = before.scaling.as_ref().zip(after.scaling.as_ref()).filter(|_| self.is_scaled);
        let since = |count: fn(&ScalingStatus) -> u64| {
            of_scaled.map(|(before, after)| count(after).saturating_sub(count(before)))
        };
        let fixed = millis.saturating_mul(self.members.len() as u64);
        Some(QueueCost {
            millis,
            instance_millis: since(|scaling| scaling.instance_millis).unwrap_or(fixed),
            starts: since(|scaling| scaling.starts).unwrap_or(0),
            calls: after.calls.since(before.calls),
            ..QueueCost::default()
        })
    }
}

/// Counts only rise while the process of the front lives.
fn is_forgotten(before: &QueueStatus, after: &QueueStatus) -> bool {
    let of_scaling = |queue: &QueueStatus| {
        let of = |scaling: &ScalingStatus| [scaling.starts, scaling.instance_millis, scaling.lost, scaling.lacks];
        queue.scaling.as_ref().map_or([0; 4], of)
    };
    let counts = |queue: &QueueStatus| {
        let QueueCalls { sqs, s3_puts, s3_gets } = queue.calls;
        [queue.accepted, queue.answered, queue.failed, queue.inputs, queue.outputs, sqs, s3_puts, s3_gets]
    };
    let fell = |before: &[u64], after: &[u64]| before.iter().zip(after).any(|(before, after)| after < before);
    fell(&counts(before), &counts(after)) || fell(&of_scaling(before), &of_scaling(after))
}

fn instances(count: usize) -> String {
    if count == 1 { "1 instance".to_owned() } else { format!("{count} instances") }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::run::sight::SeenMember;

    /// `a` has at least one instance, and is at rest.
    fn resting() -> SeenCluster {
        let scaling = ScalingStatus { least: 1, starts: 3, instance_millis: 200_000, ..ScalingStatus::default() };
        let queue = QueueStatus {
            cluster: "a".into(),
            accepted: 100,
            answered: 99,
            failed: 1,
            outputs: 100,
            scaling: Some(scaling),
            calls: QueueCalls { sqs: 420, s3_puts: 200, s3_gets: 100 },
            ..QueueStatus::default()
        };
        SeenCluster {
            name: "a".into(),
            policy: None,
            members: vec![member("i-1")],
            queue: Some(queue),
            is_scaled: true,
        }
    }

    fn member(id: &str) -> SeenMember {
        SeenMember { id: id.into(), address: String::new(), ill: None, boot: None, slots: None, counts: None }
    }

    fn scaling(cluster: &mut SeenCluster) -> &mut ScalingStatus {
        queue(cluster).scaling.as_mut().unwrap()
    }

    fn queue(cluster: &mut SeenCluster) -> &mut QueueStatus {
        cluster.queue.as_mut().unwrap()
    }

    fn changed(change: impl FnOnce(&mut SeenCluster)) -> SeenCluster {
        let mut cluster = resting();
        change(&mut cluster);
        cluster
    }

    type Change = fn(&mut SeenCluster);

    /// What the front may say of a queue in which something has no answer, or may have none, and the words for it.
    const UNANSWERED: [(Change, &str); 4] = [
        (|a| queue(a).open = 2, "2 requests of a have no answer"),
        (|a| queue(a).inherited = 3, "3 requests of a have no answer"),
        (|a| queue(a).unclear = 4, "SQS counts 4 messages of a that the front does not know, and may be late"),
        (|a| queue(a).is_uncounted = true, "SQS has not said how many messages a has, or not of late"),
    ];

    #[test]
    fn rest_is_nothing_unanswered_and_the_fewest_instances() {
        let said = |change: fn(&mut SeenCluster)| Sight(vec![changed(change)]).restless(&["a".to_owned()]);
        assert_eq!(said(|_| ()), None);
        let words = |change| said(change).unwrap();
        UNANSWERED.iter().for_each(|(change, why)| assert_eq!(words(*change), *why));
        assert_eq!(words(|a| scaling(a).lacking = 1), "a lacks 1 instance that its rule wants and that cannot be had");
        assert_eq!(words(|a| scaling(a).starting = 1), "a has 1 starting");
        assert_eq!(
            words(|a| {
                scaling(a).draining.insert("i-1".into());
            }),
            "a has 1 that were told to go"
        );
        assert_eq!(
            words(|a| {
                scaling(a).drained.insert("i-1".into());
            }),
            "a has 1 that were told to go"
        );
        assert_eq!(words(|a| a.members.push(member("i-2"))), "a has 2 instances, and at rest it has 1");
        assert_eq!(words(|a| a.members.clear()), "a has 0 instances, and at rest it has 1");
        assert_eq!(words(|a| a.members[0].ill = Some("is unhealthy".into())), "i-1 of a is unhealthy");
        assert_eq!(words(|a| queue(a).scaling = None), "the front does not say how many instances a has at rest");
        assert_eq!(words(|a| a.queue = None), "the front does not say what waits for a");
    }

    #[test]
    fn a_fixed_number_is_at_rest_when_nothing_is_unanswered_whoever_is_there() {
        let said = |change: fn(&mut SeenCluster)| {
            let fixed = changed(|a| {
                a.is_scaled = false;
                change(a);
            });
            Sight(vec![fixed]).restless(&["a".to_owned()])
        };
        assert_eq!(said(|a| a.queue = None), None, "it is behind no queue");
        assert_eq!(said(|a| (queue(a).scaling, a.members) = (None, Vec::new())), None);
        assert_eq!(said(|a| a.members.push(member("i-2"))), None);
        UNANSWERED.iter().for_each(|(change, why)| assert_eq!(said(*change).as_deref(), Some(*why)));
    }

    #[test]
    fn coming_and_going_changes_nothing_and_a_lost_instance_does() {
        let change = |after: fn(&mut SeenCluster)| resting().change_of_queue(&changed(after));
        assert_eq!(change(|a| (scaling(a).starts, scaling(a).instance_millis) = (5, 400_000)), None);
        assert_eq!(
            change(|a| scaling(a).lost = 1).unwrap(),
            "1 instance of a ended before it was drained, or was restarted"
        );
        assert_eq!(
            change(|a| scaling(a).lacks = 1).unwrap(),
            "a lacked instances that its rule wants: they could not be had, see the condition Provisioned"
        );
        let restarted = "the front forgot its counts of a: it was restarted";
        assert_eq!(change(|a| queue(a).accepted = 99).unwrap(), restarted);
        assert_eq!(change(|a| queue(a).calls.sqs = 1).unwrap(), restarted);
        assert_eq!(change(|a| scaling(a).instance_millis = 60_000).unwrap(), restarted);
        assert_eq!(change(|a| a.queue = None).unwrap(), "the front does not say what waits for a any more");
    }

    #[test]
    fn answers_that_the_front_does_not_know_of_came_before_it_was_restarted() {
        let after = changed(|a| queue(a).answered += 10);
        assert_eq!(resting().unknown_answers(&after, 10), None);
        assert_eq!(
            resting().unknown_answers(&after, 11).unwrap(),
            "the front knows of 10 answers of a, and 11 came: it was restarted"
        );
    }

    #[test]
    fn what_was_used_is_what_the_front_counted_meanwhile() {
        let after = changed(|a| {
            (scaling(a).starts, scaling(a).instance_millis) = (5, 260_000);
            queue(a).calls = QueueCalls { sqs: 500, s3_puts: 220, s3_gets: 110 };
        });
        let calls = QueueCalls { sqs: 80, s3_puts: 20, s3_gets: 10 };
        let cost = QueueCost { millis: 90_000, instance_millis: 60_000, starts: 2, calls, ..QueueCost::default() };
        assert_eq!(resting().used(&after, 90_000), Some(cost));
        let fixed = |mut cluster: SeenCluster| {
            (cluster.is_scaled, cluster.members) = (false, vec![member("i-1"), member("i-2")]);
            cluster
        };
        let cost = QueueCost { instance_millis: 180_000, starts: 0, ..cost };
        assert_eq!(fixed(resting()).used(&fixed(after), 90_000), Some(cost), "two for a minute and a half");
        assert_eq!(changed(|a| a.queue = None).used(&resting(), 1), None);
    }
}
