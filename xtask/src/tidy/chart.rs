//! The chart says the workspace's version, and its alerts and dashboard ask for metrics that there are.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

const CHART: &str = "charts/clusterbenchmark/";
const METRICS: &str = "docs/metrics.md";

pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    [versions(tree), metrics(tree)].concat()
}

/// `version` and `appVersion` are those of `[workspace.package]`.
fn versions(tree: &Tree) -> Vec<Finding> {
    let path = format!("{CHART}Chart.yaml");
    let Some(chart) = tree.files.get(&path) else { return Vec::new() };
    let workspace = tree.files.get("Cargo.toml").map(String::as_str).unwrap_or_default();
    let package = workspace.split("[workspace.package]").nth(1).unwrap_or_default();
    let version =
        package.lines().find_map(|line| line.strip_prefix("version = ")).unwrap_or_default().trim_matches('"');
    let differs = |key: &&str| !chart.lines().any(|line| line == format!("{key}: {version}"));
    let keys = ["version", "appVersion"].into_iter().filter(differs);
    keys.map(|key| Finding::new(&path, format!("`{key}` is not the workspace's: write `{key}: {version}`"))).collect()
}

/// Every metric that a file of the chart names is in the table of the operator's metrics.
fn metrics(tree: &Tree) -> Vec<Finding> {
    let documented = tree.files.get(METRICS).map(String::as_str).unwrap_or_default();
    let known: BTreeSet<&str> =
        documented.lines().filter_map(|line| line.strip_prefix("| `")?.split(['`', '{']).next()).collect();
    let mut findings = Vec::new();
    for (path, text) in tree.files.iter().filter(|(path, _)| path.starts_with(CHART)) {
        for (number, line) in text.lines().enumerate() {
            let words = line.split(|sign: char| !sign.is_ascii_alphanumeric() && sign != '_');
            for name in words.filter(|word| word.starts_with("clusterbench_")) {
                // The parts in which a histogram is served.
                let whole = ["_bucket", "_sum", "_count"].iter().find_map(|part| name.strip_suffix(part));
                if !known.contains(name) && !whole.is_some_and(|whole| known.contains(whole)) {
                    let what = format!("asks for {name}, which is not in {METRICS}: correct the name");
                    findings.push(Finding::new(format!("{path}:{}", number + 1), what));
                }
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(tree: &Tree) -> Vec<String> {
        findings(tree).iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_chart_of_another_version_is_found() {
        let tree = |chart| {
            let workspace =
                "[workspace]\n[workspace.package]\nversion = \"0.2.0\"\n[workspace.dependencies]\na = \"1\"";
            Tree::of([("Cargo.toml", workspace), ("charts/clusterbenchmark/Chart.yaml", chart)])
        };
        assert_eq!(said(&tree("apiVersion: v2\nversion: 0.2.0\nappVersion: 0.2.0\n")), [""; 0]);
        let found = said(&tree("version: 0.2.0\nappVersion: 0.1.0\n"));
        assert_eq!(
            found,
            ["charts/clusterbenchmark/Chart.yaml: `appVersion` is not the workspace's: write `appVersion: 0.2.0`"]
        );
    }

    #[test]
    fn a_metric_that_nobody_serves_is_found() {
        let table = "| `clusterbench_leads` | 1 |\n| `clusterbench_pass_seconds` | histogram |\n| `clusterbench_x_total{a,b}` | |";
        let tree =
            |text| Tree::of([(METRICS, table), ("charts/clusterbenchmark/dashboards/clusterbenchmark.json", text)]);
        let good = "rate(clusterbench_pass_seconds_bucket[5m]) clusterbench_leads{a=\"clusterbench.dev\"} clusterbench_x_total";
        assert_eq!(said(&tree(good)), [""; 0]);
        assert_eq!(
            said(&tree("\"max(clusterbench_leads)\"\n\"clusterbench_lead\"")),
            [
                "charts/clusterbenchmark/dashboards/clusterbenchmark.json:2: asks for clusterbench_lead, which is not in docs/metrics.md: correct the name"
            ]
        );
    }
}
