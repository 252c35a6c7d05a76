//! Stored reports: which one is meant, and what it says.

use anyhow::{Context as _, bail};
use api::{BENCHMARK_LABEL, BenchmarkReport, GENERATOR_LABEL, LAUNCH_LABEL, RUN_LABEL};
use kube::api::ListParams;
use kube::{Resource as _, ResourceExt as _};
use serde_json::Value;
use wire::{CloudWatch, Report};

use crate::access::Access;

/// The report that is meant by a name, of a run if it is given: that of a benchmark, or a BenchmarkReport itself.
pub(crate) async fn stored(access: &Access, name: &str, run: Option<&str>) -> anyhow::Result<BenchmarkReport> {
    let reports = access.reports();
    if let Some(report) = access.found(reports.get_opt(name).await, "get", "benchmarkreports")? {
        if let Some(run) = run.filter(|run| *run != report.spec.run_id) {
            bail!("{name} is itself a report, of the run {}: leave {run} out", report.spec.run_id);
        }
        return Ok(report);
    }
    let benchmark = access.found(access.benchmarks().get_opt(name).await, "get", "clusterbenchmarks")?;
    // Reports outlive their benchmark: those of an earlier one of this name are not its own.
    let uid = benchmark.as_ref().and_then(|one| one.metadata.uid.as_deref());
    let is_its_own = |one: &BenchmarkReport| uid.is_none_or(|uid| one.spec.benchmark_uid == uid);
    let listed = ListParams::default().labels(&format!("{BENCHMARK_LABEL}={name}"));
    let all = access.found(reports.list(&listed).await, "list", "benchmarkreports")?.items;
    let mut of_benchmark: Vec<BenchmarkReport> =
        all.into_iter().filter(|one| is_whole(one, name) && is_its_own(one)).collect();
    of_benchmark.sort_by(|a, b| a.spec.finished_at.cmp(&b.spec.finished_at));
    let runs = || of_benchmark.iter().map(|one| one.spec.run_id.as_str()).collect::<Vec<_>>().join(", ");
    let found = match run {
        Some(run) => of_benchmark.iter().rfind(|one| one.spec.run_id == run),
        None => of_benchmark.last(),
    };
    if let Some(found) = found {
        return Ok(found.clone());
    }
    if let Some(run) = run.filter(|_| !of_benchmark.is_empty()) {
        bail!("{name} has no report of the run {run}: there are those of {}", runs());
    }
    benchmark.as_ref().with_context(|| access.neither(name))?;
    bail!("{name} has no report yet: `kubectl clusterbenchmark watch {name}` shows how it goes")
}

/// Whether it is the report of a whole run of the benchmark, and not of one of its launches or generators.
fn is_whole(report: &BenchmarkReport, benchmark: &str) -> bool {
    let labels = report.meta().labels.as_ref();
    let has = |label: &str| labels.is_some_and(|labels| labels.contains_key(label));
    report.spec.benchmark == benchmark && has(RUN_LABEL) && !has(LAUNCH_LABEL) && !has(GENERATOR_LABEL)
}

/// The document that is stored in a BenchmarkReport.
pub(crate) fn document(stored: &BenchmarkReport) -> anyhow::Result<Report> {
    let name = stored.name_any();
    let document: Value = serde_json::from_str(&stored.spec.report)
        .with_context(|| format!("spec.report of {name} is no whole document: it was cut"))?;
    // The schema comes first: one of another may lack what this one has.
    if let Some(schema) = document["schema"].as_str().filter(|schema| *schema != wire::REPORT_SCHEMA) {
        bail!("{name} is of the schema {schema}, and this program reads {}: use a later one", wire::REPORT_SCHEMA);
    }
    serde_json::from_value(document).with_context(|| {
        format!(
            "spec.report of {name} cannot be read: it may be of a version of the operator later than this program's {}",
            env!("CARGO_PKG_VERSION")
        )
    })
}

/// What CloudWatch counted of the run, if that was added.
pub(crate) fn cloud_watch(stored: &BenchmarkReport) -> anyhow::Result<Option<CloudWatch>> {
    let text = stored.spec.cloud_watch.as_deref();
    text.map(serde_json::from_str)
        .transpose()
        .with_context(|| format!("spec.cloudWatch of {} cannot be read", stored.name_any()))
}

#[cfg(test)]
mod tests {
    use api::BenchmarkReportSpec;

    use super::*;

    fn read(report: &str) -> anyhow::Result<Report> {
        let spec = BenchmarkReportSpec {
            benchmark: "a".to_owned(),
            benchmark_uid: String::new(),
            run_id: "1".to_owned(),
            result: String::new(),
            requests_per_second: String::new(),
            p99: String::new(),
            finished_at: None,
            measured: Vec::new(),
            report_sha256: String::new(),
            report: report.to_owned(),
            cloud_watch: None,
        };
        document(&BenchmarkReport::new("a-1", spec))
    }

    fn why(report: &str) -> String {
        format!("{:#}", read(report).unwrap_err())
    }

    #[test]
    fn a_later_schema_is_named_and_a_report_that_was_cut_is_another_thing() {
        let later = r#"{"schema": "clusterbench.dev/report/v2", "result": []}"#;
        assert_eq!(
            why(later),
            "a-1 is of the schema clusterbench.dev/report/v2, and this program reads clusterbench.dev/report/v1: use a later one"
        );
        let cut = why(&later[..later.len() / 2]);
        assert!(cut.starts_with("spec.report of a-1 is no whole document: it was cut: "), "{cut}");
        let lacking = why(r#"{"schema": "clusterbench.dev/report/v1"}"#);
        assert!(lacking.starts_with("spec.report of a-1 cannot be read: it may be of a version"), "{lacking}");
        assert!(lacking.contains("missing field"), "{lacking}");
    }
}
