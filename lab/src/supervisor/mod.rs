//! The process that is the lab: it holds the cloud, keeps the control plane and the operator running, and takes
//! everything with it when it ends.

pub(crate) mod admin;
pub(crate) mod artifacts;
pub(crate) mod chaos;
pub(crate) mod cloud;
pub(crate) mod ledger;
pub(crate) mod network;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use jiff::Timestamp;
use lab::aws::{OPERATOR_ACCESS_KEY, SECRET_KEY};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::fetch;
use crate::interrupt::Interrupt;
use crate::kubernetes::controlplane::{Binaries, ControlPlane, Ports};
use crate::kubernetes::kubectl::Kubectl;
use crate::kubernetes::{controlplane, install};
use crate::part::{Part, Program};
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
}

impl<'a> Lab<'a> {
    fn new(state: &'a State, options: &'a Options) -> Self {
        let (parts, servers) = (Parts::default(), JoinSet::new());
        Self { state, options, parts, cloud: None, servers, unready: None, network: None }
    }

    async fn start(&mut self, steps: &mut Steps) -> anyhow::Result<()> {
        let swept = Cloud::sweep(self.state)?;
        if swept > 0 {
            steps.done(&format!("{swept} processes of an earlier lab ended"))?;
        }
        self.state.clear()?;
        self.state.make("logs")?;
        let bin = install_binaries(self.state)?;
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
        self.cloud = Some(cloud);
        let artifacts = self.serve_artifacts(&bin, &mut ports).await?;
        let admin = self.serve_admin(seen, kubectl.clone(), &mut ports).await?;
        steps.done(&format!("cloud: {} in {}, instances in {}", endpoint, self.options.region, network.cidr()))?;

        let operator_port = network::free_port(&ports.values().copied().collect::<Vec<_>>())?;
        ports.insert("operator".to_owned(), operator_port);
        let mut record = Record {
            supervisor: std::process::id().cast_signed(),
            started_at: Timestamp::now(),
            ready_at: None,
            admin,
            aws_endpoint: endpoint,
            region: self.options.region.clone(),
            kubeconfig: self.state.kubeconfig(),
            network: network.cidr(),
            ports,
        };
        self.network = Some(network);
        self.state.write_record(&record)?;

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
        install::crds(&kubectl).await?;
        install::account(&kubectl, self.state).await?;
        if let Some(cloud) = &self.cloud {
            let installation = self.options.given("--installation=").unwrap_or(INSTALLATION);
            cloud.attach_policy(&install::cluster_uid(&kubectl).await?, installation)?;
        }
        steps.done("custom resources, permissions and the operator's account")?;

        let operator = self.operator(&bin, &lab, &record, artifacts)?;
        let operator = self.parts.add(Part::start(operator)?);
        self.unready = Some("operator");
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, operator_port));
        wait(&operator, async || matches!(fetch::get(address, "/readyz").await, Ok((200, _)))).await?;
        self.unready = None;
        steps.done("operator")?;
        record.ready_at = Some(Timestamp::now());
        self.state.write_record(&record)
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

    async fn serve_artifacts(&mut self, bin: &Path, ports: &mut BTreeMap<String, u16>) -> anyhow::Result<PathBuf> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("no port for the artifacts")?;
        let address = listener.local_addr()?;
        ports.insert("artifacts".to_owned(), address.port());
        let directory = bin.to_owned();
        let artifacts = tokio::task::spawn_blocking(move || Artifacts::read(&directory)).await??;
        artifacts.write_index(self.state, address)?;
        Artifacts::write_curl_configuration(self.state, address)?;
        self.servers.spawn(async move { axum::serve(listener, artifacts.router()).await });
        Ok(self.state.path("artifacts.json"))
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

    /// The shipped binary with what a Deployment would give it; nothing tells it that it is in a lab.
    fn operator(&self, bin: &Path, lab: &Path, record: &Record, artifacts: PathBuf) -> anyhow::Result<Program> {
        let admin = format!("127.0.0.1:{}", record.ports["operator"]);
        let settle = SETTLE_SECONDS.to_string();
        let mut environment: Vec<(OsString, OsString)> = vec![
            ("KUBECONFIG".into(), self.state.path("operator.kubeconfig").into()),
            ("OPERATOR_ARTIFACTS".into(), artifacts.into()),
        ];
        for (name, value) in [
            ("AWS_ENDPOINT_URL", record.aws_endpoint.as_str()),
            ("AWS_REGION", &record.region),
            ("AWS_ACCESS_KEY_ID", OPERATOR_ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET_KEY),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("POD_NAMESPACE", install::NAMESPACE),
            // Comes back under the same name after it was killed, and so need not wait for its own Lease.
            ("POD_NAME", "operator"),
            ("OPERATOR_ADMIN_LISTEN", &admin),
            // Proofs of absence need not wait for minutes here.
            ("OPERATOR_SETTLE_SECONDS", &settle),
            ("OPERATOR_PROOF_GAP_SECONDS", "2"),
            // A deletion waits until nothing that was asked for can still be made: seconds here, two minutes in AWS.
            ("OPERATOR_LAUNCH_WINDOW_SECONDS", "20"),
            ("OPERATOR_CONTROL_SOURCES", "127.0.0.0/8"),
            ("OPERATOR_INSTALLATION", INSTALLATION),
        ] {
            environment.push((name.into(), value.into()));
        }
        Ok(Program {
            name: "operator",
            path: bin.join("operator"),
            arguments: self.options.operator_arguments.iter().map(OsString::from).collect(),
            environment,
            address: format!("http://{admin}"),
            log: self.state.log("operator"),
            lab: lab.to_owned(),
        })
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

/// Gives the lab binaries of its own: a build must not change what a running lab restarts.
fn install_binaries(state: &State) -> anyhow::Result<PathBuf> {
    let itself = std::env::current_exe().context("the path of this program is unknown")?;
    let from = match std::env::var_os("CLUSTERBENCHMARK_BIN") {
        Some(directory) => PathBuf::from(directory),
        None => itself.parent().context("this program is in no directory")?.to_owned(),
    };
    let bin = state.make("bin")?;
    for name in ["operator", "worker", "starter", "balancer", "front", "puller", "loadgen"] {
        let (from, to) = (from.join(name), bin.join(name));
        // A link keeps the file that a later build replaces by another one; across file systems it is a copy.
        let linked = fs::hard_link(&from, &to).or_else(|_| fs::copy(&from, &to).map(drop));
        linked.with_context(|| format!("{} is missing: start the lab with `cargo xtask lab up`", from.display()))?;
    }
    let lab = bin.join("lab");
    fs::hard_link(&itself, &lab).or_else(|_| fs::copy(&itself, &lab).map(drop)).context("lab cannot be copied")?;
    Ok(bin)
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
