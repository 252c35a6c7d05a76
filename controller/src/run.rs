//! Drives passes from a watch on the API server, until a signal.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::ClusterBenchmark;
use futures::{FutureExt, StreamExt};
use kube::core::DeserializeGuard;
use kube::runtime::controller::{self, Action, Config};
use kube::runtime::events::Recorder;
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use planner::ports::{Agents, Regions};
use planner::{Event, Reason, Severity};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;
use tracing::Instrument;

use crate::admin::{self, Life};
use crate::kubernetes;
use crate::lease::{self, LeaseLost};
use crate::pass::{Next, PassError};
use crate::reconciler::Reconciler;
use crate::store::Store;

/// Objects worked on at the same time: kube's default is no limit. Most of them wait for the same lists; with 16, a
/// thousand benchmarks that are created at once keep each other from sending launches in time (`bench operator`).
const CONCURRENCY: u16 = 64;
/// Pauses after failed passes of one object: doubling from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(60);

pub struct Options {
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub admin_listen: SocketAddr,
    /// Namespace of the Lease.
    pub namespace: String,
    /// Who holds the Lease: a process that was killed and comes back under the same name has it at once.
    pub identity: String,
    pub lease: Duration,
    /// Where things without a benchmark are looked for.
    pub sweep_regions: Vec<String>,
}

/// Why the operator ended although nobody asked.
#[derive(Debug, thiserror::Error)]
pub enum Ended {
    #[error(transparent)]
    LeaseLost(#[from] LeaseLost),
    #[error("the admin server ended: {0}")]
    Admin(std::io::Error),
    #[error("no signals can be received: {0}")]
    Signals(std::io::Error),
    #[error("the watch on benchmarks ended")]
    Watch,
}

struct Context<S, R, A> {
    reconciler: Reconciler<S, R, A>,
    life: Arc<Life>,
    recorder: Recorder,
    /// Failed passes in a row, by uid.
    failures: Mutex<HashMap<String, u32>>,
}

#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Pass(#[from] PassError),
    /// Stalls this object only.
    #[error("a pass panicked")]
    Panicked,
}

/// The Kubernetes cluster of `KUBECONFIG`, or the one that this pod runs in.
pub async fn connect() -> Result<Client, kube::Error> {
    Client::try_default().await
}

/// Waits for the Lease, then runs until SIGTERM or SIGINT, and lets passes end. An error means that a part of the
/// operator ended by itself, or that another operator holds the Lease; passes have ended then too.
pub async fn run<S: Store, R: Regions, A: Agents>(
    client: Client,
    reconciler: Reconciler<S, R, A>,
    options: Options,
) -> Result<(), Ended> {
    let life = Arc::new(Life::default());
    life.turned();
    let metrics = reconciler.metrics.clone();
    // An idle loop is alive too, as long as its runtime turns.
    let heartbeat = async {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            life.turned();
        }
    };
    tokio::select! {
        ended = lead(client, reconciler, &options, &life) => ended,
        ended = admin::serve(options.admin_listen, life.clone(), metrics) => {
            Err(Ended::Admin(ended.err().unwrap_or_else(|| std::io::Error::other("it stopped"))))
        }
        never = heartbeat => never,
    }
}

/// SIGTERM or SIGINT.
async fn asked_to_end() -> std::io::Result<()> {
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}

async fn lead<S: Store, R: Regions, A: Agents>(
    client: Client,
    reconciler: Reconciler<S, R, A>,
    options: &Options,
    life: &Arc<Life>,
) -> Result<(), Ended> {
    let mut asked = std::pin::pin!(asked_to_end());
    let acquire = lease::acquire(client.clone(), &options.namespace, &options.identity, options.lease);
    let mut leadership = tokio::select! {
        leadership = acquire => leadership,
        asked = &mut asked => return asked.map_err(Ended::Signals),
    };
    reconciler.metrics.leads();
    let recorder = kubernetes::recorder(client.clone());
    let context = Arc::new(Context { reconciler, life: life.clone(), recorder, failures: Mutex::default() });
    let (end, ends) = oneshot::channel::<()>();
    let mut passes = std::pin::pin!(watch(client, context.clone(), async { drop(ends.await) }));
    let ended = tokio::select! {
        () = &mut passes => return Err(Ended::Watch),
        () = context.reconciler.sweep_for_ever(&options.sweep_regions) => Ok(()),
        lost = leadership.hold() => Err(lost.into()),
        asked = &mut asked => asked.map_err(Ended::Signals),
    };
    // No new passes; those that are on come to their end.
    drop(end);
    passes.await;
    if ended.is_ok() {
        leadership.release().await;
    }
    ended
}

/// Passes over what the watch shows, until `ends`.
async fn watch<S: Store, R: Regions, A: Agents>(
    client: Client,
    context: Arc<Context<S, R, A>>,
    ends: impl Future<Output = ()> + Send + Sync + 'static,
) {
    let objects: Api<DeserializeGuard<ClusterBenchmark>> = Api::all(client);
    let loops = Controller::new(objects, watcher::Config::default())
        .with_config(Config::default().concurrency(CONCURRENCY))
        .graceful_shutdown_on(ends);
    let (store, life) = (loops.store(), context.life.clone());
    let synced = async {
        if store.wait_until_ready().await.is_ok() {
            life.watching();
        }
    };
    let passes = loops.run(turn, error_policy, context.clone()).for_each(|result| {
        match result {
            Ok(_) => {}
            // The end of every deletion: the object went while its next pass was due.
            Err(controller::Error::ObjectNotFound(object)) => {
                context.reconciler.forget(&object.namespace.unwrap_or_default(), &object.name);
            }
            Err(error) => tracing::warn!(error = %kubernetes::chain(&error), "pass failed"),
        }
        context.life.turned();
        futures::future::ready(())
    });
    tokio::pin!(passes);
    tokio::select! {
        () = &mut passes => return,
        () = synced => {}
    }
    passes.await;
}

async fn turn<S: Store, R: Regions, A: Agents>(
    object: Arc<DeserializeGuard<ClusterBenchmark>>,
    context: Arc<Context<S, R, A>>,
) -> Result<Action, Failed> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let uid = object.uid().unwrap_or_default();
    if let Err(invalid) = &object.0 {
        tracing::error!(namespace, name, error = %invalid, "the stored object is not a ClusterBenchmark: nothing is done about it");
        let note =
            format!("the stored object is not a ClusterBenchmark, and nothing is done about it: {}", invalid.error);
        let event = Event::new(Severity::Warning, Reason::InvalidObject.name(), "Read", &note);
        kubernetes::publish(&context.recorder, &object.object_ref(&()), &[event]).await;
        return Ok(Action::requeue(Duration::from_secs(300)));
    }
    let span = tracing::info_span!("pass", namespace, name, uid, generation = object.meta().generation);
    let begun = Instant::now();
    let pass = AssertUnwindSafe(context.reconciler.pass(&namespace, &name)).catch_unwind().instrument(span).await;
    let outcome = match &pass {
        Ok(Ok(_)) => "applied",
        Ok(Err(_)) => "failed",
        Err(_) => "panicked",
    };
    context.reconciler.metrics.pass(outcome, begun.elapsed());
    context.life.turned();
    let next = pass.map_err(|_| Failed::Panicked)??;
    context.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(&uid);
    Ok(match next {
        Next::After(wake) => Action::requeue(wake),
        Next::Gone => Action::await_change(),
    })
}

fn error_policy<S, R, A>(
    object: Arc<DeserializeGuard<ClusterBenchmark>>,
    _error: &Failed,
    context: Arc<Context<S, R, A>>,
) -> Action {
    let mut failures = context.failures.lock().unwrap_or_else(PoisonError::into_inner);
    let count = failures.entry(object.uid().unwrap_or_default()).or_default();
    *count = count.saturating_add(1);
    Action::requeue(FIRST_PAUSE.saturating_mul(1 << (*count - 1).min(10)).min(LAST_PAUSE))
}
