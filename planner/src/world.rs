//! Everything a decision may look at, in one value.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;
use jiff::{SignedDuration, Timestamp};
use wire::{BalancerStatus, RunStatus};

use crate::holders::Holder;
use crate::memory::Memory;
use crate::owner::Owner;
use crate::ports::{
    AgentError, Architecture, Group, Identity, Image, Instance, InstanceState, InstanceType, KnownRegion, Subnet,
};
use crate::{CloudError, Failure};

/// One part of the world: looked at, or not known and why.
#[derive(Clone, Debug, PartialEq)]
pub enum Facet<T> {
    Known(T),
    Unknown(Ignorance),
}

/// Why a facet is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ignorance {
    pub failure: Failure,
    pub message: String,
}

impl From<CloudError> for Ignorance {
    fn from(error: CloudError) -> Self {
        Self { failure: error.failure, message: error.to_string() }
    }
}

impl From<AgentError> for Ignorance {
    fn from(error: AgentError) -> Self {
        Self { failure: Failure::Unreachable, message: error.to_string() }
    }
}

impl<T> Facet<T> {
    pub fn known(&self) -> Option<&T> {
        match self {
            Self::Known(value) => Some(value),
            Self::Unknown(_) => None,
        }
    }

    pub fn ignorance(&self) -> Option<&Ignorance> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(why) => Some(why),
        }
    }
}

impl<T, E: Into<Ignorance>> From<Result<T, E>> for Facet<T> {
    fn from(result: Result<T, E>) -> Self {
        match result {
            Ok(value) => Self::Known(value),
            Err(error) => Self::Unknown(error.into()),
        }
    }
}

#[derive(Clone, Debug)]
pub struct World {
    pub now: Timestamp,
    /// When the lists of instances and groups were begun. They may be older than this look, because all objects of a
    /// region share them: what they do not show is measured against this time, never against `now`.
    pub listed_at: Timestamp,
    pub settings: Settings,
    pub object: Object,
    pub identity: Facet<Identity>,
    /// Asked only while the spec's region is in question ([`crate::region`]).
    pub regions: Option<Facet<Vec<KnownRegion>>>,
    /// What the region offers. Asked only while there is no placement.
    pub site: Option<Site>,
    /// Facts of every instance type in the spec; a type that the region does not know is left out.
    pub types: Facet<Vec<InstanceType>>,
    pub groups: Facet<Vec<Group>>,
    /// By owner tags, by the tokens of open launches and by the ids in the ledger, each a complete list; dead ones
    /// included.
    pub instances: Facet<Vec<Instance>>,
    /// Asked when the balancer's instance runs.
    pub balancer: Option<Facet<BalancerStatus>>,
    /// What the generator says of each run that matters, by run name. Asked when the generator's instance runs.
    pub runs: Option<Facet<BTreeMap<String, Option<RunStatus>>>>,
    /// Last word of our script on the console ([`console::last_word`]) of instances that are slow to get ready, by
    /// instance id.
    ///
    /// [`console::last_word`]: crate::console::last_word
    pub consoles: BTreeMap<String, String>,
    /// What keeps groups from being deleted, by group id. Asked when that lasts, see [`crate::holders::held`].
    pub holders: BTreeMap<String, Vec<Holder>>,
    pub memory: Memory,
}

/// The Kubernetes object.
#[derive(Clone, Debug)]
pub struct Object {
    pub namespace: String,
    pub name: String,
    pub uid: String,
    pub generation: i64,
    pub deletion: Deletion,
    pub finalizer: Finalizer,
    pub spec: api::ClusterBenchmarkSpec,
    pub status: api::Status,
    pub seal: Seal,
}

/// Whether placement and launches in status are as an operator wrote them, see [`crate::seal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    Whole,
    Broken,
    /// The server keeps less than it is sent, so the seal says nothing.
    Dropped,
}

impl Seal {
    pub fn of(uid: &str, status: &api::Status) -> Self {
        if crate::seal::is_whole(uid, status) { Self::Whole } else { Self::Broken }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deletion {
    NotAsked,
    Asked,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finalizer {
    Absent,
    Present,
}

/// What the region offers, for choosing a placement.
#[derive(Clone, Debug)]
pub struct Site {
    pub subnets: Facet<Vec<Subnet>>,
    /// (type, zone)
    pub offerings: Facet<Vec<(String, String)>>,
    /// `None`: there is no such image.
    pub images: Facet<BTreeMap<Architecture, Option<Image>>>,
}

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
    /// Networks that the operator dials from.
    pub control_sources: Vec<Ipv4Net>,
    /// How long after its last possible send a launch may still appear.
    ///
    /// 5 minutes: the longest lag that AWS speaks of (EC2 user guide, "Eventual consistency").
    pub settle: SignedDuration,
    /// Time between the two empty lists that prove absence.
    pub proof_gap: SignedDuration,
    /// For how long a launch may be repeated after it was written down.
    pub launch_window: SignedDuration,
    /// How long an instance may take from launch to ready.
    pub boot_deadline: SignedDuration,
    /// Pause after a launch that found no capacity, reached a quota or was refused.
    pub refusal_pause: SignedDuration,
}

/// Our binaries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Artifacts {
    pub version: String,
    /// `{base_url}/{sha256}/{name}` is a binary.
    pub base_url: String,
    /// SHA-256 by (name, architecture).
    pub sha256: BTreeMap<(String, Architecture), String>,
}

impl World {
    pub fn owner(&self) -> Owner {
        Owner {
            installation: self.settings.installation.clone(),
            kubernetes_cluster: self.settings.kubernetes_cluster.clone(),
            benchmark_uid: self.object.uid.clone(),
            namespace: self.object.namespace.clone(),
            name: self.object.name.clone(),
        }
    }

    /// Region of the placement, or the one that the spec asks for, or the operator's.
    pub fn region(&self) -> &str {
        region(&self.object, &self.settings)
    }

    /// Whether the ledger in status cannot be trusted: the finalizer says that effects may have happened, and status
    /// says that nobody ever looked, or it holds launches without the placement that comes before them, or somebody
    /// edited them, or the cloud shows what only a placement can have made.
    pub fn ledger_is_lost(&self) -> bool {
        let status = &self.object.status;
        let never_looked = status.observed_generation.unwrap_or(-1) < 1;
        let torn = status.placement.is_none() && !status.launches.is_empty();
        let refuted = status.placement.is_none() && self.something_exists();
        let edited = self.object.seal == Seal::Broken;
        self.object.finalizer == Finalizer::Present && (never_looked || torn || edited || refuted)
    }

    /// Whether the cloud shows a group or a living instance of this very object.
    fn something_exists(&self) -> bool {
        let owner = self.owner();
        let lives = |instance: &Instance| owner.owns(&instance.tags) && instance.state != InstanceState::Terminated;
        self.instances.known().is_some_and(|all| all.iter().any(lives))
            || self.groups.known().is_some_and(|groups| !groups.is_empty())
    }

    /// Whether an intact ledger says that nothing was ever made: only then the cloud need not be asked.
    pub fn nothing_was_made(&self) -> bool {
        let status = &self.object.status;
        status.placement.is_none() && status.instances.is_empty() && !self.ledger_is_lost()
    }

    pub fn instance_type(&self, name: &str) -> Option<&InstanceType> {
        self.types.known()?.iter().find(|fact| fact.name == name)
    }
}

/// Region that an object lives in. A placement that somebody edited is not asked.
pub fn region<'a>(object: &'a Object, settings: &'a Settings) -> &'a str {
    let placement = object.status.placement.as_ref().filter(|_| object.seal != Seal::Broken);
    match (placement, &object.spec.region) {
        (Some(placement), _) => &placement.region,
        (None, Some(region)) => region,
        (None, None) => &settings.region,
    }
}
