//! Prices of instances by the hour: the table that is shipped, and those that a placement has frozen.
//!
//! The table is of on-demand prices for Linux with shared tenancy (bare metal: dedicated). Volumes, public addresses, traffic
//! and surplus credits are not in it ([`super::small_change`]). A type that is not there has no price, which is not the same as
//! a price of nothing.

use api::{PlacedPrice, Placement};

use super::table::{ABSENT, EXCEPTIONS, FACTORS, HOME, METAL, PRICES};

/// Day of the shipped table (`planner/prices/README.md`: the Price List, as karpenter-provider-aws 1d92708 read it).
pub const DAY: &str = "2026-07-20";

/// What the prices of the shipped table are.
pub fn basis() -> String {
    format!("on-demand list prices, Linux, table of {DAY}")
}

/// Factors of the table are in millionths.
const ONE: u64 = 1_000_000;

/// List prices have five decimals.
const STEP: u64 = 10;

/// Price of a type in a region by the shipped table, in millionths of a US dollar an hour. `None`: it is not in the table.
pub fn shipped(region: &str, instance_type: &str) -> Option<u64> {
    let (family, size) = instance_type.split_once('.')?;
    let (_, sizes) = PRICES.iter().find(|(known, _)| *known == family)?;
    let (_, home) = sizes.iter().find(|(known, _)| *known == size)?;
    if region == HOME {
        return Some(*home);
    }
    let is_here = |at: &str, name: &str| at == region && name == instance_type;
    if let Some((_, _, price)) = EXCEPTIONS.iter().find(|(at, name, _)| is_here(at, name)) {
        return Some(*price);
    }
    let is_absent = ABSENT.iter().any(|(at, name)| is_here(at, name));
    if is_absent || size.starts_with("metal") && !METAL.contains(&region) {
        return None;
    }
    let (_, factors) = FACTORS.iter().find(|(known, _)| *known == region)?;
    let (factor, _) = factors.iter().find(|(_, families)| families.split(' ').any(|known| known == family))?;
    Some((home * factor + ONE * STEP / 2) / (ONE * STEP) * STEP)
}

/// Families that have a price: those that the policy allows (`docs/iam-policy.json`, by `cargo xtask gen`).
pub fn families() -> impl Iterator<Item = &'static str> {
    PRICES.iter().map(|(family, _)| *family)
}

/// What a placement has frozen about a type. `None`: nobody was asked about it yet, which the next pass does; a price that
/// nobody knows is frozen as well, without a number.
pub fn placed<'a>(placement: &'a Placement, instance_type: &str) -> Option<&'a PlacedPrice> {
    placement.prices.iter().find(|price| price.instance_type == instance_type)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::prices::micros;

    const CSV: &str = include_str!("../../prices/ec2-ondemand-linux.csv");

    fn rows() -> impl Iterator<Item = (&'static str, &'static str, u64)> {
        CSV.lines().skip(1).map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            // Whole dollars are written as `4.` there.
            let price = micros::of_decimal(fields[2].trim_end_matches('.')).unwrap();
            (fields[0], fields[1], price)
        })
    }

    #[test]
    fn every_row_of_the_file_is_in_the_table_within_six_thousandths() {
        let mut count = 0;
        for (region, name, price) in rows() {
            let found = shipped(region, name).unwrap_or_else(|| panic!("{region} {name} is missing"));
            assert!(found.abs_diff(price) * 1_000 <= 6 * price, "{region} {name}: {found} is not {price}");
            count += 1;
        }
        assert_eq!(count, 12_104, "planner/prices/README.md");
    }

    #[test]
    fn what_is_in_no_row_has_no_price() {
        let rows: BTreeSet<(&str, &str)> = rows().map(|(region, name, _)| (region, name)).collect();
        let regions: BTreeSet<&str> = rows.iter().map(|(region, _)| *region).collect();
        let types: BTreeSet<&str> = rows.iter().map(|(_, name)| *name).collect();
        for region in regions {
            for name in &types {
                assert_eq!(shipped(region, name).is_some(), rows.contains(&(region, *name)), "{region} {name}");
            }
        }
        for name in ["p5.48xlarge", "c6i.nano", "t2", "", "m7g.1xlarge", "t3.xxlarge", "c5."] {
            assert_eq!(shipped("us-east-1", name), None, "{name}");
        }
        assert_eq!((shipped("mars-north-1", "t3.micro"), shipped("", "t3.micro")), (None, None));
    }

    /// Prices of single types, independent of the file: AWS's pages and skypilot-catalog v8.
    #[test]
    fn known_types_have_their_list_price() {
        for (region, name, micros) in [
            ("us-east-1", "t2.micro", 11_600),
            ("us-east-1", "t2.small", 23_000),
            ("us-east-1", "t4g.medium", 33_600),
            ("us-east-1", "c7g.medium", 36_300),
            ("us-east-1", "r5.24xlarge", 6_048_000),
            ("eu-west-1", "t3.micro", 11_400),
            ("eu-west-1", "t2.medium", 50_000),
            ("eu-west-1", "c7g.large", 77_500),
            ("eu-west-1", "m7i.large", 112_300),
            ("us-east-1", "c5.metal", 4_080_000),
        ] {
            let found = shipped(region, name).unwrap();
            assert!(found.abs_diff(micros) * 1_000 <= 6 * micros, "{region} {name}: {found} is not {micros}");
        }
    }

    /// Prices of another region do not only differ: they name another winner.
    #[test]
    fn ap_south_1_against_us_east_1_prices_name_different_winners() {
        let cheaper = |region: &str, one: &'static str, other: &'static str| {
            if shipped(region, one).unwrap() < shipped(region, other).unwrap() { one } else { other }
        };
        let types: BTreeSet<&str> =
            rows().filter(|(region, ..)| *region == "ap-south-1").map(|(_, name, _)| name).collect();
        let large: Vec<&str> = types.into_iter().filter(|name| name.ends_with(".large")).collect();
        let mut turned = 0;
        for (at, one) in large.iter().enumerate() {
            for other in &large[at + 1..] {
                turned += usize::from(cheaper("us-east-1", one, other) != cheaper("ap-south-1", one, other));
            }
        }
        assert!(turned >= 10, "{turned} pairs of types swap their order");
        assert_eq!(cheaper("us-east-1", "m5a.large", "c5.large"), "c5.large");
        assert_eq!(cheaper("ap-south-1", "m5a.large", "c5.large"), "m5a.large");
    }
}
