//! The states of one benchmark, one after the other, through everything that passes by itself.

use api::ClusterBenchmark;
use futures::{Stream, StreamExt as _};
use kube::runtime::{WatchStreamExt as _, watcher};

use crate::access::Access;

/// `None`: it is gone. Faults of the network and of the API server are waited out, a little longer each time; only a refusal is an
/// error.
pub(crate) fn states(access: &Access, name: &str) -> impl Stream<Item = anyhow::Result<Option<ClusterBenchmark>>> {
    watcher::watch_object(access.benchmarks(), name).default_backoff().filter_map(async |state| match state {
        Ok(state) => Some(Ok(state)),
        Err(watcher::Error::InitialListFailed(error)) if is_refusal(&error) => {
            Some(access.found(Err(error), "list", KIND))
        }
        Err(watcher::Error::WatchStartFailed(error)) if is_refusal(&error) => {
            Some(access.found(Err(error), "watch", KIND))
        }
        Err(_) => None,
    })
}

const KIND: &str = "clusterbenchmarks";

fn is_refusal(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403 | 404))
}
