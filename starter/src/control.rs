//! Control API of a starter. Signatures are checked in front of it, by `agent::Guard`.

use std::sync::Arc;

use agent::{Problem, document, version};
use axum::extract::State;
use axum::routing::{get, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use wire::{APPLICATION_PATH, StarterStatus};

use crate::starter::{Refused, Starter};

/// `GET /status` and `PUT /v1/application`.
pub(crate) fn routes(starter: &Arc<Starter>) -> Router {
    let routes = Router::new().route("/status", get(status)).route(APPLICATION_PATH, put(set));
    routes.with_state(Arc::clone(starter))
}

async fn status(State(starter): State<Arc<Starter>>) -> Json<StarterStatus> {
    Json(starter.status())
}

/// Answers at once: what becomes of it is in the status.
async fn set(
    State(starter): State<Arc<Starter>>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<StarterStatus>), Problem> {
    let version = version(&headers)?.trim_matches('"');
    let status = starter.accept(document(&body)?, version).map_err(|refused| {
        let status = match refused {
            Refused::Invalid(_) => StatusCode::BAD_REQUEST,
            Refused::Busy => StatusCode::CONFLICT,
            Refused::Stale { .. } => StatusCode::PRECONDITION_FAILED,
        };
        Problem::new(status, refused.to_string())
    })?;
    Ok((StatusCode::ACCEPTED, Json(status)))
}
