//! One look at the world. Never fails: what could not be seen is `Unknown`.

use std::collections::BTreeMap;

use api::ClusterBenchmark;
use futures::future::join_all;
use planner::ports::{Agents, Cloud, Compute, Firewall, Instance, InstanceState, Offer, Regions, Selection};
use planner::userdata::CONSOLE;
use planner::world::{Deletion, Facet, Finalizer, Ignorance, Object, Seal, Settings, Site, World};
use planner::{Failure, Memory, deploy, desired, ledger, measure, placement, relocation};

use crate::pass::Reconciler;
use crate::store::Store;

/// Consoles asked for in one pass: each is a call, and one is enough to say what is wrong.
const CONSOLES: usize = 4;
/// How long one call of a look may take, retries below the port included.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(45);

/// The object as the planner sees it. `None`: it lacks what every stored object has.
pub(crate) fn object(stored: &ClusterBenchmark) -> Option<Object> {
    let metadata = &stored.metadata;
    let is_ours = |finalizer: &String| finalizer == api::FINALIZER;
    Some(Object {
        namespace: metadata.namespace.clone()?,
        name: metadata.name.clone()?,
        uid: metadata.uid.clone()?,
        generation: metadata.generation?,
        deletion: if metadata.deletion_timestamp.is_some() { Deletion::Asked } else { Deletion::NotAsked },
        finalizer: if metadata.finalizers.iter().flatten().any(is_ours) {
            Finalizer::Present
        } else {
            Finalizer::Absent
        },
        spec: stored.spec.clone(),
        seal: Seal::of(metadata.uid.as_deref()?, &stored.status.clone().unwrap_or_default()),
        status: stored.status.clone().unwrap_or_default(),
    })
}

/// Something that was not asked, because nothing depends on it now.
fn not_asked<T>() -> Facet<T> {
    Facet::Unknown(Ignorance { failure: Failure::NotYetVisible, message: "not looked at yet".to_owned() })
}

async fn patiently<T, E: Into<Ignorance>>(call: impl Future<Output = Result<T, E>>) -> Facet<T> {
    match tokio::time::timeout(PATIENCE, call).await {
        Ok(result) => result.into(),
        Err(_) => Facet::Unknown(Ignorance {
            failure: Failure::Unreachable,
            message: format!("no answer within {} s", PATIENCE.as_secs()),
        }),
    }
}

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    pub(crate) async fn observe(&self, object: Object, settings: Settings, memory: Memory) -> World {
        let mut world = World {
            now: self.now(),
            settings,
            object,
            identity: not_asked(),
            site: None,
            types: not_asked(),
            groups: not_asked(),
            instances: not_asked(),
            balancer: None,
            runs: None,
            consoles: BTreeMap::new(),
            memory,
        };
        if needs_cloud(&world) {
            let cloud = self.regions.region(world.region());
            observe_cloud(&*cloud, &mut world).await;
            self.observe_agents(&mut world).await;
            observe_consoles(&*cloud, &mut world).await;
        }
        // After the answers, so that nothing seems younger than it is.
        world.now = self.now();
        world
    }

    async fn observe_agents(&self, world: &mut World) {
        if planner::plan::goal(world) != planner::Goal::Instances {
            return;
        }
        if let Some(control) = deploy::control_of(world, desired::BALANCER) {
            world.balancer = Some(patiently(self.agents.balancer_status(&control)).await);
        }
        if let Some(control) = deploy::control_of(world, desired::GENERATOR) {
            let ask = async |key: planner::RunKey| {
                let name = key.name();
                self.agents.run_status(&control, &name).await.map(|status| (name, status))
            };
            let answers = join_all(measure::keys(world).into_iter().map(ask));
            world.runs = Some(patiently(async { answers.await.into_iter().collect() }).await);
        }
    }
}

/// Before the finalizer is there, nothing of ours can exist; without a placement, nothing was ever made.
fn needs_cloud(world: &World) -> bool {
    let deleting = world.object.deletion == Deletion::Asked;
    world.object.finalizer == Finalizer::Present && !(deleting && world.nothing_was_made())
}

async fn observe_cloud<C: Cloud>(cloud: &C, world: &mut World) {
    let names: Vec<String> = {
        let mut names: Vec<_> =
            desired::types_with_fields(&world.object.spec).into_iter().map(|(name, _)| name).collect();
        names.sort();
        names.dedup();
        names
    };
    let owner = world.owner();
    let (identity, types, groups, instances) = tokio::join!(
        patiently(cloud.identity()),
        patiently(cloud.instance_types(&names)),
        patiently(cloud.groups(&owner)),
        patiently(instances(cloud, world)),
    );
    (world.identity, world.types, world.groups, world.instances) = (identity, types, groups, instances);
    if relocation::wants_site(world) {
        world.site = Some(site(cloud, world, &names).await);
    }
}

/// By owner tags, then by the tokens of open launches, then by the ids that were still missing. Each list is complete
/// or the whole is a failure.
async fn instances<C: Cloud>(cloud: &C, world: &World) -> planner::ports::Answer<Vec<Instance>> {
    let mut seen = Seen::default();
    seen.add(cloud.instances(&Selection::Owner(world.owner())).await?);
    let lines = &world.object.status.launches;
    let tokens: Vec<String> =
        lines.iter().filter(|line| ledger::is_open(line)).map(|line| line.token.clone()).collect();
    if !tokens.is_empty() {
        seen.add(cloud.instances(&Selection::Tokens(tokens)).await?);
    }
    let ids: Vec<String> =
        lines.iter().flat_map(|line| &line.instance_ids).filter(|id| !seen.0.contains_key(*id)).cloned().collect();
    if !ids.is_empty() {
        // An id in status proves nothing: tags or our token do, and neither can be put on an instance of others.
        let owner = world.owner();
        let is_ours = |instance: &Instance| {
            let launched_by_us = |token: &String| lines.iter().any(|line| line.token == *token);
            owner.owns(&instance.tags) || instance.token.as_ref().is_some_and(launched_by_us)
        };
        let mut found = cloud.instances(&Selection::Ids(ids)).await?;
        found.retain(is_ours);
        seen.add(found);
    }
    Ok(seen.0.into_values().collect())
}

#[derive(Default)]
struct Seen(BTreeMap<String, Instance>);

impl Seen {
    /// Lists may disagree for a while: states only move forward, so the later one is true.
    fn add(&mut self, instances: Vec<Instance>) {
        for instance in instances {
            let known = self.0.get(&instance.id);
            if known.is_none_or(|known| age(known.state) < age(instance.state)) {
                self.0.insert(instance.id.clone(), instance);
            }
        }
    }
}

fn age(state: InstanceState) -> u8 {
    match state {
        InstanceState::Pending => 0,
        InstanceState::Running => 1,
        InstanceState::Stopping => 2,
        InstanceState::Stopped => 3,
        InstanceState::ShuttingDown => 4,
        InstanceState::Terminated => 5,
    }
}

async fn site<C: Cloud>(cloud: &C, world: &World, names: &[String]) -> Site {
    let subnet_ids = world.object.spec.network.clone().unwrap_or_default().subnet_ids;
    let images = async {
        let mut images = BTreeMap::new();
        for (architecture, query) in
            placement::image_queries(&world.object.spec, world.types.known().map(Vec::as_slice).unwrap_or_default())
        {
            images.insert(architecture, cloud.image(&query).await?);
        }
        Ok::<_, planner::CloudError>(images)
    };
    let (subnets, offerings, images) =
        tokio::join!(patiently(cloud.subnets(&subnet_ids)), patiently(cloud.offerings(names)), patiently(images));
    Site { subnets, offerings, images }
}

async fn observe_consoles<C: Compute + Firewall + Offer>(cloud: &C, world: &mut World) {
    for id in deploy::slow_instances(world).into_iter().take(CONSOLES) {
        let Facet::Known(Some(text)) = patiently(cloud.console(&id)).await else { continue };
        if let Some(line) = text.lines().rev().find(|line| line.starts_with(CONSOLE)) {
            world.consoles.insert(id, line.to_owned());
        }
    }
}
