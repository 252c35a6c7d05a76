//! A small kubelet, and the scheduler of its only node: pods of the operator's image are processes of the lab.
//!
//! What a pod of one container asks for by `httpGet` probes, variables, ConfigMaps, Secrets, projected volumes and restarts is
//! done; what is not known is refused with a sentence in the pod's status. Resources, users, security contexts and networks are not
//! played: a process is one of this user's. It may reach everything that this user may.

mod backoff;
pub(crate) mod board;
mod image;
mod launch;
mod logs;
mod mounts;
mod node;
mod place;
mod probe;
mod report;
mod spec;
mod status;
mod worker;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use futures::StreamExt as _;
use jiff::Timestamp;
use kube::core::WatchEvent;
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::kubernetes::api::{Api, Refused};
use crate::state::State;
use board::{Board, Entry};
use logs::Tls;
use place::{NODE, Node, Place};
use report::Reports;
use spec::Head;
use status::Situation;
use worker::{Wish, Worker};

const PODS: &str = "/api/v1/pods";
/// Before the next try, when the API server is away.
const RETRY: Duration = Duration::from_millis(200);
/// A watch on which nothing was heard for so long is begun anew: a node's Lease is none of it, so it may just be quiet.
const SILENCE: Duration = Duration::from_secs(300);

/// A kubelet that runs.
pub(crate) struct Kubelet {
    place: Arc<Place>,
    now: Arc<Mutex<Now>>,
}

#[derive(Default)]
struct Now {
    is_stopping: bool,
    /// Workers by the uid of their pods.
    workers: BTreeMap<String, (watch::Sender<Wish>, JoinHandle<()>)>,
    tasks: JoinSet<()>,
}

impl Kubelet {
    /// A node with this address, whose pods have addresses of the /16 that begins at `pods`. Nothing is run yet.
    pub(crate) async fn new(
        state: &State,
        bin: &Path,
        (address, pods): (Ipv4Addr, Ipv4Addr),
        server: (String, String),
        is_node: bool,
    ) -> anyhow::Result<Self> {
        let place = Place {
            api: Api::of(&state.kubeconfig()).await?,
            state: state.clone(),
            bin: bin.to_owned(),
            node: Node::new(address, pods),
            server,
            board: Board::default(),
            is_node,
        };
        Ok(Self { place: Arc::new(place), now: Arc::default() })
    }

    /// Registers the node, and runs its pods from now on.
    pub(crate) async fn start(&self) -> anyhow::Result<()> {
        let tls = Tls::at(self.place.node.address).await?;
        node::register(&self.place).await.context("the lab's node cannot be registered")?;
        let (place, board) = (self.place.clone(), self.place.board.clone());
        self.spawn(async move { node::beat(&place).await });
        self.spawn(async move {
            if let Err(error) = logs::serve(tls, board).await {
                tracing::error!(%error, "kubectl logs is not answered any more");
            }
        });
        let (place, now) = (self.place.clone(), self.now.clone());
        self.spawn(async move { follow(&place, &now).await });
        Ok(())
    }

    /// Runs a pod that the API server does not know, as a static pod (kubernetes.io, Create static Pods).
    pub(crate) fn run_static(&self, pod: Value) -> anyhow::Result<()> {
        let head = Head::of(&pod)?;
        begin(&self.place, &self.now, head, pod);
        Ok(())
    }

    pub(crate) fn api(&self) -> &Api {
        &self.place.api
    }

    pub(crate) fn board(&self) -> Board {
        self.place.board.clone()
    }

    /// Ends all processes, and says nothing of it to the API server. Returns when they are gone.
    pub(crate) async fn stop(&self, grace: Duration) {
        let workers = {
            let mut now = lock(&self.now);
            now.is_stopping = true;
            now.tasks.abort_all();
            std::mem::take(&mut now.workers)
        };
        for (wish, _) in workers.values() {
            let _ = wish.send(Wish::End(grace)); // it has ended
        }
        for (_, worker) in workers.into_values() {
            let _ = worker.await; // a panic there has been printed
        }
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        lock(&self.now).tasks.spawn(task);
    }
}

fn lock(now: &Mutex<Now>) -> MutexGuard<'_, Now> {
    now.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps up with the pods of the API server, for ever.
async fn follow(place: &Arc<Place>, now: &Arc<Mutex<Now>>) {
    loop {
        if let Err(error) = follow_once(place, now).await {
            tracing::debug!(%error, "pods are listed anew");
        }
        sleep(RETRY).await;
    }
}

async fn follow_once(place: &Arc<Place>, now: &Arc<Mutex<Now>>) -> Result<(), Refused> {
    let list = place.api.get(PODS).await?;
    let pods = list["items"].as_array().map(Vec::as_slice).unwrap_or_default();
    let known = |uid: &String| pods.iter().any(|pod| pod["metadata"]["uid"] == **uid);
    let gone: Vec<String> = lock(now).workers.keys().filter(|uid| !known(uid)).cloned().collect();
    gone.iter().for_each(|uid| vanish(place, now, uid));
    for pod in pods {
        seen(place, now, pod.clone()).await?;
    }
    let version = list["metadata"]["resourceVersion"].as_str().unwrap_or_default();
    let mut events = Box::pin(place.api.watch(PODS, version).await?);
    while let Ok(Some(event)) = timeout(SILENCE, events.next()).await {
        match event.map_err(|error| Refused::Unanswered(error.to_string()))? {
            WatchEvent::Added(pod) | WatchEvent::Modified(pod) => seen(place, now, pod).await?,
            WatchEvent::Deleted(pod) => vanish(place, now, pod["metadata"]["uid"].as_str().unwrap_or_default()),
            WatchEvent::Bookmark(_) => {}
            WatchEvent::Error(status) => return Err(Refused::Unanswered(status.message)),
        }
    }
    Ok(())
}

/// A pod as it is now. After an error all are to be listed anew.
async fn seen(place: &Arc<Place>, now: &Arc<Mutex<Now>>, pod: Value) -> Result<(), Refused> {
    let Ok(head) = Head::of(&pod) else { return Ok(()) };
    match pod["spec"]["nodeName"].as_str().unwrap_or_default() {
        "" if head.deletion_timestamp.is_none() => schedule(place, &head, &pod).await?,
        NODE => {
            let is_over = matches!(pod["status"]["phase"].as_str(), Some("Succeeded" | "Failed"));
            if !is_over && !lock(now).workers.contains_key(&head.uid) {
                begin(place, now, head.clone(), pod);
            }
            if head.deletion_timestamp.is_some() {
                let grace = Duration::from_secs(head.deletion_grace_period_seconds.unwrap_or_default());
                wish(now, &head.uid, Wish::End(grace));
            }
        }
        _ => {}
    }
    Ok(())
}

/// Binds a pod to the node, if its labels are those that the pod asks for. Affinities and spreads are not looked at: there is
/// one node.
async fn schedule(place: &Place, head: &Head, pod: &Value) -> Result<(), Refused> {
    let labels = node::labels();
    let missing = spec::node_selector(pod).into_iter().find(|(name, value)| labels[name] != **value);
    let answer = match missing {
        None => {
            let binding = json!({ "apiVersion": "v1", "kind": "Binding",
                "metadata": { "name": head.name, "namespace": head.namespace, "uid": head.uid },
                "target": { "apiVersion": "v1", "kind": "Node", "name": NODE } });
            place.api.create(&format!("{}/binding", head.path()), &binding).await
        }
        Some((name, value)) => {
            let message = format!("0/1 nodes are available: the lab's node has no label {name}={value}");
            if pod["status"]["conditions"].to_string().contains(&message) {
                return Ok(());
            }
            let condition = json!({ "type": "PodScheduled", "status": "False", "reason": "Unschedulable",
                "message": message, "lastTransitionTime": status::seconds(Timestamp::now()) });
            let patch = json!({ "metadata": { "uid": head.uid }, "status": { "conditions": [condition] } });
            place.api.patch(&format!("{}/status", head.path()), &patch).await
        }
    };
    match answer {
        // It is gone, or it is bound already.
        Ok(_) | Err(Refused::Absent | Refused::Conflict(_)) => Ok(()),
        Err(error) => Err(error),
    }
}

/// Runs a pod, unless all is being ended.
fn begin(place: &Arc<Place>, now: &Arc<Mutex<Now>>, head: Head, pod: Value) {
    let mut now = lock(now);
    if now.is_stopping {
        return;
    }
    let (wish, wishes) = watch::channel(Wish::Run);
    let reports = if place.is_node {
        let (reports, carried) = Reports::of(place.api.clone(), head.clone());
        now.tasks.spawn(carried);
        reports
    } else {
        Reports::of_nobody()
    };
    let address = place.node.pod_address();
    let situation = Situation::new(Timestamp::now());
    let uid = head.uid.clone();
    let (namespace, name) = (head.namespace.clone(), head.name.clone());
    let container = pod["spec"]["containers"][0]["name"].as_str().unwrap_or_default().to_owned();
    place.board.add(&uid, Entry { namespace, pod: name, container, ..Entry::default() });
    let worker = Worker { place: place.clone(), head, pod, address, wishes, reports, situation };
    now.workers.insert(uid, (wish, tokio::spawn(worker.live())));
}

fn wish(now: &Mutex<Now>, uid: &str, wish: Wish) {
    if let Some((known, _)) = lock(now).workers.get(uid) {
        known.send_if_modified(|last| {
            let is_new = *last != Wish::Vanish && *last != wish;
            if is_new {
                *last = wish;
            }
            is_new
        });
    }
}

/// The pod is gone.
fn vanish(place: &Place, now: &Mutex<Now>, uid: &str) {
    wish(now, uid, Wish::Vanish);
    // Its worker ends by itself, with a process that is killed.
    lock(now).workers.remove(uid);
    place.board.remove(uid);
}
