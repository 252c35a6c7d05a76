//! `GET /healthz`: the process turns. `GET /readyz`: it can do its work, or why not.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use tokio::sync::watch;

use crate::Problem;

/// The readiness of this agent; clones share the state.
#[derive(Clone, Debug)]
pub struct Readiness(Arc<watch::Sender<Result<(), String>>>);

impl Readiness {
    /// Not ready yet, because of `why`.
    pub fn not_yet(why: impl Into<String>) -> Self {
        Self(Arc::new(watch::Sender::new(Err(why.into()))))
    }

    /// Makes `/readyz` answer 200.
    pub fn ready(&self) {
        drop(self.0.send_replace(Ok(())));
    }

    /// Makes `/readyz` answer 503 with `why`.
    pub fn unready(&self, why: impl Into<String>) {
        drop(self.0.send_replace(Err(why.into())));
    }

    /// `/healthz` and `/readyz`, to be merged into the agent's routes.
    pub fn routes(&self) -> Router {
        let state = self.0.clone();
        let readyz = move || {
            let state = state.borrow().clone();
            async move { state.map(|()| "ready\n").map_err(|why| Problem::new(StatusCode::SERVICE_UNAVAILABLE, why)) }
        };
        Router::new().route("/healthz", get(|| async { "ok\n" })).route("/readyz", get(readyz))
    }
}
