//! The operator's configuration.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use jiff::SignedDuration;

use super::own_vpc::OwnAddresses;
use crate::ports::Architecture;
use crate::prices::file::PriceFile;

/// The operator's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Tells two operators in one account apart.
    pub installation: String,
    /// Uid of the `kube-system` namespace.
    pub kubernetes_cluster: String,
    /// Name of this process, which no other one has that may be alive.
    pub process: String,
    /// Region of benchmarks that name none.
    pub region: String,
    pub artifacts: Artifacts,
    /// Public half of the key that signs control requests.
    pub public_key: String,
    /// Networks that the operator dials from. Empty: those of the VPC that it is in.
    pub control_sources: Vec<Ipv4Net>,
    /// Addresses of the operator itself, by which the VPC that it is in is found.
    pub own_addresses: OwnAddresses,
    /// How long after its last possible send a launch may still appear.
    ///
    /// 5 minutes: the longest lag that AWS speaks of (EC2 developer guide, "Eventual consistency").
    pub settle: SignedDuration,
    /// Time between the two empty lists that prove absence.
    pub proof_gap: SignedDuration,
    /// For how long a launch may be repeated after it was written down.
    pub launch_window: SignedDuration,
    /// How long an instance may take from launch to ready.
    pub boot_deadline: SignedDuration,
    /// Time before the expiry that is kept for stopping a run and bringing its report home.
    pub last_call: SignedDuration,
    /// Pause after a launch that found no capacity, reached a quota or was refused.
    pub refusal_pause: SignedDuration,
    /// Prices that go before those of AWS.
    pub prices: PriceFile,
}

/// Our binaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    pub version: String,
    pub delivery: Delivery,
    /// SHA-256 by (name, architecture).
    pub sha256: BTreeMap<(String, Architecture), String>,
}

/// The way of our binaries to instances.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// The operator brings them, from files that it has.
    #[default]
    Push,
    /// Instances fetch them: `{base_url}/{sha256}/{name}` is a binary.
    Pull { base_url: String },
}

impl Artifacts {
    /// Whether the operator itself has the binary with this hash.
    pub fn has(&self, sha256: &str) -> bool {
        self.delivery == Delivery::Push && self.sha256.values().any(|one| one == sha256)
    }
}
