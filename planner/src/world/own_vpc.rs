//! The VPC that the operator itself is in.

use std::net::IpAddr;

use ipnet::Ipv4Net;

/// Where the operator is, as far as the network interfaces of its region tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnVpc {
    Found {
        id: String,
        /// The address of ours that an interface of it has.
        address: IpAddr,
        /// All its IPv4 blocks.
        cidrs: Vec<Ipv4Net>,
    },
    /// The operator is in none that can be told, for this reason.
    NotFound(String),
}

/// Addresses of the operator itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct OwnAddresses {
    /// That of its pod.
    pub pod: Option<IpAddr>,
    /// That of the node which the pod is on.
    pub node: Option<IpAddr>,
}

impl OwnAddresses {
    /// Why nothing is found out without one.
    pub(crate) const NONE: &str = "it was not told its own address (OPERATOR_ADDRESS)";

    /// Each once.
    pub fn all(&self) -> Vec<IpAddr> {
        let mut all: Vec<IpAddr> = self.node.into_iter().chain(self.pod).collect();
        all.dedup();
        all
    }
}
