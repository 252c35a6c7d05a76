//! Control API of a generator. Signatures are checked in front of it, by `agent::Guard`.

use agent::{Problem, document};
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use axum::{Json, Router};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, IF_MATCH};
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use wire::{RunSpec, RunStatus};

use crate::Runs;
use crate::agent::runs::RunsError;
use crate::run::progress::Wish;

/// `PUT`, `GET` and `DELETE /v1/runs/{id}`, `PUT` and `DELETE /v1/runs/{id}/hold`, `GET /v1/runs/{id}/report`, `/status`
/// and `/metrics`.
pub fn routes(runs: Runs) -> Router {
    Router::new()
        .route("/v1/runs/{id}", get(status).put(start).delete(delete))
        .route("/v1/runs/{id}/hold", put(hold).delete(go_on))
        .route("/v1/runs/{id}/report", get(report))
        .route("/status", get(overview))
        .route("/metrics", get(metrics))
        .with_state(runs)
}

async fn start(State(runs): State<Runs>, Path(id): Path<String>, body: Bytes) -> Result<Response, Problem> {
    let spec: RunSpec = document(&body)?;
    if spec.id != id {
        let text = format!("id: is {:?} in the document and {id:?} in the path: they must be the same", spec.id);
        return Err(Problem::new(StatusCode::BAD_REQUEST, text));
    }
    let (status, is_new) = runs.start(spec).await?;
    let code = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((code, Json(status)).into_response())
}

async fn status(State(runs): State<Runs>, Path(id): Path<String>) -> Result<Json<RunStatus>, Problem> {
    Ok(Json(runs.status(&id)?))
}

/// The round that is on is finished; then no load is sent until `DELETE`.
async fn hold(State(runs): State<Runs>, Path(id): Path<String>) -> Result<Json<RunStatus>, Problem> {
    Ok(Json(runs.hold(&id, Wish::Hold)?))
}

async fn go_on(State(runs): State<Runs>, Path(id): Path<String>) -> Result<Json<RunStatus>, Problem> {
    Ok(Json(runs.hold(&id, Wish::GoOn)?))
}

async fn report(State(runs): State<Runs>, Path(id): Path<String>) -> Result<Response, Problem> {
    let bytes = runs.report(&id)?;
    Ok(([(CONTENT_TYPE, "application/json")], bytes).into_response())
}

/// With `If-Match` and the SHA-256 of its report, a run is forgotten; without, it is aborted if it is on.
async fn delete(State(runs): State<Runs>, Path(id): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    let Some(named) = headers.get(IF_MATCH) else { return Ok(Json(runs.abort(&id).await?).into_response()) };
    runs.forget(&id, named.to_str().unwrap_or_default().trim_matches('"'))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Overview<'a> {
    instance_id: &'a str,
    version: &'static str,
    runs: Vec<RunStatus>,
}

async fn overview(State(runs): State<Runs>) -> Response {
    let overview =
        Overview { instance_id: runs.instance_id(), version: env!("CARGO_PKG_VERSION"), runs: runs.statuses() };
    Json(overview).into_response()
}

async fn metrics(State(runs): State<Runs>) -> Response {
    ([(CONTENT_TYPE, "text/plain; version=0.0.4")], runs.metrics()).into_response()
}

impl From<RunsError> for Problem {
    fn from(error: RunsError) -> Self {
        let status = match error {
            RunsError::Invalid(_) => StatusCode::BAD_REQUEST,
            RunsError::OtherDocument(_) | RunsError::Busy { .. } | RunsError::CannotBeHeld(_) => StatusCode::CONFLICT,
            RunsError::NotFound(_) | RunsError::NoReportYet(_) => StatusCode::NOT_FOUND,
            RunsError::OtherReport(_) => StatusCode::PRECONDITION_FAILED,
            RunsError::NoCorpus(_) => StatusCode::FAILED_DEPENDENCY,
            RunsError::Disk(_) => StatusCode::INSUFFICIENT_STORAGE,
        };
        Problem::new(status, error.to_string())
    }
}
