//! Fields of the spec that programs of an earlier version do not know: a benchmark keeps the programs that it was placed
//! with, and these refuse a document with a field that they have never heard of.

use api::{BalancerKind, ClusterBenchmarkSpec, Load, Metric, Placement};

const SHARED: &str = "balancer.shared";
const PUBLIC_STATUS: &str = "balancer.publicStatus";
/// No field, but a value: the generator of an earlier version refuses a run that names it.
const PER_USD: &str = "load: metric RequestsPerUsd";
/// A value as well: an earlier version has no programs for it.
const QUEUE: &str = "balancer.kind Queue";

/// Fields that the programs of a new placement know, and those of the first version did not.
pub(super) const KNOWN_FIELDS: [&str; 4] = [SHARED, PUBLIC_STATUS, PER_USD, QUEUE];

/// Why the programs of this placement cannot do what the spec asks for, with the way out.
pub(crate) fn refusal(spec: &ClusterBenchmarkSpec, placement: &Placement) -> Option<String> {
    let asked = [
        (SHARED, spec.balancer.shared.is_some()),
        (PUBLIC_STATUS, spec.balancer.public_status),
        (PER_USD, asks_per_usd(&spec.load)),
        (QUEUE, spec.balancer.kind == BalancerKind::Queue),
    ];
    let is_unknown = |field: &str| placement.known_fields.iter().all(|known| known != field);
    let (field, _) = asked.into_iter().find(|(field, is_asked)| *is_asked && is_unknown(field))?;
    let way_out = match field {
        PER_USD => "choose another metric",
        QUEUE => "choose another kind",
        _ => "take the field out",
    };
    Some(format!(
        "{field}: this benchmark keeps the programs that it was placed with, and those of version {} do not know it: delete the benchmark and create it again, or {way_out}",
        placement.version
    ))
}

/// The metric of the comparison, or of a threshold.
fn asks_per_usd(load: &Load) -> bool {
    let of_thresholds = load.thresholds.iter().filter_map(|threshold| threshold.metric);
    of_thresholds.chain([load.comparison.metric]).any(|metric| metric == Metric::RequestsPerUsd)
}
