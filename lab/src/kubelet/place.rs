//! The place where pods run: one node, its directory, its addresses.

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use crate::kubelet::board::Board;
use crate::kubelet::spec::Head;
use crate::kubernetes::api::Api;
use crate::state::State;

/// Name of the only node.
pub(super) const NODE: &str = "lab";

/// What all pods of a kubelet share.
pub(super) struct Place {
    pub(super) api: Api,
    pub(super) state: State,
    /// The directory of the binaries.
    pub(super) bin: PathBuf,
    pub(super) node: Node,
    /// The API server and its certificate authority (base64), for kubeconfigs of pods.
    pub(super) server: (String, String),
    pub(super) board: Board,
    /// Whether the API server knows this node. If not, it knows none of its pods either.
    pub(super) is_node: bool,
}

/// Addresses of a node, and of its pods: each has the next one of a network of their own, as in an overlay (kubernetes.io, Cluster
/// Networking).
#[derive(Debug)]
pub(super) struct Node {
    pub(super) address: Ipv4Addr,
    pods: Ipv4Addr,
    given: AtomicU32,
}

impl Node {
    /// `pods` is the first address of a /16.
    pub(super) fn new(address: Ipv4Addr, pods: Ipv4Addr) -> Self {
        Self { address, pods, given: AtomicU32::new(1) }
    }

    /// An address that no pod had yet; after 65,000 pods the first ones again.
    pub(super) fn pod_address(&self) -> Ipv4Addr {
        let offset = self.given.fetch_add(1, Ordering::Relaxed) % 0xfff0;
        Ipv4Addr::from(u32::from(self.pods) + offset.max(1))
    }
}

impl Place {
    /// The directory of a pod, below the state's.
    pub(super) fn directory_of(&self, head: &Head) -> String {
        format!("pods/{}", head.uid)
    }

    /// Removes a pod's directory.
    pub(super) fn forget(&self, head: &Head) {
        let _ = std::fs::remove_dir_all(self.state.path(&self.directory_of(head))); // there is none if it never ran
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_pod_has_an_address_of_its_own() {
        let node = Node::new(Ipv4Addr::new(127, 31, 0, 4), Ipv4Addr::new(127, 159, 0, 0));
        assert_eq!(node.pod_address(), Ipv4Addr::new(127, 159, 0, 1));
        assert_eq!(node.pod_address(), Ipv4Addr::new(127, 159, 0, 2));
    }
}
