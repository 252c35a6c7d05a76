//! The process that is the lab: it holds the cloud, keeps the control plane and the operator running, and takes
//! everything with it when it ends.

pub(crate) mod admin;
pub(crate) mod artifacts;
pub(crate) mod binaries;
pub(crate) mod chaos;
pub(crate) mod cloud;
pub(crate) mod ledger;
pub(crate) mod network;
mod operator;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::interrupt::Interrupt;
use crate::kubelet::Kubelet;
use crate::kubelet::board::Board;
use crate::kubernetes::controlplane::{Binaries, ControlPlane, Ports};
use crate::kubernetes::install::Installation;
use crate::kubernetes::kubectl::Kubectl;
use crate::kubernetes::{controlplane, install, kubeconfig};
use crate::part::Part;
use crate::progress::Steps;
use crate::state::{Record, State};
use admin::Parts;
use artifacts::Artifacts;
use cloud::{Cloud, Seen};
use network::Network;

/// The time that a part gets between SIGTERM and SIGKILL. Its work is thrown away, only its children matter.
const GRACE: Duration = Duration::from_secs(3);
/// The time that a part may take to become ready. The API server needs 3 s alone and 20 s beside a build.
const PATIENCE: Duration = Duration::from_secs(90);
/// When the operator believes that what it does not see will not appear. The lab's lag is under a second.
const SETTLE_SECONDS: u64 = 5;
/// Name of the operator's installation.
const INSTALLATION: &str = "lab";
/// Pause between two looks at readiness.
const POLL_INTERVAL: Duration = Duration::from_millis(100);
/// A part that ended this often before it was ready never will be.
const HOPELESS_RESTARTS: u32 = 4;

/// The user's choices.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// AWS region that the lab plays
    #[arg(long, default_value = "eu-west-1")]
    pub(crate) region: String,
    /// Argument for the operator; may be repeated
    #[arg(long = "operator-arg", value_name = "ARGUMENT", allow_hyphen_values = true)]
    pub(crate) operator_arguments: Vec<String>,
    /// Use the Kubernetes cluster of this file instead of starting one; CRDs and RBAC are installed there and stay
    #[arg(long, value_name = "FILE")]
    pub(crate) kubeconfig: Option<PathBuf>,
    /// Directory of OCI archives and layouts, for containers on instances; it needs bwrap
    #[arg(long, value_name = "DIRECTORY")]
    pub(crate) images: Option<PathBuf>,
    /// Start without the operator and its resource definitions, for whoever installs the chart: its values are in values.yaml of the
    /// state directory
    #[arg(long, conflicts_with_all = ["kubeconfig", "operator_arguments"])]
    pub(crate) without_operator: bool,
}

impl Options {
    /// When the operator believes that what it does not see will not appear.
    fn settle_seconds(&self) -> u64 {
        self.given("--settle-seconds=").and_then(|seconds| seconds.parse().ok()).unwrap_or(SETTLE_SECONDS)
    }

    /// Value of an argument of the operator.
    fn given(&self, prefix: &str) -> Option<&str> {
        self.operator_arguments.iter().rev().find_map(|argument| argument.strip_prefix(prefix))
    }

    /// The same as command line arguments.
    pub(crate) fn arguments(&self) -> Vec<OsString> {
        let mut arguments = vec!["--region".into(), (&self.region).into()];
        for argument in &self.operator_arguments {
            arguments.push(format!("--operator-arg={argument}").into());
        }
        if let Some(file) = &self.kubeconfig {
            arguments.extend(["--kubeconfig".into(), file.into()]);
        }
        if let Some(directory) = &self.images {
            arguments.extend(["--images".into(), directory.into()]);
        }
        if self.without_operator {
            arguments.push("--without-operator".into());
        }
        arguments
    }
}

/// Runs a lab until a signal ends it. Steps go to standard output, for whoever started it.
pub(crate) async fn supervise(state: &State, options: &Options, interrupt: &mut Interrupt) -> anyhow::Result<()> {
    let mut steps = Steps::to_standard_output();
    let claim = match state.claim() {
        Ok(Some(claim)) => claim,
        Ok(None) => bail!(steps.failed("another lab is up in this directory", None)),
        Err(error) => bail!(steps.failed(&format!("{error:#}"), None)),
    };
    let mut lab = Lab::new(state, options);
    let started = tokio::select! {
        started = lab.start(&mut steps) => started,
        signal = interrupt.wait() => Err(anyhow::anyhow!("{signal} before the lab was ready")),
    };
    let ended = match started {
        Ok(()) => {
            steps.ready();
            tracing::info!("ready");
            tokio::select! {
                signal = interrupt.wait() => { tracing::info!(signal, "ending"); Ok(()) }
                error = lab.broken() => Err(error),
            }
        }
        Err(error) => {
            steps.failed(&format!("{error:#}"), lab.unready);
            Err(error)
        }
    };
    lab.stop().await;
    if let Err(error) = state.clear_all_but_logs() {
        tracing::warn!(error = format!("{error:#}"), "the state directory keeps more than the logs");
    }
    drop(claim);
    ended
}

struct Lab<'a> {
    state: &'a State,
    options: &'a Options,
    parts: Parts,
    cloud: Option<Cloud>,
    servers: JoinSet<std::io::Result<()>>,
    /// The part that is being waited for.
    unready: Option<&'static str>,
    network: Option<Network>,
    kubelet: Option<Kubelet>,
}

impl<'a> Lab<'a> {
    fn new(state: &'a State, options: &'a Options) -> Self {
        let (parts, servers) = (Parts::default(), JoinSet::new());
        Self { state, options, parts, cloud: None, servers, unready: None, network: None, kubelet: None }
    }

    async fn start(&mut self, steps: &mut Steps) -> anyhow::Result<()> {
        let swept = Cloud::sweep(self.state)?;
        if swept > 0 {
            steps.done(&format!("{swept} processes of an earlier lab ended"))?;
        }
        self.state.clear()?;
        self.state.make("logs")?;
        if let Some(directory) = &self.options.images {
            let link =
                || std::os::unix::fs::symlink(directory.canonicalize()?, lab::machine::images(self.state.directory()));
            link().with_context(|| format!("--images {}", directory.display()))?;
        }
        let bin = binaries::install(self.state)?;
        let lab = bin.join("lab");
        let network = Network::claim()?;
        let mut ports = BTreeMap::new();

        let binaries = if self.options.kubeconfig.is_none() { Some(Binaries::find()?) } else { None };
        let kubectl = controlplane::kubectl(self.state, binaries.as_ref(), &lab)?;
        if let Some(binaries) = &binaries {
            self.start_control_plane(binaries, &lab, &mut ports)?;
        } else if let Some(file) = &self.options.kubeconfig {
            self.adopt(file)?;
        }
        provide_kubectl(&bin, binaries.as_ref())?;

        // The cloud is ready before the API server is.
        let cloud = Cloud::start(self.state, &lab, &network, &self.options.region).await?;
        let endpoint = cloud.endpoint();
        ports.insert("aws".to_owned(), port_of(&endpoint)?);
        let seen = cloud.seen(self.options.settle_seconds());
        let node = cloud.node();
        self.cloud = Some(cloud);
        self.provide_artifacts(&bin, &mut ports).await?;
        let admin = self.serve_admin(seen, kubectl.clone(), &mut ports).await?;
        steps.done(&format!("cloud: {} in {}, instances in {}", endpoint, self.options.region, network.cidr()))?;

        let mut record = Record {
            supervisor: std::process::id().cast_signed(),
            started_at: Timestamp::now(),
            ready_at: None,
            admin,
            aws_endpoint: endpoint.clone(),
            region: self.options.region.clone(),
            kubeconfig: self.state.kubeconfig(),
            network: network.cidr(),
            ports,
        };
        let pods = network.of_pods();
        self.network = Some(network);
        self.state.write_record(&record)?;
        let values = operator::values(self.state, &self.options.region, &endpoint)?;
        self.state.write("values.yaml", values.text().as_bytes())?;

        self.wait_for_api_server(&kubectl).await?;
        steps.done(&format!("Kubernetes: {}", self.state.kubeconfig().display()))?;
        if let Some(binaries) = &binaries {
            let ports = ports_of(&record)?;
            let plane = ControlPlane { state: self.state, binaries, ports, lab: &lab };
            match plane.controllers()? {
                Some(program) => drop(self.parts.add(Part::start(program)?)),
                None => steps.done("no kube-controller-manager: namespaces will stay Terminating")?,
            }
        }
        let server = self.server(&kubectl, binaries.is_some()).await?;
        let kubelet = Kubelet::new(self.state, &bin, (node.node, pods), server, binaries.is_some()).await?;
        self.parts.show(kubelet.board());
        let kubelet = self.kubelet.insert(kubelet);
        if let Some(cloud) = &self.cloud {
            let installation = self.options.given("--installation=").unwrap_or(INSTALLATION);
            cloud.attach_policy(&install::cluster_uid(kubelet.api()).await?, installation)?;
        }
        let bring = install::bring(&kubectl, operator::CREDENTIALS);
        if self.options.without_operator {
            bring.await?;
            kubelet.start().await?;
            let values = self.state.path("values.yaml");
            steps.done(&format!("no operator: install the chart with --values {}", values.display()))?;
        } else {
            let installation = Installation::with(&values, &self.options.operator_arguments)?;
            // The operator's pod is run once its resource definitions are served.
            let applied = async {
                bring.await?;
                if binaries.is_some() {
                    installation.apply(&kubectl).await
                } else {
                    installation.apply_without_deployment(&kubectl).await
                }
            };
            tokio::try_join!(install::crds(&kubectl), applied)?;
            steps.done("custom resources, permissions and the operator's account")?;
            self.unready = Some(operator::CONTAINER);
            if binaries.is_some() {
                kubelet.start().await?;
            } else {
                // That Kubernetes cluster has kubelets of its own, and would not know what to do with a node that is none of its.
                kubelet.run_static(installation.pod())?;
            }
            wait_for(&kubelet.board(), operator::CONTAINER).await?;
            self.unready = None;
            steps.done("operator")?;
        }
        record.ready_at = Some(Timestamp::now());
        self.state.write_record(&record)
    }

    /// Address and certificate authority (base64) of the API server.
    async fn server(&self, kubectl: &Kubectl, is_ours: bool) -> anyhow::Result<(String, String)> {
        let view = if is_ours {
            fs::read_to_string(self.state.kubeconfig())? // as we wrote it
        } else {
            kubectl.run(&["config", "view", "--raw", "--minify", "--flatten", "--output=json"]).await?
        };
        kubeconfig::server_of(&view).context("the kubeconfig names no server")
    }

    fn start_control_plane(
        &self,
        binaries: &Binaries,
        lab: &Path,
        ports: &mut BTreeMap<String, u16>,
    ) -> anyhow::Result<()> {
        for name in ["etcd", "etcd-peer", "apiserver"] {
            let port = network::free_port(&ports.values().copied().collect::<Vec<_>>())?;
            ports.insert(name.to_owned(), port);
        }
        let (etcd, etcd_peer, apiserver) = (ports["etcd"], ports["etcd-peer"], ports["apiserver"]);
        let ports = Ports { etcd, etcd_peer, apiserver };
        let plane = ControlPlane { state: self.state, binaries, ports, lab };
        plane.write_keys()?;
        self.parts.add(Part::start(plane.etcd()?)?);
        // It keeps trying until etcd answers.
        self.parts.add(Part::start(plane.apiserver()?)?);
        Ok(())
    }

    /// Uses a Kubernetes cluster that is there.
    fn adopt(&self, kubeconfig: &Path) -> anyhow::Result<()> {
        let text = fs::read(kubeconfig).with_context(|| format!("--kubeconfig {}", kubeconfig.display()))?;
        self.state.write("kubeconfig", &text)
    }

    async fn wait_for_api_server(&mut self, kubectl: &Kubectl) -> anyhow::Result<()> {
        let ready = async || kubectl.run(&["get", "--raw=/readyz", "--request-timeout=5s"]).await.is_ok();
        let parts = self.parts.all();
        let Some(part) = parts.iter().find(|part| part.name() == "kube-apiserver") else {
            kubectl.run(&["get", "--raw=/readyz", "--request-timeout=10s"]).await?;
            return Ok(());
        };
        self.unready = Some("kube-apiserver");
        wait(part, ready).await?;
        self.unready = None;
        Ok(())
    }

    /// Programs of instances, to be brought or to be fetched.
    async fn provide_artifacts(&mut self, bin: &Path, ports: &mut BTreeMap<String, u16>) -> anyhow::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for the artifacts")?;
        let address = listener.local_addr()?;
        ports.insert("artifacts".to_owned(), address.port());
        let directory = bin.to_owned();
        let artifacts = tokio::task::spawn_blocking(move || Artifacts::read(&directory)).await??;
        artifacts.write_index(self.state, address)?;
        artifacts.write_directory(self.state)?;
        Artifacts::write_curl_configuration(self.state, address)?;
        self.servers.spawn(async move { axum::serve(listener, artifacts.router()).await });
        Ok(())
    }

    async fn serve_admin(
        &mut self,
        seen: Seen,
        kubectl: Kubectl,
        ports: &mut BTreeMap<String, u16>,
    ) -> anyhow::Result<SocketAddr> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for the admin API")?;
        let address = listener.local_addr()?;
        ports.insert("admin".to_owned(), address.port());
        let router = admin::router(self.parts.clone(), seen, kubectl);
        self.servers.spawn(async move { axum::serve(listener, router).await });
        Ok(address)
    }

    /// Returns when something ends that must not. A lab that is half there would give wrong answers.
    async fn broken(&mut self) -> anyhow::Error {
        let cloud = async {
            match &mut self.cloud {
                Some(cloud) => cloud.ended().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            error = cloud => error,
            ended = self.servers.join_next() => anyhow::anyhow!("a server of the lab ended: {ended:?}"),
        }
    }

    /// Ends the parts in the opposite order of the start: nothing loses what it needs before it has ended.
    async fn stop(mut self) {
        if let Some(kubelet) = self.kubelet.take() {
            kubelet.stop(GRACE).await;
        }
        let parts = self.parts.all();
        let stopped = tokio::task::spawn_blocking(move || {
            for part in parts.iter().rev() {
                part.stop(GRACE);
            }
        });
        if let Err(error) = stopped.await {
            tracing::error!(%error, "a part could not be stopped");
        }
        if let Some(cloud) = self.cloud.take() {
            cloud.stop().await;
        }
        self.servers.shutdown().await;
    }
}

/// Looks until `is_ready`, or until the part is hopeless.
async fn wait(part: &Arc<Part>, is_ready: impl AsyncFn() -> bool) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        if is_ready().await {
            return Ok(());
        }
        let status = part.status();
        if status.restarts >= HOPELESS_RESTARTS {
            bail!("{} ended {} times, the last time with {}", status.name, status.restarts, status.last_end);
        }
        if tokio::time::Instant::now() > deadline {
            bail!("{} was not ready within {} s", status.name, PATIENCE.as_secs());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

/// Looks until a container is ready, or is hopeless.
async fn wait_for(board: &Board, container: &str) -> anyhow::Result<()> {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !board.is_ready(container) {
        let all = board.statuses();
        if let Some(one) = all.iter().find(|one| one.name == container && one.restarts >= HOPELESS_RESTARTS) {
            bail!("{container} ended {} times, the last time with {}", one.restarts, one.last_end);
        }
        if tokio::time::Instant::now() > deadline {
            let why = board.waits(container).map(|why| format!(": {why}")).unwrap_or_default();
            bail!("{container} was not ready within {} s{why}", PATIENCE.as_secs());
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
    Ok(())
}

/// A kubectl for `lab env`, where the user has none.
fn provide_kubectl(bin: &Path, binaries: Option<&Binaries>) -> anyhow::Result<()> {
    if controlplane::in_path("kubectl").is_some() {
        return Ok(());
    }
    if let Some(path) = binaries.and_then(|binaries| binaries.path("kubectl")) {
        std::os::unix::fs::symlink(path, bin.join("kubectl")).context("kubectl cannot be linked")?;
    }
    Ok(())
}

fn ports_of(record: &Record) -> anyhow::Result<Ports> {
    let port = |name: &str| record.ports.get(name).copied().with_context(|| format!("no port for {name}"));
    Ok(Ports { etcd: port("etcd")?, etcd_peer: port("etcd-peer")?, apiserver: port("apiserver")? })
}

fn port_of(url: &str) -> anyhow::Result<u16> {
    let port = url.trim_end_matches('/').rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.with_context(|| format!("{url} has no port"))
}
