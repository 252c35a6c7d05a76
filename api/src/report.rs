//! `BenchmarkReport`: the full result of a run.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// The full result of one run of a ClusterBenchmark.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "clusterbench.dev",
    version = "v1alpha1",
    kind = "BenchmarkReport",
    plural = "benchmarkreports",
    shortname = "creport",
    category = "benchmarks",
    namespaced,
    doc = "The full result of one run of a ClusterBenchmark. Written by the operator; it stays when the ClusterBenchmark is deleted.",
    printcolumn(name = "Benchmark", type_ = "string", json_path = ".spec.benchmark"),
    printcolumn(name = "Result", type_ = "string", json_path = ".spec.result"),
    printcolumn(name = "RPS", type_ = "string", json_path = ".spec.requestsPerSecond"),
    printcolumn(name = "P99", type_ = "string", json_path = ".spec.p99"),
    printcolumn(name = "Finished", type_ = "date", json_path = ".spec.finishedAt")
)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(oldSelf.cloudWatch) || has(self.cloudWatch) && self.cloudWatch == oldSelf.cloudWatch").message("cloudWatch is added once and not changed").field_path(".cloudWatch"))]
pub struct BenchmarkReportSpec {
    /// Name of the benchmark.
    #[schemars(length(max = 253))]
    pub benchmark: String,
    /// Uid of the benchmark.
    #[schemars(length(max = 64))]
    pub benchmark_uid: String,
    /// runId of the run.
    #[schemars(length(max = 40))]
    pub run_id: String,
    /// The comparison in at most 68 characters; all of it is in report.
    #[schemars(length(max = 1024))]
    pub result: String,
    /// Answered requests per second of each cluster, in the order of the clusters, as many as fit
    /// into 68 characters.
    #[schemars(length(max = 1024))]
    pub requests_per_second: String,
    /// 99th percentile of the latency of each cluster, in the order of the clusters, as many as fit
    /// into 68 characters.
    #[schemars(length(max = 1024))]
    pub p99: String,
    /// When the run ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<Time>,
    /// What was measured and where, a line for each: clusters, worker, balancer, generator, place.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), inner(length(max = 1200)))]
    pub measured: Vec<String>,
    /// SHA-256 of report.
    #[schemars(length(max = 64))]
    pub report_sha256: String,
    /// The report as a JSON document, exactly as the generator wrote it (schema clusterbench.dev/report/v1).
    #[schemars(length(max = 1_000_000))]
    pub report: String,
    /// CloudWatch's account of the run as a JSON document, of a run through an Application Load Balancer. Added once, some
    /// minutes after the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 200_000))]
    pub cloud_watch: Option<String>,
}
