//! The lister: one list of each kind of resource for each region, shared by all objects.
//!
//! A hundred objects that each list their own would eat the account's quota of Describe calls, which production
//! shares. So a pass says how old a list may be; only one list of a region is under way at a time, and who waits for
//! it takes it if it was begun late enough.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use planner::owner;
use planner::ports::{Answer, Bucket, Cloud, Identity, LoadBalancer, Queue, Selection, TargetGroup};
use planner::world::{Facet, Unknown};
use planner::{CloudError, Failure};
use tokio::time::Instant;

use crate::clock::Clock;
use crate::inventory_index::{Groups, HasTags, Instances, InventoryIndex, Tagged, Wanted};

/// How long one call of a pass may take, retries below the port included.
const PATIENCE: Duration = Duration::from_secs(45);
/// For how long nobody tries again after lists that failed.
const FAILED_AGE: SignedDuration = SignedDuration::from_secs(1);
/// Describe calls a second that lists may use in the long run, and at once: a quarter of what EC2 refills and holds
/// for the whole account and region (EC2 developer guide, "Request throttling"), and half of what ELB does (ELB user guide,
/// "API throttling"). SQS and S3 publish no rate for theirs, and theirs count as well.
const CALLS_PER_SECOND: f64 = 5.0;
const CALLS_AT_ONCE: f64 = 25.0;
/// Items of a page of EC2.
const PAGE: usize = 1_000;
/// Load balancers or target groups whose tags one call tells (ELB API reference, DescribeTags).
const TAGGED: usize = 20;

/// The order of events in this process. A clock may stand still or jump; this cannot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(u64);

/// Which lists will do.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    pub(crate) begun_after: Tick,
    pub(crate) longest_age: SignedDuration,
}

/// All instances and groups of the installation in a region, as of one moment, and who was asking.
#[derive(Debug)]
pub(crate) struct Lists {
    pub(crate) tick: Tick,
    pub(crate) identity: Facet<Identity>,
    pub(crate) index: InventoryIndex,
    asked: Wanted,
}

impl Lists {
    /// Whether they tell all that who `wanted` this asked for.
    pub(crate) fn are_whole(&self, wanted: &Wanted) -> bool {
        self.identity.known().is_some() && self.index.is_whole(wanted.sought)
    }

    fn will_do(&self, need: &Need, wanted: &Wanted, now: Timestamp) -> bool {
        let age = now.duration_since(self.index.begun_at);
        if self.tick <= need.begun_after {
            return false;
        }
        match &self.index.instances {
            Facet::Known(instances) if self.are_whole(wanted) => {
                let unseen = wanted.ids.iter().filter(|id| !instances.contains(id)).cloned().collect();
                let rest = Wanted { ids: unseen, ..wanted.clone() };
                age <= need.longest_age && self.asked.covers(&rest)
            }
            _ => age <= FAILED_AGE,
        }
    }
}

/// The lists of every region.
pub(crate) struct Lister {
    clock: Clock,
    ticks: AtomicU64,
    regions: Mutex<HashMap<String, Arc<Region>>>,
}

struct Region {
    /// Needs of each object, by its uid.
    wanted: Mutex<HashMap<String, Wanted>>,
    last: Mutex<Option<Arc<Lists>>>,
    /// Held by who lists.
    flight: tokio::sync::Mutex<Budget>,
}

impl Lister {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, ticks: AtomicU64::new(1), regions: Mutex::default() }
    }

    /// Now, in the order of this process: lists that are begun later have a later tick.
    pub(crate) fn tick(&self) -> Tick {
        Tick(self.ticks.fetch_add(1, Ordering::SeqCst))
    }

    /// Lists that will do; what could not be listed is unknown to everybody who takes them.
    ///
    /// *Cancellation*: safe; who waits for the same lists makes them anew.
    pub(crate) async fn lists<C: Cloud>(
        &self,
        cloud: &C,
        region: &str,
        installation: &str,
        (uid, wanted): (&str, &Wanted),
        need: &Need,
    ) -> Arc<Lists> {
        let region = self.region(region);
        region.want(uid, wanted);
        let last = || region.last().filter(|lists| lists.will_do(need, wanted, (self.clock)()));
        if let Some(lists) = last() {
            return lists;
        }
        let mut budget = region.flight.lock().await;
        // Whoever had the turn before may have listed late enough.
        if let Some(lists) = last() {
            return lists;
        }
        budget.wait().await;
        let lists = Arc::new(self.list(cloud, installation, region.all_wanted()).await);
        budget.pay(&lists);
        *region.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(lists.clone());
        lists
    }

    /// The object is gone, or lives elsewhere now.
    pub(crate) fn forget(&self, uid: &str) {
        let regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        for region in regions.values() {
            region.wanted.lock().unwrap_or_else(PoisonError::into_inner).remove(uid);
        }
    }

    /// The last lists of every region.
    pub(crate) fn last(&self) -> Vec<Arc<Lists>> {
        let regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.values().filter_map(|region| region.last()).collect()
    }

    fn region(&self, name: &str) -> Arc<Region> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(region) = regions.get(name) {
            return region.clone();
        }
        let region = Arc::new(Region {
            wanted: Mutex::default(),
            last: Mutex::default(),
            flight: tokio::sync::Mutex::new(Budget::full()),
        });
        regions.insert(name.to_owned(), region.clone());
        region
    }

    /// Who we are is asked before and after: lists of an account that the credentials changed to meanwhile would look
    /// empty.
    async fn list<C: Cloud>(&self, cloud: &C, installation: &str, asked: Wanted) -> Lists {
        let (tick, begun_at) = (self.tick(), (self.clock)());
        let lists = |identity, index| Lists { tick, identity, index, asked: asked.clone() };
        let unknown = |why: &Unknown| lists(Facet::Unknown(why.clone()), InventoryIndex::unseen(begun_at, why));
        let before = match patiently(cloud.identity()).await {
            Facet::Known(identity) => identity,
            Facet::Unknown(why) => return unknown(&why),
        };
        let tags = owner::of_installation(installation);
        let sought = asked.sought;
        let (instances, groups, balancing, queueing) = tokio::join!(
            patiently(instances(cloud, installation, &asked)),
            patiently(cloud.groups(&tags)),
            load_balancers(cloud, sought.load_balancers),
            queues(cloud, sought.queues),
        );
        match patiently(cloud.identity()).await {
            Facet::Known(after) if after.account == before.account => {}
            Facet::Known(after) => {
                let (one, other) = (before.account, after.account);
                let message = format!("the credentials changed from account {one} to {other} during a pass");
                return unknown(&Unknown { failure: Failure::CredentialsExpired, message });
            }
            Facet::Unknown(why) => return unknown(&why),
        }
        let ((load_balancers, target_groups), (queues, buckets)) = (balancing.unzip(), queueing.unzip());
        let groups = groups.map(|groups| Groups::new(groups.clone()));
        let index = InventoryIndex { begun_at, instances, groups, load_balancers, target_groups, queues, buckets };
        lists(Facet::Known(before), index)
    }
}

impl Region {
    fn last(&self) -> Option<Arc<Lists>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn want(&self, uid: &str, wanted: &Wanted) {
        let mut all = self.wanted.lock().unwrap_or_else(PoisonError::into_inner);
        if *wanted == Wanted::default() {
            all.remove(uid);
        } else if all.get(uid) != Some(wanted) {
            all.insert(uid.to_owned(), wanted.clone());
        }
    }

    fn all_wanted(&self) -> Wanted {
        let mut union = Wanted::default();
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner).values().for_each(|one| union.extend(one));
        union
    }
}

/// Lists by the installation's tags, then by the tokens of open launches, then by the ids that were still missing, each for
/// all objects at once. Each list is complete or the whole is a failure.
async fn instances<C: Cloud>(cloud: &C, installation: &str, asked: &Wanted) -> Answer<Instances> {
    let mut seen = Instances::default();
    seen.add(cloud.instances(&Selection::Installation(installation.to_owned())).await?);
    if !asked.tokens.is_empty() {
        seen.add(cloud.instances(&Selection::Tokens(asked.tokens.iter().cloned().collect())).await?);
    }
    let missing: Vec<String> = asked.ids.iter().filter(|id| !seen.contains(id)).cloned().collect();
    if !missing.is_empty() {
        seen.add(cloud.instances(&Selection::Ids(missing)).await?);
    }
    Ok(seen)
}

/// Load balancers and target groups, where somebody asks for them. `None`: nobody does.
async fn load_balancers<C: Cloud>(
    cloud: &C,
    asked: bool,
) -> Option<(Facet<Tagged<LoadBalancer>>, Facet<Tagged<TargetGroup>>)> {
    if !asked {
        return None;
    }
    let (balancers, groups) = tokio::join!(patiently(cloud.load_balancers()), patiently(cloud.target_groups()));
    Some((balancers.map(|all| Tagged::new(all.clone())), groups.map(|all| Tagged::new(all.clone()))))
}

/// The same of queues and buckets.
async fn queues<C: Cloud>(cloud: &C, asked: bool) -> Option<(Facet<Tagged<Queue>>, Facet<Tagged<Bucket>>)> {
    if !asked {
        return None;
    }
    let (queues, buckets) = tokio::join!(patiently(cloud.queues()), patiently(cloud.buckets()));
    Some((queues.map(|all| Tagged::new(all.clone())), buckets.map(|all| Tagged::new(all.clone()))))
}

/// What the lists cost in Describe calls of EC2, about.
fn calls(lists: &Lists) -> usize {
    let pages = |items: Option<usize>| 1 + items.unwrap_or_default() / PAGE;
    let instances = pages(lists.index.instances.known().map(Instances::len));
    let by_token = if lists.asked.tokens.is_empty() { 0 } else { pages(Some(lists.asked.tokens.len())) };
    instances + by_token + pages(lists.index.groups.known().map(Groups::len))
}

/// What they cost in Describe calls of ELB, about. `None`: it is not known, because they failed.
fn balancing_calls(lists: &Lists) -> Option<usize> {
    let (Some(balancers), Some(groups)) = (&lists.index.load_balancers, &lists.index.target_groups) else {
        return Some(0);
    };
    let (balancers, groups) = (balancers.known()?.len(), groups.known()?.len());
    Some(2 + balancers.div_ceil(TAGGED) + groups.div_ceil(TAGGED))
}

/// What they cost in calls of SQS and S3, about: the tags of each queue and of each bucket are a call. `None`: it is not
/// known, because they failed.
fn queueing_calls(lists: &Lists) -> Option<usize> {
    let (Some(queues), Some(buckets)) = (&lists.index.queues, &lists.index.buckets) else { return Some(0) };
    Some(calls_of(queues)? + calls_of(buckets)?)
}

fn calls_of<T: HasTags + Clone>(all: &Facet<Tagged<T>>) -> Option<usize> {
    Some(1 + all.known()?.len())
}

/// Calls that may be made now. May be overdrawn by one pass, because nobody knows before how many pages it has.
struct Budget {
    calls: f64,
    /// What the last lists of load balancers that came through cost: those that are throttled cost as much.
    balancing: usize,
    /// The same of queues and buckets.
    queueing: usize,
    filled_at: Instant,
}

impl Budget {
    fn full() -> Self {
        Self { calls: CALLS_AT_ONCE, balancing: 2, queueing: 2, filled_at: Instant::now() }
    }

    async fn wait(&mut self) {
        let passed = self.filled_at.elapsed().as_secs_f64();
        self.filled_at = Instant::now();
        self.calls = (self.calls + passed * CALLS_PER_SECOND).min(CALLS_AT_ONCE);
        if self.calls < 1.0 {
            let pause = Duration::from_secs_f64((1.0 - self.calls) / CALLS_PER_SECOND);
            tokio::time::sleep(pause).await;
            self.filled_at = Instant::now();
            self.calls = 1.0;
        }
    }

    fn pay(&mut self, lists: &Lists) {
        self.balancing = balancing_calls(lists).unwrap_or(self.balancing.max(2));
        self.queueing = queueing_calls(lists).unwrap_or(self.queueing.max(2));
        self.calls -= u32::try_from(calls(lists) + self.balancing + self.queueing).map_or(CALLS_AT_ONCE, f64::from);
    }
}

/// A call that hangs is one that failed.
pub(crate) async fn patiently<T, E: Into<Unknown>>(call: impl Future<Output = Result<T, E>>) -> Facet<T> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(result) => result.into(),
        Err(_) => Facet::Unknown(timed_out().into()),
    }
}

fn timed_out() -> CloudError {
    CloudError::new(Failure::Unreachable, "Timeout", format!("no answer within {} s", PATIENCE.as_secs()))
}
