//! Comparisons of clusters whose programs differ. With enough launches they are about the versions, and not about the types.

use wire::{About, ClusterFacts, Comparison, Environment};

/// The comparisons, each about what its two clusters differ in.
pub(super) fn told_apart(mut comparisons: Vec<Comparison>, environment: &Environment) -> Vec<Comparison> {
    let facts = |name: &str| environment.clusters.iter().find(|facts| facts.cluster == name);
    for comparison in comparisons.iter_mut().filter(|comparison| comparison.about == About::InstanceTypes) {
        if let (Some(one), Some(other)) = (facts(&comparison.cluster), facts(&comparison.baseline)) {
            comparison.about = about(one, other);
        }
    }
    comparisons
}

fn about(one: &ClusterFacts, other: &ClusterFacts) -> About {
    match (one.instance_type == other.instance_type, one.program == other.program) {
        (_, true) => About::InstanceTypes,
        (true, false) => About::Versions,
        (false, false) => About::TypesWithPrograms,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(cluster: &str, instance_type: &str, program: &str) -> ClusterFacts {
        ClusterFacts {
            cluster: cluster.into(),
            instance_type: instance_type.into(),
            program: program.into(),
            ..ClusterFacts::default()
        }
    }

    #[test]
    fn a_claim_is_about_what_differs() {
        let a = facts("a", "t3.small", "v1");
        assert_eq!(about(&a, &facts("b", "t3.small", "v2")), About::Versions);
        assert_eq!(about(&a, &facts("b", "t3.large", "v1")), About::InstanceTypes);
        assert_eq!(about(&a, &facts("b", "t3.large", "v2")), About::TypesWithPrograms);
    }
}
