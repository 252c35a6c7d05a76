//! Recipe of a pool: the RunInstances call of its launches, but for their number, token and count.

use api::{PlacedImage, PlacedSubnet, PlacedVolume, Placement, ScalingPool};
use jiff::Timestamp;
use wire::Application;

use super::artifacts::{Artifact, Booted, application_of, booted, handed_over, is_in_place, puller, stock};
use super::fingerprint::revision;
use super::no_recipe::NoRecipe;
use super::pools::{PoolSpec, pools};
use super::programs::{environment, health};
use super::queue::{PULLER, Queues, queues, uses_queues};
use super::role::{BALANCER_PORT, CONTROL_PORT, PULLER_PORT, Role, addressing};
use super::user_data::{Companion, Control, Handed, InvalidUserData, UserData};
use crate::cost::credits::credits;
use crate::owner::{self, Tags};
use crate::ports::{Addressing, Credits, LaunchRequest, Volume};
use crate::world::{Delivery, Settings, World};

/// Everything of a launch but its number, its token and its count.
#[derive(Clone, Debug)]
pub struct Recipe<'a> {
    pub pool: &'a PoolSpec,
    /// Changes when the instances of the pool would have to be replaced to be what the spec asks for. Over what the
    /// user asked for, not over the script that we make of it: a new operator replaces nothing.
    pub revision: String,
    world: &'a World,
    placement: &'a Placement,
    subnet: &'a PlacedSubnet,
    image: &'a PlacedImage,
    addressing: Addressing,
    credits: Option<Credits>,
    expires_at: Timestamp,
    booted: Booted<'a>,
    /// What its starters are to run. `None`: it has none, the artifact is what serves.
    application: Option<Application>,
    /// The same where it is an archive.
    handed: Option<Booted<'a>>,
    /// Name of the profile of instances that reach queues and bucket themselves.
    queues: Option<Queues<'a>>,
    /// The puller beside a worker that takes its requests from a queue.
    puller: Option<Artifact<'a>>,
    /// What its starter may be told to run, where that is brought.
    stock: Option<Artifact<'a>>,
}

/// What a placement says whose instances have no way out of their subnets.
pub(crate) const NO_WAY_OUT: &str = "None";

/// How instances of `pool` are launched under `placement` into one of its subnets.
pub fn recipe<'a>(
    world: &'a World,
    placement: &'a Placement,
    pool: &'a PoolSpec,
    subnet: &'a PlacedSubnet,
) -> Result<Recipe<'a>, NoRecipe> {
    let spec = &world.object.spec;
    let fact =
        world.instance_type(&pool.instance_type).ok_or_else(|| NoRecipe::UnknownType(pool.instance_type.clone()))?;
    let architecture = fact.architecture.name();
    let booted = booted(spec, placement, pool, architecture)?;
    let has_starter = pool.role == Role::Worker && is_in_place(spec);
    let application = has_starter.then(|| application_of(world, placement, pool, architecture)).transpose()?;
    let handed = if has_starter { handed_over(spec, pool) } else { None };
    let queues = match queues(spec, placement) {
        _ if !uses_queues(spec, pool.role) => None,
        None => return Err(NoRecipe::NoQueues),
        queues => queues,
    };
    let has_puller = queues.is_some() && pool.role == Role::Worker;
    let image = placement
        .images
        .iter()
        .find(|image| image.architecture == architecture)
        .ok_or(NoRecipe::NoImage(architecture))?;
    let recipe = Recipe {
        pool,
        revision: revision(spec, placement, pool, subnet, image),
        world,
        placement,
        subnet,
        image,
        addressing: addressing(placement, pool.role).ok_or_else(|| NoRecipe::UnknownAddressing(words(placement)))?,
        credits: credits(fact),
        expires_at: placement.expires_at.as_ref().ok_or(NoRecipe::NoExpiry)?.0,
        booted,
        application,
        handed,
        queues,
        puller: has_puller.then(|| puller(placement, architecture)).transpose()?,
        // From an archive to our worker is another launch.
        stock: stock(placement, architecture).filter(|_| has_starter && handed.is_none() && is_brought(world)),
    };
    // Nobody who runs is told what nobody could be launched with: the next one to take his place would be told it so.
    if handed.is_some() {
        recipe.written().map_err(NoRecipe::NotTold)?;
    }
    Ok(recipe)
}

/// What the starters of a cluster's workers are to run, where these are updated in place.
pub fn application(world: &World, placement: &Placement, cluster: &str) -> Result<Option<Application>, NoRecipe> {
    let pool = pools(&world.object.spec).into_iter().find(|pool| pool.name == cluster);
    // It is the same in each zone.
    let subnets = placement.subnets();
    pool.map_or(Ok(None), |pool| recipe(world, placement, &pool, &subnets[0]).map(|recipe| recipe.application))
}

impl Recipe<'_> {
    /// What its workers start with, where another program may reach them later. Empty: it is a part of their revision.
    pub(crate) fn application(&self) -> String {
        self.application.as_ref().map(Application::fingerprint).unwrap_or_default()
    }

    /// Availability zone of its instances.
    pub(crate) fn zone(&self) -> &str {
        &self.subnet.zone
    }

    /// The RunInstances call of one launch. Equal arguments make equal calls, byte for byte. It may not be sent until
    /// somebody says until when.
    pub fn request(
        &self,
        group_ids: Vec<String>,
        number: i64,
        count: u32,
        token: String,
    ) -> Result<LaunchRequest, InvalidUserData> {
        let user_data = self.script()?;
        Ok(LaunchRequest {
            token,
            instance_type: self.pool.instance_type.clone(),
            count,
            image_id: self.image.id.clone(),
            subnet_id: self.subnet.subnet_id.clone(),
            group_ids,
            public_address: self.addressing,
            user_data,
            root_device: self.image.root_device.clone(),
            root_gib: u32::try_from(self.image.root_gib).unwrap_or(8),
            volumes: self.image.volumes.iter().map(volume).collect(),
            credits: self.credits,
            tags: self.tags(number),
            instance_profile: self.queues.map(|queues| queues.instance_profile().to_owned()),
            not_after: Timestamp::MIN,
        })
    }

    fn tags(&self, number: i64) -> Tags {
        let (object, pool) = (&self.world.object, &self.pool.name);
        let mut tags = self.world.tags();
        // For people's eyes only, nothing is looked up by it: who sets a `Name` of their own keeps it.
        tags.entry("Name".to_owned()).or_insert_with(|| format!("clusterbench {}/{pool}", object.name));
        tags.insert(owner::POOL.to_owned(), pool.clone());
        tags.insert(owner::REVISION.to_owned(), self.revision.clone());
        tags.insert(owner::LAUNCH.to_owned(), number.to_string());
        if self.is_stopped_at_times() {
            // While it is stopped its timer stands still, and it cannot end itself.
            tags.insert(owner::EXPIRES_AT.to_owned(), self.expires_at.to_string());
        }
        tags
    }

    /// Whether its instances are stopped when they are not needed, and started again.
    fn is_stopped_at_times(&self) -> bool {
        let clusters = &self.world.object.spec.clusters;
        let own = clusters.iter().find(|cluster| self.pool.role == Role::Worker && cluster.name == self.pool.name);
        let scaling = own.and_then(|cluster| cluster.scaling.as_ref());
        scaling.and_then(|scaling| scaling.pool) == Some(ScalingPool::StartStop)
    }

    /// Nobody is launched who would wait for what nobody can bring, and what he cannot fetch.
    fn is_held(&self) -> Result<(), InvalidUserData> {
        let Settings { artifacts, .. } = &self.world.settings;
        for artifact in [self.booted.artifact(), self.puller, self.stock].into_iter().flatten() {
            let Artifact::Ours { program, sha256 } = artifact else { continue };
            if !is_brought(self.world) && has_no_way_out(self.placement) {
                return Err(InvalidUserData::NoWayOut);
            }
            if is_brought(self.world) && !artifacts.has(sha256) {
                let (sha256, version) = (sha256.to_owned(), self.placement.version.clone());
                return Err(InvalidUserData::NotHeld { program, sha256, version });
            }
        }
        Ok(())
    }

    fn script(&self) -> Result<String, InvalidUserData> {
        self.is_held()?;
        self.written()
    }

    /// The script, whether or not somebody can bring its programs.
    fn written(&self) -> Result<String, InvalidUserData> {
        let (spec, role) = (&self.world.object.spec, self.pool.role);
        let control = Control { port: CONTROL_PORT, public_key: &self.placement.public_key };
        let of_program = environment(spec, self.placement, self.pool);
        // Of its program a starter is told in one piece, as it is later.
        let environment = match &self.application {
            // Plain values: serialisation cannot fail. A starter would refuse an empty document.
            Some(first) => vec![("APPLICATION", serde_json::to_string(first).unwrap_or_default())],
            None => of_program.clone(),
        };
        let delivery = &self.world.settings.artifacts.delivery;
        let of_puller =
            self.queues.map(|queues| queues.of_puller(self.pool, health(spec, &self.pool.name))).unwrap_or_default();
        let puller = self.puller.map(|artifact| (artifact.url(delivery), artifact));
        let companion = puller.as_ref().map(|(url, artifact)| Companion {
            name: PULLER,
            artifact_url: url.as_deref(),
            artifact_sha256: artifact.sha256(),
            port: PULLER_PORT,
            environment: &of_puller,
        });
        let url = self.booted.artifact().and_then(|artifact| artifact.url(delivery));
        UserData {
            role,
            expires_at: self.expires_at,
            payload: self.booted.payload(url.as_deref()),
            port: match role {
                Role::Worker => u16::try_from(spec.worker.port).ok(),
                Role::Balancer | Role::Front => Some(BALANCER_PORT),
                Role::Generator => None,
            },
            control: (role != Role::Worker || self.application.is_some()).then_some(control),
            environment: &environment,
            companion,
            stock: self.stock.as_ref().map(|artifact| (Role::Worker.program(), artifact.sha256())),
            handed: self.handed.as_ref().map(|one| Handed { payload: one.payload(None), environment: &of_program }),
        }
        .script()
    }
}

/// Whether instances of a placement have no way out of their subnets that is known.
pub(crate) fn has_no_way_out(placement: &Placement) -> bool {
    placement.egress == NO_WAY_OUT
}

/// What the placement says of addresses.
fn words(placement: &Placement) -> String {
    [placement.addressing.as_str(), &placement.control].join(" ").trim_end().to_owned()
}

fn is_brought(world: &World) -> bool {
    world.settings.artifacts.delivery == Delivery::Push
}

fn volume(placed: &PlacedVolume) -> Volume {
    Volume { device: placed.device.clone(), gib: u32::try_from(placed.gib).unwrap_or(0) }
}
