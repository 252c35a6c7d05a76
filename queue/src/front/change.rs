//! Another membership: its clusters and members take over what still holds, those that are to go are told, and the account learns
//! which boots began and ended.

use std::collections::HashMap;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::SystemTime;

use tokio::time::Instant;
use wire::{Departing, InvalidMembership, Membership};

use super::Front;
use super::boots::Moment;
use super::cluster::{Cluster, ClusterState};
use super::member::{Member, Record};
use super::routing::Routing;
use crate::puller_status::Duty;

/// Held while a membership is replaced.
#[derive(Debug, Default)]
pub(super) struct Changes {
    number: u64,
    /// Clusters by name, also those that are no longer served: their answers may still come.
    states: HashMap<String, Arc<ClusterState>>,
    /// Members that were taken out and are not drained yet.
    leaving: Vec<Leaving>,
}

#[derive(Debug)]
struct Leaving {
    member: Arc<Member>,
    since: Instant,
}

/// The reason why a membership was not taken over. The one before stays.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It could not be served as written.
    #[error(transparent)]
    Invalid(#[from] InvalidMembership),
    /// It asks for what a front does not do.
    #[error(
        "shared: behind queues there is no path for the members of all clusters: remove it, or take another balancer.kind"
    )]
    Shared,
    /// It was decided on another one.
    #[error("If-Match is {given:?}, but the version being served is {current:?}: read /status and decide again")]
    Stale {
        /// The version that the caller knows.
        given: String,
        /// The version that is served.
        current: String,
    },
}

impl<C> Front<C> {
    /// Serves `membership` from now on, in place of the one before. Requests that wait go on waiting, members that stay keep
    /// health and counts. Those that are to drain, and those that are members no more, are told to take no more requests. The same
    /// document again changes nothing.
    ///
    /// # Errors
    /// When the document is invalid, or `if_match` is given and is not the version being served.
    pub fn apply(&self, membership: Membership, if_match: Option<&str>) -> Result<(), Refused> {
        membership.validate()?;
        if membership.shared.is_some() {
            return Err(Refused::Shared);
        }
        let mut changes = self.changes();
        let before = self.current();
        if let Some(given) = if_match.filter(|given| *given != before.version) {
            return Err(Refused::Stale { given: given.to_owned(), current: before.version.clone() });
        }
        if before.membership == membership {
            return Ok(());
        }
        let clusters: Vec<_> = membership.clusters.iter().map(|wire| self.adopt(wire, &before, &mut changes)).collect();
        changes.number += 1;
        let version = format!("{}-{}", self.boot, changes.number);
        tracing::info!(version, clusters = clusters.len(), "membership changed");
        let after = Arc::new(Routing::new(version, membership, clusters));
        self.account_for(&before, &after, &changes);
        for member in members(&after) {
            let is_to_drain = after.clusters.iter().any(|cluster| cluster.is_to_drain(member));
            member.wish(if is_to_drain { Duty::Drain } else { Duty::Serve });
        }
        for member in members(&before).filter(|old| !members(&after).any(|new| Arc::ptr_eq(old, new))) {
            // One that only moved is a member still: at its former address nobody is asked any more.
            if members(&after).any(|new| Arc::ptr_eq(&new.record, &member.record)) {
                member.go();
            } else {
                member.leave();
                changes.leaving.push(Leaving { member: Arc::clone(member), since: Instant::now() });
            }
        }
        changes.leaving.retain(|leaving| !leaving.member.is_gone());
        self.routing.send_replace(after);
        Ok(())
    }

    /// A cluster as the new document says, with everything of the old one of that name that still holds.
    fn adopt(&self, wire: &wire::Cluster, before: &Routing, changes: &mut Changes) -> Arc<Cluster> {
        let Changes { states, leaving, .. } = changes;
        let state = states.entry(wire.name.clone());
        let state = state.or_insert_with(|| Arc::new(ClusterState::new(&wire.name, &self.settings.queue_stem)));
        let old = before.clusters.iter().find(|cluster| cluster.state.name == wire.name);
        let now = self.now();
        let member = |wire: &wire::Member| {
            let known = old.and_then(|cluster| cluster.member(&wire.id));
            // Validated: the fallback is never taken.
            let address = wire.address.parse().unwrap_or_else(|_| ([0, 0, 0, 0], 0).into());
            let anew = |record| Arc::new(Member::new(&wire.id, address, record));
            match known {
                Some(same) if same.address == address => Arc::clone(same),
                Some(moved) => anew(Arc::clone(&moved.record)),
                None => {
                    let is_it = |old: &Arc<Member>| old.id == wire.id && old.record.is_of(&state.account);
                    let Some(back) = leaving.iter().map(|leaving| &leaving.member).find(|member| is_it(member)) else {
                        return anew(Arc::new(Record::new(Arc::clone(&state.account), now)));
                    };
                    // It is a member again: nobody tells it to drain any longer.
                    back.go();
                    anew(Arc::clone(&back.record))
                }
            }
        };
        let members = wire.members.iter().map(member).collect();
        let (path, policy, scaling) = (wire.path.clone(), wire.policy, wire.scaling.clone());
        Arc::new(Cluster { path, policy, members, scaling, state: Arc::clone(state) })
    }

    /// Boots of the members of scaled clusters that began and ended with this change.
    fn account_for(&self, before: &Routing, after: &Routing, changes: &Changes) {
        let now = Moment { wall: wall_millis(), front: self.now() };
        for state in changes.states.values() {
            let of_state = |cluster: &&Arc<Cluster>| Arc::ptr_eq(&cluster.state, state);
            let mut boots = state.account.boots();
            let scaled = after.clusters.iter().find(of_state).and_then(|new| Some((new, new.scaling.as_ref()?)));
            let Some((new, scaling)) = scaled else {
                // Nobody asks for the account any more: that is no loss.
                boots.tell(now, [], |_| true);
                continue;
            };
            let old = before.clusters.iter().find(of_state);
            let lacked = old.and_then(|old| old.scaling.as_ref()).map_or(0, |scaling| scaling.lacking);
            state.account.lack(lacked, scaling.lacking);
            let was_drained = |id: &str| old.and_then(|old| old.member(id)).is_some_and(|member| member.was_drained());
            let since = |member: &Arc<Member>| scaling.since.get(&member.id).copied();
            let is_another = |member: &&Arc<Member>| boots.is_another(&member.id, since(member));
            let booted_anew: Vec<_> = new.members.iter().filter(is_another).collect();
            boots.tell(now, new.members.iter().map(|member| (member.id.as_str(), since(member))), was_drained);
            booted_anew.into_iter().for_each(|member| member.is_anew(now.front));
        }
    }

    /// Members of this routing, and those that left and are to be told.
    pub(super) fn all_members(&self, routing: &Routing) -> Vec<Arc<Member>> {
        let changes = self.changes();
        members(routing).chain(changes.leaving.iter().map(|leaving| &leaving.member)).cloned().collect()
    }

    /// Those that left and still work on what they took.
    pub(super) fn departing(&self) -> Vec<Departing> {
        let mut changes = self.changes();
        changes.leaving.retain(|leaving| !leaving.member.is_gone());
        let told = |Leaving { member, since }: &Leaving| Departing {
            id: member.id.clone(),
            in_flight: member.record.in_flight(),
            seconds: since.elapsed().as_secs(),
        };
        changes.leaving.iter().map(told).filter(|one| one.in_flight > 0).collect()
    }

    fn changes(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn members(routing: &Routing) -> impl Iterator<Item = &Arc<Member>> {
    routing.clusters.iter().flat_map(|cluster| &cluster.members)
}

/// Milliseconds since 1970; a clock before that is of no use to anybody.
fn wall_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
