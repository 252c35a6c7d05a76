//! Calls of kubectl: the lab does to Kubernetes what a user does, with what a user has.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

use crate::process;

/// kubectl with the credentials of one lab.
#[derive(Clone, Debug)]
pub(crate) struct Kubectl {
    path: PathBuf,
    lab: PathBuf,
    kubeconfig: PathBuf,
    cache: PathBuf,
}

impl Kubectl {
    /// `cache` keeps what kubectl learns of a short-lived server out of the user's own cache.
    pub(crate) fn new(path: &Path, lab: &Path, kubeconfig: &Path, cache: &Path) -> Self {
        Self { path: path.to_owned(), lab: lab.to_owned(), kubeconfig: kubeconfig.to_owned(), cache: cache.to_owned() }
    }

    /// The same without what it has learned, for as long as the value lives.
    pub(crate) fn newcomer(&self) -> Newcomer {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let mut cache = self.cache.clone().into_os_string();
        cache.push(format!("-newcomer-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
        Newcomer(Self { cache: cache.into(), ..self.clone() })
    }

    /// A call that ends with us.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::from(process::bound_to_us(&self.lab, &self.path, "kubectl"));
        command
            .arg("--cache-dir")
            .arg(&self.cache)
            .args(arguments)
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .kill_on_drop(true);
        command
    }

    /// Returns what it prints. Its own words become the error.
    pub(crate) async fn run(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let output = self.command(arguments).output().await.context("kubectl cannot be started")?;
        answer(arguments, &output)
    }

    /// The same with a document on standard input.
    pub(crate) async fn feed(&self, arguments: &[&str], input: &str) -> anyhow::Result<String> {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().context("kubectl cannot be started")?;
        let mut pipe = child.stdin.take().context("kubectl has no standard input")?;
        let input = input.to_owned();
        // Written beside reading: a long document and long answers would wait for each other.
        let writing = tokio::spawn(async move { pipe.write_all(input.as_bytes()).await });
        let output = child.wait_with_output().await?;
        let _ = writing.await; // kubectl that refuses a document early closes the pipe, and says why
        answer(arguments, &output)
    }
}

/// kubectl with a memory of its own, which is forgotten in the end.
#[derive(Debug)]
pub(crate) struct Newcomer(Kubectl);

impl Newcomer {
    pub(crate) fn kubectl(&self) -> &Kubectl {
        &self.0
    }
}

impl Drop for Newcomer {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0.cache); // there is none if kubectl learned nothing
    }
}

fn answer(arguments: &[&str], output: &std::process::Output) -> anyhow::Result<String> {
    if !output.status.success() {
        bail!("kubectl {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
