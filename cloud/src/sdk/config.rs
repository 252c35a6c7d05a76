//! Settings of clients: how long one may wait for AWS, how often reads are repeated, and who looks on.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_ec2::config::retry::RetryConfig;
use aws_sdk_ec2::config::timeout::TimeoutConfig;
use aws_sdk_ec2::config::{Region as RegionName, StalledStreamProtectionConfig};

use super::complete::Complete;
use super::counting::Counting;

/// Limits of waiting for AWS, and the number of a read's repetitions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// Until a TCP connection stands.
    pub connect: Duration,
    /// For a call that changes something; it is sent once.
    pub effect: Duration,
    /// For one attempt of a read.
    pub read_attempt: Duration,
    /// For a read with its repetitions.
    pub read: Duration,
    pub read_attempts: u32,
    /// Before the first repetition of a read, at most; doubles from there.
    pub read_backoff: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            // A connection inside a region takes milliseconds; five seconds is one lost SYN and its repetition.
            connect: Duration::from_secs(5),
            // RunInstances of large counts was seen to take tens of seconds, and giving up early only makes an
            // outcome unknown that would have been known.
            effect: Duration::from_secs(60),
            read_attempt: Duration::from_secs(20),
            read: Duration::from_secs(60),
            // The SDK's own defaults.
            read_attempts: 3,
            read_backoff: Duration::from_secs(1),
        }
    }
}

/// For a read of prices with its repetitions: a placement waits for it.
const PRICE: Duration = Duration::from_secs(5);

/// Settings of all clients of one region and one kind of call.
pub(crate) struct ClientSettings<'a> {
    config: &'a SdkConfig,
    region: &'a str,
    retry: RetryConfig,
    timeouts: TimeoutConfig,
    counting: Counting,
}

impl<'a> ClientSettings<'a> {
    /// For calls that change nothing: what failed for a moment is sent again.
    pub(crate) fn of_reads(config: &'a SdkConfig, region: &'a str, patience: Patience, counting: Counting) -> Self {
        let retry = RetryConfig::standard()
            .with_max_attempts(patience.read_attempts)
            .with_initial_backoff(patience.read_backoff);
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .operation_attempt_timeout(patience.read_attempt)
            .operation_timeout(patience.read)
            .build();
        Self { config, region, retry, timeouts, counting }
    }

    /// For reads of prices, of which there is another source: as other reads, but given up sooner.
    pub(crate) fn of_prices(config: &'a SdkConfig, region: &'a str, patience: Patience, counting: Counting) -> Self {
        let patience = Patience {
            connect: patience.connect.min(PRICE / 2),
            read_attempt: patience.read_attempt.min(PRICE),
            read: patience.read.min(PRICE),
            ..patience
        };
        Self::of_reads(config, region, patience, counting)
    }

    /// For calls that change something: each is sent exactly once.
    pub(crate) fn of_effects(config: &'a SdkConfig, region: &'a str, patience: Patience, counting: Counting) -> Self {
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(patience.connect)
            .operation_attempt_timeout(patience.effect)
            .operation_timeout(patience.effect)
            .build();
        Self { config, region, retry: RetryConfig::disabled(), timeouts, counting }
    }
}

/// A client of one service, with what requires the end of its answers if its decoder does not. The SDK's builders have
/// equal methods and no trait in common.
macro_rules! client {
    ($name:ident: $sdk:ident $(, $complete:expr)?) => {
        pub(crate) fn $name(settings: &ClientSettings<'_>) -> $sdk::Client {
            let config = $sdk::config::Builder::from(settings.config)
                .region(RegionName::new(settings.region.to_owned()))
                .retry_config(settings.retry.clone())
                .timeout_config(settings.timeouts.clone())
                // Our timeouts bound every call; a guess about slow streams on top would only end calls early.
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                $(.interceptor($complete))?
                .interceptor(settings.counting.clone())
                .build();
            $sdk::Client::from_conf(config)
        }
    };
}

client!(ec2: aws_sdk_ec2, Complete::xml(&[]));
client!(sts: aws_sdk_sts, Complete::xml(&[]));
client!(elb: aws_sdk_elasticloadbalancingv2, Complete::xml(&[]));
client!(s3: aws_sdk_s3, Complete::xml(&["CreateBucket", "DeleteBucket"]));
// JSON that is cut does not decode, but nothing at all decodes as an empty list (cloud/src/wire_tests/queues.rs).
client!(sqs: aws_sdk_sqs, Complete::json(&["DeleteQueue"]));
// CBOR counts its items, and the decoder wants all of them and nothing behind (cloud/src/wire_tests/metrics.rs).
client!(cloudwatch: aws_sdk_cloudwatch);
// JSON that is cut does not decode (cloud/src/wire_tests/prices.rs).
client!(pricing: aws_sdk_pricing);
