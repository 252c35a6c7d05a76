//! The planner's cloud ports over the AWS SDKs: the only crate that links them.
//!
//! [`Aws`] takes endpoint, region and credentials from where every AWS program takes them (environment, profile,
//! web identity, container, instance metadata) and never asks whether the other side is the real AWS or the lab.
//!
//! This crate adds to the SDK:
//! - **One send per effect.** Calls that change something are made by a client that never retries ([`region`]): a
//!   repeated RunInstances below the port would hide that an outcome was unknown. Reads retry as usual.
//! - **Complete or failed.** The SDK decodes most cut XML answers as shorter answers; [`sdk::complete`] requires the
//!   closing root tag, and words of JSON where nothing at all would decode as an empty list (SQS). Cut CBOR (CloudWatch) and JSON
//!   (SQS, the Price List) do not decode. [`sdk::pages`] takes a repeated page token or an endless list for a failure.
//! - **Codes, never words.** [`sdk::failure`] maps error codes to [`planner::Failure`] by the planner's table.
//! - **Counted where it is sent.** Every attempt of every call is told to whoever wants to know ([`Aws::counting`]).
//!
//! The permissions it needs are those of its calls: RunInstances with tags on create (`ec2:CreateTags`),
//! StartInstances, StopInstances, TerminateInstances, GetConsoleOutput, CreateSecurityGroup, AuthorizeSecurityGroupIngress, DeleteSecurityGroup, and
//! to describe Instances, SecurityGroups, NetworkInterfaces, Vpcs, Subnets, RouteTables, Images, InstanceTypes,
//! InstanceTypeOfferings and Regions. GetCallerIdentity of STS needs none. For load balancers: to create LoadBalancer,
//! TargetGroup, Listener and Rule with tags (`elasticloadbalancing:AddTags`) and to delete all but the listener,
//! ModifyTargetGroupAttributes, RegisterTargets, DeregisterTargets, and to describe LoadBalancers, TargetGroups,
//! TargetGroupAttributes, Listeners, Rules, TargetHealth and Tags. For their metrics: GetMetricData. For prices: GetProducts of the Price List.
//! For queues: ListQueues, ListQueueTags, CreateQueue with tags (`sqs:TagQueue`) and DeleteQueue; for buckets: ListBuckets
//! (`s3:ListAllMyBuckets`), GetBucketTagging, CreateBucket with tags (`s3:TagResource`), ListObjectsV2 (`s3:ListBucket`),
//! DeleteObjects (`s3:DeleteObject`) and DeleteBucket.

mod cloudwatch;
mod ec2;
mod elb;
mod pricing;
mod region;
mod s3;
mod sdk;
mod sqs;
mod sts;
#[cfg(test)]
mod wire_tests;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_ec2::config::{Credentials, SharedCredentialsProvider, SharedHttpClient};
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};
use planner::Failure;
use planner::ports::Regions;

pub use region::Region;
pub use sdk::config::Patience;
use sdk::counting::Counting;

/// AWS, or whatever `AWS_ENDPOINT_URL` names.
#[derive(Debug)]
pub struct Aws {
    config: SdkConfig,
    patience: Patience,
    counting: Counting,
    regions: Mutex<HashMap<String, Arc<Region>>>,
}

impl Aws {
    /// Reads `AWS_ENDPOINT_URL`, `AWS_REGION`, credentials and everything else that the SDKs know from the
    /// environment and the profile files.
    ///
    /// *Guarantees*: makes no call; missing or wrong credentials show at the first one.
    /// *Cancellation*: safe, nothing is held.
    pub async fn load() -> Self {
        let config = aws_config::defaults(BehaviorVersion::latest()).http_client(http_client()).load().await;
        Self::new(config, Patience::default())
    }

    /// An endpoint with fixed credentials, independent of the environment.
    pub fn at(endpoint_url: &str, access_key_id: &str, secret_access_key: &str) -> Self {
        let credentials = Credentials::new(access_key_id, secret_access_key, None, None, "fixed");
        let config = SdkConfig::builder()
            .behavior_version(BehaviorVersion::latest())
            .http_client(http_client())
            .endpoint_url(endpoint_url)
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build();
        Self::new(config, Patience::default())
    }

    /// `config` must carry an HTTP client, as [`Aws::load`] gives it one.
    pub fn new(config: SdkConfig, patience: Patience) -> Self {
        Self { config, patience, counting: Counting::off(), regions: Mutex::default() }
    }

    /// The same with other limits.
    pub fn with_patience(self, patience: Patience) -> Self {
        Self { patience, regions: Mutex::default(), ..self }
    }

    /// The same, which tells `count` of every attempt of a call: AWS's own name of the action, and the failure if there
    /// was one.
    pub fn counting(self, count: impl Fn(&str, Option<Failure>) + Send + Sync + 'static) -> Self {
        Self { counting: Counting::new(count), regions: Mutex::default(), ..self }
    }

    /// The region of `AWS_REGION` or the profile.
    pub fn default_region(&self) -> Option<&str> {
        self.config.region().map(AsRef::as_ref)
    }

    /// The address that calls go to if not to AWS itself.
    pub fn endpoint_url(&self) -> Option<&str> {
        self.config.endpoint_url()
    }
}

impl Regions for Aws {
    type Cloud = Region;

    fn region(&self, name: &str) -> Arc<Region> {
        let mut regions = self.regions.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(region) = regions.get(name) {
            return region.clone();
        }
        let region = Arc::new(Region::new(&self.config, self.patience, self.counting.clone(), name));
        regions.insert(name.to_owned(), region.clone());
        region
    }
}

/// HTTP and HTTPS with the one TLS provider of this project.
fn http_client() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new()
        // A call that meets a connection just being closed by the other side has an unknown outcome. Connections are
        // dropped before AWS would drop them (its endpoints were seen to close idle ones after about 20 s).
        .pool_idle_timeout(Duration::from_secs(15))
        .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
        .build_https()
}
