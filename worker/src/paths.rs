//! The paths that belong to this worker.

use std::str::FromStr;

/// The path of the worker's cluster, and the one at which all clusters serve together, if there is one. `/` owns everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paths {
    cluster_path: String,
    shared_path: Option<String>,
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
        Ok(Self { cluster_path: path.to_owned(), shared_path: None })
    }
}

impl Paths {
    /// The path of a worker that was told only its cluster's name, or nothing: alone on a laptop it belongs to
    /// whoever asks, so it can stand behind any path of a balancer.
    pub fn of_cluster(name: &str) -> Result<Self, InvalidPath> {
        format!("/{name}").parse()
    }

    /// The same, and the path at which all clusters serve together.
    #[must_use]
    pub fn and_shared(self, shared: Option<&Self>) -> Self {
        Self { shared_path: shared.map(|shared| shared.cluster_path.clone()), ..self }
    }

    /// `/`, the cluster's path, that of all clusters, and everything below those paths.
    pub fn owns(&self, path: &str) -> bool {
        let is_below =
            |prefix: &str| path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let owns = |prefix: &str| prefix == "/" || is_below(prefix);
        path == "/" || owns(&self.cluster_path) || self.shared_path.as_deref().is_some_and(owns)
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
        let shared = |path: &str| paths.clone().and_shared(Some(&path.parse().expect("path")));
        for (all, owned, foreign) in
            [("/", "/cluster2", None), ("/all", "/all/x", Some("/allx")), ("/all", "/cluster1", None)]
        {
            assert!(shared(all).owns(owned), "{owned} where all serve {all}");
            assert!(foreign.is_none_or(|foreign| !shared(all).owns(foreign)), "{foreign:?} where all serve {all}");
        }
    }

    #[test]
    fn paths_that_no_balancer_could_route_are_refused() {
        for path in ["", "cluster1", "/cluster1/", "/a?b", "/a b"] {
            assert!(path.parse::<Paths>().is_err(), "{path:?}");
        }
    }
}
