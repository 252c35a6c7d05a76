//! Balancer that a run is measured through: the one that was met first, which says how its members are.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use wire::{BalancerStatus, ClusterStatus, Health, MemberStatus, QueueStatus};

use crate::run::sight::{Counts, SeenCluster, SeenMember, Sight};
use crate::target::fetch::fetch;
use crate::{Resolver, Target};

/// How long the balancer may take to answer `/status`. It answers from memory; a slower one is overloaded. More than the
/// three seconds within which TCP tries to connect for the third time (RFC 6298).
pub(crate) const STATUS_LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Balancer {
    status: Target,
    resolver: Resolver,
    /// Id of the balancer that answered first.
    met: OnceLock<String>,
    /// Id of another one that answered later.
    successor: OnceLock<String>,
    /// Whether the balancer was seen on the machine that this process is on.
    shares_machine: AtomicBool,
    /// How busy it said that it is, when it was asked last; [`UNKNOWN`]: it did not say.
    busy_per_mille: AtomicU32,
}

const UNKNOWN: u32 = u32::MAX;

impl Balancer {
    pub(crate) fn new(status: Target, resolver: Resolver) -> Self {
        let (met, successor, shares_machine) = (OnceLock::new(), OnceLock::new(), AtomicBool::new(false));
        Self { status, resolver, met, successor, shares_machine, busy_per_mille: AtomicU32::new(UNKNOWN) }
    }

    /// Reads the status. An error is a reason to void: a round that nobody vouches for does not count.
    pub(crate) async fn look(&self) -> Result<Sight, String> {
        let unread = |why: String| format!("the balancer's status could not be read: {why}");
        let bytes = fetch(&self.status, &self.resolver, STATUS_LIMIT).await.map_err(|why| unread(why.to_string()))?;
        let status: BalancerStatus = serde_json::from_slice(&bytes).map_err(|error| unread(error.to_string()))?;
        if !status.kernel_boot.is_empty() && status.kernel_boot == agent::kernel_boot() {
            self.shares_machine.store(true, Ordering::Relaxed);
        }
        self.busy_per_mille.store(status.busy_per_mille.unwrap_or(UNKNOWN), Ordering::Relaxed);
        self.meet(&status.instance_id);
        match self.replaced() {
            Some(why) => Err(why),
            None => {
                let clusters = status.clusters.into_iter().chain(status.shared);
                Ok(Sight(clusters.map(|of_it| cluster(of_it, &status.queues)).collect()))
            }
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

    /// CPU time that it used in the second before it was asked last, in thousandths of what it may use.
    pub(crate) fn busy_per_mille(&self) -> Option<u32> {
        Some(self.busy_per_mille.load(Ordering::Relaxed)).filter(|busy| *busy != UNKNOWN)
    }

    /// Whether balancer and generator, which are two instances, were seen to be one machine.
    pub(crate) fn shares_machine(&self) -> bool {
        self.shares_machine.load(Ordering::Relaxed)
    }
}

fn cluster(status: ClusterStatus, queues: &[QueueStatus]) -> SeenCluster {
    let queue = queues.iter().find(|queue| queue.cluster == status.name).cloned();
    let members = status.members.into_iter().map(member).collect();
    SeenCluster { policy: Some(status.policy), queue, ..SeenCluster::asked(&status.name, members) }
}

fn member(status: MemberStatus) -> SeenMember {
    let ill = match status.health {
        Health::Healthy => None,
        Health::Unhealthy => Some("is unhealthy".to_owned()),
        Health::Unknown => Some("was not checked yet".to_owned()),
    };
    let counts = Some(Counts { requests: status.requests, losses: status.losses, in_flight: status.in_flight });
    SeenMember { id: status.id, address: status.address, ill, boot: status.boot, slots: status.slots, counts }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_is_of_the_balancer_that_answered_first() {
        let status = Target::parse("balancer", "http://127.0.0.1:1/status").unwrap();
        let balancer = Balancer::new(status, Resolver::system());
        assert_eq!((balancer.met(), balancer.replaced()), (None, None));
        balancer.meet("b");
        balancer.meet("b");
        assert_eq!((balancer.met(), balancer.replaced()), (Some("b"), None));
        balancer.meet("c");
        balancer.meet("b");
        let replaced = Some("the balancer changed from b to c".to_owned());
        assert_eq!((balancer.met(), balancer.replaced()), (Some("b"), replaced));
    }
}
