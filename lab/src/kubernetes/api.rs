//! The API server as a kubelet asks it: whole objects as JSON, by path.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use futures::Stream;
use http::{Method, Request};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::core::WatchEvent;
use kube::{Client, Config, Error};
use serde_json::{Value, json};
use tokio::time::timeout;

/// The longest that one answer may take: the API server is on this machine.
const PATIENCE: Duration = Duration::from_secs(10);
/// After so long the server ends a watch in order, and it is begun anew.
const WATCH_SECONDS: u64 = 240;

/// A client with the administrator's credentials.
#[derive(Clone)]
pub(crate) struct Api(Client);

/// Why there is no answer that one could use.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refused {
    #[error("there is none")]
    Absent,
    /// Somebody else was first, or the object is another one under this name.
    #[error("{0}")]
    Conflict(String),
    /// It may be otherwise soon.
    #[error("{0}")]
    Unanswered(String),
}

impl Api {
    pub(crate) async fn of(kubeconfig: &Path) -> anyhow::Result<Self> {
        let file = Kubeconfig::read_from(kubeconfig);
        let file = file.with_context(|| format!("{} cannot be read", kubeconfig.display()))?;
        let config = Config::from_custom_kubeconfig(file, &KubeConfigOptions::default()).await;
        let mut config = config.with_context(|| format!("{} is no kubeconfig", kubeconfig.display()))?;
        // It is on this machine, whatever proxy the environment names.
        config.proxy_url = None;
        Ok(Self(Client::try_from(config).context("no client for the API server")?))
    }

    pub(crate) async fn get(&self, path: &str) -> Result<Value, Refused> {
        self.ask(Method::GET, path, None).await
    }

    pub(crate) async fn create(&self, path: &str, object: &Value) -> Result<Value, Refused> {
        self.ask(Method::POST, path, Some(("application/json", object))).await
    }

    /// Fields that are given replace those that are there (RFC 7396).
    pub(crate) async fn patch(&self, path: &str, fields: &Value) -> Result<Value, Refused> {
        self.ask(Method::PATCH, path, Some(("application/merge-patch+json", fields))).await
    }

    /// Deletes the object with this uid at once.
    pub(crate) async fn delete(&self, path: &str, uid: &str) -> Result<(), Refused> {
        let options = json!({ "apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0,
            "preconditions": { "uid": uid } });
        self.ask(Method::DELETE, path, Some(("application/json", &options))).await.map(drop)
    }

    /// What happens to objects of a list after a version of it.
    pub(crate) async fn watch(
        &self,
        path: &str,
        version: &str,
    ) -> Result<impl Stream<Item = Result<WatchEvent<Value>, Error>> + use<>, Refused> {
        let query = format!("{path}?watch=true&resourceVersion={version}&timeoutSeconds={WATCH_SECONDS}");
        let request = Request::get(query).body(Vec::new()).map_err(unanswered)?;
        match timeout(PATIENCE, self.0.request_events::<Value>(request)).await {
            Ok(Ok(events)) => Ok(events),
            Ok(Err(error)) => Err(refused(error)),
            Err(late) => Err(unanswered(late)),
        }
    }

    async fn ask(&self, method: Method, path: &str, body: Option<(&str, &Value)>) -> Result<Value, Refused> {
        let mut request = Request::builder().method(method).uri(path);
        let mut bytes = Vec::new();
        if let Some((kind, value)) = body {
            request = request.header("content-type", kind);
            bytes = value.to_string().into_bytes();
        }
        let request = request.body(bytes).map_err(unanswered)?;
        match timeout(PATIENCE, self.0.request::<Value>(request)).await {
            Ok(answer) => answer.map_err(refused),
            Err(late) => Err(unanswered(late)),
        }
    }
}

fn refused(error: Error) -> Refused {
    match error {
        Error::Api(status) if status.code == 404 => Refused::Absent,
        Error::Api(status) if status.code == 409 => Refused::Conflict(status.message),
        Error::Api(status) => Refused::Unanswered(status.message),
        other => unanswered(other),
    }
}

fn unanswered(error: impl std::error::Error) -> Refused {
    Refused::Unanswered(error.to_string())
}
