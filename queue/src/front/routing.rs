//! The table of paths and the clusters that serve them.

use std::cmp::Reverse;
use std::sync::Arc;

use wire::Membership;

use super::cluster::Cluster;

/// One membership, ready to route by. Never changed, only replaced: whoever holds one sees a consistent whole.
#[derive(Debug)]
pub(super) struct Routing {
    pub(super) version: String,
    pub(super) membership: Membership,
    /// Clusters in the order of the document.
    pub(super) clusters: Vec<Arc<Cluster>>,
    /// The same, longest path first.
    by_length: Vec<Arc<Cluster>>,
}

impl Routing {
    pub(super) fn new(version: String, membership: Membership, clusters: Vec<Arc<Cluster>>) -> Self {
        let mut by_length = clusters.clone();
        by_length.sort_by_key(|cluster| Reverse(cluster.path.len()));
        Self { version, membership, clusters, by_length }
    }

    /// The cluster with the longest path that `path` is at or below.
    pub(super) fn cluster(&self, path: &str) -> Option<&Arc<Cluster>> {
        self.by_length.iter().find(|cluster| is_at_or_below(path, &cluster.path))
    }

    /// Every path that is served, for a client that asked for another.
    pub(super) fn paths(&self) -> Vec<&str> {
        self.clusters.iter().map(|cluster| cluster.path.as_str()).collect()
    }

    /// Whether a GET of this path asks the front itself, how its members are.
    pub(super) fn is_public_status(&self, path: &str) -> bool {
        self.membership.public_status && path == wire::STATUS_PATH
    }
}

/// Below means below a segment: `/a/b` is below `/a`, `/ab` is not.
fn is_at_or_below(path: &str, prefix: &str) -> bool {
    prefix == "/" || path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::is_at_or_below;

    #[test]
    fn below_is_below_a_segment() {
        for (path, prefix, expected) in [
            ("/a", "/a", true),
            ("/a/", "/a", true),
            ("/a/b", "/a", true),
            ("/ab", "/a", false),
            ("/A", "/a", false),
            ("/x", "/", true),
            ("*", "/a", false),
        ] {
            assert_eq!(is_at_or_below(path, prefix), expected, "{path} {prefix}");
        }
    }
}
