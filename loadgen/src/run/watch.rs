//! Watch over the members of the clusters that are measured: a member that was lost between two looks voids the round.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};
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
    /// Those of them whose members come and go with their queues.
    scaled: Vec<String>,
    /// How long to wait for members to be well before a round.
    recovery: Duration,
    /// How long to wait for clusters behind queues to be at rest, and how long that has to last where their number of instances
    /// follows the queue.
    rest: Duration,
    rest_holds: Duration,
    /// One generator sends all of the load. Several keep to a timetable, and look for rest before each of their places in it.
    is_alone: bool,
    has_queues: AtomicBool,
}

/// Why a round does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Void {
    /// The cluster that is to blame for it; empty: none is.
    pub(crate) by: String,
    pub(crate) reason: String,
    /// A cluster was not at rest in time.
    pub(crate) is_restless: bool,
}

impl Void {
    pub(crate) fn new(by: &str, reason: String) -> Self {
        Self { by: by.to_owned(), reason, is_restless: false }
    }
}

/// The last that was seen of the members, and why it does not count, if so.
type Rested = (Option<Sight>, Result<(), Void>);

/// How rest is waited for.
#[derive(Clone, Copy, Debug)]
struct Wait {
    /// It has to last so long.
    holds: Duration,
    /// How long at most.
    most: Duration,
    /// The next load begins then, whoever is at rest: that of several generators.
    is_by_the_clock: bool,
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
        let (mut clusters, mut shared, mut scaled) = (Vec::new(), None, Vec::new());
        for target in targets {
            if target.is_scaled {
                scaled.push(target.serves.clone());
            }
            if target.is_shared {
                shared = Some(target.serves.clone());
            } else if !clusters.contains(&target.serves) {
                clusters.push(target.serves.clone());
            }
        }
        let looked_at = clusters.iter().chain(&shared).cloned().collect();
        let Settings { recovery, rest, rest_holds, .. } = *settings;
        let (is_alone, has_queues) = (spec.slice.count == 1, AtomicBool::new(false));
        Ok(Some(Self {
            witness,
            clusters,
            shared,
            looked_at,
            scaled,
            recovery,
            rest,
            rest_holds,
            is_alone,
            has_queues,
        }))
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

    /// Whether it is a balancer that tells of the members, which is asked with one request.
    pub(crate) fn knows_the_balancer(&self) -> bool {
        self.balancer().is_some()
    }

    /// How busy the balancer was when it was asked last.
    pub(crate) fn busy_per_mille(&self) -> Option<u32> {
        self.balancer()?.busy_per_mille()
    }

    /// Whether somebody has told of a queue.
    pub(crate) fn has_queues(&self) -> bool {
        self.has_queues.load(Ordering::Relaxed)
    }

    /// All clusters as they are now.
    pub(crate) async fn look(&self) -> Result<Sight, String> {
        match &self.witness {
            Witness::Balancer(balancer) => {
                let mut sight = balancer.look().await?;
                if sight.0.iter().any(|cluster| cluster.queue.is_some()) {
                    self.has_queues.store(true, Ordering::Relaxed);
                }
                for cluster in &mut sight.0 {
                    cluster.is_scaled = self.scaled.contains(&cluster.name);
                }
                Ok(sight)
            }
            Witness::Roster(roster) => {
                let sight = roster.look().await;
                Ok(self.shared.iter().fold(sight, |sight, name| sight.shared(name)))
            }
        }
    }

    /// What is waited for until these clusters are at rest. `None`: they are, or this is one of several generators: requests of
    /// another one may be open for as long as its own round goes on. See [`Self::rested_within`].
    pub(crate) fn unrest(&self, sight: &Sight, clusters: &[String]) -> Option<String> {
        if self.is_alone { sight.restless(clusters) } else { None }
    }

    /// Waits until every member of every measured cluster is well, and clusters behind queues are at rest; why not, when that takes
    /// too long. Where the first look finds both, and no number of instances follows its queue, that one is all.
    pub(crate) async fn settled(&self, progress: &Progress) -> Result<Sight, Void> {
        let began = Instant::now();
        let (mut well, mut restful) = (began, None);
        loop {
            let looked = self.look().await;
            let reason = match &looked {
                Ok(sight) => sight.unsettled(&self.looked_at),
                Err(reason) => Some(reason.clone()),
            };
            if let (Ok(sight), None) = (looked, &reason) {
                well = Instant::now();
                match self.unrest(&sight, &self.looked_at) {
                    None if !sight.is_scaled() || lasted(&mut restful) >= self.rest_holds => return Ok(sight),
                    None => progress.waiting("clusters stay at rest"),
                    Some(reason) if began.elapsed() >= self.rest => return Err(self.restless("", &reason)),
                    Some(reason) => {
                        restful = None;
                        progress.waiting(&reason);
                    }
                }
            }
            if let Some(reason) = reason {
                if well.elapsed() >= self.recovery || self.replaced().is_some() {
                    return Err(Void::new("", reason));
                }
                restful = None;
                progress.waiting(&reason);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until a cluster is at rest for so long after it was seen `before`.
    pub(crate) async fn rested(&self, before: &Sight, cluster: &str, holds: Duration, progress: &Progress) -> Rested {
        let wait = Wait { holds, most: self.rest, is_by_the_clock: false };
        self.wait_for_rest(before, cluster, wait, progress).await
    }

    /// Waits until a cluster is at rest, while no generator of several sends anything: `most` is the time until that is over.
    pub(crate) async fn rested_within(
        &self,
        before: &Sight,
        cluster: &str,
        most: Duration,
        progress: &Progress,
    ) -> Rested {
        let wait = Wait { holds: Duration::ZERO, most, is_by_the_clock: true };
        self.wait_for_rest(before, cluster, wait, progress).await
    }

    async fn wait_for_rest(&self, before: &Sight, cluster: &str, wait: Wait, progress: &Progress) -> Rested {
        let Wait { holds, most, is_by_the_clock } = wait;
        let (began, one) = (Instant::now(), [cluster.to_owned()]);
        let (mut seen, mut heard, mut restful) = (None, began, None);
        // What spoke against rest in the look before this one.
        let mut told: Option<String> = None;
        loop {
            let looked = if is_by_the_clock {
                match (timeout(most.saturating_sub(began.elapsed()), self.look()).await, told.take()) {
                    (Ok(looked), _) => looked,
                    (Err(_), Some(reason)) => return (seen, Err(late(cluster, &reason))),
                    (Err(_), None) => Err("the front has not told in time how it is".to_owned()),
                }
            } else {
                self.look().await
            };
            let is_over = began.elapsed() >= most;
            let reason = match looked {
                Ok(sight) => {
                    heard = Instant::now();
                    if let Some((by, change)) = before.change(&sight, &self.looked_at) {
                        return (Some(sight), Err(Void::new(&by, change)));
                    }
                    let reason = sight.restless(&one);
                    if reason.is_none() && lasted(&mut restful) >= holds {
                        return (Some(sight), Ok(()));
                    }
                    seen = Some(sight);
                    told.clone_from(&reason);
                    reason
                }
                Err(reason)
                    if heard.elapsed() >= self.recovery
                        || self.replaced().is_some()
                        || (is_by_the_clock && is_over) =>
                {
                    return (seen, Err(Void::new("", reason)));
                }
                Err(reason) => Some(reason),
            };
            if let Some(reason) = reason {
                if is_over {
                    let void = if is_by_the_clock { late(cluster, &reason) } else { self.restless(cluster, &reason) };
                    return (seen, Err(void));
                }
                restful = None;
                progress.waiting(&reason);
            }
            sleep(LOOK_EVERY).await;
        }
    }

    fn restless(&self, by: &str, reason: &str) -> Void {
        let reason = format!("no rest within {} s: {reason}", self.rest.as_secs());
        Void { by: by.to_owned(), reason, is_restless: true }
    }

    /// The members after a visit of `cluster`, which was `visited`; or why that does not count.
    pub(crate) async fn unchanged(
        &self,
        before: &Sight,
        cluster: &str,
        visited: &ClusterReport,
    ) -> Result<Sight, Void> {
        let after = self.look().await.map_err(|why| Void::new("", why))?;
        if let Some((by, change)) = before.change(&after, &self.looked_at) {
            return Err(Void::new(&by, change));
        }
        // A balancer of ours may leave members out, if that is its policy.
        let left_out = match &self.witness {
            Witness::Balancer(_) => None,
            Witness::Roster(_) => after.of(cluster).and_then(|seen| seen.left_out(visited)),
        };
        left_out.map_or(Ok(after), |why| Err(Void::new(cluster, why)))
    }
}

/// A cluster is not at rest when several generators have to go on.
fn late(by: &str, reason: &str) -> Void {
    let way_out = "give it more time (drainSeconds), or let one generator send the load, which waits for it";
    let reason = format!("no rest before the next load in the timetable of the generators: {reason}; {way_out}");
    Void { by: by.to_owned(), reason, is_restless: true }
}

/// How long that has been so which is so now.
fn lasted(since: &mut Option<Instant>) -> Duration {
    since.get_or_insert_with(Instant::now).elapsed()
}

fn status_page(control: &str) -> Result<Target, InvalidSpec> {
    Target::parse("balancer", &format!("{}/status", control.trim_end_matches('/')))
        .map_err(|error| InvalidSpec { field: "balancerControl".to_owned(), problem: error.to_string() })
}
