//! The control API: read by anyone who can reach it, changed by the operator alone.

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

use super::metrics;
use crate::balancer::{Balancer, Refused};

/// `GET /status`, `/metrics`, `/healthz`, `/readyz`.
pub fn reading(balancer: &Arc<Balancer>, readiness: &Readiness) -> Router {
    let routes = Router::new().route("/status", get(status)).route("/metrics", get(exposition));
    routes.with_state(Arc::clone(balancer)).merge(readiness.routes())
}

/// [`reading`], `PUT /v1/membership` and the relay to members, behind the signature check.
pub fn routes(balancer: &Arc<Balancer>, readiness: &Readiness, guard: &Guard) -> Router {
    let state = (Arc::clone(balancer), readiness.clone());
    let changing = Router::new().route("/v1/membership", put(set_membership)).with_state(state);
    guard.protect_relaying(reading(balancer, readiness).merge(changing))
}

async fn status(State(balancer): State<Arc<Balancer>>) -> Json<BalancerStatus> {
    Json(balancer.status())
}

async fn exposition(State(balancer): State<Arc<Balancer>>) -> Result<impl IntoResponse, Problem> {
    let text = metrics::exposition(&balancer)
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("metrics: {error}")))?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text))
}

async fn set_membership(
    State((balancer, readiness)): State<(Arc<Balancer>, Readiness)>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<BalancerStatus>, Problem> {
    let version = version(&headers)?;
    balancer.apply(document(&body)?, Some(version)).map_err(|refused| {
        let status = match refused {
            Refused::Invalid(_) => StatusCode::BAD_REQUEST,
            Refused::Stale { .. } => StatusCode::PRECONDITION_FAILED,
        };
        Problem::new(status, refused.to_string())
    })?;
    readiness.ready();
    Ok(Json(balancer.status()))
}
