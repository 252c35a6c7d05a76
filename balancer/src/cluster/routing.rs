//! The table of paths and the clusters that serve them.

use std::sync::Arc;

use wire::Membership;

use super::Cluster;
use super::member::Member;

/// One membership, ready to route by. Never changed, only replaced: whoever holds one sees a consistent whole.
pub(crate) struct Routing {
    pub(crate) version: String,
    pub(crate) membership: Membership,
    /// Clusters in the order of the document.
    pub(crate) clusters: Vec<Arc<Cluster>>,
    /// The members of all of them behind one more path.
    pub(crate) shared: Option<Arc<Cluster>>,
    /// All of these, longest path first.
    by_length: Vec<Arc<Cluster>>,
}

impl Routing {
    pub(crate) fn new(
        version: String,
        membership: Membership,
        clusters: Vec<Arc<Cluster>>,
        shared: Option<Arc<Cluster>>,
    ) -> Self {
        let mut by_length: Vec<Arc<Cluster>> = clusters.iter().chain(&shared).cloned().collect();
        by_length.sort_by_key(|cluster| std::cmp::Reverse(cluster.path.len()));
        Self { version, membership, clusters, shared, by_length }
    }

    /// Whatever serves a path: the clusters, then all of their members together.
    pub(crate) fn served(&self) -> impl Iterator<Item = &Arc<Cluster>> {
        self.clusters.iter().chain(&self.shared)
    }

    /// Whatever sends requests to this member: its cluster first.
    pub(crate) fn serving_with<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a Arc<Cluster>> {
        self.served().filter(|cluster| cluster.members.iter().any(|one| one.key == member.key))
    }

    /// The cluster with the longest path that `path` is at or below.
    pub(crate) fn cluster(&self, path: &str) -> Option<&Arc<Cluster>> {
        self.by_length.iter().find(|cluster| is_at_or_below(path, &cluster.path))
    }

    /// Every path that is served, for a client that asked for another.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.served().map(|cluster| cluster.path.as_str()).collect()
    }

    /// Whether a GET of this path asks the balancer itself, how its members are.
    pub(crate) fn is_public_status(&self, path: &str) -> bool {
        self.membership.public_status && path == wire::STATUS_PATH
    }
}

/// Below means below a segment: `/a/b` is below `/a`, `/ab` is not.
fn is_at_or_below(path: &str, prefix: &str) -> bool {
    prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;
    use crate::cluster::{ClusterState, Neighbours};

    fn routing(paths: &[&str]) -> Routing {
        let cluster = |path: &&str| {
            let state = Arc::new(ClusterState::new(wire::Policy::RoundRobin, Clock::start()));
            let (policy, members, neighbours) = (wire::Policy::RoundRobin, vec![], Neighbours::default());
            let (name, path) = (path.to_string(), path.to_string());
            Arc::new(Cluster { name, path, policy, members, state, neighbours })
        };
        let (shared, narrow): (Vec<&str>, Vec<&str>) = paths.iter().copied().partition(|path| *path == "/");
        let clusters = narrow.iter().map(&cluster).collect();
        Routing::new("v".into(), Membership::default(), clusters, shared.first().map(&cluster))
    }

    #[test]
    fn the_longest_path_on_a_segment_boundary_wins() {
        let narrow = routing(&["/cluster1", "/cluster1/deep", "/cluster10"]);
        let wide = routing(&["/", "/cluster1"]);
        for (routing, path, expected) in [
            (&narrow, "/cluster1", Some("/cluster1")),
            (&narrow, "/cluster1/", Some("/cluster1")),
            (&narrow, "/cluster1/x", Some("/cluster1")),
            (&narrow, "/cluster1/deep", Some("/cluster1/deep")),
            (&narrow, "/cluster1/deep/x", Some("/cluster1/deep")),
            (&narrow, "/cluster1/deeper", Some("/cluster1")),
            (&narrow, "/cluster10", Some("/cluster10")),
            (&narrow, "/cluster100", None),
            (&narrow, "/Cluster1", None),
            (&narrow, "/", None),
            (&narrow, "*", None),
            (&wide, "/cluster1/x", Some("/cluster1")),
            (&wide, "/cluster2", Some("/")),
            (&wide, "/", Some("/")),
        ] {
            assert_eq!(routing.cluster(path).map(|cluster| cluster.path.as_str()), expected, "{path}");
        }
        assert_eq!(wide.paths(), ["/cluster1", "/"]);
    }
}
