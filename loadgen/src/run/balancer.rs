//! Members of the balancer, before and after a measurement: a member that was lost in between voids the round.

use std::collections::HashSet;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use wire::{BalancerStatus, ClusterStatus, Health};

use crate::target::fetch::fetch;
use crate::{Progress, Resolver, Target};

/// How long the balancer may take to answer `/status`. It answers from memory; a slower one is overloaded. More than the
/// three seconds within which TCP tries to connect for the third time (RFC 6298).
pub(crate) const STATUS_LIMIT: Duration = Duration::from_secs(5);
/// Pause between two looks while waiting for members to come back.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// Looks at the members of the clusters that are measured, through the balancer that was met first and no other.
#[derive(Debug)]
pub(crate) struct Watch {
    status: Target,
    resolver: Resolver,
    clusters: Vec<String>,
    /// Id of the balancer that answered first.
    met: OnceLock<String>,
    /// Id of another one that answered later.
    successor: OnceLock<String>,
    /// Whether the balancer was seen on the machine that this process is on.
    shares_machine: AtomicBool,
    /// How long to wait for members to be healthy before a round.
    recovery: Duration,
}

impl Watch {
    pub(crate) fn new(status: Target, resolver: Resolver, clusters: Vec<String>, recovery: Duration) -> Self {
        let (met, successor, shares_machine) = (OnceLock::new(), OnceLock::new(), AtomicBool::new(false));
        Self { status, resolver, clusters, met, successor, shares_machine, recovery }
    }

    /// Reads the status. An error is a reason to void: a round that nobody vouches for does not count.
    pub(crate) async fn look(&self) -> Result<BalancerStatus, String> {
        let unread = |why: String| format!("the balancer's status could not be read: {why}");
        let bytes = fetch(&self.status, &self.resolver, STATUS_LIMIT).await.map_err(|why| unread(why.to_string()))?;
        let status: BalancerStatus = serde_json::from_slice(&bytes).map_err(|error| unread(error.to_string()))?;
        if !status.kernel_boot.is_empty() && status.kernel_boot == agent::kernel_boot() {
            self.shares_machine.store(true, Ordering::Relaxed);
        }
        self.meet(&status.instance_id);
        match self.replaced() {
            Some(why) => Err(why),
            None => Ok(status),
        }
    }

    /// An address is given to another instance when its own has ended. What is measured through another balancer cannot
    /// be compared with what was measured before, in whichever order they answer.
    fn meet(&self, instance_id: &str) {
        if self.met.get_or_init(|| instance_id.to_owned()) != instance_id {
            self.successor.get_or_init(|| instance_id.to_owned());
        }
    }

    /// The balancer that the run is measured through, once it has answered.
    pub(crate) fn met(&self) -> Option<&str> {
        self.met.get().map(String::as_str)
    }

    /// Why nothing more can be measured, if another balancer has taken the place of the one that was met.
    pub(crate) fn replaced(&self) -> Option<String> {
        let (from, to) = (self.met.get()?, self.successor.get()?);
        Some(format!("the balancer changed from {from} to {to}"))
    }

    /// Names of the clusters that are measured.
    pub(crate) fn clusters(&self) -> &[String] {
        &self.clusters
    }

    /// Whether balancer and generator, which are two instances, were seen to be one machine.
    pub(crate) fn shares_machine(&self) -> bool {
        self.shares_machine.load(Ordering::Relaxed)
    }

    /// Waits until every member of every measured cluster is healthy; the reason when that takes too long.
    pub(crate) async fn settled(&self, progress: &Progress) -> Result<BalancerStatus, String> {
        let deadline = Instant::now() + self.recovery;
        loop {
            let reason = match self.look().await {
                Ok(status) => match self.unsettled(&status) {
                    None => return Ok(status),
                    Some(reason) => reason,
                },
                Err(reason) => reason,
            };
            if Instant::now() >= deadline || self.replaced().is_some() {
                return Err(reason);
            }
            progress.waiting(&reason);
            sleep(LOOK_EVERY).await;
        }
    }

    fn unsettled(&self, status: &BalancerStatus) -> Option<String> {
        self.clusters.iter().find_map(|name| {
            let Some(cluster) = find(status, name) else {
                return Some(format!("the balancer does not serve {name}"));
            };
            if cluster.members.is_empty() {
                return Some(format!("{name} has no members"));
            }
            let ill = cluster.members.iter().find(|member| member.health != Health::Healthy)?;
            Some(match ill.health {
                Health::Unhealthy => format!("{} of {name} is unhealthy", ill.id),
                _ => format!("{} of {name} was not checked yet", ill.id),
            })
        })
    }

    /// Why what happened between the two looks does not count, if anything; and of which cluster, if of one.
    pub(crate) fn change(&self, before: &BalancerStatus, after: &BalancerStatus) -> Option<(String, String)> {
        self.clusters.iter().find_map(|name| match (find(before, name), find(after, name)) {
            (Some(before), Some(after)) => Some((name.clone(), change_of(before, after)?)),
            _ => Some((name.clone(), format!("the balancer does not serve {name}"))),
        })
    }
}

/// Members that may answer for a cluster.
pub(crate) fn members(status: &BalancerStatus, cluster: &str) -> Option<HashSet<Vec<u8>>> {
    Some(find(status, cluster)?.members.iter().map(|member| member.id.clone().into_bytes()).collect())
}

/// Requests that all members of a cluster together serve at the same time, by their own word. `None`: one has not
/// said, or serves programs that do not say it.
pub(crate) fn slots_of(status: &BalancerStatus, cluster: &str) -> Option<u32> {
    find(status, cluster)?.members.iter().map(|member| member.slots).sum()
}

fn find<'a>(status: &'a BalancerStatus, cluster: &str) -> Option<&'a ClusterStatus> {
    status.clusters.iter().find(|status| status.name == cluster)
}

fn change_of(before: &ClusterStatus, after: &ClusterStatus) -> Option<String> {
    let name = &after.name;
    if before.policy != after.policy {
        return Some(format!("the policy of {name} changed from {:?} to {:?}", before.policy, after.policy));
    }
    let of = |status: &'_ ClusterStatus, id: &str| status.members.iter().find(|member| member.id == id).cloned();
    for member in &before.members {
        let id = &member.id;
        let Some(now) = of(after, id) else { return Some(format!("{id} left {name}")) };
        if now.requests < member.requests || now.losses < member.losses || (member.boot.is_some() && now.boot.is_none())
        {
            return Some("the balancer forgot its members' counts: it was restarted".to_owned());
        }
        if now.losses > member.losses {
            return Some(format!("{id} of {name} was lost"));
        }
        // From none to some is the first answer ever seen, not a restart.
        if member.boot.is_some() && now.boot != member.boot {
            return Some(format!("{id} of {name} was restarted"));
        }
        if now.address != member.address {
            return Some(format!("{id} of {name} moved from {} to {}", member.address, now.address));
        }
    }
    after.members.iter().find(|member| of(before, &member.id).is_none()).map(|new| format!("{} joined {name}", new.id))
}

#[cfg(test)]
mod tests {
    use wire::{MemberStatus, Policy};

    use super::*;

    fn member(id: &str) -> MemberStatus {
        MemberStatus {
            id: id.into(),
            address: "127.0.0.1:1".into(),
            health: Health::Healthy,
            in_flight: 0,
            requests: 10,
            failures: 0,
            share_per_mille: 500,
            latency_micros: None,
            losses: 1,
            boot: Some("a".into()),
            slots: None,
            opinion: wire::MemberOpinion::default(),
        }
    }

    fn status() -> BalancerStatus {
        let cluster = |name: &str, ids: [&str; 2]| ClusterStatus {
            name: name.into(),
            path: format!("/{name}"),
            policy: Policy::default(),
            requests: 20,
            failures: 0,
            members: ids.map(member).to_vec(),
        };
        BalancerStatus {
            instance_id: "b".into(),
            kernel_boot: String::new(),
            version: "1".into(),
            membership_sha256: String::new(),
            clusters: vec![cluster("cluster1", ["i-1", "i-2"]), cluster("other", ["i-8", "i-9"])],
        }
    }

    fn watch() -> Watch {
        Watch::new(
            Target::parse("balancer", "http://127.0.0.1:1/status").unwrap(),
            Resolver::system(),
            vec!["cluster1".into()],
            STATUS_LIMIT,
        )
    }

    #[test]
    fn says_who_was_lost_restarted_or_replaced() {
        type Case = (fn(&mut BalancerStatus), Option<&'static str>);
        let cases: [Case; 11] = [
            (|_| (), None),
            (|s| s.clusters[0].members[1].requests += 5, None),
            (|s| s.clusters[1].members[0].losses += 1, None),
            (|s| s.clusters[0].members[1].losses += 1, Some("i-2 of cluster1 was lost")),
            (|s| s.clusters[0].members[0].boot = Some("b".into()), Some("i-1 of cluster1 was restarted")),
            (
                |s| s.clusters[0].policy = Policy::RoundRobin,
                Some("the policy of cluster1 changed from ShortestExpectedDelay to RoundRobin"),
            ),
            (|s| drop(s.clusters[0].members.pop()), Some("i-2 left cluster1")),
            (|s| s.clusters[0].members.push(member("i-3")), Some("i-3 joined cluster1")),
            (
                |s| s.clusters[0].members[0].requests = 0,
                Some("the balancer forgot its members' counts: it was restarted"),
            ),
            (|s| s.clusters[0].name = "x".into(), Some("the balancer does not serve cluster1")),
            (
                |s| s.clusters[0].members[0].address = "127.0.0.1:2".into(),
                Some("i-1 of cluster1 moved from 127.0.0.1:1 to 127.0.0.1:2"),
            ),
        ];
        for (change, reason) in cases {
            let mut after = status();
            change(&mut after);
            assert_eq!(watch().change(&status(), &after).map(|(_, why)| why).as_deref(), reason);
        }
    }

    #[test]
    fn a_run_is_of_the_balancer_that_answered_first() {
        let watch = watch();
        assert_eq!((watch.met(), watch.replaced()), (None, None));
        watch.meet("b");
        watch.meet("b");
        assert_eq!((watch.met(), watch.replaced()), (Some("b"), None));
        watch.meet("c");
        watch.meet("b");
        assert_eq!((watch.met(), watch.replaced()), (Some("b"), Some("the balancer changed from b to c".to_owned())));
    }

    #[test]
    fn slots_are_added_when_every_member_has_said_its_own() {
        let mut status = status();
        assert_eq!(slots_of(&status, "cluster1"), None);
        status.clusters[0].members[0].slots = Some(2);
        assert_eq!(slots_of(&status, "cluster1"), None, "one says nothing");
        status.clusters[0].members[1].slots = Some(1);
        assert_eq!(slots_of(&status, "cluster1"), Some(3));
    }

    #[test]
    fn the_first_answer_is_no_restart() {
        let mut before = status();
        before.clusters[0].members[0].boot = None;
        assert_eq!(watch().change(&before, &status()), None);
    }

    #[test]
    fn says_what_a_round_waits_for() {
        let reason = |change: fn(&mut BalancerStatus)| {
            let mut status = status();
            change(&mut status);
            watch().unsettled(&status).unwrap_or_default()
        };
        assert_eq!(reason(|_| ()), "");
        assert_eq!(reason(|s| s.clusters[0].members[1].health = Health::Unhealthy), "i-2 of cluster1 is unhealthy");
        assert_eq!(
            reason(|s| s.clusters[0].members[1].health = Health::Unknown),
            "i-2 of cluster1 was not checked yet"
        );
        assert_eq!(reason(|s| s.clusters[0].members.clear()), "cluster1 has no members");
        assert_eq!(reason(|s| s.clusters.clear()), "the balancer does not serve cluster1");
    }
}
