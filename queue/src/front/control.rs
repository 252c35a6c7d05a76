//! The control API: read by anyone who can reach it, changed by the operator alone. It is the balancer's.

use std::sync::Arc;

use agent::{Guard, Problem, Readiness, document, version};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, StatusCode};
use wire::BalancerStatus;

use super::{Front, Refused, metrics};
use crate::ports::{Objects, Queues};

/// `GET /status`, `/metrics`, `/healthz`, `/readyz`, `PUT /v1/membership` and the relay to members, behind the
/// signature check.
pub fn routes<C: Queues + Objects>(front: &Arc<Front<C>>, readiness: &Readiness, guard: &Guard) -> Router {
    let reading = Router::new().route("/status", get(status::<C>)).route("/metrics", get(exposition::<C>));
    let reading = reading.with_state(Arc::clone(front)).merge(readiness.routes());
    let state = (Arc::clone(front), readiness.clone());
    let changing = Router::new().route("/v1/membership", put(set_membership::<C>)).with_state(state);
    guard.protect_relaying(reading.merge(changing))
}

async fn status<C: Queues + Objects>(State(front): State<Arc<Front<C>>>) -> Json<BalancerStatus> {
    Json(front.status())
}

async fn exposition<C: Queues + Objects>(State(front): State<Arc<Front<C>>>) -> Result<impl IntoResponse, Problem> {
    let text = metrics::exposition(&front)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("metrics: {error}")))?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text))
}

async fn set_membership<C: Queues + Objects>(
    State((front, readiness)): State<(Arc<Front<C>>, Readiness)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<BalancerStatus>, Problem> {
    let version = version(&headers)?;
    front.apply(document(&body)?, Some(version)).map_err(|refused| {
        let status = match refused {
            Refused::Invalid(_) | Refused::Shared => StatusCode::BAD_REQUEST,
            Refused::Stale { .. } => StatusCode::PRECONDITION_FAILED,
        };
        Problem::new(status, refused.to_string())
    })?;
    readiness.ready();
    Ok(Json(front.status()))
}
