//! Watch over the members of the clusters that are measured: a member that was lost between two looks voids the round.

use std::time::Duration;

use tokio::time::{Instant, sleep};
use wire::{ClusterReport, RunSpec};

use crate::run::balancer::Balancer;
use crate::run::roster::Roster;
use crate::run::settings::Settings;
use crate::run::sight::Sight;
use crate::{InvalidSpec, Progress, Target};

/// Pause between two looks while waiting for members to come back.
const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Debug)]
pub(crate) struct Watch {
    witness: Witness,
    clusters: Vec<String>,
    /// What all of them serve together, and after them what is looked at.
    shared: Option<String>,
    looked_at: Vec<String>,
    /// How long to wait for members to be well before a round.
    recovery: Duration,
}

/// Whoever knows how the members are.
#[derive(Debug)]
enum Witness {
    /// Our own balancer, which sees all of them all the time.
    Balancer(Box<Balancer>),
    /// The members themselves.
    Roster(Roster),
}

impl Watch {
    /// Watch over the members of `targets`. `None`: the run was told of nobody who knows them.
    ///
    /// # Errors
    /// A control URL that is none.
    pub(crate) fn of<'a>(
        spec: &RunSpec,
        settings: &Settings,
        targets: impl IntoIterator<Item = &'a Target>,
    ) -> Result<Option<Self>, InvalidSpec> {
        let witness = match &spec.balancer_control {
            Some(control) => {
                Witness::Balancer(Box::new(Balancer::new(status_page(control)?, settings.resolver.clone())))
            }
            None if spec.members.is_empty() => return Ok(None),
            None => Witness::Roster(Roster::new(&spec.members)),
        };
        let (mut clusters, mut shared) = (Vec::new(), None);
        for target in targets {
            if target.is_shared {
                shared = Some(target.serves.clone());
            } else if !clusters.contains(&target.serves) {
                clusters.push(target.serves.clone());
            }
        }
        let looked_at = clusters.iter().chain(&shared).cloned().collect();
        Ok(Some(Self { witness, clusters, shared, looked_at, recovery: settings.recovery }))
    }

    /// Names of the clusters that are measured, each with members of its own.
    pub(crate) fn clusters(&self) -> &[String] {
        &self.clusters
    }

    /// Names of the clusters whose members serve this target.
    pub(crate) fn clusters_of<'a>(&'a self, target: &'a Target) -> &'a [String] {
        if target.is_shared { &self.clusters } else { std::slice::from_ref(&target.serves) }
    }

    fn balancer(&self) -> Option<&Balancer> {
        match &self.witness {
            Witness::Balancer(balancer) => Some(balancer),
            Witness::Roster(_) => None,
        }
    }

    /// Id of the balancer that the run is measured through, once it has answered.
    pub(crate) fn met(&self) -> Option<&str> {
        self.balancer()?.met()
    }

    /// Why nothing more can be measured, if what it is measured through was replaced.
    pub(crate) fn replaced(&self) -> Option<String> {
        self.balancer()?.replaced()
    }

    /// Whether the balancer was seen on the machine that this process is on.
    pub(crate) fn shares_machine(&self) -> bool {
        self.balancer().is_some_and(Balancer::shares_machine)
    }

    async fn look(&self) -> Result<Sight, String> {
        match &self.witness {
            Witness::Balancer(balancer) => balancer.look().await,
            Witness::Roster(roster) => {
                let sight = roster.look().await;
                Ok(self.shared.iter().fold(sight, |sight, name| sight.shared(name)))
            }
        }
    }

    /// Waits until every member of every measured cluster is well; the reason when that takes too long.
    pub(crate) async fn settled(&self, progress: &Progress) -> Result<Sight, String> {
        let deadline = Instant::now() + self.recovery;
        loop {
            let reason = match self.look().await {
                Ok(sight) => match sight.unsettled(&self.looked_at) {
                    None => return Ok(sight),
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

    /// The members after a visit of `cluster`, which was `visited`; or why that does not count, after the cluster that is to
    /// blame for it, if one is.
    pub(crate) async fn unchanged(
        &self,
        before: &Sight,
        cluster: &str,
        visited: &ClusterReport,
    ) -> Result<Sight, (String, String)> {
        let after = self.look().await.map_err(|why| (String::new(), why))?;
        if let Some(change) = before.change(&after, &self.looked_at) {
            return Err(change);
        }
        // A balancer of ours may leave members out, if that is its policy.
        let left_out = match &self.witness {
            Witness::Balancer(_) => None,
            Witness::Roster(_) => after.of(cluster).and_then(|seen| seen.left_out(visited)),
        };
        left_out.map_or(Ok(after), |why| Err((cluster.to_owned(), why)))
    }
}

fn status_page(control: &str) -> Result<Target, InvalidSpec> {
    Target::parse("balancer", &format!("{}/status", control.trim_end_matches('/')))
        .map_err(|error| InvalidSpec { field: "balancerControl".to_owned(), problem: error.to_string() })
}
