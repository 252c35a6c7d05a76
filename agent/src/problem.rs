//! The one form of an error answer: a status and `{"error": "..."}`.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::header::IF_MATCH;
use http::{HeaderMap, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// An error answer: handlers return `Result<_, Problem>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    pub status: StatusCode,
    /// For people: what is wrong and what to do.
    pub error: String,
}

impl Problem {
    /// An answer with `status` and `error` as its text.
    pub fn new(status: StatusCode, error: impl Into<String>) -> Self {
        Self { status, error: error.into() }
    }
}

#[derive(Serialize)]
struct Body {
    error: String,
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        (self.status, Json(Body { error: self.error })).into_response()
    }
}

/// Reads a JSON document from a request's body; 400 with the place and the reason when it is not one.
///
/// # Errors
/// A [`Problem`] with status 400 and serde's text, which names line, column and field.
pub fn document<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, format!("the body is not the expected JSON: {error}")))
}

/// The version that a change was decided on, from its `If-Match`: as `/status` shows it, with or without its double quotes.
///
/// # Errors
/// A [`Problem`] with status 428 (RFC 6585, section 3) where the field is missing.
pub fn version(headers: &HeaderMap) -> Result<&str, Problem> {
    let if_match = headers.get(IF_MATCH).and_then(|value| value.to_str().ok()).ok_or_else(|| {
        let error = "If-Match is missing: give the version that /status shows, in double quotes";
        Problem::new(StatusCode::PRECONDITION_REQUIRED, error)
    })?;
    Ok(if_match.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(if_match))
}
