//! The relay: errands of the operator to the starters of members, which it does not dial itself. It keeps nothing: each
//! request is asked or passed on now, and answered with what was heard.
//!
//! An order carries the operator's signature for the member, which its starter checks; the relay's own guard only sees to
//! it that nobody else has it dial addresses.

use std::time::Duration;

use axum::Json;
use axum::Router;
use axum::routing::put;
use bytes::Bytes;
use http::{Method, Request, StatusCode, header};
use http_body_util::Full;
use tokio::task::JoinSet;
use wire::{
    APPLICATION_PATH, APPLICATIONS_PATH, Answer, Errand, NOT_AFTER_HEADER, Order, SIGNATURE_HEADER, Said, StarterStatus,
};

use crate::exchange::{Failed, exchange};
use crate::{Problem, document};

/// Time for one errand. All are run at once, and the operator waits for 5 s: what one starter does not say must not cost
/// the answers of the others.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longest quotation of a refusal.
const QUOTED: usize = 300;

/// `PUT /v1/applications`: a list of errands, answered by a list of what was heard. To be put behind a [`crate::Guard`].
pub(crate) fn relay() -> Router {
    Router::new().route(APPLICATIONS_PATH, put(run))
}

async fn run(body: Bytes) -> Result<Json<Vec<Answer>>, Problem> {
    let errands: Vec<Errand> = document(&body)?;
    let mut errands: JoinSet<Answer> = errands.into_iter().map(answer).collect();
    let mut answers = Vec::new();
    while let Some(answer) = errands.join_next().await {
        let defect = |error| Problem::new(StatusCode::INTERNAL_SERVER_ERROR, format!("an errand ended: {error}"));
        answers.push(answer.map_err(defect)?);
    }
    answers.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(Json(answers))
}

async fn answer(errand: Errand) -> Answer {
    let Errand { id, address, order } = errand;
    let said = match tokio::time::timeout(PATIENCE, ask(&address, order)).await {
        Ok(Ok(said)) => said,
        Ok(Err(why)) => Said::Silent(format!("{address}: {why}")),
        Err(_) => Said::Silent(format!("{address}: no answer within {} s", PATIENCE.as_secs())),
    };
    Answer { id, said }
}

async fn ask(address: &str, order: Option<Order>) -> Result<Said, Failed> {
    let address: std::net::SocketAddr = address.parse()?;
    let request = Request::builder().header(header::HOST, address.to_string());
    let request = match order {
        None => request.method(Method::GET).uri("/status").body(Full::default())?,
        Some(Order { signature, not_after, if_match, body }) => request
            .method(Method::PUT)
            .uri(APPLICATION_PATH)
            .header(SIGNATURE_HEADER, signature)
            .header(NOT_AFTER_HEADER, not_after)
            .header(header::IF_MATCH, if_match)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)))?,
    };
    let (status, body) = exchange(address, request).await?;
    Ok(said(status, &body))
}

fn said(status: StatusCode, body: &[u8]) -> Said {
    let read = status.is_success().then(|| serde_json::from_slice::<StarterStatus>(body));
    match read {
        Some(Ok(status)) => Said::Status(status),
        Some(Err(error)) => Said::Refused { status: status.as_u16(), why: format!("not a starter's status: {error}") },
        None => {
            let why = String::from_utf8_lossy(body).trim().chars().take(QUOTED).collect();
            Said::Refused { status: status.as_u16(), why }
        }
    }
}
