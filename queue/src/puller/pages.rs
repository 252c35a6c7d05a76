//! Pages at the puller's own port: how it is, what it counted, what it is to do, and what the program says of its machine.
//!
//! Nothing here asks who is there: the security group lets in the instances of the benchmark alone, and of these the front is the
//! one that calls. The worst that another one could do is to let an instance be idle, which the front sees and puts right.

use std::sync::Arc;

use agent::{Problem, document};
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, TRANSFER_ENCODING};
use http::{HeaderValue, StatusCode};
use wire::{BACKEND_HEADER, BOOT_HEADER, SLOTS_HEADER};

use super::{HttpProgram, Puller, metrics};
use crate::ports::{Objects, Queues};
use crate::puller_status::{Order, PullerStatus};

/// `GET /health`, `/status`, `/metrics`, `PUT /duty`, and the program's `/machine` and `/calibration`.
pub fn pages<C: Queues + Objects>(puller: &Arc<Puller<C, HttpProgram>>) -> Router {
    Router::new()
        .route("/health", get(health::<C>))
        .route("/status", get(status::<C>))
        .route("/metrics", get(exposition::<C>))
        .route("/duty", put(set_duty::<C>))
        .route("/machine", get(program::<C>))
        .route("/calibration", get(program::<C>))
        .with_state(Arc::clone(puller))
}

/// 200 while the program answers, 503 with the reason otherwise. The headers name instance, process and slots.
async fn health<C: Queues + Objects>(State(puller): State<Arc<Puller<C, HttpProgram>>>) -> Response {
    let checked = puller.check().await;
    let status = puller.status();
    let headers = [
        (BACKEND_HEADER, header(&status.instance_id)),
        (BOOT_HEADER, header(&status.boot)),
        (SLOTS_HEADER, header(&status.slots.to_string())),
    ];
    let is_well = checked.is_ok() && status.waits_for.is_none();
    let code = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, headers, Json(status)).into_response()
}

/// Takes an [`Order`], and answers as `/health` does: how it is since it was told. 409 for an order to another instance.
async fn set_duty<C: Queues + Objects>(
    State(puller): State<Arc<Puller<C, HttpProgram>>>,
    body: Bytes,
) -> Result<Response, Problem> {
    let order: Order = document(&body)?;
    puller.obey(&order).map_err(|not_mine| Problem::new(StatusCode::CONFLICT, not_mine.to_string()))?;
    Ok(health(State(puller)).await)
}

async fn status<C: Queues + Objects>(State(puller): State<Arc<Puller<C, HttpProgram>>>) -> Json<PullerStatus> {
    Json(puller.status())
}

async fn exposition<C: Queues + Objects>(
    State(puller): State<Arc<Puller<C, HttpProgram>>>,
) -> Result<Response, Problem> {
    let text = metrics::exposition(puller.status())
        .map_err(|error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("metrics: {error}")))?;
    Ok(([(CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response())
}

/// The program's own answer.
async fn program<C: Queues + Objects>(
    State(puller): State<Arc<Puller<C, HttpProgram>>>,
    request: Request,
) -> Result<Response, Problem> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let answer = puller.program.page(path).await;
    let mut answer = answer.map_err(|sick| Problem::new(StatusCode::BAD_GATEWAY, sick.to_string()))?;
    for name in [CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
        answer.headers_mut().remove(name);
    }
    Ok(answer.map(axum::body::Body::from))
}

/// Names are checked when they are read from the environment: the fallback is never taken.
fn header(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static(""))
}
