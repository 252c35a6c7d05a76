//! One node of a load balancer.

use std::net::Ipv4Addr;

/// A node of a load balancer: one in each zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    pub zone: String,
    pub subnet_id: String,
    pub interface_id: String,
    /// An address of that subnet; another one after a scale event.
    pub address: Ipv4Addr,
    /// What the name of an internet-facing one leads to (API reference, CreateLoadBalancer: Scheme).
    pub public_address: Option<Ipv4Addr>,
}
