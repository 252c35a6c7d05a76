//! Objects put by somebody who is not the operator, over the SDK of S3.

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region};

use crate::target::Put;

/// Puts objects at an endpoint.
pub(crate) fn put_at(endpoint_url: &str, region: &str, access_key_id: &str, secret_access_key: &str) -> Put {
    let config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint_url)
        .region(Region::new(region.to_owned()))
        .credentials_provider(Credentials::new(access_key_id, secret_access_key, None, None, "fixed"))
        .build();
    let client = Client::from_conf(config);
    Box::new(move |bucket, key| {
        let call = client.put_object().bucket(bucket).key(key).body(b"1".to_vec().into());
        Box::pin(async move { call.send().await.map(drop).unwrap() })
    })
}
