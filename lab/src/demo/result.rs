//! The result of a run in the plugin's words, and as a page.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::process::Command;
use wire::{CloudWatch, Report};

use super::bench::Bench;
use crate::kubernetes::kubectl::Kubectl;
use crate::process;
use crate::state::State;
use crate::supervisor::binaries::PLUGIN;

/// Time for CloudWatch's account of a run: it is asked a minute after the run's last whole minute, and again a minute later.
const COUNTING: Duration = Duration::from_secs(4 * 60);
/// State of an account that is still to come.
const PENDING: &str = "Pending";

/// What the plugin prints of the newest report of `bench`.
pub(super) async fn words(state: &State, bench: &Bench) -> anyhow::Result<String> {
    let bin = state.path("bin");
    let arguments = ["report", &bench.name, "--namespace", &bench.namespace];
    let mut command = Command::from(process::bound_to_us(&bin.join("lab"), &bin.join(PLUGIN), PLUGIN));
    command.args(arguments).env("KUBECONFIG", state.kubeconfig()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.context("the plugin cannot be started")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("kubectl clusterbenchmark {}: {}", arguments.join(" "), why.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Leaves the report of the newest run of `bench` as a page in a directory, with CloudWatch's account where there is to be one;
/// where it is.
pub(super) async fn page(kubectl: &Kubectl, bench: &Bench, directory: &Path) -> anyhow::Result<PathBuf> {
    let object = get(kubectl, bench, "clusterbenchmark", &bench.name).await?;
    let run = object["status"]["runs"].as_array().and_then(|runs| runs.last()).context("status has no run")?;
    let name = run["report"].as_str().context("the run names no report")?;
    if run["cloudWatch"]["state"] == PENDING {
        counted(kubectl, bench, name).await;
    }
    let stored = get(kubectl, bench, "benchmarkreport", name).await?;
    let (report, account) = documents(&stored["spec"])?;
    let page = report::html(&report, account.as_ref()).context("--html")?;
    std::fs::create_dir_all(directory).with_context(|| format!("--html: {} cannot be made", directory.display()))?;
    let path = directory.join(format!("{}.html", bench.name));
    std::fs::write(&path, page).with_context(|| format!("--html: {} cannot be written", path.display()))?;
    Ok(path)
}

async fn get(kubectl: &Kubectl, bench: &Bench, kind: &str, name: &str) -> anyhow::Result<Value> {
    let get = ["get", kind, name, "--namespace", &bench.namespace, "--output=json"];
    serde_json::from_str(&kubectl.run(&get).await?).context("kubectl printed broken JSON")
}

/// Returns when a BenchmarkReport has CloudWatch's account, whatever its state, or has none in time.
async fn counted(kubectl: &Kubectl, bench: &Bench, report: &str) {
    let minutes = COUNTING.as_secs() / 60;
    say::line(format_args!("the page waits for CloudWatch's account of the run, {minutes} minutes at most"));
    let object = format!("benchmarkreport/{report}");
    let timeout = format!("--timeout={}s", COUNTING.as_secs());
    let wait = ["wait", "--for=jsonpath={.spec.cloudWatch}", &object, "--namespace", &bench.namespace, &timeout];
    if let Err(error) = kubectl.run(&wait).await {
        say::line(format_args!("the page is without it: {error:#}"));
    }
}

/// What a BenchmarkReport holds: the report, and CloudWatch's account if that was added.
fn documents(spec: &Value) -> anyhow::Result<(Report, Option<CloudWatch>)> {
    let text = spec["report"].as_str().context("the BenchmarkReport has no spec.report")?;
    let report = serde_json::from_str::<Report>(text).context("spec.report is not a report of this version")?;
    let account = spec["cloudWatch"].as_str().map(serde_json::from_str::<CloudWatch>).transpose();
    Ok((report, account.context("spec.cloudWatch is not an account of this version")?))
}
