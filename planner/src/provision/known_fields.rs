//! Fields of the spec that programs of an earlier version do not know: a benchmark keeps the programs that it was placed
//! with, and these refuse a document with a field that they have never heard of.

use api::{ClusterBenchmarkSpec, Placement};

const SHARED: &str = "balancer.shared";
const PUBLIC_STATUS: &str = "balancer.publicStatus";

/// Fields that the programs of a new placement know, and those of the first version did not.
pub(super) const KNOWN_FIELDS: [&str; 2] = [SHARED, PUBLIC_STATUS];

/// Why the programs of this placement cannot do what the spec asks for, with the way out.
pub(super) fn refusal(spec: &ClusterBenchmarkSpec, placement: &Placement) -> Option<String> {
    let asked = [(SHARED, spec.balancer.shared.is_some()), (PUBLIC_STATUS, spec.balancer.public_status)];
    let is_unknown = |field: &str| placement.known_fields.iter().all(|known| known != field);
    let (field, _) = asked.into_iter().find(|(field, is_asked)| *is_asked && is_unknown(field))?;
    Some(format!(
        "{field}: this benchmark keeps the programs that it was placed with, and those of version {} do not know it: delete the benchmark and create it again, or take the field out",
        placement.version
    ))
}
