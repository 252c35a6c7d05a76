//! CPU credits of burstable types.

use crate::ports::{Burstable, Credits, InstanceType};
use crate::prices::small_change::surplus_vcpu_hour;

/// What a vCPU of a size may use for ever, in thousandths of it: `(family, size, per mille)`, an empty family for all
/// that are not named.
///
/// AWS, "Key concepts for burstable performance instances", table of earned credits and baseline per vCPU. t2.xlarge and
/// t2.2xlarge are given there as 22.5 % and 17 %.
const BASELINES: &[(&str, &str, u32)] = &[
    ("t2", "nano", 50),
    ("t2", "micro", 100),
    ("t2", "small", 200),
    ("t2", "medium", 200),
    ("t2", "large", 300),
    ("t2", "xlarge", 225),
    ("t2", "2xlarge", 170),
    ("", "nano", 50),
    ("", "micro", 100),
    ("", "small", 200),
    ("", "medium", 200),
    ("", "large", 300),
    ("", "xlarge", 400),
    ("", "2xlarge", 400),
];

/// T2 without surplus, T3 and later as most people run them; never the account's default, which anybody can change.
pub(crate) fn credits(fact: &InstanceType) -> Option<Credits> {
    match (fact.burstable, fact.name.starts_with("t2.")) {
        (Burstable::No, _) => None,
        (Burstable::Yes, true) => Some(Credits::Standard),
        (Burstable::Yes, false) => Some(Credits::Unlimited),
    }
}

/// vCPUs of the sizes of T3, T3a and T4g (AWS, "Amazon EC2 T3 instances", table of sizes; the other two have the same).
const VCPUS: &[(&str, u64)] =
    &[("nano", 2), ("micro", 2), ("small", 2), ("medium", 2), ("large", 2), ("xlarge", 4), ("2xlarge", 8)];

/// Surplus credits of one instance that is busy all the time, for an hour, in millionths of a US dollar. `None`: it is
/// launched without any, as T2 is, or is not burstable.
pub(crate) fn surplus_hour(instance_type: &str) -> Option<u64> {
    let (family, size) = instance_type.split_once('.').filter(|(family, _)| *family != "t2")?;
    let (_, vcpus) = VCPUS.iter().find(|(name, _)| *name == size)?;
    let (_, _, per_mille) = BASELINES.iter().find(|(of, name, _)| is_of(of, family) && *name == size)?;
    let above = u64::from(1_000_u32.saturating_sub(*per_mille));
    Some((vcpus * above * surplus_vcpu_hour(instance_type)?).div_ceil(1_000))
}

/// Whether a row of [`BASELINES`] is about a family.
fn is_of(row: &str, family: &str) -> bool {
    row == family || row.is_empty()
}

/// The same as a report says it. `None`: not burstable, or of a size that the table does not know.
pub(crate) fn described(fact: &InstanceType) -> Option<wire::Credits> {
    let mode = match credits(fact)? {
        Credits::Standard => wire::CreditMode::Standard,
        Credits::Unlimited => wire::CreditMode::Unlimited,
    };
    let (family, size) = fact.name.split_once('.')?;
    let is_this = |(of, name, _): &&(&str, &str, u32)| is_of(of, family) && *name == size;
    BASELINES.iter().find(is_this).map(|(_, _, per_mille)| wire::Credits { mode, baseline_per_mille: *per_mille })
}

#[cfg(test)]
mod tests {
    use super::surplus_hour;

    /// AWS's own rates: 0.05 USD a vCPU-hour, 0.04 of T4g, above the baseline.
    #[test]
    fn surplus_is_what_is_above_the_baseline_of_all_vcpus() {
        let rows = [
            ("t3.nano", Some(95_000)),
            ("t3.micro", Some(90_000)),
            ("t3.large", Some(70_000)),
            ("t4g.large", Some(56_000)),
            ("t3a.2xlarge", Some(240_000)),
            ("t2.large", None),
            ("c7g.large", None),
            ("t3", None),
        ];
        for (name, expected) in rows {
            assert_eq!(surplus_hour(name), expected, "{name}");
        }
    }
}
