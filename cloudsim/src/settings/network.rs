//! Shape of the account's network.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefaultVpc {
    #[default]
    Present,
    /// Accounts whose owner deleted it. The subnets are there all the same, as ordinary ones.
    Absent,
}

/// VPC Block Public Access (VPC user guide, "Block public access to VPCs and subnets"): what it does to internet gateways.
/// Either mode closes them to an instance with a public address; a NAT gateway still works while only ways in are blocked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum PublicAccess {
    #[default]
    Off,
    BlockBidirectional,
    BlockIngress,
}

impl PublicAccess {
    pub const ALL: [Self; 3] = [Self::Off, Self::BlockBidirectional, Self::BlockIngress];

    /// EC2's own name (API reference, BlockPublicAccessStates.InternetGatewayBlockMode).
    pub fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::BlockBidirectional => "block-bidirectional",
            Self::BlockIngress => "block-ingress",
        }
    }
}
