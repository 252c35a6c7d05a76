//! The result of a run as a table and a sentence.

use std::collections::BTreeMap;

use anyhow::Context;
use serde_json::Value;
use wire::Report;

use super::bench::Bench;
use crate::kubernetes::kubectl::Kubectl;
use crate::table::Table;

/// Reads the newest run of `object` and its report, and puts both into words.
pub(super) async fn of(kubectl: &Kubectl, bench: &Bench, object: &Value) -> anyhow::Result<String> {
    let run = object["status"]["runs"].as_array().and_then(|runs| runs.last()).context("status has no run")?;
    let name = run["report"].as_str().context("the run names no report")?;
    let get = ["get", "benchmarkreport", name, "--namespace", &bench.namespace, "--output=json"];
    let stored: Value = serde_json::from_str(&kubectl.run(&get).await?).context("kubectl printed broken JSON")?;
    let text = stored["spec"]["report"].as_str().context("the BenchmarkReport has no spec.report")?;
    let report: Report = serde_json::from_str(text).context("spec.report is not a report of this version")?;
    words(run, &report)
}

fn words(run: &Value, report: &Report) -> anyhow::Result<String> {
    let shares: BTreeMap<&str, String> =
        report.clusters.iter().map(|cluster| (cluster.cluster.as_str(), shares(&cluster.members))).collect();
    let mut table = Table::new(&["CLUSTER", "REQUESTS", "FAILED", "RPS", "P50", "P90", "P99", "SHARE PER INSTANCE"]);
    for cluster in run["clusters"].as_array().context("the run in status has no clusters")? {
        let name = cluster["name"].as_str().unwrap_or_default();
        let number = |field: &str| cluster[field].as_u64();
        table.row([
            name.to_owned(),
            number("requests").unwrap_or(0).to_string(),
            number("failed").unwrap_or(0).to_string(),
            number("requestsPerSecond").unwrap_or(0).to_string(),
            millis(number("p50Micros")),
            millis(number("p90Micros")),
            millis(number("p99Micros")),
            shares.get(name).cloned().unwrap_or_default(),
        ]);
    }
    let mut text = format!("{table}\n{}\n", report.verdict);
    for reason in &report.reasons {
        text.push_str(&format!("not valid: {reason}\n"));
    }
    Ok(text)
}

/// `25.1 25.0 24.9 25.0 %`, in the order of the instances' ids.
fn shares(members: &[wire::MemberShare]) -> String {
    let mut members: Vec<_> = members.iter().collect();
    members.sort_by(|one, other| one.id.cmp(&other.id));
    let shares =
        members.iter().map(|member| format!("{}.{}", member.share_per_mille / 10, member.share_per_mille % 10));
    format!("{} %", shares.collect::<Vec<_>>().join(" "))
}

/// `12.3 ms`; a quantile that failures reached has no value.
fn millis(micros: Option<u64>) -> String {
    micros.map_or_else(|| "-".to_owned(), |micros| format!("{}.{} ms", micros / 1000, micros % 1000 / 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_ordered_by_instance() {
        let member = |id: &str, share_per_mille| wire::MemberShare { id: id.to_owned(), requests: 0, share_per_mille };
        assert_eq!(shares(&[member("i-2", 245), member("i-1", 755)]), "75.5 24.5 %");
    }

    #[test]
    fn times_are_in_milliseconds() {
        assert_eq!(millis(Some(12_345)), "12.3 ms");
        assert_eq!(millis(None), "-");
    }
}
