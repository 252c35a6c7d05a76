//! Facts that the operator gave to a run go into its report.

use wire::{ClusterReport, Environment, Facts, RoundReport};

/// Environment that the generator saw, completed by what it was told. What it saw itself stays.
pub(crate) fn completed(mut seen: Environment, told: &Facts) -> Environment {
    // One machine that plays all instances is seen, whatever was told; region and zone cannot be seen.
    if seen.place.kind == wire::PlaceKind::Unknown {
        seen.place.kind = told.place.kind;
    }
    if seen.place.zone.is_empty() {
        seen.place = wire::Place { kind: seen.place.kind, ..told.place.clone() };
    }
    for generator in seen.generators.iter_mut().filter(|generator| generator.instance_type.is_empty()) {
        generator.instance_type.clone_from(&told.generator_type);
    }
    if seen.clusters.is_empty() {
        seen.clusters.clone_from(&told.clusters);
    }
    if seen.settings.is_empty() {
        seen.settings.clone_from(&told.settings);
    }
    for version in told.versions.iter().filter(|version| !version.is_empty()) {
        if !seen.versions.contains(version) {
            seen.versions.push(version.clone());
        }
    }
    seen
}

/// Rounds with the launch they measured, and with the slots of each cluster where nobody counted them: the vCPUs of
/// the members that answered.
pub(crate) fn annotated(mut rounds: Vec<RoundReport>, told: &Facts, environment: &Environment) -> Vec<RoundReport> {
    for round in &mut rounds {
        if told.launch > 0 {
            round.launch = told.launch;
        }
        for cluster in round.clusters.iter_mut().filter(|cluster| cluster.slots.is_none()) {
            cluster.slots = vcpus(cluster, environment);
        }
    }
    rounds
}

fn vcpus(cluster: &ClusterReport, environment: &Environment) -> Option<u32> {
    let of_each = environment.clusters.iter().find(|facts| facts.cluster == cluster.cluster)?.vcpus;
    let answered = cluster.members.iter().filter(|member| !member.id.is_empty()).count() as u32;
    (of_each > 0 && answered > 0).then(|| of_each * answered)
}
