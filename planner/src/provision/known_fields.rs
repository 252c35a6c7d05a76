//! Fields of the spec that programs of an earlier version do not know: a benchmark keeps the programs that it was placed
//! with, and these refuse a document with a field that they have never heard of.

use api::{BalancerKind, ClusterBenchmarkSpec, Load, Metric, Placement};

use crate::desired;
use crate::scale::pool;

const SHARED: &str = "balancer.shared";
const PUBLIC_STATUS: &str = "balancer.publicStatus";
/// No field, but a value: the generator of an earlier version refuses a run that names it.
const PER_USD: &str = "load: metric RequestsPerUsd";
/// The same.
const PER_THOUSAND: &str = "load: metric UsdMicrosPerThousand";
/// A value as well: an earlier version has no programs for it.
const QUEUE: &str = "balancer.kind Queue";
/// The front and the generator of an earlier version refuse what they are told of it.
const SCALING: &str = "clusters.scaling";

/// The puller of an earlier version asks its program for `/health`, whatever it is told.
const PULLERS_HEALTH: &str = "worker.health with balancer.kind Queue";

/// The balancer of an earlier version refuses a membership that says what members are asked.
const HEALTH: &str = "worker.health";

/// The generator of an earlier version refuses a run that has no phases, and a search that it has never heard of.
const SEARCH: &str = "load.search";

/// The generator of an earlier version refuses a target that says where its search begins. It finds that out itself.
const ESTIMATES: &str = "estimates of load.search";

/// The starter of an earlier version refuses an application that is an archive.
const STARTERS_ARCHIVE: &str = "worker.archive with worker.update InPlace";

/// Fields that the programs of a new placement know, and those of the first version did not.
pub(super) const KNOWN_FIELDS: [&str; 11] = [
    SHARED,
    PUBLIC_STATUS,
    PER_USD,
    PER_THOUSAND,
    QUEUE,
    SCALING,
    HEALTH,
    PULLERS_HEALTH,
    SEARCH,
    ESTIMATES,
    STARTERS_ARCHIVE,
];

/// Why the programs of this placement cannot do what the spec asks for, with the way out.
pub(crate) fn refusal(spec: &ClusterBenchmarkSpec, placement: &Placement) -> Option<String> {
    let says_health = spec.clusters.iter().any(|cluster| desired::health(spec, &cluster.name).is_some());
    let asked = [
        (SEARCH, spec.load.search.is_some()),
        (SHARED, spec.balancer.shared.is_some()),
        (PUBLIC_STATUS, spec.balancer.public_status),
        (PER_USD, asks_for(&spec.load, Metric::RequestsPerUsd)),
        (PER_THOUSAND, asks_for(&spec.load, Metric::UsdMicrosPerThousand)),
        (QUEUE, spec.balancer.kind == BalancerKind::Queue),
        (SCALING, pool::is_any_scaled(spec)),
        (HEALTH, spec.balancer.kind == BalancerKind::Custom && says_health),
        (PULLERS_HEALTH, spec.balancer.kind == BalancerKind::Queue && says_health),
        (STARTERS_ARCHIVE, desired::is_in_place(spec) && desired::programs(spec).any(desired::Program::is_archive)),
    ];
    let (field, _) = asked.into_iter().find(|(field, is_asked)| *is_asked && !knows(placement, field))?;
    let way_out = match field {
        PER_USD | PER_THOUSAND => "choose another metric",
        QUEUE => "choose another kind",
        SEARCH => "set load.phases in its place",
        _ => "take the field out",
    };
    Some(format!(
        "{field}: this benchmark keeps the programs that it was placed with, and those of version {} do not know it: delete the benchmark and create it again, or {way_out}",
        placement.version
    ))
}

/// Whether the generator can be told where a search begins.
pub(crate) fn knows_estimates(placement: &Placement) -> bool {
    knows(placement, ESTIMATES)
}

fn knows(placement: &Placement, field: &str) -> bool {
    placement.known_fields.iter().any(|known| known == field)
}

/// The metric of the comparison, or of a threshold.
fn asks_for(load: &Load, wanted: Metric) -> bool {
    let of_thresholds = load.thresholds.iter().filter_map(|threshold| threshold.metric);
    of_thresholds.chain(load.comparison.metric).any(|metric| metric == wanted)
}
