//! The resource definitions as they are installed.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps,
};
use kube::CustomResourceExt;

use crate::{BenchmarkReport, ClusterBenchmark};

/// Both definitions, in the order in which they are installed.
pub fn crds() -> [CustomResourceDefinition; 2] {
    let mut benchmark = ClusterBenchmark::crd();
    // Without it a benchmark that nobody has looked at yet counts as Current for kstatus, and a wiped status
    // could not be told from one that never was.
    if let Some(status) = property(&mut benchmark, "status") {
        status.default = Some(JSON(serde_json::json!({ "observedGeneration": -1 })));
    }
    [benchmark, BenchmarkReport::crd()]
}

fn property<'a>(crd: &'a mut CustomResourceDefinition, name: &str) -> Option<&'a mut JSONSchemaProps> {
    let root = crd.spec.versions.first_mut()?.schema.as_mut()?.open_api_v3_schema.as_mut()?;
    root.properties.as_mut()?.get_mut(name)
}
