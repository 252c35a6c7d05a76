//! Health and metrics of the operator.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::routing::get;
use jiff::Timestamp;

use crate::metrics::Metrics;

/// A loop that did not turn for so long hangs: longer than a pass with every timeout in it.
const HANGS_AFTER: Duration = Duration::from_secs(600);

/// Signs of life of the loop.
#[derive(Default)]
pub(crate) struct Life {
    last_turn: AtomicI64,
    watching: AtomicU8,
}

impl Life {
    /// The loop finished a pass, or found nothing to do.
    pub(crate) fn turned(&self) {
        self.last_turn.store(Timestamp::now().as_second(), Ordering::Relaxed);
    }

    /// The first list of objects has come.
    pub(crate) fn watching(&self) {
        self.watching.store(1, Ordering::Relaxed);
    }

    fn is_alive(&self) -> bool {
        let silent = Timestamp::now().as_second() - self.last_turn.load(Ordering::Relaxed);
        u64::try_from(silent).unwrap_or(0) < HANGS_AFTER.as_secs()
    }

    fn is_ready(&self) -> bool {
        self.watching.load(Ordering::Relaxed) == 1
    }
}

pub(crate) async fn serve(listen: SocketAddr, life: Arc<Life>, metrics: Metrics) -> std::io::Result<()> {
    let answer = |good: bool, bad: &'static str| {
        if good { (StatusCode::OK, "ok\n") } else { (StatusCode::SERVICE_UNAVAILABLE, bad) }
    };
    let (alive, ready) = (life.clone(), life);
    let routes = Router::new()
        .route("/healthz", get(move || async move { answer(alive.is_alive(), "the loop hangs\n") }))
        .route("/readyz", get(move || async move { answer(ready.is_ready(), "not watching yet\n") }))
        .route("/metrics", get(move || async move { metrics.text() }));
    axum::serve(tokio::net::TcpListener::bind(listen).await?, routes).await
}
