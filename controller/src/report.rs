//! Reports as `BenchmarkReport` objects: a generator's, or one that is made of those of all parts.

use std::collections::BTreeMap;

use api::{
    BENCHMARK_LABEL, BENCHMARK_UID_LABEL, BenchmarkReport, BenchmarkReportSpec, ClusterBenchmark, ClusterBenchmarkSpec,
    GENERATOR_LABEL, LAUNCH_LABEL, Placement, RUN_LABEL,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, Time};
use kube::ResourceExt;
use planner::status::column;
use planner::{CloudError, Failure, RunKey};
use wire::{REPORT_SCHEMA, Report, sha256_hex};

/// The document, if it is the one that was promised.
pub(crate) fn checked(bytes: &[u8], sha256: &str) -> Result<Report, CloudError> {
    let damaged = |why: String| CloudError::new(Failure::Unreachable, "DamagedReport", why);
    let found = sha256_hex(bytes);
    if found != sha256 {
        return Err(damaged(format!("the report has SHA-256 {found}, the generator announced {sha256}")));
    }
    let report: Report = serde_json::from_slice(bytes).map_err(|error| damaged(error.to_string()))?;
    if report.schema != REPORT_SCHEMA {
        return Err(damaged(format!("the report has schema {}, not {REPORT_SCHEMA}", report.schema)));
    }
    Ok(report)
}

/// What a report is about.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Of {
    Run,
    /// One of several launches of a run, or one generator's share.
    Part,
}

/// Name of a report, by its content: creating it twice is creating it once.
pub(crate) fn name(benchmark: &ClusterBenchmark, run: &RunKey, sha256: &str) -> String {
    format!("{}-{}-{}", benchmark.name_any(), run.id, sha256.get(..10).unwrap_or(sha256))
}

/// Somebody deleted or changed the report of a part before one was made of all.
pub(crate) fn gone(part: &str, name: &str) -> CloudError {
    let what = format!("BenchmarkReport {name} of {part} was deleted or changed: everything is measured again");
    CloudError::new(Failure::NotFound, "ReportGone", what)
}

/// `launch 2 of 6, generator 1 of 2`; empty for a run that is measured in one piece.
pub(crate) fn part(run: &RunKey) -> String {
    let of = |what: &str, number: u32, all: u32| (all > 1).then(|| format!("{what} {number} of {all}"));
    let named = [of("launch", run.launch, run.launches), of("generator", run.generator, run.generators)];
    named.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

/// One report of those of all parts, each launch in its order and of each all generators; and its document.
pub(crate) fn joined(run: &RunKey, parts: &[Report]) -> Result<(Report, Vec<u8>), CloudError> {
    let failed = |why: String| CloudError::new(Failure::Rejected, "NotOneRun", why);
    let whole = parts.chunks(run.generators as usize).map(|launch| match launch {
        [one] => Ok(one.clone()),
        several => stats::join_generators(several),
    });
    let launches = whole.collect::<Result<Vec<_>, _>>().map_err(|error| failed(error.to_string()))?;
    let whole = match &launches[..] {
        [one] => Ok(one.clone()),
        several => stats::join_launches(several),
    };
    let mut whole = whole.map_err(|error| failed(error.to_string()))?;
    whole.run.id = run.name_of_all();
    let bytes = stats::document(whole).map_err(|error| failed(error.to_string()))?;
    // What was stored is what is summarised: a long report is shortened in the document.
    let report = serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string()))?;
    Ok((report, bytes))
}

/// CloudWatch's account as a document, with its count of requests against that of the report.
pub(crate) fn with_checks(object: &BenchmarkReport, account: &wire::CloudWatch) -> Result<String, CloudError> {
    let report = checked(object.spec.report.as_bytes(), &object.spec.report_sha256)?;
    let account = wire::CloudWatch { checks: stats::count_checks(&report, account), ..account.clone() };
    serde_json::to_string(&account)
        .map_err(|error| CloudError::new(Failure::Rejected, "DamagedReport", error.to_string()))
}

/// Its line is that of the run in status. Not owned by the benchmark: results outlive it.
pub(crate) fn object(
    benchmark: &ClusterBenchmark,
    place: Option<&Placement>,
    (run, of): (&RunKey, Of),
    (report, result): (&Report, &str),
    bytes: Vec<u8>,
    sha256: &str,
) -> Result<BenchmarkReport, CloudError> {
    let text = String::from_utf8(bytes)
        .map_err(|_| CloudError::new(Failure::Rejected, "DamagedReport", "the report is not UTF-8"))?;
    let uid = benchmark.metadata.uid.clone().unwrap_or_default();
    let part = if of == Of::Part { part(run) + ": " } else { String::new() };
    let mut object = BenchmarkReport::new(
        &name(benchmark, run, sha256),
        BenchmarkReportSpec {
            benchmark: benchmark.name_any(),
            benchmark_uid: uid.clone(),
            run_id: run.id.clone(),
            result: column::line(&format!("{part}{result}")),
            requests_per_second: listed(&report::requests_per_second(report)),
            p99: listed(&report::p99(report)),
            finished_at: Some(Time(report.finished_at)),
            measured: measured(&benchmark.spec, place, run),
            report_sha256: sha256.to_owned(),
            report: text,
            cloud_watch: None,
        },
    );
    let mut labels = BTreeMap::from([
        (BENCHMARK_LABEL.to_owned(), benchmark.name_any()),
        (BENCHMARK_UID_LABEL.to_owned(), uid),
        (RUN_LABEL.to_owned(), run.id.clone()),
    ]);
    let numbers = [(LAUNCH_LABEL, run.launch, run.launches), (GENERATOR_LABEL, run.generator, run.generators)];
    for (label, number, _) in numbers.into_iter().filter(|(.., all)| of == Of::Part && *all > 1) {
        labels.insert(label.to_owned(), number.to_string());
    }
    object.metadata = ObjectMeta { namespace: benchmark.namespace(), labels: Some(labels), ..object.metadata };
    Ok(object)
}

/// What the numbers are about: the benchmark, and with it its spec, may be gone when they are read.
fn measured(spec: &ClusterBenchmarkSpec, place: Option<&Placement>, run: &RunKey) -> Vec<String> {
    if planner::desired::measured_sha256(spec) != run.measured_sha256 {
        return vec![format!("a spec that was edited meanwhile, sha256 {}", run.measured_sha256)];
    }
    let mut lines: Vec<String> = spec
        .clusters
        .iter()
        .map(|cluster| {
            format!("cluster {}: {} x {} at {}", cluster.name, cluster.count, cluster.instance_type, cluster.path())
        })
        .collect();
    lines.extend(planner::desired::settings(spec));
    if let Some(place) = place {
        let images: Vec<&str> = place.images.iter().map(|image| image.id.as_str()).collect();
        lines.push(format!(
            "place: account {}, {}, images {}, programs {}",
            place.account_id,
            place.zones(),
            images.join(" "),
            place.version
        ));
    }
    lines
}

/// Values of all clusters, for a column.
fn listed(values: &[String]) -> String {
    column::list(values.iter().map(String::as_str), ", ")
}
