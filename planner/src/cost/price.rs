//! Rough prices of instances by the hour: enough to tell a forgotten benchmark from a cheap one.
//!
//! On-demand list prices for Linux in us-east-1, as the AWS Price List showed them in July 2026. Other regions are
//! up to two fifths dearer; volumes, public addresses, traffic and surplus credits are not in it. A type that is not
//! here has no price, which is not the same as a price of nothing.

use crate::families::{FAMILIES, Family};

/// Where the prices are for and when they were looked up.
pub const BASIS: &str = "on-demand list prices, Linux, us-east-1, July 2026";

/// US dollar micros an hour of one running instance; `None` for a type that is not in the table.
pub fn hourly_usd_micros(instance_type: &str) -> Option<u64> {
    let (family, size) = instance_type.split_once('.')?;
    let known = FAMILIES.iter().find(|known| known.name == family)?;
    Some(known.large_usd_micros * sixteenths(known, size)? / 16)
}

/// A size in sixteenths of `large`.
fn sixteenths(family: &Family, size: &str) -> Option<u64> {
    let is_there = family.sizes.iter().any(|known| known.name == size);
    match size {
        "nano" if is_there => Some(1),
        "micro" if is_there => Some(2),
        "small" if is_there => Some(4),
        "medium" if is_there => Some(8),
        "large" => Some(16),
        "xlarge" => Some(32),
        _ => size.strip_suffix("xlarge")?.parse::<u64>().ok().filter(|times| (2..=64).contains(times)).map(|n| 32 * n),
    }
}

#[cfg(test)]
mod tests {
    use super::hourly_usd_micros;

    /// Prices of single types, independent of the table's sizes.
    #[test]
    fn known_types_have_their_list_price_within_one_percent() {
        for (name, micros) in [
            ("t2.micro", 11_600),
            ("t2.small", 23_000),
            ("t2.large", 92_800),
            ("t3.micro", 10_400),
            ("t3.2xlarge", 332_800),
            ("t4g.medium", 33_600),
            ("c6i.large", 85_000),
            ("c7g.medium", 36_300),
            ("c7i.4xlarge", 714_000),
            ("m7g.xlarge", 163_200),
            ("r7g.2xlarge", 428_400),
            ("r5.24xlarge", 6_048_000),
            ("m4.16xlarge", 3_200_000),
            ("m7i-flex.large", 95_760),
            ("c7a.medium", 51_300),
            ("c8g.48xlarge", 7_657_000),
            ("r8g.medium", 58_910),
        ] {
            let found = hourly_usd_micros(name).unwrap();
            assert!(found.abs_diff(micros) * 100 <= micros, "{name}: {found} is not {micros}");
        }
    }

    #[test]
    fn what_is_not_in_the_table_has_no_price() {
        for name in ["p5.48xlarge", "c6i.nano", "c6i.metal", "t2", "", "m7g.1xlarge", "t3.xxlarge"] {
            assert_eq!(hourly_usd_micros(name), None, "{name}");
        }
    }
}
