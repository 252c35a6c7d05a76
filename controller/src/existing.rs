//! The benchmarks that exist, for who is about to remove the operator.

use api::ClusterBenchmark;
use kube::api::{Api, ListParams};
use kube::{Client, ResourceExt};

/// `namespace/name` of every benchmark. An error where the resource is not served: then nothing is known of its objects.
pub async fn benchmarks(client: Client) -> Result<Vec<String>, kube::Error> {
    // Their metadata alone: it can be read whatever version of the operator wrote the rest.
    let found = Api::<ClusterBenchmark>::all(client).list_metadata(&ListParams::default()).await?;
    let name = |namespace: Option<String>, name: String| format!("{}/{name}", namespace.unwrap_or_default());
    Ok(found.items.iter().map(|object| name(object.namespace(), object.name_any())).collect())
}
