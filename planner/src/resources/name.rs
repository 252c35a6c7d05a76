//! Names of resources, derived from their owner and their purpose: every process finds the same resource by them.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use super::kind::ResourceKind;
use crate::owner::Owner;

/// Names of all that a benchmark may have of a kind.
pub fn names(owner: &Owner, kind: ResourceKind) -> Vec<String> {
    match kind {
        // A launch has a token and no name.
        ResourceKind::Instance => Vec::new(),
        // Unique in the VPC, because the uid is.
        ResourceKind::SecurityGroup => [MEMBERS, EDGE].map(|purpose| group_name(owner, purpose)).to_vec(),
    }
}

/// Group of all instances of a benchmark.
pub const MEMBERS: &str = "members";
/// Group of the instances that are reached from outside.
pub const EDGE: &str = "edge";

/// Name of a security group.
pub fn group_name(owner: &Owner, purpose: &str) -> String {
    format!("clusterbench-{}-{purpose}", owner.benchmark_uid)
}

/// Name of what shares its names with the whole account or with all of AWS: load balancers and target groups (at most 32
/// letters, digits and hyphens), queues, buckets (lower case). Equal owners and purposes have equal names, others never.
pub fn derived_name(owner: &Owner, purpose: &str) -> String {
    let parts = [&owner.installation, &owner.kubernetes_cluster, &owner.benchmark_uid, purpose];
    // Lengths before values: no two owners share a text.
    let text: String = parts.map(|part| format!("{}:{part}\n", part.len())).concat();
    let digest = BASE32_NOPAD.encode(&Sha256::digest(format!("clusterbench.dev/name/v1\n{text}").as_bytes()));
    format!("cb-{}", &digest.to_ascii_lowercase()[..26])
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn owner(installation: &str, kubernetes_cluster: &str, benchmark_uid: &str) -> Owner {
        Owner {
            installation: installation.into(),
            kubernetes_cluster: kubernetes_cluster.into(),
            benchmark_uid: benchmark_uid.into(),
            namespace: "default".into(),
            name: "bench".into(),
        }
    }

    /// What lives under these names must be found by every later version.
    #[test]
    fn names_stay_as_they_are() {
        let owner = owner("test", "k8s", "uid-1");
        assert_eq!(
            names(&owner, ResourceKind::SecurityGroup),
            ["clusterbench-uid-1-members", "clusterbench-uid-1-edge"]
        );
        assert!(names(&owner, ResourceKind::Instance).is_empty());
    }

    #[test]
    fn a_derived_name_is_of_one_owner_and_purpose_and_fits_everywhere() {
        let owners = [owner("a", "b", "c"), owner("ab", "", "c"), owner("a", "bc", ""), owner("", "ab", "c")];
        let mut seen = BTreeSet::new();
        for owner in &owners {
            for purpose in ["front", "fron", "t"] {
                let name = derived_name(owner, purpose);
                assert_eq!(name, derived_name(&owner.clone(), purpose));
                assert!(
                    name.len() <= 32 && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')),
                    "{name}"
                );
                assert!(seen.insert(name));
            }
        }
        // Namespace and name are for people: a benchmark is known by its uid.
        let renamed = Owner { name: "other".into(), ..owners[0].clone() };
        assert_eq!(derived_name(&renamed, "front"), derived_name(&owners[0], "front"));
    }
}
