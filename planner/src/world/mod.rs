//! The world: everything that a decision may look at, in one value.

mod checksum;
mod cloud_view;
mod facet;
pub mod ledger;
mod line;
pub mod memory;
pub mod named;
mod own_vpc;
mod settings;

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use wire::{BalancerStatus, Loaders, RunStatus, Said};

use crate::owner::{Owner, Tags};
use crate::ports::{
    Architecture, Datapoint, Identity, Image, Instance, InstanceState, InstanceType, Interface, KnownRegion, ListPrice,
    Listener, Subnet, Target, TargetGroupAttributes,
};
use memory::Memory;

pub use crate::failure::Unknown;
pub use checksum::seal;
pub use cloud_view::CloudView;
pub use facet::Facet;
pub use own_vpc::{OwnAddresses, OwnVpc};
pub use settings::{Artifacts, Delivery, Settings};

#[derive(Clone, Debug)]
pub struct World {
    pub now: Timestamp,
    pub settings: Settings,
    pub object: Object,
    pub identity: Facet<Identity>,
    pub cloud: CloudView,
    /// Asked only while the spec's region is in question ([`crate::region`]).
    pub regions: Option<Facet<Vec<KnownRegion>>>,
    /// What the region offers. Asked only while a placement, or another zone, is to be chosen.
    pub site: Option<Site>,
    /// Facts of every instance type in the spec; a type that the region does not know is left out.
    pub types: Facet<Vec<InstanceType>>,
    /// List price of each type that was asked about. Asked while a type of the spec has no price in the placement, see
    /// [`crate::provision::prices::questions`].
    pub prices: BTreeMap<String, Facet<ListPrice>>,
    /// Asked when the balancer's instance runs.
    pub balancer: Option<Facet<BalancerStatus>>,
    /// Asked while something depends on it and lists show the load balancer, see [`crate::balance::application::wanted`].
    pub application: Option<Facet<Application>>,
    /// CloudWatch's answer about the run with the report of this name. Asked after a run through a load balancer, see
    /// [`crate::measure::cloud_watch::question`].
    pub metrics: Option<(String, Facet<Vec<Vec<Datapoint>>>)>,
    /// What the starter of each worker says that it runs, by instance id, as the relay heard it. Asked where workers are
    /// updated in place, see [`crate::balance::updates::question`].
    pub applications: Option<Facet<BTreeMap<String, Said>>>,
    /// Instances that wait for programs, and what they wait for, as far as they were heard: balancer, front and generators in
    /// place of their program, workers through the relay, see [`crate::balance::delivery::question`].
    pub loaders: Loaders,
    /// What the generators say of each run that matters, by run name. `None`: not all that the spec asks for have an address.
    pub runs: Option<Facet<BTreeMap<String, Option<RunStatus>>>>,
    /// Numbers of the generators whose program answered, whatever the others did.
    pub generators_answering: BTreeSet<u32>,
    /// Last word of our script on the console ([`console::last_word`]) of instances that are slow to get ready, by
    /// instance id.
    ///
    /// [`console::last_word`]: crate::instances::console::last_word
    pub consoles: BTreeMap<String, String>,
    /// What keeps groups from being deleted, by group id. Asked when that lasts, see [`crate::teardown::holders::held`].
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

/// Whether placement and launches in status are as an operator wrote them, see [`seal`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seal {
    Whole,
    Broken,
    /// The server keeps less than it is sent, so the seal says nothing.
    Dropped,
}

impl Seal {
    pub fn of(uid: &str, status: &api::Status) -> Self {
        if checksum::is_whole(uid, status) { Self::Whole } else { Self::Broken }
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
    /// The VPC that the operator is in. `None`: nothing depends on it, see [`crate::provision::own_vpc::question`].
    pub own_vpc: Option<Facet<OwnVpc>>,
    pub subnets: Facet<Vec<Subnet>>,
    /// (type, zone)
    pub offerings: Facet<Vec<(String, String)>>,
    /// `None`: there is no such image.
    pub images: Facet<BTreeMap<Architecture, Option<Image>>>,
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

    /// Tags of everything that is made for the object: those of its owner over those of its user.
    pub fn tags(&self) -> Tags {
        let user = self.object.spec.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect();
        self.owner().tags(&user)
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

    /// Whether the cloud shows anything named or a living instance of this very object.
    fn something_exists(&self) -> bool {
        let owner = self.owner();
        let lives = |instance: &Instance| owner.owns(&instance.tags) && instance.state != InstanceState::Terminated;
        self.cloud.instances.known().is_some_and(|all| all.iter().any(lives))
            || self.cloud.groups.known().is_some_and(|groups| !groups.is_empty())
            || self.cloud.load_balancers.known().is_some_and(|balancers| !balancers.is_empty())
            || self.cloud.target_groups.known().is_some_and(|groups| !groups.is_empty())
            || self.cloud.queues.known().is_some_and(|queues| !queues.is_empty())
            || self.cloud.buckets.known().is_some_and(|buckets| !buckets.is_empty())
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

/// An Application Load Balancer as its own reads show it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Application {
    pub listeners: Vec<Listener>,
    /// Attributes by the ARN of the target group, like the targets.
    pub attributes: BTreeMap<String, TargetGroupAttributes>,
    pub targets: BTreeMap<String, Vec<Target>>,
}

/// What is still in a group, or names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Holder {
    Interface(Interface),
    /// Has a rule that names it.
    Group {
        id: String,
        name: String,
    },
}
