//! The result of a run in the plugin's words, and as its page.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::process::Command;

use super::bench::Bench;
use crate::kubernetes::kubectl::Kubectl;
use crate::process;
use crate::state::State;
use crate::supervisor::binaries::PLUGIN;

/// Time for CloudWatch's account of a run: it is asked a minute after the run's last whole minute, by the next look of that minute,
/// and again a minute later.
const COUNTING: Duration = Duration::from_secs(6 * 60);
/// State of an account that is still to come.
const PENDING: &str = "Pending";

/// What the plugin prints of the newest report of `bench`.
pub(super) async fn report(state: &State, bench: &Bench, form: &[&str]) -> anyhow::Result<String> {
    let bin = state.path("bin");
    let of_it = ["report", &bench.name, "--namespace", &bench.namespace];
    let arguments = [&of_it[..], form].concat();
    let mut command = Command::from(process::bound_to_us(&bin.join("lab"), &bin.join(PLUGIN), PLUGIN));
    command.args(&arguments).env("KUBECONFIG", state.kubeconfig()).stdin(Stdio::null()).kill_on_drop(true);
    let output = command.output().await.context("the plugin cannot be started")?;
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        bail!("kubectl clusterbenchmark {}: {}", arguments.join(" "), why.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Leaves the newest report of `bench` as a page in a directory, with CloudWatch's account where there is to be one; where it is.
pub(super) async fn page(state: &State, kubectl: &Kubectl, bench: &Bench, directory: &Path) -> anyhow::Result<PathBuf> {
    counted(kubectl, bench).await?;
    let page = report(state, bench, &["--output", "html"]).await?;
    let path = directory.join(format!("{}.html", bench.name));
    std::fs::write(&path, page).with_context(|| format!("--html: {} cannot be written", path.display()))?;
    Ok(path)
}

/// Returns when the newest report has CloudWatch's account, whatever its state, if it is to have one, or has none in time.
async fn counted(kubectl: &Kubectl, bench: &Bench) -> anyhow::Result<()> {
    let get = ["get", "clusterbenchmark", &bench.name, "--namespace", &bench.namespace, "--output=json"];
    let object: Value = serde_json::from_str(&kubectl.run(&get).await?).context("kubectl printed broken JSON")?;
    let runs = object["status"]["runs"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_pending = |run: &&Value| run["cloudWatch"]["state"] == PENDING;
    let Some(name) = runs.last().filter(is_pending).and_then(|run| run["report"].as_str()) else { return Ok(()) };
    let minutes = COUNTING.as_secs() / 60;
    say::line(format_args!("the page waits for CloudWatch's account of the run, {minutes} minutes at most"));
    let object = format!("benchmarkreport/{name}");
    let timeout = format!("--timeout={}s", COUNTING.as_secs());
    let wait = ["wait", "--for=jsonpath={.spec.cloudWatch}", &object, "--namespace", &bench.namespace, &timeout];
    if let Err(error) = kubectl.run(&wait).await {
        say::line(format_args!("the page is without it: {error:#}"));
    }
    Ok(())
}
