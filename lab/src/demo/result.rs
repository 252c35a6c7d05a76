//! The result of a run as a table, a chart and a sentence, and as a page.

use std::path::{Path, PathBuf};

use anyhow::Context;
use report::Column;
use serde_json::Value;
use wire::Report;

use super::bench::Bench;
use crate::kubernetes::kubectl::Kubectl;

/// Reads the report of the newest run of `object`.
pub(super) async fn of(kubectl: &Kubectl, bench: &Bench, object: &Value) -> anyhow::Result<Report> {
    let run = object["status"]["runs"].as_array().and_then(|runs| runs.last()).context("status has no run")?;
    let name = run["report"].as_str().context("the run names no report")?;
    let get = ["get", "benchmarkreport", name, "--namespace", &bench.namespace, "--output=json"];
    let stored: Value = serde_json::from_str(&kubectl.run(&get).await?).context("kubectl printed broken JSON")?;
    let text = stored["spec"]["report"].as_str().context("the BenchmarkReport has no spec.report")?;
    serde_json::from_str(text).context("spec.report is not a report of this version")
}

/// The same of a benchmark as it is now.
pub(super) async fn last(kubectl: &Kubectl, bench: &Bench) -> anyhow::Result<Report> {
    let get = ["get", "clusterbenchmark", &bench.name, "--namespace", &bench.namespace, "--output=json"];
    let object = serde_json::from_str(&kubectl.run(&get).await?).context("kubectl printed broken JSON")?;
    of(kubectl, bench, &object).await
}

/// Leaves the report as a page in a directory; where it is.
pub(super) fn page(report: &Report, bench: &Bench, directory: &Path) -> anyhow::Result<PathBuf> {
    let page = report::html(report, None).context("--html")?;
    std::fs::create_dir_all(directory).with_context(|| format!("--html: {} cannot be made", directory.display()))?;
    let path = directory.join(format!("{}.html", bench.name));
    std::fs::write(&path, page).with_context(|| format!("--html: {} cannot be written", path.display()))?;
    Ok(path)
}

/// Columns of the demo: those of every report up to p99, and what each instance served.
const COLUMNS: [Column; 8] = [
    Column::Cluster,
    Column::Requests,
    Column::Failed,
    Column::RequestsPerSecond,
    Column::P50,
    Column::P90,
    Column::P99,
    Column::Shares,
];

/// The numbers, how much each round differed, and the verdict.
pub(super) fn words(report: &Report) -> String {
    let table = Column::table(COLUMNS, &report.clusters);
    let mut text = format!("{table}\n{}{}\n", report::differences(report), report.verdict);
    for reason in &report.reasons {
        text.push_str(&format!("not valid: {reason}\n"));
    }
    text
}
