//! The owner of a cloud resource, as tags that are written in the call that creates it.

use std::collections::BTreeMap;

pub const MANAGED_BY: &str = "clusterbench.dev/managed-by";
pub const INSTALLATION: &str = "clusterbench.dev/installation";
pub const KUBERNETES_CLUSTER: &str = "clusterbench.dev/kubernetes-cluster";
pub const BENCHMARK_UID: &str = "clusterbench.dev/benchmark-uid";
pub const NAMESPACE: &str = "clusterbench.dev/namespace";
pub const NAME: &str = "clusterbench.dev/name";
pub const POOL: &str = "clusterbench.dev/pool";
pub const LAUNCH: &str = "clusterbench.dev/launch";
/// Revision of the pool as the user asked for it: instances with another value are replaced.
pub const REVISION: &str = "clusterbench.dev/revision";

/// When a benchmark ends everything that it has. On what cannot end itself, for people and for whoever sweeps.
pub const EXPIRES_AT: &str = "clusterbench.dev/expires-at";

/// Value of [`MANAGED_BY`].
pub const MANAGED_BY_VALUE: &str = "clusterbench";
/// Users' tags must not start with this.
pub const RESERVED_PREFIX: &str = "clusterbench.dev/";

/// Tags by key.
pub type Tags = BTreeMap<String, String>;

/// One Benchmark of one installation. Two owners never share a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Owner {
    /// Name of the operator's installation: two operators in one account have two.
    pub installation: String,
    /// Uid of the Kubernetes cluster (of its `kube-system` namespace).
    pub kubernetes_cluster: String,
    pub benchmark_uid: String,
    pub namespace: String,
    pub name: String,
}

impl Owner {
    /// The tags that prove ownership. Namespace and name are for people and prove nothing.
    pub fn proof(&self) -> Tags {
        tags(self.proven_by())
    }

    fn proven_by(&self) -> [(&'static str, &str); 4] {
        [
            (MANAGED_BY, MANAGED_BY_VALUE),
            (INSTALLATION, &self.installation),
            (KUBERNETES_CLUSTER, &self.kubernetes_cluster),
            (BENCHMARK_UID, &self.benchmark_uid),
        ]
    }

    /// All tags of a resource of this owner, over `user` tags, which can add but never override.
    pub fn tags(&self, user: &Tags) -> Tags {
        let mut all = user.clone();
        all.retain(|key, _| !key.starts_with(RESERVED_PREFIX));
        all.extend(self.proof());
        all.extend(tags([(NAMESPACE, &self.namespace), (NAME, &self.name)]));
        all
    }

    /// Whether a resource with these tags is ours.
    pub fn owns(&self, tags: &Tags) -> bool {
        self.proven_by().iter().all(|(key, value)| tags.get(*key).is_some_and(|found| found == value))
    }
}

/// The tags that every resource of an installation carries, whatever benchmark and Kubernetes cluster it is of. They
/// prove nothing yet: two Kubernetes clusters may have installations of one name.
pub fn of_installation(name: &str) -> Tags {
    tags([(MANAGED_BY, MANAGED_BY_VALUE), (INSTALLATION, name)])
}

fn tags<const N: usize>(pairs: [(&str, &str); N]) -> Tags {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}
