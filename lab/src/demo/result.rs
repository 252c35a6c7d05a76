//! The result of a run as a table and a sentence.

use anyhow::Context;
use report::Column;
use serde_json::Value;
use wire::Report;

use super::bench::Bench;
use crate::kubernetes::kubectl::Kubectl;

/// Reads the report of the newest run of `object`, and puts it into words.
pub(super) async fn of(kubectl: &Kubectl, bench: &Bench, object: &Value) -> anyhow::Result<String> {
    let run = object["status"]["runs"].as_array().and_then(|runs| runs.last()).context("status has no run")?;
    let name = run["report"].as_str().context("the run names no report")?;
    let get = ["get", "benchmarkreport", name, "--namespace", &bench.namespace, "--output=json"];
    let stored: Value = serde_json::from_str(&kubectl.run(&get).await?).context("kubectl printed broken JSON")?;
    let text = stored["spec"]["report"].as_str().context("the BenchmarkReport has no spec.report")?;
    let report: Report = serde_json::from_str(text).context("spec.report is not a report of this version")?;
    Ok(words(&report))
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

fn words(report: &Report) -> String {
    let mut text = format!("{}\n{}\n", Column::table(COLUMNS, &report.clusters), report.verdict);
    for reason in &report.reasons {
        text.push_str(&format!("not valid: {reason}\n"));
    }
    text
}
