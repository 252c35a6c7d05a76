//! The observation of a pass. It never fails: what could not be seen is `Unknown`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use api::{ClusterBenchmark, Status};
use futures::future::{join_all, try_join_all};

use planner::balance;
use planner::balance::{application, delivery, updates};
use planner::instances::console;
use planner::measure::cloud_watch;
use planner::ports::{AgentError, Agents, Cloud, InstanceType, LoadBalancers as _, Regions, Subnet};
use planner::provision::zone_fallback;
use planner::provision::{own_vpc, placement, prices};
use planner::teardown::holders;
use planner::world::Holder;
use planner::world::{Application, CloudView, Deletion, Facet, Finalizer, Object, OwnVpc, Seal, Site, Unknown, World};
use planner::{CloudError, Failure, Memory, desired, region, runs};
use wire::{Loaders, Loading};

use crate::catalog_cache::{self, CatalogCache};
use crate::crd_check;
use crate::inventory_index::{Sought, Wanted};
use crate::lister::{Lists, Need, Tick, patiently};
use crate::reconciler::Reconciler;
use crate::store::Store;

/// Consoles asked for in one pass: each is a call, and one is enough to say what is wrong.
const CONSOLES: usize = 4;

/// The object as the planner sees it, which takes the status over. `None`: it lacks what every stored object has.
pub(crate) fn object(stored: &mut ClusterBenchmark) -> Option<Object> {
    let status = stored.status.take().unwrap_or_default();
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
        seal: seal(metadata.uid.as_deref()?, &status),
        status,
    })
}

/// What the server dropped was edited by nobody.
fn seal(uid: &str, status: &Status) -> Seal {
    if crd_check::is_said(status) { Seal::Dropped } else { Seal::of(uid, status) }
}

/// A world, and when its lists were begun.
pub(crate) struct Observation {
    pub(crate) world: World,
    /// `None`: the cloud was not asked.
    pub(crate) listed: Option<Tick>,
}

/// Something that was not asked, because nothing depends on it now.
fn not_asked<T>() -> Facet<T> {
    Facet::Unknown(nothing_asked())
}

fn nothing_asked() -> Unknown {
    Unknown { failure: Failure::NotYetVisible, message: "not looked at yet".to_owned() }
}

/// ELB answers ten lists a second for the whole account (ELB user guide, "API throttling").
fn turn_to_come() -> Unknown {
    let message = "other load balancers are looked at first, because ELB answers few lists a second for an account";
    Unknown { failure: Failure::Throttled, message: message.to_owned() }
}

impl<S: Store, R: Regions, A: Agents> Reconciler<S, R, A> {
    pub(crate) async fn observe(&self, object: Object, memory: Memory, need: &Need) -> Observation {
        let now = self.now();
        let mut world = World {
            now,
            settings: self.settings.clone(),
            object,
            identity: not_asked(),
            cloud: CloudView::unseen(now, &nothing_asked()),
            regions: None,
            site: None,
            types: not_asked(),
            prices: BTreeMap::new(),
            balancer: None,
            application: None,
            applications: None,
            loaders: Loaders::new(),
            metrics: None,
            runs: None,
            generators_answering: BTreeSet::new(),
            consoles: BTreeMap::new(),
            holders: BTreeMap::new(),
            memory,
        };
        let mut listed = None;
        if needs_cloud(&world) && region::is_in_question(&world) {
            let own = &self.settings.region;
            let (cached, cloud) = (self.catalog.region(own), self.cloud(own));
            world.regions = Some(patiently(self.catalog.regions(&cached, &*cloud)).await);
        }
        // Where no region is, nobody answers.
        if needs_cloud(&world) && region::refusal(&world).is_none() {
            let region = world.region().to_owned();
            let cloud = self.cloud(&region);
            let cached = self.catalog.region(&region);
            listed = Some(self.observe_cloud(&cloud, &cached, &region, &mut world, need).await);
            self.observe_application(&*cloud, &mut world).await;
            self.observe_agents(&mut world).await;
            self.observe_workers(&mut world).await;
            self.observe_loaders(&mut world).await;
            observe_consoles(&self.catalog, &*cloud, &cached, &mut world).await;
            observe_holders(&*cloud, &mut world).await;
            observe_metrics(&*cloud, &mut world).await;
        }
        // After the answers, so that nothing seems younger than it is.
        world.now = self.now();
        Observation { world, listed }
    }

    async fn observe_cloud(
        &self,
        cloud: &R::Cloud,
        cached: &catalog_cache::Region,
        region: &str,
        world: &mut World,
        need: &Need,
    ) -> Tick {
        let names = type_names(world);
        let unpriced = prices::questions(world);
        let (uid, installation) = (world.object.uid.clone(), world.settings.installation.clone());
        let wanted = |world: &World| Wanted::of(&world.object.status.launches, Sought::by(world));
        let at_first = wanted(world);
        let (mut lists, types, prices) = tokio::join!(
            self.lister.lists(cloud, region, &installation, (&uid, &at_first), need),
            patiently(self.catalog.types(cached, cloud, &names)),
            self.catalog.prices(cached, cloud, &unpriced),
        );
        world.prices = prices;
        take(world, &lists);
        // What the lists show may be the first to tell that the ledger is lost.
        let then = wanted(world);
        if !at_first.covers(&then) {
            lists = self.lister.lists(cloud, region, &installation, (&uid, &then), need).await;
        }
        if lists.are_whole(&at_first) {
            self.metrics.listed(region, lists.index.begun_at);
        }
        take(world, &lists);
        if zone_fallback::wants_site(world) {
            world.site = Some(site(&self.catalog, cloud, cached, world, &types, &names).await);
        }
        world.types = types;
        lists.tick
    }

    async fn observe_agents(&self, world: &mut World) {
        if planner::goal::goal(world) != planner::Goal::Instances {
            return;
        }
        let in_front = desired::agent_in_front(&world.object.spec);
        if let Some(control) = in_front.and_then(|pool| planner::instances::control_of(world, pool)) {
            let heard = Mutex::default();
            let asked = async {
                let said = self.agents.balancer_status(&control).await;
                said.inspect_err(|error| note_loader(&heard, error))
            };
            world.balancer = Some(patiently(asked).await);
            note_loaders(world, in_front.into_iter().map(str::to_owned), heard);
        }
        let wanted = desired::generators(&world.object.spec);
        let controls: BTreeMap<u32, String> = runs::generators(world)
            .filter_map(|number| Some((number, planner::instances::control_of(world, &desired::generator(number))?)))
            .collect();
        let (heard, answering) = (Mutex::default(), Mutex::new(BTreeSet::new()));
        let ask = async |key: planner::RunKey| {
            let (control, name) = (controls.get(&key.generator), key.name());
            let Some(control) = control else { return Ok((name, None)) };
            let said = self.agents.run_status(control, &name).await;
            said.inspect_err(|error| note_loader(&heard, error)).map(|status| {
                unpoisoned(&answering).insert(key.generator);
                (name, status)
            })
        };
        let answers = join_all(runs::keys(world).into_iter().map(ask));
        let said = patiently(async { answers.await.into_iter().collect() }).await;
        // All that the spec asks for have to be there: what one says of a run means nothing without the others. Each is heard by
        // itself: none waits for its program until the last one has an address.
        world.runs = (1..=wanted).all(|number| controls.contains_key(&number)).then_some(said);
        world.generators_answering = answering.into_inner().unwrap_or_else(PoisonError::into_inner);
        note_loaders(world, controls.keys().map(|number| desired::generator(*number)), heard);
    }

    /// What workers run, once it is known whether a run is on: then nobody asks.
    async fn observe_workers(&self, world: &mut World) {
        let Some(updates::Question { control, instance_id, members }) = updates::question(world) else { return };
        let asked = self.agents.applications(&control, &instance_id, &members);
        world.applications = Some(patiently(asked).await);
    }

    /// Programs that workers wait for, as far as somebody hears them.
    async fn observe_loaders(&self, world: &mut World) {
        let Some(delivery::Question { control, instance_id, members }) = delivery::question(world) else { return };
        let asked = self.agents.loaders(&control, &instance_id, &members);
        // Who cannot be asked is not heard to wait.
        if let Facet::Known(heard) = patiently(asked).await {
            world.loaders.extend(heard);
        }
    }

    /// Listeners, attributes and targets of the load balancer, while something depends on them. Many load balancers take
    /// turns: an older look will do for one that waits for its turn.
    async fn observe_application(&self, cloud: &R::Cloud, world: &mut World) {
        let Some((balancer, groups)) = application::looks(world) else { return };
        let age = application::longest_age(world);
        let former = |most| world.memory.application.as_ref().filter(|(at, _)| world.now.duration_since(*at) < most);
        if let Some((_, seen)) = former(age) {
            world.application = Some(Facet::Known(seen.clone()));
            return;
        }
        // Those of listeners and rules, and two for each target group.
        let calls = 2 + 2 * u32::try_from(groups.len()).unwrap_or(0);
        if !self.rate_limit.look(world.region(), calls, self.now()) {
            let former = former(application::LONGEST_WAIT).map(|(_, seen)| Facet::Known(seen.clone()));
            world.application = Some(former.unwrap_or_else(|| Facet::Unknown(turn_to_come())));
            return;
        }
        let attributes = async |arn: &String| Ok::<_, CloudError>((arn.clone(), cloud.attributes(arn).await?));
        let targets = async |arn: &String| Ok::<_, CloudError>((arn.clone(), cloud.targets(arn).await?));
        let asked = async {
            let (listeners, attributes, targets) = tokio::try_join!(
                cloud.listeners(&balancer),
                try_join_all(groups.iter().map(attributes)),
                try_join_all(groups.iter().map(targets)),
            )?;
            let (attributes, targets) = (attributes.into_iter().collect(), targets.into_iter().collect());
            Ok::<_, CloudError>(Application { listeners, attributes, targets })
        };
        let seen = patiently(asked).await;
        world.memory.application = seen.known().map(|seen| (world.now, seen.clone()));
        world.application = Some(seen);
    }
}

/// The loaders that answered in place of an agent, by their URL.
type Heard = Mutex<BTreeMap<String, Vec<String>>>;

fn note_loader(heard: &Heard, error: &AgentError) {
    if let AgentError::Loading { url, missing } = error {
        unpoisoned(heard).insert(url.clone(), missing.clone());
    }
}

fn unpoisoned<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Which of the pools' instances they are.
fn note_loaders(world: &mut World, pools: impl Iterator<Item = String>, heard: Heard) {
    let heard = heard.into_inner().unwrap_or_else(PoisonError::into_inner);
    for pool in pools {
        let Some((id, control)) = planner::instances::agent(world, &pool) else { continue };
        if let Some(missing) = heard.get(&format!("http://{control}")) {
            world.loaders.insert(id, Loading { missing: missing.clone(), ..Loading::default() });
        }
    }
}

/// Before the finalizer is there, nothing of ours can exist; without a placement, nothing was ever made.
fn needs_cloud(world: &World) -> bool {
    let deleting = world.object.deletion == Deletion::Asked;
    world.object.finalizer == Finalizer::Present && !(deleting && world.nothing_was_made())
}

fn type_names(world: &World) -> Vec<String> {
    let mut names: Vec<_> = desired::types_with_fields(&world.object.spec).into_iter().map(|(name, _)| name).collect();
    names.sort();
    names.dedup();
    names
}

/// The part of the lists that is this object's. Lists of another account than the placement's say nothing about it.
fn take(world: &mut World, lists: &Lists) {
    world.identity = lists.identity.clone();
    let account = world.object.status.placement.as_ref().map(|placement| &placement.account_id);
    let foreign = lists.identity.known().zip(account).filter(|(identity, account)| identity.account != **account);
    if let Some((identity, account)) = foreign {
        let message = format!("the lists are of account {}, not of {account}", identity.account);
        let why = Unknown { failure: Failure::CredentialsExpired, message };
        world.cloud = CloudView::unseen(lists.index.begun_at, &why);
        return;
    }
    world.cloud = lists.index.of(&world.owner(), &world.object.status.launches, Sought::by(world));
}

async fn site<C: Cloud>(
    catalog: &CatalogCache,
    cloud: &C,
    region: &catalog_cache::Region,
    world: &World,
    types: &Facet<Vec<InstanceType>>,
    names: &[String],
) -> Site {
    let types = types.known().map(Vec::as_slice).unwrap_or_default();
    let images = placement::image_queries(&world.object.spec, types);
    let ((own_vpc, subnets), offerings, images) = tokio::join!(
        network(catalog, cloud, region, world),
        patiently(catalog.offerings(region, cloud, names)),
        patiently(catalog.images(region, cloud, images)),
    );
    Site { own_vpc, subnets, offerings, images }
}

/// The VPC that the operator is in, where something depends on it, and the subnets to choose from.
async fn network<C: Cloud>(
    catalog: &CatalogCache,
    cloud: &C,
    region: &catalog_cache::Region,
    world: &World,
) -> (Option<Facet<OwnVpc>>, Facet<Vec<Subnet>>) {
    let own_vpc = match own_vpc::question(world) {
        Some(own) => Some(patiently(catalog.own_vpc(region, cloud, (own, world.region()))).await),
        None => None,
    };
    let subnets = match own_vpc::subnets(world, own_vpc.as_ref()) {
        Ok(of) => patiently(catalog.subnets(region, cloud, of)).await,
        Err(why) => Facet::Unknown(why),
    };
    (own_vpc, subnets)
}

/// CloudWatch's account of a run that is recorded, while it is waited for.
async fn observe_metrics<C: Cloud>(cloud: &C, world: &mut World) {
    let Some(cloud_watch::Question { report, queries, minutes }) = cloud_watch::question(world) else { return };
    world.metrics = Some((report, patiently(cloud.metrics(&queries, &minutes)).await));
}

/// What could not be seen is not said: another pass follows.
async fn observe_holders<C: Cloud>(cloud: &C, world: &mut World) {
    for id in holders::held(world) {
        let asked = async { tokio::try_join!(cloud.groups_naming(&id), cloud.interfaces(&id)) };
        let Facet::Known((groups, interfaces)) = patiently(asked).await else { continue };
        let groups = groups.into_iter().filter(|group| group.id != id);
        let groups = groups.map(|group| Holder::Group { id: group.id, name: group.name });
        let holders = groups.chain(interfaces.into_iter().map(Holder::Interface)).collect();
        world.holders.insert(id, holders);
    }
}

async fn observe_consoles<C: Cloud>(
    catalog: &CatalogCache,
    cloud: &C,
    region: &catalog_cache::Region,
    world: &mut World,
) {
    for id in balance::slow_instances(world).into_iter().take(CONSOLES) {
        let Facet::Known(Some(text)) = patiently(catalog.console(region, cloud, &id)).await else { continue };
        if let Some(word) = console::last_word(&text) {
            world.consoles.insert(id, word.to_owned());
        }
    }
}
