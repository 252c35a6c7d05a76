//! The Kubernetes control plane: which binaries, with which flags.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use crate::kubernetes::certificates::Certificates;
use crate::kubernetes::kubeconfig::{self, User};
use crate::kubernetes::kubectl::Kubectl;
use crate::part::Program;
use crate::state::State;

/// Names the control plane: one binary that is all programs, or a directory with one binary each.
pub(crate) const VARIABLE: &str = "CLUSTERBENCHMARK_CONTROLPLANE";

/// The controllers that a Benchmark's life depends on, and those of the chart's Deployment and of its hook's Job; pods want the
/// ConfigMap with the certificate authority that the publisher makes. The others serve what a lab has not: several nodes, Services, volumes.
const CONTROLLERS: &str = "--controllers=garbage-collector-controller,namespace-controller,serviceaccount-controller,\
                           job-controller,deployment-controller,replicaset-controller,root-ca-certificate-publisher-controller";

/// Programs of the control plane.
#[derive(Clone, Debug)]
pub(crate) enum Binaries {
    /// Does what the name it is called by says.
    One(PathBuf),
    Directory(PathBuf),
}

impl Binaries {
    pub(crate) fn find() -> anyhow::Result<Self> {
        let Some(path) = env::var_os(VARIABLE).or_else(|| env::var_os("KUBEBUILDER_ASSETS")) else {
            bail!("{VARIABLE} is not set: start the lab with `cargo xtask lab up`, which builds the control plane");
        };
        Self::at(Path::new(&path))
    }

    fn at(path: &Path) -> anyhow::Result<Self> {
        let path = path.canonicalize().with_context(|| format!("{VARIABLE} is {}", path.display()))?;
        Ok(if path.is_dir() { Self::Directory(path) } else { Self::One(path) })
    }

    /// Path of a program, if there is one.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        match self {
            Self::One(path) => Some(path.clone()),
            Self::Directory(directory) => Some(directory.join(name)).filter(|path| path.is_file()),
        }
    }
}

/// The first program of this name in `PATH`.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(name)).find(|path| path.is_file())
}

/// The search path of our own calls: kubectl of the same version as the server before whatever is in `PATH`.
pub(crate) fn kubectl(state: &State, binaries: Option<&Binaries>, lab: &Path) -> anyhow::Result<Kubectl> {
    let path = binaries.and_then(|binaries| binaries.path("kubectl")).or_else(|| in_path("kubectl"));
    let path = path.context("no kubectl in PATH: install it, or unset KUBEBUILDER_ASSETS and one is built")?;
    Ok(Kubectl::new(&path, lab, &state.kubeconfig(), &state.path("kube-cache")))
}

/// Ports of 127.0.0.1.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ports {
    pub(crate) etcd: u16,
    pub(crate) etcd_peer: u16,
    pub(crate) apiserver: u16,
}

/// A control plane whose keys are on disk.
pub(crate) struct ControlPlane<'a> {
    pub(crate) state: &'a State,
    pub(crate) binaries: &'a Binaries,
    pub(crate) ports: Ports,
    pub(crate) lab: &'a Path,
}

impl ControlPlane<'_> {
    /// Writes keys and the administrator's kubeconfig.
    pub(crate) fn write_keys(&self) -> anyhow::Result<()> {
        let keys = Certificates::generate()?;
        self.state.make("pki")?;
        for (name, content) in [
            ("ca.crt", &keys.authority),
            ("apiserver.crt", &keys.server.certificate),
            ("apiserver.key", &keys.server.key),
            ("token.key", &keys.token_key),
            ("token.pub", &keys.token_public_key),
        ] {
            self.state.write(&format!("pki/{name}"), content.as_bytes())?;
        }
        let server = format!("https://{}", self.apiserver_address());
        let authority = data_encoding::BASE64.encode(keys.authority.as_bytes());
        let text = kubeconfig::text(&server, &authority, &User::Certificate(&keys.admin));
        self.state.write("kubeconfig", text.as_bytes())
    }

    pub(crate) fn apiserver_address(&self) -> String {
        format!("127.0.0.1:{}", self.ports.apiserver)
    }

    pub(crate) fn etcd(&self) -> anyhow::Result<Program> {
        let (client, peer) = (url(self.ports.etcd), url(self.ports.etcd_peer));
        let mut data = OsString::from("--data-dir=");
        data.push(self.state.path("etcd"));
        let arguments = vec![
            data,
            "--name=lab".into(),
            format!("--listen-client-urls={client}").into(),
            format!("--advertise-client-urls={client}").into(),
            format!("--listen-peer-urls={peer}").into(),
            format!("--initial-advertise-peer-urls={peer}").into(),
            format!("--initial-cluster=lab={peer}").into(),
            // The data ends with the lab, and a killed process loses nothing that the kernel has.
            "--unsafe-no-fsync".into(),
            "--log-level=warn".into(),
        ];
        self.program("etcd", arguments, &client)
    }

    pub(crate) fn apiserver(&self) -> anyhow::Result<Program> {
        let pki = |name: &str| self.state.path("pki").join(name).into_os_string();
        let with = |flag: &str, value: OsString| {
            let mut argument = OsString::from(flag);
            argument.push(value);
            argument
        };
        let arguments = vec![
            format!("--etcd-servers={}", url(self.ports.etcd)).into(),
            "--bind-address=127.0.0.1".into(),
            // Else it looks for the address of a default route, and ends where there is none: in a container without a network
            // (k8s.io/apiserver, ServerRunOptions.DefaultAdvertiseAddress, and ResolveBindAddress of k8s.io/apimachinery).
            "--advertise-address=127.0.0.1".into(),
            format!("--secure-port={}", self.ports.apiserver).into(),
            with("--tls-cert-file=", pki("apiserver.crt")),
            with("--tls-private-key-file=", pki("apiserver.key")),
            with("--client-ca-file=", pki("ca.crt")),
            with("--service-account-key-file=", pki("token.pub")),
            with("--service-account-signing-key-file=", pki("token.key")),
            "--service-account-issuer=https://kubernetes.default.svc".into(),
            "--authorization-mode=RBAC".into(),
            "--service-cluster-ip-range=10.0.0.0/24".into(),
            // Pods are told another way than the `kubernetes` endpoints, and 127.0.0.1 may not be one.
            "--endpoint-reconciler-type=none".into(),
            "--profiling=false".into(),
        ];
        self.program("kube-apiserver", arguments, &format!("https://{}", self.apiserver_address()))
    }

    /// `None` when the binaries have none: namespaces then stay Terminating.
    pub(crate) fn controllers(&self) -> anyhow::Result<Option<Program>> {
        if self.binaries.path("kube-controller-manager").is_none() {
            return Ok(None);
        }
        let mut kubeconfig = OsString::from("--kubeconfig=");
        kubeconfig.push(self.state.kubeconfig());
        let mut authority = OsString::from("--root-ca-file=");
        authority.push(self.state.path("pki/ca.crt"));
        let arguments = vec![
            kubeconfig,
            authority,
            CONTROLLERS.into(),
            "--leader-elect=false".into(),
            "--secure-port=0".into(), // nobody asks it anything
            "--profiling=false".into(),
        ];
        self.program("kube-controller-manager", arguments, "-").map(Some)
    }

    fn program(&self, name: &str, arguments: Vec<OsString>, address: &str) -> anyhow::Result<Program> {
        let path = self.binaries.path(name).with_context(|| {
            format!("{VARIABLE} has no {name}: unset KUBEBUILDER_ASSETS, and `cargo xtask` builds one")
        })?;
        Ok(Program {
            name: name.to_owned(),
            path,
            arguments,
            environment: Vec::new(),
            address: address.to_owned(),
            log: self.state.log(name),
            lab: self.lab.to_owned(),
        })
    }
}

fn url(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}
