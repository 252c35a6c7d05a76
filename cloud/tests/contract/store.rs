//! Objects put by somebody who is not the operator: over the SDK of S3, or into the simulation.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_credential_types::Credentials;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Config, Region};
use cloudsim::SharedSim;
use cloudsim::s3::{Body, PutObject};

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
        Box::pin(async move { call.send().await.map(drop).map_err(|error| format!("{error:?}")) })
    })
}

/// Puts objects into the simulation.
pub(crate) fn put_into(sim: &SharedSim) -> Put {
    let sim = sim.clone();
    Box::new(move |bucket, key| {
        let request = PutObject {
            bucket,
            key,
            body: Body::new(b"1", &[], Arc::new(())),
            claims: Vec::new(),
            only_new: false,
            expected_owner: None,
            headers: BTreeMap::new(),
        };
        let put = sim.lock().s3(sim.now()).put_object(request).map(drop).map_err(|error| format!("{error:?}"));
        Box::pin(std::future::ready(put))
    })
}
