//! The one secret, which is the key that signs control requests, and the identity of this Kubernetes cluster.

use std::collections::BTreeMap;

use data_encoding::BASE64URL_NOPAD;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::{Namespace, Secret};
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use rand::RngExt;

/// Name of the Secret in the operator's namespace.
const NAME: &str = "clusterbench-control-key";
/// Key in the Secret: 32 bytes as base64url.
const KEY: &str = "ed25519-seed";

#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("Secret {NAME}: {0}")]
    Kubernetes(#[from] kube::Error),
    #[error(
        "Secret {NAME}: {KEY} is not 32 bytes of base64url; delete the Secret and restart the operator; benchmarks that run must be deleted and created again"
    )]
    Damaged,
    #[error("namespace kube-system has no uid")]
    NoUid,
}

/// The seed of the signing key, made on first use. Losing it means that running agents no longer listen to us.
pub async fn control_seed(client: Client, namespace: &str) -> Result<[u8; 32], SecretError> {
    let api: Api<Secret> = Api::namespaced(client, namespace);
    loop {
        if let Some(secret) = api.get_opt(NAME).await? {
            return seed(&secret);
        }
        let fresh: [u8; 32] = rand::rng().random();
        let data = BTreeMap::from([(KEY.to_owned(), ByteString(BASE64URL_NOPAD.encode(&fresh).into_bytes()))]);
        let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
        let secret = Secret { metadata, data: Some(data), immutable: Some(true), ..Secret::default() };
        match api.create(&PostParams::default(), &secret).await {
            Ok(_) => return Ok(fresh),
            // Another operator was faster: take its key.
            Err(kube::Error::Api(status)) if status.code == 409 => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn seed(secret: &Secret) -> Result<[u8; 32], SecretError> {
    let bytes = secret.data.as_ref().and_then(|data| data.get(KEY)).ok_or(SecretError::Damaged)?;
    let seed = BASE64URL_NOPAD.decode(&bytes.0).map_err(|_| SecretError::Damaged)?;
    seed.try_into().map_err(|_| SecretError::Damaged)
}

/// Uid of namespace kube-system: the usual name of a Kubernetes cluster.
pub async fn kubernetes_cluster_uid(client: Client) -> Result<String, SecretError> {
    let api: Api<Namespace> = Api::all(client);
    api.get("kube-system").await?.metadata.uid.ok_or(SecretError::NoUid)
}
