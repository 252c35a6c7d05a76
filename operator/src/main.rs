//! The deployed binary: arguments, and the wiring of cloud and controller. Nothing is decided here.

mod arguments;
mod artifacts;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use controller::{HttpAgents, KubernetesStore, Metrics, Options, Reconciler};
use planner::Settings;
use planner::ports::{Compute, Regions};
use tracing_subscriber::EnvFilter;
use wire::Signer;

use crate::arguments::Arguments;

/// Bound on a control request: agents answer from memory, so longer means that they cannot be reached.
const AGENT_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    log_to_stderr();
    let aws = cloud::Aws::load().await;
    let region = arguments
        .region
        .clone()
        .or(aws.default_region().map(str::to_owned))
        .context("no AWS region: set --region or AWS_REGION")?;
    let identity = aws
        .region(&region)
        .identity()
        .await
        .context("cannot ask AWS who we are (sts:GetCallerIdentity): check the credentials")?;
    let client = controller::connect().await.context("no Kubernetes cluster: set KUBECONFIG, or run in a pod")?;
    let kubernetes_cluster = controller::kubernetes_cluster_uid(client.clone()).await?;
    let signer = Signer::new(controller::control_seed(client.clone(), &arguments.namespace).await?);
    let settings = settings(&arguments, region, kubernetes_cluster, signer.public_key())?;
    tracing::info!(account = identity.account, arn = identity.arn, ?settings, "starting");
    let reconciler = Reconciler::new(
        KubernetesStore::new(client.clone()),
        aws,
        HttpAgents::new(signer, AGENT_TIMEOUT),
        settings,
        Arc::new(jiff::Timestamp::now),
        Metrics::default(),
    );
    controller::run(client, reconciler, Options { admin_listen: arguments.admin_listen }).await?;
    tracing::info!("stopped");
    Ok(())
}

fn settings(
    arguments: &Arguments,
    region: String,
    kubernetes_cluster: String,
    public_key: String,
) -> anyhow::Result<Settings> {
    let seconds = |value: u32| jiff::SignedDuration::from_secs(i64::from(value));
    Ok(Settings {
        installation: arguments.installation.clone(),
        kubernetes_cluster,
        region,
        artifacts: artifacts::read(&arguments.artifacts)?,
        public_key,
        control_sources: arguments.control_sources.clone(),
        settle: seconds(arguments.settle_seconds),
        proof_gap: seconds(arguments.proof_gap_seconds),
        launch_window: seconds(arguments.launch_window_seconds),
        boot_deadline: seconds(arguments.boot_deadline_seconds),
        refusal_pause: seconds(arguments.refusal_pause_seconds),
    })
}

fn log_to_stderr() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::IsTerminal::is_terminal(&std::io::stderr()) {
        logs.init();
    } else {
        logs.json().init();
    }
}
