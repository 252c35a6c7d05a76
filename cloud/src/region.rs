//! The clients of one region.

use aws_config::SdkConfig;

use planner::prices::list::endpoint;

use crate::sdk::config::{ClientSettings, Patience, cloudwatch, ec2, elb, pricing, s3, sqs, sts};
use crate::sdk::counting::Counting;

/// One region of AWS; implements the planner's `Compute`, `SecurityGroups`, `Catalog`, `LoadBalancers`, `Queues`,
/// `Objects`, `Metrics` and `Prices`.
#[derive(Debug)]
pub struct Region {
    pub(crate) name: String,
    /// Sends again what failed for a moment.
    pub(crate) reads: aws_sdk_ec2::Client,
    /// Sends exactly once: for every call that changes something.
    pub(crate) effects: aws_sdk_ec2::Client,
    pub(crate) identity: aws_sdk_sts::Client,
    /// Client for load balancers that sends again what failed for a moment.
    pub(crate) elb_reads: aws_sdk_elasticloadbalancingv2::Client,
    /// Client for load balancers that sends exactly once.
    pub(crate) elb_effects: aws_sdk_elasticloadbalancingv2::Client,
    /// Client for queues that sends again what failed for a moment.
    pub(crate) sqs_reads: aws_sdk_sqs::Client,
    /// Client for queues that sends exactly once.
    pub(crate) sqs_effects: aws_sdk_sqs::Client,
    /// Client for buckets that sends again what failed for a moment.
    pub(crate) s3_reads: aws_sdk_s3::Client,
    /// Client for buckets that sends exactly once.
    pub(crate) s3_effects: aws_sdk_s3::Client,
    pub(crate) cloudwatch: aws_sdk_cloudwatch::Client,
    /// Client of the Price List, which has endpoints in few regions.
    pub(crate) pricing: aws_sdk_pricing::Client,
    /// Whether one of them has prices of this region.
    pub(crate) has_price_list: bool,
}

impl Region {
    pub(crate) fn new(config: &SdkConfig, patience: Patience, counting: Counting, name: &str) -> Self {
        let reads = ClientSettings::of_reads(config, name, patience, counting.clone());
        let effects = ClientSettings::of_effects(config, name, patience, counting.clone());
        let price_list = endpoint(name);
        let prices = ClientSettings::of_prices(config, price_list.unwrap_or(name), patience, counting);
        Self {
            reads: ec2(&reads),
            effects: ec2(&effects),
            identity: sts(&reads),
            elb_reads: elb(&reads),
            elb_effects: elb(&effects),
            sqs_reads: sqs(&reads),
            sqs_effects: sqs(&effects),
            s3_reads: s3(&reads),
            s3_effects: s3(&effects),
            cloudwatch: cloudwatch(&reads),
            pricing: pricing(&prices),
            has_price_list: price_list.is_some(),
            name: name.to_owned(),
        }
    }
}
