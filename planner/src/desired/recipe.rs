//! Recipe of a pool: the RunInstances call of its launches, but for their number, token and count.

use api::{PlacedImage, PlacedSubnet, PlacedVolume, Placement};
use jiff::Timestamp;
use wire::Application;

use super::artifacts::{Artifact, application_of, booted, is_in_place, puller};
use super::fingerprint::revision;
use super::no_recipe::NoRecipe;
use super::pools::{PoolSpec, pools};
use super::programs::environment;
use super::queue::{PULLER, Queues, queues, uses_queues};
use super::role::{BALANCER_PORT, CONTROL_PORT, PULLER_PORT, Role};
use super::user_data::{Companion, Control, InvalidUserData, UserData};
use crate::cost::credits::credits;
use crate::owner::{self, Tags};
use crate::ports::{Addressing, Credits, LaunchRequest, Volume};
use crate::world::World;

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
    artifact: Artifact<'a>,
    /// What its starters are to run. `None`: it has none, the artifact is what serves.
    application: Option<Application>,
    /// Name of the profile of instances that reach queues and bucket themselves.
    queues: Option<Queues<'a>>,
    /// The puller beside a worker that takes its requests from a queue.
    puller: Option<Artifact<'a>>,
}

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
    let artifact = booted(spec, placement, pool, architecture)?;
    let has_starter = pool.role == Role::Worker && is_in_place(spec);
    let application = has_starter.then(|| application_of(world, placement, pool, architecture)).transpose()?;
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
    Ok(Recipe {
        pool,
        revision: revision(spec, placement, pool, subnet, image),
        world,
        placement,
        subnet,
        image,
        addressing: Addressing::parse(&placement.addressing)
            .ok_or_else(|| NoRecipe::UnknownAddressing(placement.addressing.clone()))?,
        credits: credits(fact),
        expires_at: placement.expires_at.as_ref().ok_or(NoRecipe::NoExpiry)?.0,
        artifact,
        application,
        queues,
        puller: has_puller.then(|| puller(placement, architecture)).transpose()?,
    })
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
        tags
    }

    fn script(&self) -> Result<String, InvalidUserData> {
        let (spec, role) = (&self.world.object.spec, self.pool.role);
        let control = Control { port: CONTROL_PORT, public_key: &self.placement.public_key };
        // Of its program a starter is told in one piece, as it is later.
        let environment = match &self.application {
            // Plain values: serialisation cannot fail. A starter would refuse an empty document.
            Some(first) => vec![("APPLICATION", serde_json::to_string(first).unwrap_or_default())],
            None => environment(spec, self.placement, self.pool),
        };
        let base_url = &self.world.settings.artifacts.base_url;
        let of_puller = self.queues.map(|queues| queues.of_puller(self.pool)).unwrap_or_default();
        let puller = self.puller.map(|artifact| (artifact.url(base_url), artifact));
        let companion = puller.as_ref().map(|(url, artifact)| Companion {
            name: PULLER,
            artifact_url: url,
            artifact_sha256: artifact.sha256(),
            port: PULLER_PORT,
            environment: &of_puller,
        });
        UserData {
            role,
            expires_at: self.expires_at,
            artifact_url: &self.artifact.url(base_url),
            artifact_sha256: self.artifact.sha256(),
            port: match role {
                Role::Worker => u16::try_from(spec.worker.port).ok(),
                Role::Balancer | Role::Front => Some(BALANCER_PORT),
                Role::Generator => None,
            },
            control: (role != Role::Worker || self.application.is_some()).then_some(control),
            environment: &environment,
            companion,
        }
        .script()
    }
}

fn volume(placed: &PlacedVolume) -> Volume {
    Volume { device: placed.device.clone(), gib: u32::try_from(placed.gib).unwrap_or(0) }
}
