//! The clients of one region.

use aws_config::SdkConfig;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::config::{Region as RegionName, StalledStreamProtectionConfig};

use crate::Patience;
use crate::complete::Complete;

/// One region of AWS; implements the planner's `Compute`, `SecurityGroups` and `Catalog`.
#[derive(Debug)]
pub struct Region {
    /// Sends again what failed for a moment.
    pub(crate) reads: aws_sdk_ec2::Client,
    /// Sends exactly once: for every call that changes something.
    pub(crate) effects: aws_sdk_ec2::Client,
    pub(crate) identity: aws_sdk_sts::Client,
}

impl Region {
    pub(crate) fn new(config: &SdkConfig, patience: Patience, name: &str) -> Self {
        let retry = RetryConfig::standard()
            .with_max_attempts(patience.read_attempts)
            .with_initial_backoff(patience.read_backoff);
        let reading = TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .operation_attempt_timeout(patience.read_attempt)
            .operation_timeout(patience.read)
            .build();
        let changing = TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .operation_attempt_timeout(patience.effect)
            .operation_timeout(patience.effect)
            .build();
        Self {
            reads: ec2(config, name, retry.clone(), reading.clone()),
            effects: ec2(config, name, RetryConfig::disabled(), changing),
            identity: sts(config, name, retry, reading),
        }
    }
}

fn ec2(config: &SdkConfig, region: &str, retry: RetryConfig, timeouts: TimeoutConfig) -> aws_sdk_ec2::Client {
    let config = aws_sdk_ec2::config::Builder::from(config)
        .region(RegionName::new(region.to_owned()))
        .retry_config(retry)
        .timeout_config(timeouts)
        // Our timeouts bound every call; a guess about slow streams on top would only end calls early.
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(Complete)
        .build();
    aws_sdk_ec2::Client::from_conf(config)
}

fn sts(config: &SdkConfig, region: &str, retry: RetryConfig, timeouts: TimeoutConfig) -> aws_sdk_sts::Client {
    let config = aws_sdk_sts::config::Builder::from(config)
        .region(RegionName::new(region.to_owned()))
        .retry_config(retry)
        .timeout_config(timeouts)
        .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
        .interceptor(Complete)
        .build();
    aws_sdk_sts::Client::from_conf(config)
}
