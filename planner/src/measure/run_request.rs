//! The request of a run, as a generator is sent it: load, targets, judging, and the facts of where it is measured. Pure.

use std::collections::BTreeSet;

use api::{ClusterBenchmarkSpec, Placement};
use wire::{
    Asked, AskedRate, ClosedLoop, ClusterFacts, ClusterName, Connections, Corpus, Expect, Facts, Header, Judging,
    Limit, Looks, Members, Metric, Objective, OpenLoop, Pairs, Phase, Place, PlaceKind, Ramp, RequestSpec, Rounds,
    RunMember, RunSpec, RunZone, Search, Stop, Target, Threshold, Work, WorkDistribution,
};

use super::{beside, cluster_price, estimates, unchanged};
use crate::balance::application;
use crate::balance::membership::membership;
use crate::cost::credits;
use crate::counts::Counts;
use crate::desired::{self, BALANCER_PORT, Program};
use crate::instances::seen;
use crate::instances::{control, single};
use crate::run_key::RunKey;
use crate::scale::pool;
use crate::time_left;
use crate::world::{Object, World};

/// The clusters behind `base` (scheme, host and port), and with `selfTest` the first one again: the same URL under a
/// second name, which is how a generator knows a twin.
pub(crate) fn targets(spec: &ClusterBenchmarkSpec, base: &str) -> Vec<Target> {
    let target =
        |name: &str, path: &str| Target { cluster: name.to_owned(), url: format!("{base}{path}"), ..Target::default() };
    let of_cluster = |name: &str, cluster: &api::Cluster| {
        let scaled = pool::scaling(spec, &cluster.name).is_some();
        Target { scaled, ..target(name, &cluster.path()) }
    };
    let mut targets: Vec<Target> = spec.clusters.iter().map(|cluster| of_cluster(&cluster.name, cluster)).collect();
    if let (true, Some(first)) = (spec.load.self_test, spec.clusters.first()) {
        // A space is in no name of a cluster.
        targets.push(of_cluster(&format!("{} again", first.name), first));
    }
    let shared = spec.balancer.shared.as_ref().filter(|shared| shared.measured);
    targets.extend(shared.map(|shared| Target { shared: true, ..target(wire::SHARED, &shared.path) }));
    targets
}

/// How the rounds are judged, and when there are enough of them.
pub(crate) fn judging(spec: &ClusterBenchmarkSpec) -> Judging {
    let comparison = &spec.load.comparison;
    Judging {
        looks: if time_left::decides_itself(spec) { Looks::Auto } else { Looks::AtTheEnd },
        metric: metric(comparison.metric.unwrap_or_else(|| spec.load.default_metric())),
        pairs: match comparison.pairs {
            api::Pairs::AgainstFirst => Pairs::AgainstFirst,
            api::Pairs::All => Pairs::All,
        },
        gap_percent: u32::try_from(comparison.gap_percent).unwrap_or(0),
        thresholds: spec.load.thresholds.iter().filter_map(|asked| threshold(&spec.load, asked)).collect(),
    }
}

/// `None` for what the schema does not allow.
fn threshold(load: &api::Load, asked: &api::Threshold) -> Option<Threshold> {
    let whole = |value: i64| u64::try_from(value).ok();
    let limit = match (asked.at_most, asked.at_least, &asked.faster_than) {
        (Some(most), None, None) => Limit::AtMost(whole(most)?),
        (None, Some(least), None) => Limit::AtLeast(whole(least)?),
        (None, None, Some(other)) => {
            Limit::FasterThan { cluster: other.clone(), percent: asked.percent.unwrap_or_default() }
        }
        _ => return None,
    };
    let metric = metric(asked.metric.unwrap_or_else(|| load.default_metric()));
    Some(Threshold { cluster: asked.cluster.clone(), metric, limit })
}

fn metric(asked: api::Metric) -> Metric {
    match asked {
        api::Metric::P50Micros => Metric::P50,
        api::Metric::P90Micros => Metric::P90,
        api::Metric::P99Micros => Metric::P99,
        api::Metric::P999Micros => Metric::P999,
        api::Metric::RequestsPerSecond => Metric::RequestsPerSecond,
        api::Metric::FailedPerMille => Metric::FailedPerMille,
        api::Metric::RequestsPerUsd => Metric::RequestsPerUsd,
        api::Metric::UsdMicrosPerThousand => Metric::UsdMicrosPerThousand,
        api::Metric::Capacity => Metric::Capacity,
    }
}

/// What every request is, and what a right answer. Our own worker names its cluster and itself: an answer that does not
/// is a failure. Programs of users need not.
pub(crate) fn request(spec: &ClusterBenchmarkSpec) -> RequestSpec {
    let asked = &spec.load.request;
    let is_ours = desired::programs(spec).all(Program::is_ours);
    RequestSpec {
        method: asked.method.clone(),
        headers: asked
            .headers
            .iter()
            .map(|header| Header { name: header.name.clone(), value: header.value.clone() })
            .collect(),
        body: asked.body.clone(),
        corpus: asked.corpus.as_ref().map(|api::Corpus { url, sha256, field }| Corpus {
            url: url.clone(),
            sha256: sha256.clone(),
            field: field.clone(),
        }),
        connections: match asked.connections {
            api::Connections::Kept => Connections::Kept,
            api::Connections::PerRequest => Connections::PerRequest,
        },
        work: work(spec),
        expect: Expect {
            status: asked.expect_status.and_then(|status| u16::try_from(status).ok()),
            body: asked.expect_body.clone(),
            // The answer to a file is what the table of its corpus says.
            cluster_name: if is_ours && asked.corpus.is_none() { ClusterName::InBody } else { ClusterName::Ignored },
            members: if is_ours { Members::Known } else { Members::Any },
        },
    }
}

/// The work that requests carry: where our worker would draw it, the generator draws it, once for all clusters of a
/// round. Then clusters differ by what they are and not by what they were asked for.
fn work(spec: &ClusterBenchmarkSpec) -> Option<Work> {
    let first = desired::programs(spec).next()?;
    let Program::Ours { work: Some(work) } = first else { return None };
    // Where clusters do different work, each worker draws its own.
    if desired::programs(spec).any(|other| other != first) {
        return None;
    }
    let distribution = match work.distribution {
        api::Distribution::Deterministic => return None,
        api::Distribution::Exponential => WorkDistribution::Exponential,
        api::Distribution::Lognormal => WorkDistribution::Lognormal,
    };
    Some(Work { distribution, mean_micros: u32::try_from(work.mean_micros?).ok()? })
}

/// Seed of a launch: another one for each, or every launch would repeat the chance of the first.
pub(crate) fn seed(spec: &ClusterBenchmarkSpec, key: &RunKey) -> u64 {
    let seed = u64::try_from(spec.load.seed).unwrap_or(0);
    if key.launch <= 1 {
        return seed;
    }
    let text = format!("clusterbench.dev/seed/v1\n{seed}\n{}", key.launch);
    // Seeds are JSON numbers, which are whole below 2^53.
    u64::from_str_radix(&wire::sha256_hex(text.as_bytes())[..13], 16).unwrap_or(seed)
}

/// For the report. The place is what EC2's API says; a generator that sees all instances on one machine knows better.
pub(crate) fn facts(world: &World, placement: &Placement, key: &RunKey) -> Facts {
    let spec = &world.object.spec;
    let first = desired::programs(spec).next();
    let differ = desired::programs(spec).any(|other| Some(other) != first);
    let cluster = |cluster: &api::Cluster| {
        let fact = world.instance_type(&cluster.instance_type);
        let architecture = fact.map(|fact| fact.architecture.name()).unwrap_or_default();
        let image = placement.images.iter().find(|image| image.architecture == architecture);
        ClusterFacts {
            cluster: cluster.name.clone(),
            instance_type: cluster.instance_type.clone(),
            vcpus: fact.map_or(0, |fact| fact.vcpus),
            image: image.map(|image| image.id.clone()).unwrap_or_default(),
            credits: fact.and_then(credits::described),
            program: if differ { desired::program(spec, &cluster.name).described() } else { String::new() },
            zones: spread(world, placement, &cluster.name),
            price: cluster_price::price(placement, spec.balancer.kind, cluster, fact),
            members: Vec::new(),
        }
    };
    // The generator adds its own.
    let is_ours = desired::programs(spec).any(Program::is_ours);
    Facts {
        place: Place { kind: PlaceKind::Aws, region: placement.region.clone(), zone: placement.zones() },
        generator_type: spec.load.generator.instance_type.clone(),
        clusters: spec.clusters.iter().map(cluster).collect(),
        versions: [is_ours.then_some("worker"), desired::agent_in_front(spec)]
            .into_iter()
            .flatten()
            .map(|name| format!("{name} {}", placement.version))
            .collect(),
        settings: desired::settings(spec).into_iter().chain(cluster_price::unknown(spec, placement)).collect(),
        beside: beside::paid(spec, placement),
        launch: if key.launches > 1 { key.launch } else { 0 },
        benchmark: Some(asked(&world.object)),
    }
}

/// The benchmark as it is now, for a report that outlives it.
fn asked(object: &Object) -> Asked {
    Asked {
        namespace: object.namespace.clone(),
        name: object.name.clone(),
        yaml: desired::measured_yaml(&object.namespace, &object.name, &object.spec),
    }
}

/// Where the instances of a cluster are, when they are in several zones: `4 in us-east-1a and 4 in us-east-1b`.
fn spread(world: &World, placement: &Placement, cluster: &str) -> String {
    let (subnets, pools) = (placement.subnets(), desired::pools(&world.object.spec));
    let Some(of_cluster) = pools.iter().find(|pool| pool.name == cluster && subnets.len() > 1) else {
        return String::new();
    };
    let spec = &world.object.spec;
    let by_zone = Counts::of_spec(spec).by_zone(of_cluster, subnets.len());
    let up_to = if pool::scaling(spec, cluster).is_some() { "up to " } else { "" };
    let said = subnets.iter().zip(by_zone).map(|(subnet, count)| format!("{up_to}{count} in {}", subnet.zone));
    said.collect::<Vec<_>>().join(" and ")
}

/// Where requests are sent, and whom the generator asks about the members.
struct Front {
    base: String,
    control: Option<String>,
    members: Vec<RunMember>,
}

/// `None` while its address is not known.
fn front(world: &World) -> Option<Front> {
    // A load balancer of AWS answers no question about its targets: the generator asks them itself.
    let Some(pool) = desired::agent_in_front(&world.object.spec) else {
        return Some(Front { base: application::endpoint(world)?, control: None, members: run_members(world) });
    };
    let agent = single(world, pool)?;
    let base = format!("http://{}:{BALANCER_PORT}", agent.private_address?);
    let control = control(agent).map(|control| format!("http://{control}"));
    Some(Front { base, control, members: Vec::new() })
}

fn run_members(world: &World) -> Vec<RunMember> {
    let clusters = membership(world).clusters.into_iter();
    let of_cluster = |cluster: wire::Cluster| {
        let wire::Cluster { name, members, .. } = cluster;
        members.into_iter().map(move |member| RunMember {
            cluster: name.clone(),
            id: member.id,
            address: member.address,
        })
    };
    clusters.flat_map(of_cluster).collect()
}

/// The members by zone, where there are several. Of clusters that scale others come, which no zone would be known of.
fn zones(world: &World, placement: &Placement) -> Vec<RunZone> {
    let subnets = placement.subnets();
    if subnets.len() < 2 || pool::is_any_scaled(&world.object.spec) {
        return Vec::new();
    }
    let members: BTreeSet<String> =
        membership(world).clusters.into_iter().flat_map(|cluster| cluster.members).map(|member| member.id).collect();
    let in_zone = |zone: &str| {
        let here = seen(world).iter().filter(|instance| instance.zone == zone && members.contains(&instance.id));
        here.map(|instance| instance.id.clone()).collect()
    };
    subnets.into_iter().map(|subnet| RunZone { members: in_zone(&subnet.zone), zone: subnet.zone }).collect()
}

/// The whole measurement. `None` while the address of what stands in front is not known.
pub fn run_spec(world: &World, key: &RunKey) -> Option<RunSpec> {
    let spec = &world.object.spec;
    let placement = world.object.status.placement.as_ref()?;
    let Front { base, control, members } = front(world)?;
    Some(RunSpec {
        id: key.name(),
        seed: seed(spec, key),
        rounds: Rounds { count: time_left::most_rounds(world) },
        warmup_requests: u64::try_from(spec.load.warmup_requests).unwrap_or(0),
        warmup_seconds: spec.load.warmup_seconds.and_then(|seconds| u32::try_from(seconds).ok()).unwrap_or(0),
        drain_seconds: spec.load.drain_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
        timeout_seconds: spec.load.timeout_seconds.and_then(|seconds| u32::try_from(seconds).ok()),
        targets: estimates::told(world, placement, key, targets(spec, &base)),
        phases: spec.load.phases.iter().filter_map(phase).collect(),
        search: spec.load.search.as_ref().and_then(search),
        request: request(spec),
        judging: judging(spec),
        facts: Box::new(facts(world, placement, key)),
        slice: wire::Slice { index: key.generator - 1, count: key.generators },
        start_at: key.start_at,
        balancer_control: control,
        members,
        zones: zones(world, placement),
        serving: unchanged::serving(world),
    })
}

/// The search as the generator is told it. `None` for what the schema does not allow.
fn search(asked: &api::Search) -> Option<Search> {
    let positive = |value: i32| u32::try_from(value).ok();
    let metric = match asked.objective.metric {
        api::Quantile::P50Micros => Metric::P50,
        api::Quantile::P90Micros => Metric::P90,
        api::Quantile::P99Micros => Metric::P99,
        api::Quantile::P999Micros => Metric::P999,
    };
    let objective = Objective {
        metric,
        at_most_micros: u64::try_from(asked.objective.at_most).ok()?,
        max_failed_per_mille: positive(asked.objective.max_failed_per_mille)?,
    };
    let sizing = asked.target.as_ref().and_then(|target| {
        Some(AskedRate { requests_per_second: positive(target.requests_per_second)?, spare: positive(target.spare)? })
    });
    Some(Search { objective, most_requests_per_second: asked.most_requests_per_second.and_then(positive), sizing })
}

/// One stretch of load as the generator is told it. `None` for what the schema does not allow.
fn phase(phase: &api::Phase) -> Option<Phase> {
    let positive = |value: Option<i32>| value.and_then(|value| u32::try_from(value).ok());
    let Some(arrivals) = phase.arrivals else { return Some(Phase::Pause { seconds: positive(phase.pause_seconds)? }) };
    let stop = match (positive(phase.requests), positive(phase.duration_seconds)) {
        (Some(requests), _) => Stop::Requests(u64::from(requests)),
        (None, seconds) => Stop::DurationSeconds(seconds?),
    };
    let open = |arrivals| {
        let requests_per_second = positive(phase.requests_per_second)?;
        let ends = positive(phase.to_requests_per_second).zip(positive(phase.steps));
        let ramp = ends.map(|(to_requests_per_second, steps)| Ramp { to_requests_per_second, steps });
        Some(Phase::OpenLoop(OpenLoop { arrivals, requests_per_second, stop, ramp, max_connections: None }))
    };
    match arrivals {
        api::Arrivals::Poisson => open(wire::Arrivals::Poisson),
        api::Arrivals::Constant => open(wire::Arrivals::Constant),
        api::Arrivals::ClosedLoop => {
            Some(Phase::ClosedLoop(ClosedLoop { concurrency: positive(phase.concurrency)?, stop }))
        }
    }
}
