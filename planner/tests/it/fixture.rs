//! Worlds from a few lines of text.
//!
//! ```text
//! clusters a=t2.micro*2 b=t2.large*1     what the spec asks for (default: a=t2.micro*2)
//! unplaced | deleting | no finalizer | wiped | new | edited | paused    the object (default: placed, finalizer)
//! spread b                               the instances are spread over zone a and these
//! zones b c | left a 60s [Unsupported]   other zones at hand (default: not looked at) | when a zone was left, and why
//! control 100.68.0.18/18 | ingress 10.9.8.7/8  a network that the operator dials from, as the spec's ingressCidrs
//! groups none | unknown                  (default: both, with their rules)
//! kinds | kinds SecurityGroup Carousel   kinds of the placement (default: SecurityGroup)
//! line a/1 x2 open age 10s               a ledger line, rebuilt exactly; `stale`: of another request; `of p`: process p's;
//!                                        `unsent`: this process wrote it and did not send it; `former`: with another program,
//!                                        where workers are updated in place
//! line a/1 x2 closed ids i-1,i-2 reason NoCapacity    `code X`: the code of the refusal
//! have i-1 a/1 running                   an instance; `in b`: in that zone, as of a line; `outdated`: of another revision; `age 900s`; `retagged`: by somebody
//! denied i-1 UnauthorizedOperation 30s   its termination was refused, and is tried again then
//! have i-1 a/1 terminated because Server.InternalError    one that ended by itself
//! instances unknown | account 999        what could not be seen, or whose it is
//! balancer unknown | told | healthy      the balancer (default: not asked)
//! application                            the spec asks for an Application Load Balancer; its placement is in status
//! facing                                 it is to face the internet
//! shared / | shared / measured           the path of all members, and whether it is measured
//! queue                                  the spec asks for queues; their placement is in status
//! queues a b@2                           the queues of these clusters that lists show; `@2`: of other settings
//! bucket                                 lists show the bucket
//! scaled | says | settled                see `fixture/scaling.rs`
//! front active 1 | former provisioning   the load balancer that lists show, in this state, with its target groups and number;
//!                                        `former`: another one of ours
//! routes | routes stale                  listener, attributes and rules as wanted, or with one rule for another path
//! targets i-1=healthy i-2=initial        what its reads show (default: not asked; `targets`: none is registered)
//! run none | running | finished | failed | aborted what the generator says of the wanted run; `recorded`: it is in status
//! inplace | inplace 25 | inplace archive  workers are updated in place, so many percent at a time; of an archive
//! runs i-1=new i-2=old i-3=silent        what starters say (default: not asked): `starting` and `failed` are about what the spec
//!                                        asks for, `busy` about something else, `booting` is the first program; `updated`: it came
//!                                        in place; `unfetched@60`: it could not be fetched 60 s ago; `elsewhere`: the same of another
//!                                        URL; `mended`: something else failed since; `restarting`, `lost`: it starts again, or cannot
//! serves i-2 | serves                    the balancer has no other members
//! through i-b                            the balancer that the run measures through
//! hold no | after | held                 whether the run waits between rounds (default: it cannot be held)
//! console i-1 clusterbench: error: ...   the last console line
//! prices t2.micro=11600 x=none           frozen prices, in millionths of a US dollar an hour (default: none was asked for)
//! budget 2.50 | budget 2.50 placed 5     budget.maxUsd of the spec, and what it was when it was placed
//! volumes /dev/sdf=20                    volumes of the image besides its root
//! unrehearsed | refused CODE             nothing was heard of new launches (default: they pass) | all are refused
//! now 400s                               (default: 100s after the placement)
//! listed 30s ago                         when the lists were begun (default: now)
//! ```

mod agents;
mod application;
mod money;
mod queue;
mod region;
mod scaling;

pub(crate) use agents::{serves, wanted};
pub(crate) use application::{BEHIND, behind};
pub(crate) use queue::{BETWEEN, between};
pub(crate) use scaling::{say, settle};

use std::collections::{BTreeMap, BTreeSet};

use api::{ClusterBenchmarkSpec, Launch, LeftZone, PlacedArtifact, PlacedImage, PlacedVolume, Placement, Status};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use planner::ports::*;
use planner::prices::file::PriceFile;
use planner::world::ledger;
use planner::world::memory::Denial;
use planner::world::*;
use planner::{Action, CloudError, Done, Failure, Memory, Outcome, desired, owner};

pub(crate) fn epoch() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

pub(crate) fn seconds(n: i64) -> SignedDuration {
    SignedDuration::from_secs(n)
}

const PROGRAMS: [&str; 6] = ["worker", "starter", "balancer", "front", "puller", "loadgen"];

pub(crate) fn settings() -> Settings {
    let artifact = |name: &str| ((name.to_owned(), Architecture::X86_64), "a".repeat(64));
    Settings {
        installation: "test".into(),
        kubernetes_cluster: "k8s-uid".into(),
        process: "operator".into(),
        region: "eu-west-1".into(),
        artifacts: Artifacts {
            version: "1".into(),
            delivery: Delivery::Pull { base_url: "https://artifacts.example".into() },
            sha256: PROGRAMS.map(artifact).into(),
        },
        public_key: "key".into(),
        control_sources: vec!["10.0.0.0/8".parse().unwrap()],
        own_addresses: OwnAddresses::default(),
        settle: seconds(300),
        proof_gap: seconds(60),
        launch_window: seconds(120),
        boot_deadline: seconds(900),
        last_call: seconds(120),
        refusal_pause: seconds(60),
        prices: PriceFile::default(),
    }
}

pub(crate) fn spec(clusters: &str) -> ClusterBenchmarkSpec {
    let clusters: Vec<_> = clusters
        .split_whitespace()
        .map(|text| {
            let (name, rest) = text.split_once('=').unwrap();
            let (kind, count) = rest.split_once('*').unwrap();
            serde_json::json!({ "name": name, "instanceType": kind, "count": count.parse::<i32>().unwrap() })
        })
        .collect();
    serde_json::from_value(serde_json::json!({
        "clusters": clusters,
        "load": { "phases": [{ "arrivals": "ClosedLoop", "concurrency": 10, "requests": 100 }] },
    }))
    .unwrap()
}

fn placement() -> Placement {
    let artifact =
        |name: &str| PlacedArtifact { name: name.into(), architecture: "x86_64".into(), sha256: "a".repeat(64) };
    Placement {
        installation: "test".into(),
        kubernetes_cluster: "k8s-uid".into(),
        account_id: "111".into(),
        region: "eu-west-1".into(),
        vpc_id: "vpc-1".into(),
        subnet_id: "subnet-a".into(),
        zone: "eu-west-1a".into(),
        zone_id: "euw1-az1".into(),
        addressing: "Public".into(),
        images: vec![PlacedImage {
            architecture: "x86_64".into(),
            id: "ami-1".into(),
            root_device: "/dev/xvda".into(),
            root_gib: 8,
            volumes: Vec::new(),
        }],
        public_key: "key".into(),
        control_sources: vec!["10.0.0.0/8".into()],
        version: "1".into(),
        artifacts: PROGRAMS.map(artifact).into(),
        known_fields: scaling::known_fields(),
        kinds: vec!["SecurityGroup".into()],
        create_not_after: Some(Time(epoch() + seconds(120))),
        expires_at: Some(Time(epoch() + seconds(7200))),
        ..Placement::default()
    }
}

pub(crate) fn instance_type(name: &str) -> InstanceType {
    InstanceType {
        name: name.into(),
        vcpus: if name.ends_with("large") { 2 } else { 1 },
        memory_mib: 1024,
        architecture: if name.contains("7g") { Architecture::Arm64 } else { Architecture::X86_64 },
        burstable: if name.starts_with('t') { Burstable::Yes } else { Burstable::No },
        hypervisor: Hypervisor::Nitro,
        free_tier: planner::families::FREE_PLAN.contains(&name),
    }
}

/// Ids of the groups, as a launch names them.
const MEMBERS: &str = "sg-members";
const EDGE: &str = "sg-edge";

fn groups(world: &World) -> Vec<Group> {
    let group = |kind: &str, id: &str, rule: Rule| Group {
        id: id.into(),
        name: format!("clusterbench-{}-{kind}", world.object.uid),
        vpc_id: "vpc-1".into(),
        tags: world.owner().proof(),
        ingress: vec![rule],
    };
    let all = Rule { from_port: 0, to_port: 65535, source: Source::Group(MEMBERS.into()) };
    let control = Rule { from_port: 8081, to_port: 8081, source: Source::Cidr("10.0.0.0/8".parse().unwrap()) };
    vec![group("members", MEMBERS, all), group("edge", EDGE, control)]
}

/// Everything runs: two workers, balancer, generator.
pub(crate) const COMPLETE: &str = "
    line a/1 x2 closed ids i-1,i-2
    line balancer/1 x1 closed ids i-b
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/1 running
    have i-b balancer/1 running
    have i-g generator/1 running
";

pub(crate) fn world(text: &str) -> World {
    let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
    let find = |word: &str| lines.iter().find(|line: &&Vec<&str>| line.first() == Some(&word));
    let has = |words: &str| text.lines().any(|line| line.trim() == words);
    let clusters = find("clusters").map_or("a=t2.micro*2".to_owned(), |line| line[1..].join(" "));
    let spec = spec(&clusters);
    let spec = if has("application") { application::asked(spec, has("facing")) } else { spec };
    let spec = if has("queue") { queue::asked(spec) } else { spec };
    let spec = scaling::asked(spec, &lines);
    let shared = find("shared").map(|line| api::Shared { path: line[1].into(), measured: line.len() > 2 });
    let mut spec = ClusterBenchmarkSpec { balancer: api::Balancer { shared, ..spec.balancer.clone() }, ..spec };
    if let Some(line) = find("inplace") {
        agents::in_place(&mut spec.worker, &line[1..]);
    }
    let mut types: Vec<String> = desired::types_with_fields(&spec).into_iter().map(|(name, _)| name).collect();
    types.dedup();
    let unknown = || Unknown { failure: Failure::Unreachable, message: "no answer".into() };
    let now = epoch() + find("now").map_or(seconds(100), |line| duration(line[1]));
    let mut world = World {
        now,
        settings: settings(),
        object: Object {
            namespace: "default".into(),
            name: "bench".into(),
            uid: "uid-1".into(),
            generation: 1,
            deletion: if has("deleting") { Deletion::Asked } else { Deletion::NotAsked },
            finalizer: if has("no finalizer") || has("new") { Finalizer::Absent } else { Finalizer::Present },
            spec,
            status: Status { observed_generation: Some(1), ..Status::default() },
            seal: if has("edited") { Seal::Broken } else { Seal::Whole },
        },
        identity: Facet::Known(Identity {
            account: find("account").map_or("111", |line| line[1]).into(),
            arn: "arn".into(),
        }),
        cloud: CloudView {
            listed_at: now - find("listed").map_or(seconds(0), |line| duration(line[1])),
            instances: Facet::Known(Vec::new()),
            groups: Facet::Known(Vec::new()),
            load_balancers: Facet::Known(Vec::new()),
            target_groups: Facet::Known(Vec::new()),
            queues: Facet::Known(Vec::new()),
            buckets: Facet::Known(Vec::new()),
        },
        regions: None,
        site: None,
        types: Facet::Known(types.iter().map(|name| instance_type(name)).collect()),
        prices: BTreeMap::new(),
        balancer: None,
        application: None,
        applications: None,
        loaders: wire::Loaders::new(),
        metrics: None,
        runs: None,
        generators_answering: BTreeSet::new(),
        consoles: BTreeMap::new(),
        holders: BTreeMap::new(),
        memory: Memory::default(),
    };
    if !has("unplaced") && !has("new") && !has("wiped") {
        world.object.status.placement = Some(placement());
    }
    let volumes: Vec<PlacedVolume> =
        find("volumes").map(|line| line[1..].iter().map(volume).collect()).unwrap_or_default();
    for image in world.object.status.placement.iter_mut().flat_map(|placement| &mut placement.images) {
        image.volumes.clone_from(&volumes);
    }
    money::money(&mut world, find("prices"), find("budget"));
    world.object.spec.paused = has("paused");
    if has("application") {
        application::place(&mut world);
    }
    if has("queue") {
        queue::place(&mut world);
    }
    queue::listed(&mut world, find("queues"), has("bucket"));
    for line in lines.iter().filter(|line| line.first() == Some(&"front")) {
        application::front(&mut world, line);
    }
    if let Some(line) = find("control") {
        world.settings.control_sources = line[1..].iter().map(|network| network.parse().unwrap()).collect();
    }
    if let Some(line) = find("ingress") {
        let ingress_cidrs = line[1..].iter().map(|network| (*network).to_owned()).collect();
        world.object.spec.network = Some(api::Network { ingress_cidrs, ..api::Network::default() });
    }
    if let (Some(kinds), Some(placement)) = (find("kinds"), &mut world.object.status.placement) {
        placement.kinds = kinds[1..].iter().map(|kind| (*kind).to_owned()).collect();
    }
    if let Some(line) = find("spread") {
        let network = world.object.spec.network.get_or_insert_default();
        network.zone_count = i32::try_from(line.len()).ok();
        if let Some(placement) = &mut world.object.status.placement {
            placement.further_subnets = line[1..].iter().map(|zone| region::further(zone)).collect();
        }
    }
    if let Some(zones) = find("zones") {
        world.site = Some(region::site(&world, &zones[1..]));
    }
    if let (Some(line), Some(placement)) = (find("left"), &mut world.object.status.placement) {
        placement.left = vec![LeftZone {
            zone: format!("eu-west-1{}", line[1]),
            subnet_id: format!("subnet-{}", line[1]),
            instance_type: "t2.micro".into(),
            reason: line.get(3).copied().unwrap_or_default().into(),
            at: Some(Time(world.now - duration(line[2]))),
        }];
    }
    if has("wiped") || has("new") {
        world.object.status.observed_generation = Some(-1);
    }
    world.cloud.groups = match find("groups").map(|line| line[1]) {
        None => Facet::Known(groups(&world)),
        Some("none") => Facet::Known(Vec::new()),
        _ => Facet::Unknown(unknown()),
    };
    for words in lines.iter().filter(|line| line.first() == Some(&"line")) {
        let line = ledger_line(&world, words);
        if words.contains(&"unsent") {
            world.memory.unsent.insert(line.token.clone());
        }
        world.object.status.launches.push(line);
    }
    let instances =
        lines.iter().filter(|line| line.first() == Some(&"have")).map(|line| instance(&world, line)).collect();
    world.cloud.instances = if has("instances unknown") { Facet::Unknown(unknown()) } else { Facet::Known(instances) };
    for line in lines.iter().filter(|line| line.first() == Some(&"console")) {
        world.consoles.insert(line[1].into(), line[2..].join(" "));
    }
    if has("types unknown") {
        world.types = Facet::Unknown(unknown());
    }
    if let Some(line) = find("targets") {
        application::targets(&mut world, &line[1..], find("routes").map(|line| line.len() > 1));
    }
    let number = |word: &str| find(word).and_then(|line| line[1].parse::<i64>().ok());
    world.object.spec.load.launches = number("launches").map_or(1, |count| i32::try_from(count).unwrap());
    if let (Some(relaunches), Some(placement)) = (number("relaunches"), &mut world.object.status.placement) {
        placement.relaunches = relaunches;
    }
    if let Some(line) = find("measured") {
        agents::measured(&mut world, line[1]);
    }
    for line in lines.iter().filter(|line| line.first() == Some(&"denied")) {
        let error = CloudError::new(planner::failure::codes::failure_of(line[2]), line[2], "no");
        let denial = Denial { error, again_at: world.now + duration(line[3]) };
        world.memory.denials.insert(line[1].into(), denial);
    }
    if !has("unrehearsed") {
        rehearse(&mut world, find("refused").map(|line| line[1]));
    }
    agents::agents(&mut world, find("balancer").map(|line| line[1]), find("run").map(|line| line[1]), has("recorded"));
    scaling::front(&mut world, &lines);
    if let Some(line) = find("serves") {
        agents::serves(&mut world, &line[1..]);
    }
    if let Some(line) = find("runs") {
        agents::runs(&mut world, &line[1..]);
    }
    if let Some(line) = find("hold") {
        agents::hold(&mut world, line[1]);
    }
    if let Some(line) = find("through") {
        agents::through(&mut world, line[1]);
    }
    world
}

/// Whatever is to be launched was asked about a look before.
fn rehearse(world: &mut World, refused: Option<&str>) {
    let heard = match refused {
        None => Ok(Done::Ok),
        Some(code) => Err(CloudError::new(planner::failure::codes::failure_of(code), code, "words")),
    };
    let plan = planner::plan(world);
    let is_rehearsal = |action: &&Action| matches!(action, Action::Rehearse(_));
    let rehearsals = plan.actions().filter(is_rehearsal);
    let outcomes: Vec<Outcome> = rehearsals.map(|action| Outcome::new(action.clone(), heard.clone())).collect();
    let mut memory = Memory { looked_at: Some(world.now - seconds(5)), ..Memory::default() };
    memory.acted(world, &outcomes);
    world.memory.rehearsals = memory.rehearsals;
}

fn volume(text: &&str) -> PlacedVolume {
    let (device, gib) = text.split_once('=').unwrap();
    PlacedVolume { device: device.into(), gib: gib.parse().unwrap() }
}

fn duration(text: &str) -> SignedDuration {
    seconds(text.trim_end_matches('s').parse().unwrap())
}

/// The word after `word`.
fn after<'a>(line: &[&'a str], word: &str) -> Option<&'a str> {
    line.iter().position(|w| *w == word).and_then(|at| line.get(at + 1)).copied()
}

fn address(instance_id: &str) -> std::net::Ipv4Addr {
    let last: u8 = instance_id.bytes().fold(0, |sum, byte| sum.wrapping_mul(31).wrapping_add(byte));
    std::net::Ipv4Addr::new(10, 0, 0, last)
}

fn zone_index(placement: &Placement, letter: &str) -> usize {
    placement.zone_index(|subnet| subnet.zone.ends_with(letter))
}

fn ledger_line(world: &World, line: &[&str]) -> Launch {
    let (pool, number) = line[1].split_once('/').unwrap();
    let count: u32 = line[2].trim_start_matches('x').parse().unwrap();
    let number: i64 = number.parse().unwrap();
    let placement = world.object.status.placement.clone().unwrap_or_else(placement);
    let pools = desired::pools(&world.object.spec);
    let pool_spec = pools.iter().find(|p| p.name == pool).unwrap_or(&pools[0]);
    let subnets = placement.subnets();
    let subnet = &subnets[after(line, "in").map_or(0, |zone| zone_index(&placement, zone))];
    // A line that is there was written when the names of queues were.
    let placement = if placement.queue.is_none() { queue::placed(world, placement) } else { placement };
    let recipe = desired::recipe(world, &placement, pool_spec, subnet).unwrap();
    let mut groups =
        if pool_spec.path.is_empty() { vec![EDGE.to_owned(), MEMBERS.into()] } else { vec![MEMBERS.into()] };
    groups.sort();
    let request = recipe.request(groups.clone(), number, count, String::new()).unwrap();
    let sha256 = if line.contains(&"stale") { "0".repeat(64) } else { ledger::request_sha256(&request) };
    let written = world.now - after(line, "age").map_or(seconds(10), duration);
    Launch {
        pool: pool.into(),
        number,
        token: ledger::token(world, pool, number, &sha256),
        instance_type: pool_spec.instance_type.clone(),
        subnet_id: subnet.subnet_id.clone(),
        image_id: "ami-1".into(),
        group_ids: groups,
        count: i32::try_from(count).unwrap(),
        sender: after(line, "of").unwrap_or("operator").into(),
        revision: recipe.revision.clone(),
        request_sha256: sha256,
        state: if line.contains(&"open") { "Open" } else { "Closed" }.into(),
        reason: after(line, "reason").unwrap_or_default().into(),
        message: after(line, "code")
            .map_or(after(line, "reason").unwrap_or_default().into(), |code| format!("{code}: in EC2's words")),
        closed_at: (!line.contains(&"open")).then_some(Time(written)),
        launched_at: None,
        ended_at: None,
        bound: String::new(),
        booked: 0,
        hourly_usd_micros: planner::cost::hourly::price(&placement, &pool_spec.instance_type),
        extras_usd_micros: None,
        measured_surplus: None,
        application: if line.contains(&"former") { "former".into() } else { application(world, pool, &placement) },
        not_after: Some(Time(written + world.settings.launch_window)),
        instance_ids: after(line, "ids").map(|ids| ids.split(',').map(str::to_owned).collect()).unwrap_or_default(),
    }
}

/// What the workers of a launch start with, as its line says.
fn application(world: &World, pool: &str, placement: &Placement) -> String {
    let application = desired::application(world, placement, pool).unwrap();
    application.map(|application| application.fingerprint()).unwrap_or_default()
}

fn instance(world: &World, line: &[&str]) -> Instance {
    let (pool, number) = line[2].split_once('/').unwrap();
    let pools = desired::pools(&world.object.spec);
    let mut tags = world.owner().tags(&owner::Tags::new());
    tags.insert(owner::POOL.into(), pool.into());
    tags.insert(owner::LAUNCH.into(), number.into());
    let pool_spec = pools.iter().find(|p| p.name == pool);
    let placement = world.object.status.placement.clone().unwrap_or_else(placement);
    let subnets = placement.subnets();
    let subnet = &subnets[after(line, "in").map_or(0, |zone| zone_index(&placement, zone))];
    let revision = pool_spec.and_then(|pool| Some(desired::recipe(world, &placement, pool, subnet).ok()?.revision));
    let revision = if line.contains(&"outdated") { "old".into() } else { revision.unwrap_or_default() };
    tags.insert(owner::REVISION.into(), revision);
    if line.contains(&"retagged") {
        tags.insert(owner::INSTALLATION.into(), "by hand".into());
    }
    let state = match line[3] {
        "pending" => InstanceState::Pending,
        "running" => InstanceState::Running,
        "stopping" => InstanceState::Stopping,
        "stopped" => InstanceState::Stopped,
        "shutting-down" => InstanceState::ShuttingDown,
        _ => InstanceState::Terminated,
    };
    Instance {
        id: line[1].into(),
        state,
        token: None,
        instance_type: pool_spec.map_or("t2.micro".into(), |pool| pool.instance_type.clone()),
        image_id: "ami-1".into(),
        zone: subnet.zone.clone(),
        subnet_id: Some(subnet.subnet_id.clone()),
        private_address: Some(address(line[1])),
        public_address: None,
        group_ids: Vec::new(),
        launched_at: world.now - after(line, "age").map_or(seconds(30), duration),
        tags,
        state_reason: match after(line, "because") {
            Some(code) => Some(format!("{code}: words")),
            None => line.contains(&"failed").then(|| "Client.InstanceInitiatedShutdown: shutdown".into()),
        },
    }
}
