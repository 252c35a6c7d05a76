//! What a run is told besides its load: what is asked of its result, and where and on what it is measured. Pure.

use api::{ClusterBenchmarkSpec, Placement};
use wire::{
    ClusterFacts, Facts, Judging, Limit, Looks, Metric, Place, PlaceKind, Target, Threshold, Work, WorkDistribution,
};

use crate::credits;
use crate::desired;
use crate::world::World;

/// The clusters behind `base` (scheme, host and port), and with `selfTest` the first one again: the same URL under a
/// second name, which is how a generator knows a twin.
pub(crate) fn targets(spec: &ClusterBenchmarkSpec, base: &str) -> Vec<Target> {
    let target = |name: &str, path: &str| Target { cluster: name.to_owned(), url: format!("{base}{path}") };
    let mut targets: Vec<Target> = spec.clusters.iter().map(|cluster| target(&cluster.name, &cluster.path())).collect();
    if let (true, Some(first)) = (spec.load.self_test, spec.clusters.first()) {
        // A space is in no name of a cluster.
        targets.push(target(&format!("{} again", first.name), &first.path()));
    }
    targets
}

/// How the rounds are judged, and when there are enough of them.
pub(crate) fn judging(spec: &ClusterBenchmarkSpec) -> Judging {
    Judging {
        looks: if spec.load.rounds.is_none() { Looks::Auto } else { Looks::AtTheEnd },
        thresholds: spec.load.thresholds.iter().filter_map(threshold).collect(),
        ..Judging::default()
    }
}

/// `None` for what the schema does not allow.
fn threshold(asked: &api::Threshold) -> Option<Threshold> {
    let whole = |value: i64| u64::try_from(value).ok();
    let limit = match (asked.at_most, asked.at_least, &asked.faster_than) {
        (Some(most), None, None) => Limit::AtMost(whole(most)?),
        (None, Some(least), None) => Limit::AtLeast(whole(least)?),
        (None, None, Some(other)) => {
            Limit::FasterThan { cluster: other.clone(), percent: asked.percent.unwrap_or_default() }
        }
        _ => return None,
    };
    let metric = match asked.metric {
        api::Metric::P50Micros => Metric::P50,
        api::Metric::P90Micros => Metric::P90,
        api::Metric::P99Micros => Metric::P99,
        api::Metric::P999Micros => Metric::P999,
        api::Metric::RequestsPerSecond => Metric::RequestsPerSecond,
        api::Metric::FailedPerMille => Metric::FailedPerMille,
    };
    Some(Threshold { cluster: asked.cluster.clone(), metric, limit })
}

/// The work that requests carry: where our worker would draw it, the generator draws it, once for all clusters of a
/// round. Then clusters differ by what they are and not by what they were asked for.
pub(crate) fn work(spec: &ClusterBenchmarkSpec) -> Option<Work> {
    let work = spec.worker.work.as_ref().filter(|_| spec.worker.artifact_url.is_none())?;
    let distribution = match work.distribution {
        api::Distribution::Deterministic => return None,
        api::Distribution::Exponential => WorkDistribution::Exponential,
        api::Distribution::Lognormal => WorkDistribution::Lognormal,
    };
    Some(Work { distribution, mean_micros: u32::try_from(work.mean_micros?).ok()? })
}

/// For the report. The place is what EC2's API says; a generator that sees all instances on one machine knows better.
pub(crate) fn facts(world: &World, placement: &Placement) -> Facts {
    let spec = &world.object.spec;
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
            members: Vec::new(),
        }
    };
    // The generator adds its own.
    let ours = [(spec.worker.artifact_url.is_none(), "worker"), (true, "balancer")];
    Facts {
        place: Place {
            kind: PlaceKind::Aws,
            region: placement.region.clone(),
            zone: format!("{} ({})", placement.zone, placement.zone_id),
        },
        generator_type: spec.load.generator.instance_type.clone(),
        clusters: spec.clusters.iter().map(cluster).collect(),
        versions: ours
            .into_iter()
            .filter(|(is_ours, _)| *is_ours)
            .map(|(_, name)| format!("{name} {}", placement.version))
            .collect(),
        settings: desired::settings(spec),
        launch: 0,
    }
}
