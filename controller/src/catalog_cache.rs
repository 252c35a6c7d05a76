//! A cache of the catalog: what a region offers changes seldom, so it is asked once for all objects, and kept for a while.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;
use jiff::{SignedDuration, Timestamp};
use planner::ports::{
    Answer, Architecture, Cloud, Image, ImageQuery, InstanceType, KnownRegion, ListPrice, Subnet, SubnetsOf,
};
use planner::provision::own_vpc;
use planner::world::{Facet, OwnAddresses, OwnVpc};
use planner::{CloudError, Failure};
use tokio::time::{Instant, timeout_at};

use crate::clock::Clock;

/// A type's vCPUs and architecture do not change; a type may be new in a region.
pub(crate) const TYPES: SignedDuration = SignedDuration::from_hours(1);
/// What a placement is chosen from: free addresses change, and a user who mends a subnet waits for this.
pub(crate) const SITE: SignedDuration = SignedDuration::from_secs(30);
/// What was not there or failed: long enough that a thousand objects do not ask one after the other.
const MISSING: SignedDuration = SignedDuration::from_secs(5);
/// List prices change a few times a year; what the list does not have is remembered as long.
const PRICES: SignedDuration = SignedDuration::from_hours(24);
/// A price that could not be asked for: another source has it meanwhile, so there is no hurry.
pub(crate) const NO_PRICE: SignedDuration = SignedDuration::from_mins(1);
/// EC2 renews a console every few minutes; Nitro types show it at once.
pub(crate) const CONSOLE: SignedDuration = SignedDuration::from_secs(10);
/// How long prices are waited for: the next source has one too.
const PATIENCE: Duration = Duration::from_secs(5);
/// Answers kept of one kind; beyond that, the old ones go.
const MOST: usize = 4_096;

pub(crate) struct CatalogCache {
    clock: Clock,
    regions: Mutex<HashMap<String, Arc<Region>>>,
}

#[derive(Default)]
pub(crate) struct Region {
    pub(crate) types: Kept<String, Option<InstanceType>>,
    pub(crate) subnets: Kept<SubnetsOf, Vec<Subnet>>,
    pub(crate) own_vpc: Kept<OwnAddresses, OwnVpc>,
    pub(crate) offerings: Kept<Vec<String>, Vec<(String, String)>>,
    pub(crate) images: Kept<String, Option<Image>>,
    pub(crate) consoles: Kept<String, Option<String>>,
    pub(crate) regions: Kept<(), Vec<KnownRegion>>,
    pub(crate) prices: Kept<String, ListPrice>,
}

impl CatalogCache {
    pub(crate) fn new(clock: Clock) -> Self {
        Self { clock, regions: Mutex::default() }
    }

    pub(crate) fn region(&self, name: &str) -> Arc<Region> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        regions.entry(name.to_owned()).or_default().clone()
    }

    /// What is kept of every region.
    pub(crate) fn all(&self) -> Vec<Arc<Region>> {
        self.regions.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    /// CatalogCache of the named types; a name that the region does not know is left out.
    pub(crate) async fn types<C: Cloud>(
        &self,
        region: &Region,
        cloud: &C,
        names: &[String],
    ) -> Answer<Vec<InstanceType>> {
        let kept = &region.types;
        let _flight = kept.flight.lock().await;
        let now = (self.clock)();
        let is_missing = |name: &&String| kept.young(name, now, type_age).is_none();
        let missing: Vec<String> = names.iter().filter(is_missing).cloned().collect();
        if !missing.is_empty() {
            let answer = cloud.instance_types(&missing).await;
            for name in missing {
                let one = answer.as_ref().map(|types| types.iter().find(|fact| fact.name == name).cloned());
                kept.keep(name, one.map_err(Clone::clone), now);
            }
        }
        names.iter().filter_map(|name| kept.any(name)?.transpose()).collect()
    }

    pub(crate) async fn subnets<C: Cloud>(&self, region: &Region, cloud: &C, of: SubnetsOf) -> Answer<Vec<Subnet>> {
        self.kept(&region.subnets, of.clone(), SITE, cloud.subnets(&of)).await
    }

    /// The VPC that the operator is in, whose region this is.
    pub(crate) async fn own_vpc<C: Cloud>(
        &self,
        region: &Region,
        cloud: &C,
        (own, name): (OwnAddresses, &str),
    ) -> Answer<OwnVpc> {
        let ask = async {
            let found = cloud.vpcs_of(&own.all()).await?;
            Ok(match own_vpc::find(&own, name, &found) {
                Ok((id, address)) => OwnVpc::Found { cidrs: cloud.blocks(&id).await?, id, address },
                Err(why) => OwnVpc::NotFound(why),
            })
        };
        self.kept(&region.own_vpc, own, SITE, ask).await
    }

    pub(crate) async fn offerings<C: Cloud>(
        &self,
        region: &Region,
        cloud: &C,
        names: &[String],
    ) -> Answer<Vec<(String, String)>> {
        self.kept(&region.offerings, names.to_vec(), SITE, cloud.offerings(names)).await
    }

    pub(crate) async fn images<C: Cloud>(
        &self,
        region: &Region,
        cloud: &C,
        queries: BTreeMap<Architecture, ImageQuery>,
    ) -> Answer<BTreeMap<Architecture, Option<Image>>> {
        let mut images = BTreeMap::new();
        for (architecture, query) in queries {
            let image = self.kept(&region.images, format!("{query:?}"), SITE, cloud.image(&query)).await?;
            images.insert(architecture, image);
        }
        Ok(images)
    }

    /// The regions that this one knows.
    pub(crate) async fn regions<C: Cloud>(&self, region: &Region, cloud: &C) -> Answer<Vec<KnownRegion>> {
        self.kept(&region.regions, (), SITE, cloud.regions()).await
    }

    /// List prices of types, asked for all at once: who does not answer in time has not answered.
    pub(crate) async fn prices<C: Cloud>(
        &self,
        region: &Region,
        cloud: &C,
        names: &[String],
    ) -> BTreeMap<String, Facet<ListPrice>> {
        if names.is_empty() {
            return BTreeMap::new();
        }
        let kept = &region.prices;
        let age = |answer: &Answer<ListPrice>| if answer.is_ok() { PRICES } else { NO_PRICE };
        // Held while asking: who wants the same waits for the answer, but no longer than for an answer. Whose turn it is not
        // was told nothing, and asks again in its next pass.
        let Ok(_flight) = timeout_at(Instant::now() + PATIENCE, kept.flight.lock()).await else {
            let young = |name: &String| Some((name.clone(), Facet::from(kept.young(name, (self.clock)(), age)?)));
            return names.iter().filter_map(young).collect();
        };
        // Of the answer alone: the queue is no silence of the list.
        let within = Instant::now() + PATIENCE;
        let silent =
            || CloudError::new(Failure::Unreachable, "Timeout", format!("no answer in {} s", PATIENCE.as_secs()));
        let ask = async |name: &String| {
            if let Some(answer) = kept.young(name, (self.clock)(), age) {
                return (name.clone(), Facet::from(answer));
            }
            let answer = timeout_at(within, cloud.price(name)).await.unwrap_or_else(|_| Err(silent()));
            kept.keep(name.clone(), answer.clone(), (self.clock)());
            (name.clone(), Facet::from(answer))
        };
        join_all(names.iter().map(ask)).await.into_iter().collect()
    }

    /// When many boot at the same time, who does not get its turn takes what was seen before.
    pub(crate) async fn console<C: Cloud>(&self, region: &Region, cloud: &C, id: &str) -> Answer<Option<String>> {
        let kept = &region.consoles;
        let (key, now) = (id.to_owned(), (self.clock)());
        if let Some(answer) = kept.young(&key, now, |_| CONSOLE) {
            return answer;
        }
        let Ok(_flight) = kept.flight.try_lock() else { return kept.any(&key).unwrap_or(Ok(None)) };
        let answer = cloud.console(id).await;
        kept.keep(key, answer.clone(), now);
        answer
    }

    async fn kept<K: Clone + Eq + Hash, V: Clone>(
        &self,
        kept: &Kept<K, V>,
        key: K,
        longest_age: SignedDuration,
        ask: impl Future<Output = Answer<V>>,
    ) -> Answer<V> {
        // Held while asking: who wants the same waits for the answer.
        let _flight = kept.flight.lock().await;
        let now = (self.clock)();
        let age = |answer: &Answer<V>| if answer.is_ok() { longest_age } else { MISSING };
        if let Some(answer) = kept.young(&key, now, age) {
            return answer;
        }
        let answer = ask.await;
        kept.keep(key, answer.clone(), now);
        answer
    }
}

fn type_age(answer: &Answer<Option<InstanceType>>) -> SignedDuration {
    if matches!(answer, Ok(Some(_))) { TYPES } else { MISSING }
}

/// Answers with the time at which they were asked for.
pub(crate) struct Kept<K, V> {
    answers: Mutex<HashMap<K, (Timestamp, Answer<V>)>>,
    /// Held by who asks.
    flight: tokio::sync::Mutex<()>,
}

impl<K, V> Default for Kept<K, V> {
    fn default() -> Self {
        Self { answers: Mutex::default(), flight: tokio::sync::Mutex::default() }
    }
}

impl<K: Eq + Hash, V: Clone> Kept<K, V> {
    fn young(&self, key: &K, now: Timestamp, age: impl Fn(&Answer<V>) -> SignedDuration) -> Option<Answer<V>> {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let (asked_at, answer) = answers.get(key)?;
        (now.duration_since(*asked_at) <= age(answer)).then(|| answer.clone())
    }

    /// Every answer by its key in words, with the time at which it was asked for.
    pub(crate) fn all(&self) -> Vec<(String, (Timestamp, Answer<V>))>
    where
        K: std::fmt::Debug,
    {
        let answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.iter().map(|(key, answer)| (format!("{key:?}"), answer.clone())).collect()
    }

    fn any(&self, key: &K) -> Option<Answer<V>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(|(_, answer)| answer.clone())
    }

    fn keep(&self, key: K, answer: Answer<V>, now: Timestamp) {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        if answers.len() >= MOST {
            answers.retain(|_, (asked_at, _)| now.duration_since(*asked_at) <= SITE);
        }
        answers.insert(key, (now, answer));
    }
}
