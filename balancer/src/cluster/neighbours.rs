//! Whatever else sends requests to the members of a cluster: with a path for all members, each member is chosen by two
//! rules, that of its cluster and that of the path.
//!
//! The two have one member, with one health, one count of requests in flight and one record. What a rule remembers of it
//! (its estimates) is told the same of it by both: each rule hears of every request of the member, whichever path it came
//! by. What belongs to a path alone stays apart: whose turn it is, who waits, and how many retries are left.

use std::sync::Arc;

use super::member::Member;
use super::{Cluster, ClusterState};
use crate::policy::MemberKey;

/// The states of others, by member.
#[derive(Default)]
pub(crate) enum Neighbours {
    /// Nobody else.
    #[default]
    None,
    /// All members are chosen by this one, too.
    One(Arc<ClusterState>),
    /// Each member is chosen by its own cluster, too. Rising keys.
    Each(Vec<(MemberKey, Arc<ClusterState>)>),
}

impl Neighbours {
    /// The neighbours of a path for the members of all these clusters.
    pub(crate) fn clusters(clusters: &[Arc<Cluster>]) -> Self {
        let members = |cluster: &Arc<Cluster>| {
            let state = Arc::clone(&cluster.state);
            let key = |member: &Arc<Member>| member.key;
            cluster.members.iter().map(key).map(move |key| (key, Arc::clone(&state))).collect::<Vec<_>>()
        };
        let mut each: Vec<_> = clusters.iter().flat_map(members).collect();
        each.sort_unstable_by_key(|(key, _)| *key);
        Self::Each(each)
    }

    pub(super) fn of(&self, member: MemberKey) -> Option<&Arc<ClusterState>> {
        match self {
            Self::None => None,
            Self::One(state) => Some(state),
            Self::Each(each) => {
                let position = each.binary_search_by_key(&member, |(key, _)| *key).ok()?;
                each.get(position).map(|(_, state)| state)
            }
        }
    }
}
