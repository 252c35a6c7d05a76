//! Instance types, as DescribeInstanceTypes tells of them.
//!
//! The types are those of [`planner::families`]. The policy allows them, and the other families that have a price.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use planner::families::{FAMILIES, FREE_PLAN, Family, Size};
use planner::ports::InstanceType;

/// Zone letters in which a family is not offered. Old families are missing where a zone is young.
const ABSENT: &[(&str, char)] = &[("t2", 'c')];

static TYPES: LazyLock<Vec<InstanceType>> = LazyLock::new(|| {
    FAMILIES.iter().flat_map(|family| family.sizes.iter().map(|size| instance_type_of(family, size))).collect()
});

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static InstanceType>> =
    LazyLock::new(|| TYPES.iter().map(|kind| (kind.name.as_str(), kind)).collect());

/// One type; `None` when there is no such type.
pub fn instance_type(name: &str) -> Option<&'static InstanceType> {
    BY_NAME.get(name).copied()
}

/// Every type, in a fixed order.
pub fn instance_types() -> &'static [InstanceType] {
    &TYPES
}

/// Whether a zone, such as `eu-west-1c`, offers a type.
pub fn is_offered(instance_type: &str, zone: &str) -> bool {
    let family = instance_type.split('.').next().unwrap_or_default();
    !ABSENT.iter().any(|(absent, letter)| *absent == family && zone.ends_with(*letter))
}

fn instance_type_of(family: &Family, size: &Size) -> InstanceType {
    let name = format!("{}.{}", family.name, size.name);
    InstanceType {
        free_tier: FREE_PLAN.contains(&name.as_str()),
        name,
        vcpus: size.vcpus,
        memory_mib: size.memory_mib,
        architecture: family.architecture,
        burstable: family.burstable,
        hypervisor: family.hypervisor,
    }
}

#[cfg(test)]
mod tests {
    use planner::ports::Architecture::{Arm64, X86_64};
    use planner::ports::Burstable::{No, Yes};
    use planner::ports::Hypervisor::{Nitro, Xen};

    use super::*;

    #[test]
    fn rows_match_the_published_ones() {
        let rows = [
            ("t2.micro", 1, 1024, X86_64, Yes, Xen, false),
            ("t2.large", 2, 8192, X86_64, Yes, Xen, false),
            ("t3.nano", 2, 512, X86_64, Yes, Nitro, false),
            ("t3.micro", 2, 1024, X86_64, Yes, Nitro, true),
            ("t3a.2xlarge", 8, 32_768, X86_64, Yes, Nitro, false),
            ("t4g.small", 2, 2048, Arm64, Yes, Nitro, true),
            ("m5.large", 2, 8192, X86_64, No, Nitro, false),
            ("m7g.medium", 1, 4096, Arm64, No, Nitro, false),
            ("c5.xlarge", 4, 8192, X86_64, No, Nitro, false),
            ("c7g.large", 2, 4096, Arm64, No, Nitro, false),
            ("c7i.2xlarge", 8, 16_384, X86_64, No, Nitro, false),
            ("r6a.4xlarge", 16, 131_072, X86_64, No, Nitro, false),
            ("m4.large", 2, 8192, X86_64, No, Xen, false),
            ("c7i-flex.large", 2, 4096, X86_64, No, Nitro, true),
            ("c7i-flex.xlarge", 4, 8192, X86_64, No, Nitro, false),
            ("m8g.medium", 1, 4096, Arm64, No, Nitro, false),
            ("c8g.xlarge", 4, 8192, Arm64, No, Nitro, false),
            ("r8g.large", 2, 16_384, Arm64, No, Nitro, false),
        ];
        for (name, vcpus, memory_mib, architecture, burstable, hypervisor, free_tier) in rows {
            let expected =
                InstanceType { name: name.into(), vcpus, memory_mib, architecture, burstable, hypervisor, free_tier };
            assert_eq!(instance_type(name), Some(&expected));
        }
        for unknown in ["t2.medium2", "t2", "m7i.medium", "c9z.large", "", "t2.micro.x"] {
            assert_eq!(instance_type(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn the_table_is_consistent() {
        let all = instance_types();
        assert!(all.len() >= 60, "{}", all.len());
        let mut names: Vec<_> = all.iter().map(|kind| kind.name.clone()).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), all.len(), "names differ");
        for kind in all {
            assert_eq!(instance_type(&kind.name), Some(kind));
        }
        assert_eq!(all.iter().filter(|kind| kind.free_tier).count(), FREE_PLAN.len(), "every free type exists");
        assert!(FAMILIES.iter().all(|family| is_offered(family.name, "eu-west-1a")));
        assert!(!is_offered("t2.micro", "eu-west-1c") && is_offered("t3.micro", "eu-west-1c"));
    }
}
