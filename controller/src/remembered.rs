//! Memory of a process, in words, for tests that compare processes: two that remember the same do the same in the same
//! world.

use std::fmt::Debug;
use std::hash::Hash;

use jiff::{SignedDuration, Timestamp};
use planner::ports::{Agents, Regions};

use crate::catalog_cache::{self, Kept};
use crate::freshness::Freshness;
use crate::lister::{Lists, Tick};
use crate::rate_limit::RateLimit;
use crate::reconciler::Reconciler;
use crate::store::Store;

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    /// A line for each thing, in no order. Left out is what no pass from now on can look at, lists and answers that are too old,
    /// and list prices: they are asked for once, and frozen in the placement.
    pub fn remembered(&self) -> Vec<String> {
        let now = self.now();
        let (mut lines, mut acted) = (Vec::new(), Tick::default());
        for (uid, note) in self.notes.all() {
            acted = acted.max(note.acted);
            lines.push(format!("{uid} {:?} {:?} {:?}", note.memory, note.freshness, note.turns));
        }
        let lists = self.lister.last().into_iter().filter(|lists| lists.tick > acted);
        lists.for_each(|lists| lines.extend(listed(&lists, now)));
        self.catalog.all().iter().for_each(|region| lines.extend(answers(region, now)));
        lines.extend(turns(&self.rate_limit, now));
        lines
    }
}

fn listed(lists: &Lists, now: Timestamp) -> Vec<String> {
    if now.duration_since(lists.index.begun_at) > Freshness::Idle.longest_age() {
        return Vec::new();
    }
    let Some(found) = lists.index.found(|_| true) else { return vec!["lists failed".to_owned()] };
    let mut lines = vec![format!("listed at {}: {:?}", lists.index.begun_at, lists.identity)];
    lines.extend(found.instances.iter().map(|one| format!("listed {one:?}")));
    lines.extend(found.groups.iter().map(|one| format!("listed {one:?}")));
    lines.extend(found.load_balancers.iter().map(|one| format!("listed {one:?}")));
    lines.extend(found.target_groups.iter().map(|one| format!("listed {one:?}")));
    lines.extend(found.queues.iter().map(|one| format!("listed {one:?}")));
    lines.extend(found.buckets.iter().map(|one| format!("listed {one:?}")));
    lines
}

fn answers(region: &catalog_cache::Region, now: Timestamp) -> Vec<String> {
    let catalog_cache::Region { types, subnets, own_vpc, offerings, images, consoles, regions, prices: _ } = region;
    let mut lines = young("type", types, now, catalog_cache::TYPES);
    lines.extend(young("subnets", subnets, now, catalog_cache::SITE));
    lines.extend(young("VPC", own_vpc, now, catalog_cache::SITE));
    lines.extend(young("offerings", offerings, now, catalog_cache::SITE));
    lines.extend(young("image", images, now, catalog_cache::SITE));
    lines.extend(young("console", consoles, now, catalog_cache::CONSOLE));
    lines.extend(young("regions", regions, now, catalog_cache::SITE));
    lines
}

/// Answers that are not too old: which there are, and where they age within minutes, since when.
fn young<K: Debug + Eq + Hash, V: Clone>(
    what: &str,
    kept: &Kept<K, V>,
    now: Timestamp,
    longest_age: SignedDuration,
) -> Vec<String> {
    let is_slow = longest_age > SignedDuration::from_mins(10);
    let lines = kept.all().into_iter().filter_map(|(key, (at, answer))| {
        let is_young = now.duration_since(at) <= if answer.is_ok() { longest_age } else { catalog_cache::NO_PRICE };
        let since = (!is_slow || answer.is_err()).then_some(at);
        is_young.then(|| format!("{what} {key} {since:?} {}", answer.is_ok()))
    });
    lines.collect()
}

/// Turns that are still taken.
fn turns(rate_limit: &RateLimit, now: Timestamp) -> Vec<String> {
    rate_limit.taken(now).into_iter().map(|(name, until)| format!("turns of {name} until {until}")).collect()
}
