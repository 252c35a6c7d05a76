//! Prices of what comes with instances: volumes, public addresses, load balancers and surplus CPU credits.
//!
//! All in millionths of a US dollar. Where a price is of us-east-1 alone, other regions are dearer by what their instances
//! are, and a volume of 8 GiB is still less than a cent in two hours.

/// Where these prices are for and of when they are.
pub const BASIS: &str = "volumes, addresses and load balancers at prices of us-east-1, 2026-08";

/// One GB of gp3 for a month, us-east-1 (infracost's tests of aws_instance: 20 GB cost 1.60 a month; read 2026-08-21).
const GP3_GB_MONTH: u64 = 80_000;

/// Hours of a month in AWS's own examples ("Amazon EBS pricing"; AWS Pricing Calculator: 730).
const HOURS_A_MONTH: u64 = 730;

/// One public IPv4 address for an hour, in use or idle, in every region (AWS News Blog, "New - AWS Public IPv4 Address Charge
/// + Public IP Insights", 2023-07-28).
pub const ADDRESS_HOUR: u64 = 5_000;

/// One application load balancer for an hour, us-east-1 (AWS, "Elastic Load Balancing pricing").
pub const LOAD_BALANCER_HOUR: u64 = 22_500;

/// One load balancer capacity unit for an hour, us-east-1 (the same page).
pub const CAPACITY_UNIT_HOUR: u64 = 8_000;

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

    /// The figures that AWS and infracost print: 20 GB of gp3 are 1.60 a month, an ALB 16.43, a capacity unit 5.84.
    #[test]
    fn a_month_costs_what_is_printed_for_it() {
        assert!((1_600_000..=1_600_730).contains(&(volume_hour(20) * HOURS_A_MONTH)));
        assert_eq!(LOAD_BALANCER_HOUR * HOURS_A_MONTH, 16_425_000);
        assert_eq!(CAPACITY_UNIT_HOUR * HOURS_A_MONTH, 5_840_000);
        assert_eq!((volume_hour(0), volume_hour(8)), (0, 877));
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
