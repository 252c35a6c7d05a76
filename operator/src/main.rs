//! The deployed binary: arguments, and the wiring of cloud and controller. Nothing is decided here.

mod arguments;
mod artifacts;
mod control_sources;
mod guard;
mod own_address;
mod prices;
mod sweep;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use clap::Parser;
use controller::{HttpAgents, KubernetesStore, Metrics, Options, Reconciler};
use planner::Settings;
use planner::ports::{Compute, Regions};
use planner::world::{Artifacts, OwnAddresses};
use tracing_subscriber::EnvFilter;
use wire::Signer;

use crate::arguments::Arguments;
use crate::guard::Guard;
use crate::sweep::Sweep;

/// Bound on a control request: agents answer from memory, so longer means that they cannot be reached.
const AGENT_TIMEOUT: Duration = Duration::from_secs(5);

#[tokio::main]
async fn main() -> anyhow::Result<ExitCode> {
    log_to_stderr();
    // Not subcommands of the same arguments: who has only AWS credentials left, or only Kubernetes, has none of the others.
    let words: Vec<OsString> = std::env::args_os().collect();
    match words.get(1).and_then(|word| word.to_str()) {
        Some("sweep") => sweep::sweep(Sweep::parse_from(&words[1..])).await,
        Some("guard") => guard::guard(Guard::parse_from(&words[1..])).await,
        _ => run(Arguments::parse()).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let metrics = Metrics::default().with_live(arguments.live_metrics);
    let counted = metrics.clone();
    let aws = cloud::Aws::load().await.counting(move |action, failure| counted.count_call(action, failure));
    let region = arguments
        .region
        .clone()
        .or(aws.default_region().map(str::to_owned))
        .context("no AWS region: set --region or AWS_REGION")?;
    let identity = aws
        .region(&region)
        .identity()
        .await
        .with_context(|| {
            format!("cannot ask AWS in {region} who we are (sts:GetCallerIdentity): check the region (AWS_REGION) and the credentials")
        })?;
    let client = controller::connect().await.context("no Kubernetes cluster: set KUBECONFIG, or run in a pod")?;
    let kubernetes_cluster = controller::kubernetes_cluster_uid(client.clone()).await?;
    let signer = Signer::new(controller::control_seed(client.clone(), &arguments.namespace).await?);
    let options = Options {
        admin_listen: arguments.admin_listen,
        namespace: arguments.namespace.clone(),
        identity: arguments.identity.clone().unwrap_or_else(|| format!("operator-{}", std::process::id())),
        lease: Duration::from_secs(arguments.lease_seconds),
        sweep_regions: if arguments.sweep_regions.is_empty() {
            vec![region.clone()]
        } else {
            arguments.sweep_regions.clone()
        },
    };
    let (artifacts, programs) = artifacts::artifacts(&arguments)?;
    let settings = settings(&arguments, artifacts, region, kubernetes_cluster, signer.public_key())?;
    tracing::info!(account = identity.account, arn = identity.arn, ?settings, "starting{}", without_sources(&settings));
    let reconciler = Reconciler::new(
        KubernetesStore::new(client.clone()),
        aws,
        HttpAgents::new(signer, programs, AGENT_TIMEOUT),
        settings,
        Arc::new(jiff::Timestamp::now),
        metrics,
    );
    controller::run(client, reconciler, options).await?;
    tracing::info!("stopped");
    Ok(())
}

fn settings(
    arguments: &Arguments,
    artifacts: Artifacts,
    region: String,
    kubernetes_cluster: String,
    public_key: String,
) -> anyhow::Result<Settings> {
    let seconds = |value: u32| jiff::SignedDuration::from_secs(i64::from(value));
    Ok(Settings {
        installation: arguments.installation.clone(),
        kubernetes_cluster,
        process: process_name(arguments),
        region,
        artifacts,
        public_key,
        control_sources: arguments.control_sources.0.clone(),
        own_addresses: OwnAddresses { pod: arguments.address.0, node: arguments.node_address.0 },
        settle: seconds(arguments.settle_seconds),
        proof_gap: seconds(arguments.proof_gap_seconds),
        launch_window: seconds(arguments.launch_window_seconds),
        boot_deadline: seconds(arguments.boot_deadline_seconds),
        last_call: seconds(arguments.last_call_seconds),
        refusal_pause: seconds(arguments.refusal_pause_seconds),
        prices: prices::read(arguments.prices.as_deref())?,
    })
}

/// What the first line says where the operator was told no control sources.
fn without_sources(settings: &Settings) -> String {
    if !settings.control_sources.is_empty() {
        return String::new();
    }
    let addresses: Vec<String> = settings.own_addresses.all().iter().map(ToString::to_string).collect();
    let or_refused = "set controlSources (OPERATOR_CONTROL_SOURCES) where benchmarks are refused with NoControlSources";
    if addresses.is_empty() {
        return format!(" without control sources, and without an address to find the own VPC by: {or_refused}");
    }
    let (addresses, region) = (addresses.join(" or "), &settings.region);
    format!(
        " without control sources: those of the VPC in {region} in which an interface has {addresses}; {or_refused}"
    )
}

/// A pod that starts again has the same name and the same process id.
fn process_name(arguments: &Arguments) -> String {
    let started = jiff::Timestamp::now().as_microsecond();
    format!("{}-{started:x}", arguments.identity.as_deref().unwrap_or("operator"))
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
