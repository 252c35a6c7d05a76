//! Members as they were seen at one moment, and what may not have happened between two such moments. Pure.

use std::collections::HashSet;

use wire::{ClusterReport, Policy, QueueStatus};

/// Requests of a visit for each member, from which one that gave no answer was left out: whoever spreads by chance does
/// that once in `e^20`.
const ENOUGH_FOR_EACH: u64 = 20;

/// All clusters that somebody knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sight(pub(crate) Vec<SeenCluster>);

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenCluster {
    pub(crate) name: String,
    /// Policy of the balancer; `None`: nobody says.
    pub(crate) policy: Option<Policy>,
    pub(crate) members: Vec<SeenMember>,
    /// What a front says of its queue; `None`: nobody does.
    pub(crate) queue: Option<QueueStatus>,
    /// Whether its members come and go with its queue.
    pub(crate) is_scaled: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SeenMember {
    pub(crate) id: String,
    pub(crate) address: String,
    /// Why it cannot be measured, as what follows its name: `is unhealthy`.
    pub(crate) ill: Option<String>,
    /// Its process, by its own word.
    pub(crate) boot: Option<String>,
    pub(crate) slots: Option<u32>,
    /// What the balancer counted; `None`: nobody does.
    pub(crate) counts: Option<Counts>,
}

/// Counts of one member, since the balancer knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) requests: u64,
    pub(crate) losses: u64,
    /// Requests that it is working on.
    pub(crate) in_flight: u64,
}

impl Sight {
    pub(crate) fn of(&self, cluster: &str) -> Option<&SeenCluster> {
        self.0.iter().find(|seen| seen.name == cluster)
    }

    /// The members of all of these under one more name, which they serve together.
    pub(crate) fn shared(mut self, name: &str) -> Self {
        let members = self.0.iter().flat_map(|cluster| cluster.members.clone()).collect();
        self.0.push(SeenCluster::asked(name, members));
        self
    }

    /// Members that may answer for a cluster.
    pub(crate) fn ids(&self, cluster: &str) -> Option<HashSet<Vec<u8>>> {
        Some(self.of(cluster)?.members.iter().map(|member| member.id.clone().into_bytes()).collect())
    }

    /// Requests that all members of a cluster together serve at the same time, by their own word. `None`: one has not
    /// said, or serves programs that do not say it.
    pub(crate) fn slots(&self, cluster: &str) -> Option<u32> {
        self.of(cluster)?.members.iter().map(|member| member.slots).sum()
    }

    /// Requests that a cluster is working on, as somebody counts them; 0 where nobody does.
    pub(crate) fn in_flight(&self, cluster: &str) -> u64 {
        let members = self.of(cluster).into_iter().flat_map(|cluster| &cluster.members);
        members.filter_map(|member| Some(member.counts?.in_flight)).sum()
    }

    /// Why these clusters cannot be measured now, if so. Whether scaled ones are at rest is another question.
    pub(crate) fn unsettled(&self, clusters: &[String]) -> Option<String> {
        clusters.iter().find_map(|name| {
            let Some(cluster) = self.of(name) else {
                return Some(format!("the balancer does not serve {name}"));
            };
            if cluster.is_scaled {
                return None;
            }
            if cluster.members.is_empty() {
                return Some(format!("{name} has no members"));
            }
            cluster.ill()
        })
    }

    /// Why what happened until `after` does not count, if anything; and of which cluster.
    pub(crate) fn change(&self, after: &Self, clusters: &[String]) -> Option<(String, String)> {
        clusters.iter().find_map(|name| match (self.of(name), after.of(name)) {
            (Some(before), Some(after)) => Some((name.clone(), before.change(after)?)),
            _ => Some((name.clone(), format!("the balancer does not serve {name}"))),
        })
    }
}

impl SeenCluster {
    /// One whose members were asked themselves.
    pub(crate) fn asked(name: &str, members: Vec<SeenMember>) -> Self {
        Self { name: name.to_owned(), policy: None, members, queue: None, is_scaled: false }
    }

    /// Who cannot be measured, and why.
    pub(crate) fn ill(&self) -> Option<String> {
        let words = |member: &SeenMember| Some(format!("{} of {} {}", member.id, self.name, member.ill.as_ref()?));
        self.members.iter().find_map(words)
    }

    fn member(&self, id: &str) -> Option<&SeenMember> {
        self.members.iter().find(|member| member.id == id)
    }

    fn change(&self, after: &Self) -> Option<String> {
        let name = &self.name;
        if let (Some(before), Some(after)) = (self.policy, after.policy)
            && before != after
        {
            return Some(format!("the policy of {name} changed from {before:?} to {after:?}"));
        }
        let of_queue = self.change_of_queue(after);
        if of_queue.is_some() || self.is_scaled {
            return of_queue;
        }
        for member in &self.members {
            let Some(now) = after.member(&member.id) else { return Some(format!("{} left {name}", member.id)) };
            if let Some(change) = member.change(now, name) {
                return Some(change);
            }
        }
        let new = after.members.iter().find(|member| self.member(&member.id).is_none())?;
        Some(format!("{} joined {name}", new.id))
    }

    /// A member that gave not one answer of a visit in which each should have had some. Programs that name themselves
    /// otherwise, or not at all, tell nothing.
    pub(crate) fn left_out(&self, visited: &ClusterReport) -> Option<String> {
        let answers = |id: &str| visited.members.iter().any(|share| share.id == id && share.requests > 0);
        let is_enough = visited.requests >= ENOUGH_FOR_EACH * self.members.len() as u64;
        if !is_enough || !self.members.iter().any(|member| answers(&member.id)) {
            return None;
        }
        let member = self.members.iter().find(|member| !answers(&member.id))?;
        Some(format!("{} of {} gave not one answer to {} requests", member.id, self.name, visited.requests))
    }
}

impl SeenMember {
    fn change(&self, now: &Self, cluster: &str) -> Option<String> {
        let id = &self.id;
        if let (Some(before), Some(after)) = (self.counts, now.counts) {
            let has_forgotten_boot = self.boot.is_some() && now.boot.is_none();
            if after.requests < before.requests || after.losses < before.losses || has_forgotten_boot {
                return Some("the balancer forgot its members' counts: it was restarted".to_owned());
            }
            if after.losses > before.losses {
                return Some(format!("{id} of {cluster} was lost"));
            }
        }
        if let (None, Some(ill)) = (&self.ill, &now.ill) {
            return Some(format!("{id} of {cluster} was lost: it {ill}"));
        }
        // From none to some is the first answer ever seen, not a restart.
        if self.boot.is_some() && now.boot != self.boot {
            return Some(format!("{id} of {cluster} was restarted"));
        }
        let (from, to) = (&self.address, &now.address);
        (from != to).then(|| format!("{id} of {cluster} moved from {from} to {to}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(id: &str) -> SeenMember {
        SeenMember {
            id: id.into(),
            address: "127.0.0.1:1".into(),
            ill: None,
            boot: Some("a".into()),
            slots: None,
            counts: Some(Counts { requests: 10, losses: 1, in_flight: 0 }),
        }
    }

    fn sight() -> Sight {
        let cluster = |name: &str, ids: [&str; 2]| SeenCluster {
            policy: Some(Policy::default()),
            ..SeenCluster::asked(name, ids.map(member).to_vec())
        };
        Sight(vec![cluster("cluster1", ["i-1", "i-2"]), cluster("other", ["i-8", "i-9"])])
    }

    fn clusters() -> Vec<String> {
        vec!["cluster1".to_owned()]
    }

    fn counts(change: fn(&mut Counts)) -> Option<Counts> {
        let mut counts = Counts { requests: 10, losses: 1, in_flight: 0 };
        change(&mut counts);
        Some(counts)
    }

    #[test]
    fn says_who_was_lost_restarted_or_replaced() {
        type Case = (fn(&mut Sight), Option<&'static str>);
        let cases: [Case; 12] = [
            (|_| (), None),
            (|s| s.0[0].members[1].counts = counts(|counts| counts.requests += 5), None),
            (|s| s.0[1].members[0].counts = counts(|counts| counts.losses += 1), None),
            (|s| s.0[0].members[1].counts = counts(|counts| counts.losses += 1), Some("i-2 of cluster1 was lost")),
            (
                |s| s.0[0].members[1].ill = Some("is unhealthy".into()),
                Some("i-2 of cluster1 was lost: it is unhealthy"),
            ),
            (|s| s.0[0].members[0].boot = Some("b".into()), Some("i-1 of cluster1 was restarted")),
            (
                |s| s.0[0].policy = Some(Policy::RoundRobin),
                Some("the policy of cluster1 changed from ShortestExpectedDelay to RoundRobin"),
            ),
            (|s| drop(s.0[0].members.pop()), Some("i-2 left cluster1")),
            (|s| s.0[0].members.push(member("i-3")), Some("i-3 joined cluster1")),
            (
                |s| s.0[0].members[0].counts = counts(|counts| counts.requests = 0),
                Some("the balancer forgot its members' counts: it was restarted"),
            ),
            (|s| s.0[0].name = "x".into(), Some("the balancer does not serve cluster1")),
            (
                |s| s.0[0].members[0].address = "127.0.0.1:2".into(),
                Some("i-1 of cluster1 moved from 127.0.0.1:1 to 127.0.0.1:2"),
            ),
        ];
        for (change, reason) in cases {
            let mut after = sight();
            change(&mut after);
            assert_eq!(sight().change(&after, &clusters()).map(|(_, why)| why).as_deref(), reason);
        }
    }

    #[test]
    fn who_says_no_boot_any_more_is_another_process_unless_a_balancer_forgot_it() {
        let mut after = sight();
        after.0[0].members[0].boot = None;
        let why = |after: &Sight| sight().change(after, &clusters()).unwrap().1;
        assert_eq!(why(&after), "the balancer forgot its members' counts: it was restarted");
        after.0[0].members[0].counts = None;
        assert_eq!(why(&after), "i-1 of cluster1 was restarted");
    }

    #[test]
    fn slots_are_added_when_every_member_has_said_its_own() {
        let mut sight = sight();
        assert_eq!(sight.slots("cluster1"), None);
        sight.0[0].members[0].slots = Some(2);
        assert_eq!(sight.slots("cluster1"), None, "one says nothing");
        sight.0[0].members[1].slots = Some(1);
        assert_eq!(sight.slots("cluster1"), Some(3));
    }

    #[test]
    fn all_members_together_are_those_of_each_cluster() {
        let sight = sight().shared("all");
        let ids: Vec<&str> = sight.of("all").unwrap().members.iter().map(|member| member.id.as_str()).collect();
        assert_eq!(ids, ["i-1", "i-2", "i-8", "i-9"]);
    }

    #[test]
    fn the_first_answer_is_no_restart() {
        let mut before = sight();
        before.0[0].members[0].boot = None;
        assert_eq!(before.change(&sight(), &clusters()), None);
    }

    #[test]
    fn says_what_a_round_waits_for() {
        let reason = |change: fn(&mut Sight)| {
            let mut sight = sight();
            change(&mut sight);
            sight.unsettled(&clusters()).unwrap_or_default()
        };
        assert_eq!(reason(|_| ()), "");
        let ill = |s: &mut Sight| s.0[0].members[1].ill = Some("is unhealthy".into());
        assert_eq!(reason(ill), "i-2 of cluster1 is unhealthy");
        assert_eq!(reason(|s| s.0[0].members.clear()), "cluster1 has no members");
        assert_eq!(reason(|s| s.0.clear()), "the balancer does not serve cluster1");
    }

    #[test]
    fn a_member_without_an_answer_was_left_out_when_each_should_have_had_twenty() {
        let left_out = |requests: u64, answers: &[(&str, u64)]| {
            let answers = answers.iter().map(|(id, count)| ((*id).to_owned(), *count));
            let visited = ClusterReport { requests, members: stats::shares(answers), ..ClusterReport::default() };
            sight().0[0].left_out(&visited).unwrap_or_default()
        };
        assert_eq!(left_out(40, &[("i-1", 39), ("i-2", 1)]), "");
        assert_eq!(left_out(40, &[("i-1", 40)]), "i-2 of cluster1 gave not one answer to 40 requests");
        assert_eq!(left_out(40, &[("", 1), ("i-2", 39)]), "i-1 of cluster1 gave not one answer to 40 requests");
        assert_eq!(left_out(39, &[("i-1", 39)]), "", "too few to tell");
        assert_eq!(left_out(40, &[("", 40)]), "", "nobody says who answers");
        assert_eq!(left_out(40, &[("me", 40)]), "", "names of the program's own");
    }
}
