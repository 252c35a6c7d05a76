//! Prices of what comes with instances: volumes, public addresses, load balancers and surplus CPU credits.
//!
//! All in millionths of a US dollar. Volumes and load balancers have a price of us-east-1 alone (`planner/prices/README.md`). It
//! is counted everywhere, and said; what a budget has to pay is counted at the safe side of it ([`margin`]).

use super::table::HOME;

/// Prices of volumes and load balancers are of this day.
const DAY: &str = "2026-08-21";

/// A budget pays so many tenths of the price in other regions than that of the prices: more than any instance type of the
/// shipped table costs anywhere (r4 in sa-east-1: 2.11 times; a test).
const SAFE_TENTHS: u64 = 22;

/// Where these prices are for and of when they are, for a benchmark in this region.
pub fn basis(region: &str) -> String {
    if region == HOME {
        return format!("volumes and load balancers at prices of {HOME}, {DAY}");
    }
    format!(
        "volumes and load balancers at prices of {HOME}, {DAY}, for want of those of {region}: a budget pays {}.{} times as much for them",
        SAFE_TENTHS / 10,
        SAFE_TENTHS % 10
    )
}

/// What a budget in this region keeps besides a price of a volume or of a load balancer.
pub fn margin(region: &str, price: u64) -> u64 {
    if region == HOME { 0 } else { price.saturating_mul(SAFE_TENTHS - 10).div_ceil(10) }
}

/// One GB of gp3 for a month, us-east-1 (infracost's tests of aws_instance: 20 GB cost 1.60 a month; read 2026-08-21).
const GP3_GB_MONTH: u64 = 80_000;

/// Hours of a month in AWS's own examples ("Amazon EBS pricing"; AWS Pricing Calculator: 730).
const HOURS_A_MONTH: u64 = 730;

/// One public IPv4 address for an hour, in use or idle, in every region (AWS News Blog, "New - AWS Public IPv4 Address Charge
/// + Public IP Insights", 2023-07-28).
pub const ADDRESS_HOUR: u64 = 5_000;

/// One application load balancer for an hour, us-east-1 (AWS, "Elastic Load Balancing pricing").
pub const LOAD_BALANCER_HOUR: u64 = 22_500;

/// Volumes of `gib` GiB in all for an hour.
pub fn volume_hour(gib: u64) -> u64 {
    gib.saturating_mul(GP3_GB_MONTH).div_ceil(HOURS_A_MONTH)
}

/// One vCPU of surplus credits for an hour, the same in all sizes, purchase options and regions, on Linux (AWS, "Amazon EC2
/// On-Demand Pricing", CPU credits). `None`: the type has no surplus to pay.
pub fn surplus_vcpu_hour(instance_type: &str) -> Option<u64> {
    match instance_type.split_once('.')?.0 {
        "t2" | "t3" | "t3a" => Some(50_000),
        "t4g" => Some(40_000),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The figures that AWS and infracost print: 20 GB of gp3 are 1.60 a month, an ALB 16.43.
    #[test]
    fn a_month_costs_what_is_printed_for_it() {
        assert!((1_600_000..=1_600_730).contains(&(volume_hour(20) * HOURS_A_MONTH)));
        assert_eq!(LOAD_BALANCER_HOUR * HOURS_A_MONTH, 16_425_000);
        assert_eq!((volume_hour(0), volume_hour(8)), (0, 877));
    }

    #[test]
    fn a_budget_elsewhere_pays_more_than_any_instance_is_dearer_there() {
        let dearest = super::super::table::FACTORS.iter().flat_map(|(_, factors)| *factors).map(|(factor, _)| *factor);
        assert!(dearest.max().is_some_and(|factor| factor < SAFE_TENTHS * 100_000));
        assert_eq!((margin("us-east-1", 22_500), margin("sa-east-1", 22_500)), (0, 27_000));
        assert_eq!(basis("us-east-1"), "volumes and load balancers at prices of us-east-1, 2026-08-21");
        assert!(
            basis("sa-east-1").ends_with("for want of those of sa-east-1: a budget pays 2.2 times as much for them")
        );
    }

    #[test]
    fn only_burstable_types_have_a_surplus_and_graviton_has_the_cheaper_one() {
        let of = |name| surplus_vcpu_hour(name);
        assert_eq!(
            [of("t2.nano"), of("t3.large"), of("t3a.2xlarge"), of("t4g.micro")].map(Option::unwrap),
            [50_000, 50_000, 50_000, 40_000]
        );
        assert_eq!([of("c7g.large"), of("t3"), of("t5.large")], [None; 3]);
    }
}
