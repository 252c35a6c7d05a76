//! The ports on SQS and S3, or on whatever `AWS_ENDPOINT_URL` names.
//!
//! Credentials and region are those that the SDKs find: environment, profile files, or the instance metadata, whose
//! credentials are fetched again before they expire.

mod counting;
mod s3;
mod sqs;

use std::collections::HashMap;
use std::error::Error;
use std::net::IpAddr;
use std::sync::Mutex;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::stalled_stream_protection::StalledStreamProtectionConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, SdkConfig};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_smithy_http_client::tls::{self, rustls_provider::CryptoMode};

use crate::ports::Failed;

/// Until a TCP connection stands: inside a region that takes milliseconds, so this is one lost SYN and its repetition.
const CONNECT: Duration = Duration::from_secs(3);
/// For one attempt of a call. More than a long poll waits.
const ATTEMPT: Duration = Duration::from_secs(30);
/// Attempts of one call of ours. The SDK corrects a wrong clock and fetches credentials between them; whatever takes longer is
/// repeated by whoever called.
const ATTEMPTS: u32 = 2;
/// Before the SDK's own repetition, at most.
const PAUSE: Duration = Duration::from_millis(100);

/// Queues and one bucket of AWS.
#[derive(Debug)]
pub struct Aws {
    sqs: aws_sdk_sqs::Client,
    s3: aws_sdk_s3::Client,
    bucket: String,
    /// Addresses of queues by name: user data holds only names.
    urls: Mutex<HashMap<String, String>>,
}

impl Aws {
    /// Reads what the SDKs know from environment, profile files and instance metadata. `bucket` is the one that objects are in.
    ///
    /// # Errors
    /// When no region is known: the SDKs would then refuse every call.
    pub async fn load(bucket: &str) -> Result<Self, NoRegion> {
        let http = aws_smithy_http_client::Builder::new()
            // Endpoints were seen to close idle connections after about 20 s; a call must not meet one that is just closing.
            .pool_idle_timeout(Duration::from_secs(15))
            .tls_provider(tls::Provider::Rustls(CryptoMode::Ring))
            .build_https();
        let config = aws_config::defaults(BehaviorVersion::latest())
            .http_client(http)
            .retry_config(RetryConfig::standard().with_max_attempts(ATTEMPTS).with_initial_backoff(PAUSE))
            .timeout_config(
                TimeoutConfig::builder().connect_timeout(CONNECT).operation_attempt_timeout(ATTEMPT).build(),
            )
            // Our timeouts bound every call; a guess about slow streams on top would only end calls early.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .load()
            .await;
        let region = config.region().ok_or(NoRegion)?;
        tracing::info!(%region, endpoint = config.endpoint_url().unwrap_or("of AWS"), bucket, "SQS and S3");
        Ok(Self::new(&config, bucket))
    }

    /// `config` must carry a region and an HTTP client, as [`Aws::load`] gives it both.
    pub fn new(config: &SdkConfig, bucket: &str) -> Self {
        let own = std::env::var("AWS_ENDPOINT_URL_S3").ok();
        let endpoint = own.as_deref().or(config.endpoint_url());
        let s3 = aws_sdk_s3::config::Builder::from(config).force_path_style(endpoint.is_some_and(has_no_subdomains));
        Self {
            sqs: aws_sdk_sqs::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            bucket: bucket.to_owned(),
            urls: Mutex::default(),
        }
    }
}

/// Nobody said where queues and bucket are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no region is known: set AWS_REGION, or let the instance metadata be reached")]
pub struct NoRegion;

/// Whether a bucket cannot be named in front of this host: an IP address has no names below it.
fn has_no_subdomains(endpoint: &str) -> bool {
    let host = endpoint.parse::<http::Uri>().ok().and_then(|uri| uri.host().map(str::to_owned)).unwrap_or_default();
    let address = host.trim_start_matches('[').trim_end_matches(']');
    address.parse::<IpAddr>().is_ok() || host == "localhost"
}

/// An error of the SDK with the service's own code, or what kept the call from it.
fn failed<E: ProvideErrorMetadata + Error>(call: &'static str, error: &E) -> Failed {
    let why = match (error.code(), error.message()) {
        (Some(code), message) => format!("{code}: {}", message.unwrap_or_default()),
        (None, _) => chain(error),
    };
    Failed { call, why }
}

/// An error with its causes: the SDK's own first line says only that dispatch failed.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_is_in_the_path_where_it_cannot_be_in_the_name() {
        for endpoint in ["http://127.0.0.1:4566", "https://[::1]:4566/x", "http://10.0.0.1", "http://localhost:1"] {
            assert!(has_no_subdomains(endpoint), "{endpoint}");
        }
        for endpoint in ["https://s3.eu-central-1.amazonaws.com", "http://s3.lab:80", "nonsense"] {
            assert!(!has_no_subdomains(endpoint), "{endpoint}");
        }
    }
}
