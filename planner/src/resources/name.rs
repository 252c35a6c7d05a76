//! Names of resources, derived from their owner and their purpose: every process finds the same resource by them.

use data_encoding::BASE32_NOPAD;
use sha2::{Digest, Sha256};

use super::kind::ResourceKind;
use crate::owner::Owner;
use crate::ports::{NAME_PREFIX, QUEUE_PREFIX};

/// Names of all that a benchmark may have of a kind; of kinds whose names have numbers or hashes, what all of them begin
/// with.
pub fn names(owner: &Owner, kind: ResourceKind) -> Vec<String> {
    match kind {
        // A launch has a token and no name.
        ResourceKind::Instance => Vec::new(),
        // Unique in the VPC, because the uid is.
        ResourceKind::SecurityGroup => [MEMBERS, EDGE].map(|purpose| group_name(owner, purpose)).to_vec(),
        ResourceKind::LoadBalancer => vec![stem(owner, LOAD_BALANCER)],
        ResourceKind::TargetGroup => vec![stem(owner, TARGET_GROUP)],
        ResourceKind::Queue => vec![queue_stem(owner)],
        // What follows are account and region, which are not known where the placement is lost.
        ResourceKind::Bucket => vec![queue_name(owner)],
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

const LOAD_BALANCER: &str = "load-balancer";
const TARGET_GROUP: &str = "target-group";

/// Name of a load balancer. Another number has other settings: a name that was used is never used for others, because a
/// create call of an existing name with equal settings answers the existing one.
pub fn load_balancer_name(owner: &Owner, number: i64) -> String {
    format!("{}{number}", stem(owner, LOAD_BALANCER))
}

/// Name of a target group. Other settings are another name.
pub fn target_group_name(owner: &Owner, settings: &str) -> String {
    let digest = encoded(&format!("clusterbench.dev/target-group/v1\n{settings}"));
    format!("{}{}", stem(owner, TARGET_GROUP), &digest[..8])
}

/// What the names of all resources of one purpose begin with, where they share their names with the whole account or with
/// all of AWS: load balancers and target groups (at most 32 letters, digits and hyphens). Equal owners and purposes have
/// equal stems, others never.
pub fn stem(owner: &Owner, purpose: &str) -> String {
    format!("{NAME_PREFIX}{}-", &digest(owner, purpose)[..20])
}

fn digest(owner: &Owner, purpose: &str) -> String {
    let parts = [&owner.installation, &owner.kubernetes_cluster, &owner.benchmark_uid, purpose];
    // Lengths before values: no two owners share a text.
    let text: String = parts.map(|part| format!("{}:{part}\n", part.len())).concat();
    encoded(&format!("clusterbench.dev/name/v1\n{text}"))
}

/// What the names of all queues of a benchmark begin with.
pub fn queue_stem(owner: &Owner) -> String {
    format!("{}-", queue_name(owner))
}

/// What the names of those queues begin with that have the `number`th settings: a name that was used is never used for
/// others, because a create call of an existing name with other attributes is refused, and a name is not free for a minute
/// after its queue was deleted (API reference, CreateQueue). Names of clusters begin with letters, so no two share a name.
pub fn numbered_queue_stem(owner: &Owner, number: i64) -> String {
    let stem = queue_stem(owner);
    if number > 1 { format!("{stem}{number}-") } else { stem }
}

/// Name of the queue that the requests of a cluster wait in (at most 80 letters, digits, hyphens and underscores).
pub fn request_queue(stem: &str, cluster: &str) -> String {
    format!("{stem}{cluster}-in")
}

/// Name of the queue that the answers of a cluster wait in.
pub fn answer_queue(stem: &str, cluster: &str) -> String {
    format!("{stem}{cluster}-out")
}

/// Name of the bucket of a benchmark, in the account's own namespace of the region (at most 63 lower-case letters, digits
/// and hyphens; S3 user guide, "Namespaces for general purpose buckets").
pub fn bucket(owner: &Owner, account: &str, region: &str) -> String {
    format!("{}-{account}-{region}-an", queue_name(owner))
}

fn queue_name(owner: &Owner) -> String {
    format!("{QUEUE_PREFIX}{}", &digest(owner, "queue")[..16])
}

fn encoded(text: &str) -> String {
    BASE32_NOPAD.encode(&Sha256::digest(text.as_bytes())).to_ascii_lowercase()
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
        assert_eq!(load_balancer_name(&owner, 2), "cb-mrau5wnkigeamnroxt2j-2");
        assert_eq!(target_group_name(&owner, "cluster1"), "cb-4iooeaxgjpd4nqblwie6-apcngmww");
        let stem = queue_stem(&owner);
        assert_eq!(request_queue(&stem, "micro"), "clusterbench-kuyxajylkqzgcdjw-micro-in");
        assert_eq!(answer_queue(&stem, "micro"), "clusterbench-kuyxajylkqzgcdjw-micro-out");
        assert_eq!(numbered_queue_stem(&owner, 1), stem);
        assert_eq!(request_queue(&numbered_queue_stem(&owner, 2), "micro"), "clusterbench-kuyxajylkqzgcdjw-2-micro-in");
        assert_eq!(
            bucket(&owner, "123456789012", "us-east-1"),
            "clusterbench-kuyxajylkqzgcdjw-123456789012-us-east-1-an"
        );
    }

    #[test]
    fn a_stem_is_of_one_owner_and_purpose_and_names_fit_everywhere() {
        let owners = [owner("a", "b", "c"), owner("ab", "", "c"), owner("a", "bc", ""), owner("", "ab", "c")];
        let mut seen = BTreeSet::new();
        for owner in &owners {
            for stem in [stem(owner, LOAD_BALANCER), stem(owner, TARGET_GROUP)] {
                assert!(seen.insert(stem));
            }
            for name in [load_balancer_name(owner, 99_999_999), target_group_name(owner, "x")] {
                assert!(
                    name.len() <= 32 && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-')),
                    "{name}"
                );
                assert!(!name.ends_with('-') && !name.starts_with("internal-"), "{name}");
            }
        }
        for owner in &owners {
            assert!(seen.insert(queue_stem(owner)));
            // The longest name of a cluster, and of a region.
            assert!(answer_queue(&numbered_queue_stem(owner, 99_999_999), &"x".repeat(32)).len() <= 80);
            for kind in [ResourceKind::Queue, ResourceKind::Bucket] {
                let stems = names(owner, kind);
                assert!(
                    bucket(owner, "123456789012", "us-east-1").starts_with(&stems[0]) || kind == ResourceKind::Queue
                );
                assert!(seen.insert(format!("{kind:?} {}", stems[0])));
            }
            assert_ne!(names(owner, ResourceKind::Queue), names(owner, ResourceKind::Bucket), "each has its own proof");
            assert!(bucket(owner, "123456789012", "ap-southeast-1").len() <= 63);
        }
        // Namespace and name are for people: a benchmark is known by its uid.
        let renamed = Owner { name: "other".into(), ..owners[0].clone() };
        assert_eq!(load_balancer_name(&renamed, 1), load_balancer_name(&owners[0], 1));
        assert_ne!(target_group_name(&owners[0], "8080"), target_group_name(&owners[0], "8081"));
    }
}
