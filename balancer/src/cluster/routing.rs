//! The table of paths and the clusters that serve them.

use std::sync::Arc;

use wire::Membership;

use super::Cluster;

/// One membership, ready to route by. Never changed, only replaced: whoever holds one sees a consistent whole.
pub(crate) struct Routing {
    pub(crate) version: String,
    pub(crate) membership: Membership,
    /// Clusters in the order of the document.
    pub(crate) clusters: Vec<Arc<Cluster>>,
    /// Positions in `clusters`, longest path first.
    by_length: Vec<usize>,
}

impl Routing {
    pub(crate) fn new(version: String, membership: Membership, clusters: Vec<Arc<Cluster>>) -> Self {
        let mut by_length: Vec<usize> = (0..clusters.len()).collect();
        by_length.sort_by_key(|position| std::cmp::Reverse(clusters[*position].path.len()));
        Self { version, membership, clusters, by_length }
    }

    /// The cluster with the longest path that `path` is at or below.
    pub(crate) fn cluster(&self, path: &str) -> Option<&Arc<Cluster>> {
        let mut longest_first = self.by_length.iter().filter_map(|position| self.clusters.get(*position));
        longest_first.find(|cluster| is_at_or_below(path, &cluster.path))
    }

    /// Every path that is served, for a client that asked for another.
    pub(crate) fn paths(&self) -> Vec<&str> {
        self.clusters.iter().map(|cluster| cluster.path.as_str()).collect()
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
    use crate::cluster::ClusterState;

    fn routing(paths: &[&str]) -> Routing {
        let cluster = |path: &&str| {
            let state = Arc::new(ClusterState::new(wire::Policy::RoundRobin, Clock::start()));
            let policy = wire::Policy::RoundRobin;
            Arc::new(Cluster { name: path.to_string(), path: path.to_string(), policy, members: vec![], state })
        };
        Routing::new("v".into(), Membership::default(), paths.iter().map(cluster).collect())
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
        assert_eq!(wide.paths(), ["/", "/cluster1"]);
    }
}
