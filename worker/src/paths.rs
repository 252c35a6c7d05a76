//! The paths that belong to this worker.

use std::str::FromStr;

/// The path of the worker's cluster. `/` owns everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    cluster_path: String,
}

/// A cluster path that cannot be served.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a cluster path: it must start with '/' and not end with one, such as /cluster1; / serves all")]
pub struct InvalidPath(String);

impl FromStr for Paths {
    type Err = InvalidPath;

    fn from_str(path: &str) -> Result<Self, InvalidPath> {
        let trailing = path.len() > 1 && path.ends_with('/');
        if !path.starts_with('/') || trailing || path.contains(['?', '#', ' ']) {
            return Err(InvalidPath(path.to_owned()));
        }
        Ok(Self { cluster_path: path.to_owned() })
    }
}

impl Paths {
    /// The path of a worker that was told only its cluster's name, or nothing: alone on a laptop it belongs to
    /// whoever asks, so it can stand behind any path of a balancer.
    pub fn of_cluster(name: &str) -> Result<Self, InvalidPath> {
        format!("/{name}").parse()
    }

    /// `/`, the cluster's path, and everything below that path.
    pub fn owns(&self, path: &str) -> bool {
        path == "/"
            || self.cluster_path == "/"
            || path
                .strip_prefix(self.cluster_path.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    pub fn cluster_path(&self) -> &str {
        &self.cluster_path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_worker_owns_its_cluster_path_and_what_is_below() {
        let paths: Paths = "/cluster1".parse().expect("path");
        for owned in ["/", "/cluster1", "/cluster1/", "/cluster1/deep/er"] {
            assert!(paths.owns(owned), "{owned}");
        }
        for foreign in ["/cluster2", "/cluster10", "/cluster", "/x/cluster1", "//cluster1"] {
            assert!(!paths.owns(foreign), "{foreign}");
        }
        assert!(Paths::of_cluster("").expect("root").owns("/anything"));
    }

    #[test]
    fn paths_that_no_balancer_could_route_are_refused() {
        for path in ["", "cluster1", "/cluster1/", "/a?b", "/a b"] {
            assert!(path.parse::<Paths>().is_err(), "{path:?}");
        }
    }
}
