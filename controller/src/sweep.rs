//! Rounds of the sweeper: lists the cloud, then reads the benchmarks that it names, then removes what the planner's
//! rules allow.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::StreamExt;
use jiff::SignedDuration;
use planner::owner::{BENCHMARK_UID, Owner, Tags};
use planner::ports::{Agents, Answer, Cloud, Compute, LoadBalancers, Queues, Regions, SecurityGroups};
use planner::sweep::{Life, Memory, Scope, decide, suspects};

use crate::freshness::Freshness;
use crate::inventory_index::{Sought, Wanted};
use crate::lister::{Need, Tick};
use crate::reconciler::Reconciler;
use crate::store::Store;

/// Between two rounds. Two rounds find an orphan within five minutes after it is old enough.
const PAUSE: Duration = Duration::from_secs(120);
/// A benchmark that a pass read so recently lives.
const RECENT: SignedDuration = SignedDuration::from_mins(5);
/// Benchmarks read at the same time.
const READS: usize = 8;

/// What became of what a round removed, by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    pub removed: Vec<String>,
    pub failed: Vec<String>,
}

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    /// Rounds without end over these regions and no others.
    pub(crate) async fn sweep_for_ever(&self, regions: &[String]) {
        let mut memories: BTreeMap<&String, Memory> = BTreeMap::new();
        loop {
            tokio::time::sleep(PAUSE).await;
            for region in regions {
                self.sweep(region, memories.entry(region).or_default()).await;
            }
        }
    }

    /// One round over a region.
    ///
    /// *Guarantees*: removes only what [`planner::sweep`] allows; lists that are not whole allow nothing.
    /// *Cancellation*: what was being removed may be gone or not.
    pub async fn sweep(&self, region: &str, memory: &mut Memory) -> Swept {
        let (cloud, scope) = (self.cloud(region), self.scope());
        let need = Need { begun_after: Tick::default(), longest_age: Freshness::Idle.longest_age() };
        let now = self.now();
        let sought = Sought { load_balancers: memory.seeks_load_balancers(now), queues: memory.seeks_queues(now) };
        let wanted = Wanted { sought, ..Wanted::default() };
        let lists = self.lister.lists(&*cloud, region, &scope.installation, ("", &wanted), &need).await;
        if lists.are_whole(&wanted) {
            self.metrics.listed(region, lists.index.begun_at);
        }
        let now = self.now();
        let recent = self.notes.read_after(now - RECENT);
        let is_recent = |tags: &Tags| tags.get(BENCHMARK_UID).is_some_and(|uid| recent.contains(uid));
        let Some(found) = lists.index.found(|tags| !is_recent(tags)) else { return Swept::default() };
        // All that follows is read after the lists were whole.
        let asked = suspects(&scope, &found, now, memory);
        let lives: BTreeMap<Owner, Life> = futures::stream::iter(asked)
            .map(async |owner: Owner| (owner.clone(), self.life(&owner).await))
            .buffer_unordered(READS)
            .collect()
            .await;
        let removal = decide(&scope, &found, &lives, now, memory);
        let mut swept = Swept::default();
        if !removal.instances.is_empty() {
            let ids: Vec<String> = removal.instances.into_iter().collect();
            let answer = cloud.terminate(&ids).await.inspect_err(|error| tracing::warn!(%error, "not swept"));
            for id in ids {
                let refusal = answer.as_ref().ok().map(|refused| refused.iter().find(|one| one.id == id));
                if let Some(Some(one)) = refusal {
                    tracing::warn!(id, error = %one.error, "not swept");
                }
                self.note(&mut swept, "instance", id, refusal == Some(None));
            }
        }
        for arn in removal.load_balancers {
            let removed = told(cloud.delete_load_balancer(&arn).await);
            self.note(&mut swept, "load balancer", arn, removed);
        }
        for arn in removal.target_groups {
            let removed = told(cloud.delete_target_group(&arn).await);
            self.note(&mut swept, "target group", arn, removed);
        }
        for url in removal.queues {
            let removed = told(cloud.delete_queue(&url).await);
            self.note(&mut swept, "queue", url, removed);
        }
        // What could be listed is this account's.
        let account = lists.identity.known().map(|identity| identity.account.clone()).unwrap_or_default();
        for name in removal.buckets {
            match told_of(remove_bucket(&*cloud, &name, &account).await) {
                // There is more in it than one round takes.
                Some(false) => {}
                removed => self.note(&mut swept, "bucket", name, removed.is_some()),
            }
        }
        for id in removal.groups {
            let removed = told(cloud.delete_group(&id).await);
            self.note(&mut swept, "group", id, removed);
        }
        swept
    }

    fn scope(&self) -> Scope {
        Scope {
            installation: self.settings.installation.clone(),
            kubernetes_cluster: self.settings.kubernetes_cluster.clone(),
        }
    }

    async fn life(&self, owner: &Owner) -> Life {
        match self.store.get(&owner.namespace, &owner.name).await {
            Ok(Some(object)) if object.metadata.uid.as_ref() == Some(&owner.benchmark_uid) => Life::Lives,
            Ok(_) => Life::Gone,
            Err(error) => {
                tracing::debug!(%error, namespace = owner.namespace, name = owner.name, "cannot be read");
                Life::Unknown
            }
        }
    }

    fn note(&self, swept: &mut Swept, kind: &'static str, id: String, removed: bool) {
        let result = if removed { "removed" } else { "failed" };
        tracing::warn!(kind, id, result, "swept: its benchmark is gone, and it was left");
        self.metrics.swept(kind, result);
        if removed { swept.removed.push(id) } else { swept.failed.push(id) }
    }
}

/// Whether it was removed; says so if not.
fn told(answer: Answer<()>) -> bool {
    told_of(answer).is_some()
}

fn told_of<T>(answer: Answer<T>) -> Option<T> {
    answer.inspect_err(|error| tracing::warn!(%error, "not swept")).ok()
}

/// Empties a bucket, or a part of it, and deletes it once it is empty. Whether it is gone.
pub(crate) async fn remove_bucket<C: Cloud>(cloud: &C, name: &str, account: &str) -> Answer<bool> {
    let is_empty = cloud.empty_bucket(name, account).await?;
    if is_empty {
        cloud.delete_bucket(name, account).await?;
    }
    Ok(is_empty)
}
