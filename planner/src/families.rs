//! The families of instance types of which this project knows the shape: the types of the simulated cloud. Each of them has a
//! price in the shipped table ([`crate::prices::price`]), whose families are those that the policy allows. What the operator
//! decides about a type comes from the region itself.
//!
//! Source of shapes: the AWS pages "Amazon EC2 instance types" (general purpose, compute and memory optimised; read 2026).

use crate::ports::{Architecture, Burstable, Hypervisor};

use Architecture::{Arm64, X86_64};
use Burstable::{No, Yes};
use Hypervisor::{Nitro, Xen};

/// Types of one family share everything but their size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Family {
    pub name: &'static str,
    pub architecture: Architecture,
    pub hypervisor: Hypervisor,
    pub burstable: Burstable,
    /// The smaller ones. There are larger ones of most families.
    pub sizes: &'static [Size],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub name: &'static str,
    pub vcpus: u32,
    pub memory_mib: u64,
}

const fn size(name: &'static str, vcpus: u32, memory_gib: u64) -> Size {
    Size { name, vcpus, memory_mib: memory_gib * 1024 }
}

const NANO: Size = Size { name: "nano", vcpus: 2, memory_mib: 512 };

/// T2 has one vCPU up to small; the later T families have two everywhere.
const T2: &[Size] = &[
    Size { vcpus: 1, ..NANO },
    size("micro", 1, 1),
    size("small", 1, 2),
    size("medium", 2, 4),
    size("large", 2, 8),
    size("xlarge", 4, 16),
    size("2xlarge", 8, 32),
];
const T3: &[Size] = &[
    NANO,
    size("micro", 2, 1),
    size("small", 2, 2),
    size("medium", 2, 4),
    size("large", 2, 8),
    size("xlarge", 4, 16),
    size("2xlarge", 8, 32),
];
/// 4 GiB for each vCPU. Graviton, and AMD from generation 7 on, also come as `medium`.
const M: &[Size] = &[size("large", 2, 8), size("xlarge", 4, 16), size("2xlarge", 8, 32), size("4xlarge", 16, 64)];
const M_MEDIUM: &[Size] = &[size("medium", 1, 4), M[0], M[1], M[2], M[3]];
/// 2 GiB for each vCPU.
const C: &[Size] = &[size("large", 2, 4), size("xlarge", 4, 8), size("2xlarge", 8, 16), size("4xlarge", 16, 32)];
const C_MEDIUM: &[Size] = &[size("medium", 1, 2), C[0], C[1], C[2], C[3]];
/// 8 GiB for each vCPU.
const R: &[Size] = &[size("large", 2, 16), size("xlarge", 4, 32), size("2xlarge", 8, 64), size("4xlarge", 16, 128)];
const R_MEDIUM: &[Size] = &[size("medium", 1, 8), R[0], R[1], R[2], R[3]];

const fn fixed(name: &'static str, architecture: Architecture, sizes: &'static [Size]) -> Family {
    Family { name, architecture, hypervisor: Nitro, burstable: No, sizes }
}

const fn burst(name: &'static str, architecture: Architecture, sizes: &'static [Size]) -> Family {
    Family { burstable: Yes, ..fixed(name, architecture, sizes) }
}

/// All families, in the order in which they are offered to a reader: burstable ones, then general purpose, compute, memory.
pub const FAMILIES: &[Family] = &[
    Family { hypervisor: Xen, ..burst("t2", X86_64, T2) },
    burst("t3", X86_64, T3),
    burst("t3a", X86_64, T3),
    burst("t4g", Arm64, T3),
    Family { hypervisor: Xen, ..fixed("m4", X86_64, M) },
    fixed("m5", X86_64, M),
    fixed("m5a", X86_64, M),
    fixed("m6i", X86_64, M),
    fixed("m6a", X86_64, M),
    fixed("m6g", Arm64, M_MEDIUM),
    fixed("m7i", X86_64, M),
    fixed("m7i-flex", X86_64, M),
    fixed("m7a", X86_64, M_MEDIUM),
    fixed("m7g", Arm64, M_MEDIUM),
    fixed("m8i", X86_64, M),
    fixed("m8i-flex", X86_64, M),
    fixed("m8g", Arm64, M_MEDIUM),
    fixed("c5", X86_64, C),
    fixed("c5a", X86_64, C),
    fixed("c6i", X86_64, C),
    fixed("c6a", X86_64, C),
    fixed("c6g", Arm64, C_MEDIUM),
    fixed("c7i", X86_64, C),
    fixed("c7i-flex", X86_64, C),
    fixed("c7a", X86_64, C_MEDIUM),
    fixed("c7g", Arm64, C_MEDIUM),
    fixed("c8i", X86_64, C),
    fixed("c8i-flex", X86_64, C),
    fixed("c8g", Arm64, C_MEDIUM),
    fixed("r5", X86_64, R),
    fixed("r5a", X86_64, R),
    fixed("r6i", X86_64, R),
    fixed("r6a", X86_64, R),
    fixed("r6g", Arm64, R_MEDIUM),
    fixed("r7i", X86_64, R),
    fixed("r7a", X86_64, R_MEDIUM),
    fixed("r7g", Arm64, R_MEDIUM),
    fixed("r8i", X86_64, R),
    fixed("r8i-flex", X86_64, R),
    fixed("r8g", Arm64, R_MEDIUM),
];

/// All that an account on the free plan may launch: t2.micro is not among them (AWS page "Explore AWS services with AWS Free
/// Tier", accounts made since July 2025; nilbuild/developer-roadmap#10171, RhinoSecurityLabs/cloudgoat#375).
pub const FREE_PLAN: [&str; 6] = ["t3.micro", "t3.small", "t4g.micro", "t4g.small", "c7i-flex.large", "m7i-flex.large"];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_table_is_consistent() {
        let names: BTreeSet<&str> = FAMILIES.iter().map(|family| family.name).collect();
        assert_eq!(names.len(), FAMILIES.len(), "names differ");
        for family in FAMILIES {
            let name = family.name;
            assert_eq!(family.architecture == Arm64, name.ends_with('g'), "{name}");
            assert_eq!(family.burstable == Yes, name.starts_with('t'), "{name}");
            // Nitro began with generation 5 (AWS page "AWS Nitro System"), and with T3.
            let generation = name.chars().find(char::is_ascii_digit).and_then(|digit| digit.to_digit(10)).unwrap();
            assert_eq!(family.hypervisor == Xen, generation < if name.starts_with('t') { 3 } else { 5 }, "{name}");
            let large = family.sizes.iter().find(|size| size.name == "large").unwrap();
            assert_eq!(large.vcpus, 2, "{name}");
            for size in family.sizes {
                let per_vcpu = size.memory_mib / u64::from(size.vcpus);
                match name.as_bytes()[0] {
                    b'm' => assert_eq!(per_vcpu, 4096, "{name}.{}", size.name),
                    b'c' => assert_eq!(per_vcpu, 2048, "{name}.{}", size.name),
                    b'r' => assert_eq!(per_vcpu, 8192, "{name}.{}", size.name),
                    _ => assert!(per_vcpu <= 4096, "{name}.{}", size.name),
                }
            }
        }
    }

    #[test]
    fn every_type_has_a_price_in_us_east_1() {
        for family in FAMILIES {
            for size in family.sizes {
                let name = format!("{}.{}", family.name, size.name);
                assert!(crate::prices::price::shipped("us-east-1", &name).is_some_and(|price| price > 0), "{name}");
            }
        }
    }

    #[test]
    fn every_type_of_the_free_plan_is_in_the_table() {
        for name in FREE_PLAN {
            let (family, size) = name.split_once('.').unwrap();
            let family = FAMILIES.iter().find(|one| one.name == family).unwrap_or_else(|| panic!("{name}"));
            assert!(family.sizes.iter().any(|one| one.name == size), "{name}");
        }
    }
}
