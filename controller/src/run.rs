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
use kube::runtime::{Controller, watcher};
use kube::{Api, Client, Resource, ResourceExt};
use planner::ports::{Agents, Regions};
use tracing::Instrument;

use crate::admin::{self, Life};
use crate::pass::{Next, PassError, Reconciler};
use crate::store::Store;

/// Objects worked on at the same time: kube's default is no limit.
const CONCURRENCY: u16 = 16;
/// Pauses after failed passes of one object: doubling from the first to the last.
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LAST_PAUSE: Duration = Duration::from_secs(60);

pub struct Options {
    /// Where `/healthz`, `/readyz` and `/metrics` are served.
    pub admin_listen: SocketAddr,
}

struct Context<S, R, A> {
    reconciler: Reconciler<S, R, A>,
    life: Arc<Life>,
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

/// Runs until SIGTERM or SIGINT, then lets passes end. An error means that a part of the operator ended by itself.
pub async fn run<S: Store, R: Regions, A: Agents>(
    client: Client,
    reconciler: Reconciler<S, R, A>,
    options: Options,
) -> std::io::Result<()> {
    let life = Arc::new(Life::default());
    life.turned();
    let metrics = reconciler.metrics.clone();
    let context = Arc::new(Context { reconciler, life: life.clone(), failures: Mutex::default() });
    let objects: Api<DeserializeGuard<ClusterBenchmark>> = Api::all(client);
    let loops = Controller::new(objects, watcher::Config::default())
        .with_config(Config::default().concurrency(CONCURRENCY))
        .shutdown_on_signal();
    let store = loops.store();
    let synced = async {
        if store.wait_until_ready().await.is_ok() {
            life.watching();
        }
        std::future::pending::<()>().await
    };
    let passes = loops.run(turn, error_policy, context).for_each(|result| {
        match result {
            Ok(_) => {}
            // The end of every deletion: the object went while its next look was due.
            Err(controller::Error::ObjectNotFound(object)) => tracing::debug!(%object, "is gone"),
            Err(error) => tracing::warn!(error = %crate::kubernetes::chain(&error), "pass failed"),
        }
        life.turned();
        futures::future::ready(())
    });
    // An idle loop is alive too, as long as its runtime turns.
    let heartbeat = async {
        loop {
            tokio::time::sleep(Duration::from_secs(10)).await;
            life.turned();
        }
    };
    tokio::select! {
        () = passes => Ok(()),
        ended = admin::serve(options.admin_listen, life.clone(), metrics) => {
            ended.and(Err(std::io::Error::other("the admin server ended")))
        }
        () = synced => Ok(()),
        () = heartbeat => Ok(()),
    }
}

async fn turn<S: Store, R: Regions, A: Agents>(
    object: Arc<DeserializeGuard<ClusterBenchmark>>,
    context: Arc<Context<S, R, A>>,
) -> Result<Action, Failed> {
    let (namespace, name) = (object.namespace().unwrap_or_default(), object.name_any());
    let uid = object.uid().unwrap_or_default();
    if let Err(invalid) = &object.0 {
        tracing::error!(namespace, name, error = %invalid, "the stored object is not a ClusterBenchmark: nothing is done about it");
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
