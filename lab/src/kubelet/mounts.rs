//! The outside of a container: what it reads from the API server, as files and variables.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use data_encoding::BASE64;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout};

use crate::kubelet::launch::{self, Contents, Facts, Launch, Object, TOKEN, Waiting};
use crate::kubelet::place::Place;
use crate::kubelet::spec::{Head, PodSpec};
use crate::kubernetes::api::Refused;
use crate::kubernetes::kubeconfig::{self, User};
use crate::part::Program;

/// "The kubelet proactively requests rotation for the token if it is older than 80 % of its total time-to-live (TTL) or if the token
/// is older than 24 hours" (kubernetes.io, Configure Service Accounts for Pods).
const ROTATED_AFTER_PERCENT: u64 = 80;
const ROTATED_AFTER: Duration = Duration::from_secs(24 * 3600);

/// How long a restart waits for an answer when there is an older one.
const FRESH: Duration = Duration::from_secs(1);

/// What one pod reads.
pub(super) struct Mounts {
    place: Arc<Place>,
    head: Head,
    address: Ipv4Addr,
    /// What was read last; it serves while nobody answers, as a kubelet's cache does.
    contents: Contents,
    token_is_good_until: Option<Instant>,
}

impl Mounts {
    pub(super) fn new(place: Arc<Place>, head: &Head, address: Ipv4Addr) -> Self {
        Self { place, head: head.clone(), address, contents: Contents::new(), token_is_good_until: None }
    }

    /// The program of the pod's container; its files are written.
    pub(super) async fn program(&mut self, spec: &PodSpec) -> Result<Program, Waiting> {
        self.read(spec).await?;
        let root = self.root();
        let facts = self.facts(spec, &root);
        let launch = launch::launch(&facts, &self.contents)?;
        let written = self.write(&facts).and_then(|()| self.environment(&launch));
        let environment = match written {
            Ok(environment) => environment,
            Err(Failed::Waiting(waiting)) => return Err(waiting),
            Err(Failed::Disk(error)) => {
                return Err(Waiting { reason: "CreateContainerError", message: format!("{error:#}") });
            }
        };
        let container = spec.container();
        let port = container.first_port().map(|port| format!(":{port}")).unwrap_or_default();
        Ok(Program {
            name: container.name.clone(),
            path: self.place.bin.join("operator"),
            arguments: launch.arguments.into_iter().map(Into::into).collect(),
            environment: environment.into_iter().map(|(name, value)| (name.into(), value.into())).collect(),
            address: format!("http://{}{port}", self.address),
            log: self.place.state.log(&container.name),
            lab: self.place.bin.join("lab"),
        })
    }

    /// Writes what changed since: tokens that grow old, and objects that somebody edited ("mounted ConfigMaps are updated
    /// automatically", kubernetes.io, ConfigMaps).
    pub(super) async fn refresh(&mut self, spec: &PodSpec) {
        if let Err(waiting) = self.read(spec).await {
            tracing::warn!(pod = self.head.name, why = waiting.message, "volumes stay as they are");
            return;
        }
        let root = self.root();
        if let Err(Failed::Disk(error)) = self.write(&self.facts(spec, &root)) {
            tracing::warn!(pod = self.head.name, error = format!("{error:#}"), "volumes stay as they are");
        }
    }

    fn root(&self) -> PathBuf {
        self.place.state.path(&self.place.directory_of(&self.head))
    }

    fn facts<'a>(&'a self, spec: &'a PodSpec, root: &'a Path) -> Facts<'a> {
        let (pod_ip, host_ip) = (self.address.to_string(), self.place.node.address.to_string());
        Facts { head: &self.head, spec, pod_ip, host_ip, root }
    }

    async fn read(&mut self, spec: &PodSpec) -> Result<(), Waiting> {
        for object in launch::objects(spec)? {
            let is_token = matches!(object, Object::Token(_));
            if is_token && self.token_is_good_until.is_some_and(|until| Instant::now() < until) {
                continue;
            }
            let is_known = self.contents.contains_key(&object);
            let late = || Err(Refused::Unanswered("no answer".to_owned()));
            let fetched = if is_known {
                timeout(FRESH, self.fetch(spec, &object)).await.unwrap_or_else(|_| late())
            } else {
                self.fetch(spec, &object).await
            };
            match fetched {
                Ok(content) => drop(self.contents.insert(object, content)),
                // Whoever cannot do without it says so.
                Err(Refused::Absent) => drop(self.contents.remove(&object)),
                Err(_) if is_known => {}
                Err(error) => {
                    let message = format!("{object:?} cannot be read: {error}");
                    return Err(Waiting { reason: "ContainerCreating", message });
                }
            }
        }
        Ok(())
    }

    async fn fetch(&mut self, spec: &PodSpec, object: &Object) -> Result<BTreeMap<String, Vec<u8>>, Refused> {
        let path = |kind: &str, name: &str| format!("/api/v1/namespaces/{}/{kind}/{name}", self.head.namespace);
        match object {
            Object::ConfigMap(name) => {
                let map = self.place.api.get(&path("configmaps", name)).await?;
                let binary = decoded(&map["binaryData"]);
                Ok(texts(&map["data"]).chain(binary).collect())
            }
            Object::Secret(name) => Ok(decoded(&self.place.api.get(&path("secrets", name)).await?["data"]).collect()),
            Object::Token(seconds) => {
                let token = self.token(spec, *seconds).await?;
                let fresh = Duration::from_secs(seconds * ROTATED_AFTER_PERCENT / 100);
                self.token_is_good_until = Some(Instant::now() + fresh.min(ROTATED_AFTER));
                Ok([(TOKEN.to_owned(), token.into_bytes())].into())
            }
        }
    }

    /// A token that is good for as long as the pod exists (TokenRequest, `boundObjectRef`).
    async fn token(&self, spec: &PodSpec, seconds: u64) -> Result<String, Refused> {
        let (namespace, account) = (&self.head.namespace, &spec.service_account_name);
        let mut wanted = json!({ "expirationSeconds": seconds });
        if self.place.is_node {
            wanted["boundObjectRef"] =
                json!({ "apiVersion": "v1", "kind": "Pod", "name": self.head.name, "uid": self.head.uid });
        }
        let request = json!({ "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": wanted });
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token");
        let answer = self.place.api.create(&path, &request).await?;
        let token = answer["status"]["token"].as_str();
        token.map(str::to_owned).ok_or_else(|| Refused::Unanswered("a TokenRequest without a token".to_owned()))
    }

    fn write(&self, facts: &Facts<'_>) -> Result<(), Failed> {
        let directory = self.place.directory_of(&self.head);
        for (volume, path, content) in launch::files(facts, &self.contents).map_err(Failed::Waiting)? {
            let name = format!("{directory}/{volume}/{path}");
            let parent = name.rsplit_once('/').map_or(name.as_str(), |(parent, _)| parent);
            self.place.state.make(parent).map_err(Failed::Disk)?;
            self.place.state.write(&name, &content).map_err(Failed::Disk)?;
        }
        Ok(())
    }

    /// Its variables, and the one that says where the API server is.
    fn environment(&self, launch: &Launch) -> Result<Vec<(String, String)>, Failed> {
        let mut environment = launch.environment.clone();
        if let Some(account) = &launch.account {
            let (server, authority) = &self.place.server;
            let token = format!("{account}/{TOKEN}");
            let text = kubeconfig::text(server, authority, &User::TokenFile(&token));
            let name = format!("{}/kubeconfig", self.place.directory_of(&self.head));
            self.place.state.write(&name, text.as_bytes()).map_err(Failed::Disk)?;
            let path = self.place.state.path(&name);
            let path = path.to_str().context("the state directory is no text").map_err(Failed::Disk)?;
            environment.push(("KUBECONFIG".to_owned(), path.to_owned()));
        }
        Ok(environment)
    }
}

enum Failed {
    Waiting(Waiting),
    Disk(anyhow::Error),
}

fn texts(data: &Value) -> impl Iterator<Item = (String, Vec<u8>)> {
    let pairs = data.as_object().into_iter().flatten();
    pairs.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.as_bytes().to_vec())))
}

fn decoded(data: &Value) -> impl Iterator<Item = (String, Vec<u8>)> {
    texts(data).filter_map(|(key, value)| Some((key, BASE64.decode(&value).ok()?)))
}
