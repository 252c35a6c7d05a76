//! Instance types: what DescribeInstanceTypes says of them.
//!
//! Source: the AWS pages "Amazon EC2 instance types" (general purpose, compute and memory optimised; read 2026)
//! and, for the free plan, "Explore AWS services with AWS Free Tier" (accounts made since July 2025).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use planner::ports::{Architecture, Burstable, Hypervisor, InstanceType};

use Architecture::{Arm64, X86_64};
use Burstable::{No, Yes};
use Hypervisor::{Nitro, Xen};

/// Types of one family share everything but their size.
struct Family {
    name: &'static str,
    architecture: Architecture,
    hypervisor: Hypervisor,
    burstable: Burstable,
    /// (size, vCPUs, memory in MiB)
    sizes: &'static [(&'static str, u32, u64)],
}

type Sizes = &'static [(&'static str, u32, u64)];

/// T2 has one vCPU up to small; the later T families have two everywhere.
const T2: Sizes = &[
    ("nano", 1, 512),
    ("micro", 1, 1024),
    ("small", 1, 2048),
    ("medium", 2, 4096),
    ("large", 2, 8192),
    ("xlarge", 4, 16_384),
    ("2xlarge", 8, 32_768),
];
const T3: Sizes = &[
    ("nano", 2, 512),
    ("micro", 2, 1024),
    ("small", 2, 2048),
    ("medium", 2, 4096),
    ("large", 2, 8192),
    ("xlarge", 4, 16_384),
    ("2xlarge", 8, 32_768),
];
/// 4 GiB per vCPU; Graviton and AMD from generation 7 on also come as `medium`.
const M: Sizes = &[("large", 2, 8192), ("xlarge", 4, 16_384), ("2xlarge", 8, 32_768), ("4xlarge", 16, 65_536)];
const M_MEDIUM: Sizes =
    &[("medium", 1, 4096), ("large", 2, 8192), ("xlarge", 4, 16_384), ("2xlarge", 8, 32_768), ("4xlarge", 16, 65_536)];
/// 2 GiB per vCPU.
const C: Sizes = &[("large", 2, 4096), ("xlarge", 4, 8192), ("2xlarge", 8, 16_384), ("4xlarge", 16, 32_768)];
const C_MEDIUM: Sizes =
    &[("medium", 1, 2048), ("large", 2, 4096), ("xlarge", 4, 8192), ("2xlarge", 8, 16_384), ("4xlarge", 16, 32_768)];
/// 8 GiB per vCPU.
const R: Sizes = &[("large", 2, 16_384), ("xlarge", 4, 32_768), ("2xlarge", 8, 65_536), ("4xlarge", 16, 131_072)];
const R_MEDIUM: Sizes = &[
    ("medium", 1, 8192),
    ("large", 2, 16_384),
    ("xlarge", 4, 32_768),
    ("2xlarge", 8, 65_536),
    ("4xlarge", 16, 131_072),
];

const fn nitro(name: &'static str, architecture: Architecture, sizes: Sizes) -> Family {
    Family { name, architecture, hypervisor: Nitro, burstable: No, sizes }
}

const fn burst(name: &'static str, architecture: Architecture, hypervisor: Hypervisor, sizes: Sizes) -> Family {
    Family { name, architecture, hypervisor, burstable: Yes, sizes }
}

const FAMILIES: &[Family] = &[
    burst("t2", X86_64, Xen, T2),
    burst("t3", X86_64, Nitro, T3),
    burst("t3a", X86_64, Nitro, T3),
    burst("t4g", Arm64, Nitro, T3),
    nitro("m5", X86_64, M),
    nitro("m5a", X86_64, M),
    nitro("m6i", X86_64, M),
    nitro("m6a", X86_64, M),
    nitro("m6g", Arm64, M_MEDIUM),
    nitro("m7i", X86_64, M),
    nitro("m7i-flex", X86_64, M),
    nitro("m7a", X86_64, M_MEDIUM),
    nitro("m7g", Arm64, M_MEDIUM),
    nitro("c5", X86_64, C),
    nitro("c5a", X86_64, C),
    nitro("c6i", X86_64, C),
    nitro("c6a", X86_64, C),
    nitro("c6g", Arm64, C_MEDIUM),
    nitro("c7i", X86_64, C),
    nitro("c7i-flex", X86_64, C),
    nitro("c7a", X86_64, C_MEDIUM),
    nitro("c7g", Arm64, C_MEDIUM),
    nitro("r5", X86_64, R),
    nitro("r5a", X86_64, R),
    nitro("r6i", X86_64, R),
    nitro("r6a", X86_64, R),
    nitro("r6g", Arm64, R_MEDIUM),
    nitro("r7i", X86_64, R),
    nitro("r7a", X86_64, R_MEDIUM),
    nitro("r7g", Arm64, R_MEDIUM),
];

/// What the free plan allows; t2.micro is not among them.
const FREE: &[&str] = &["t3.micro", "t3.small", "t4g.micro", "t4g.small", "c7i-flex.large", "m7i-flex.large"];

/// Zone letters in which a family is not offered. Old families are missing where a zone is young.
const ABSENT: &[(&str, char)] = &[("t2", 'c')];

static TYPES: LazyLock<Vec<InstanceType>> =
    LazyLock::new(|| FAMILIES.iter().flat_map(|family| family.sizes.iter().map(|size| family.facts(size))).collect());

static BY_NAME: LazyLock<BTreeMap<&'static str, &'static InstanceType>> =
    LazyLock::new(|| TYPES.iter().map(|kind| (kind.name.as_str(), kind)).collect());

/// Facts of one type; `None` when there is no such type.
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

impl Family {
    fn facts(&self, (size, vcpus, memory_mib): &(&str, u32, u64)) -> InstanceType {
        let name = format!("{}.{size}", self.name);
        InstanceType {
            free_tier: FREE.contains(&name.as_str()),
            name,
            vcpus: *vcpus,
            memory_mib: *memory_mib,
            architecture: self.architecture,
            burstable: self.burstable,
            hypervisor: self.hypervisor,
        }
    }
}

#[cfg(test)]
mod tests {
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
        ];
        for (name, vcpus, memory_mib, architecture, burstable, hypervisor, free_tier) in rows {
            let expected =
                InstanceType { name: name.into(), vcpus, memory_mib, architecture, burstable, hypervisor, free_tier };
            assert_eq!(instance_type(name), Some(&expected));
        }
        for unknown in ["t2.medium2", "t2", "m7i.medium", "c8g.large", "", "t2.micro.x"] {
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
            let graviton = kind.name.split('.').next().unwrap().ends_with('g');
            assert_eq!(kind.architecture == Arm64, graviton, "{}", kind.name);
            assert_eq!(kind.burstable == Yes, kind.name.starts_with('t'), "{}", kind.name);
            let per_vcpu = kind.memory_mib / u64::from(kind.vcpus);
            match kind.name.as_bytes()[0] {
                b'm' => assert_eq!(per_vcpu, 4096, "{}", kind.name),
                b'c' => assert_eq!(per_vcpu, 2048, "{}", kind.name),
                b'r' => assert_eq!(per_vcpu, 8192, "{}", kind.name),
                _ => assert!(per_vcpu <= 4096, "{}", kind.name),
            }
        }
        assert_eq!(all.iter().filter(|kind| kind.free_tier).count(), FREE.len(), "every free type exists");
        assert!(FAMILIES.iter().all(|family| is_offered(family.name, "eu-west-1a")));
        assert!(!is_offered("t2.micro", "eu-west-1c") && is_offered("t3.micro", "eu-west-1c"));
    }
}
