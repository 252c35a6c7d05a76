//! The guard lets a mutation in only when the operator signed it, for this instance, a moment ago.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use http::{HeaderMap, Method, StatusCode, header};
use jiff::Timestamp;
use wire::{NOT_AFTER_HEADER, SIGNATURE_HEADER, Verifier};

use crate::deliveries::Relay;
use crate::relay::relay as errands;
use crate::{Control, Problem};

/// Largest body of a signed request: it is held in memory before it is trusted.
/// 4 MiB is ten times a membership of 10,000 members, and what a small instance can spare.
pub const BODY_LIMIT_BYTES: usize = 4 * 1024 * 1024;

/// Checks signatures in front of a router.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    instance_id: String,
    verifier: Verifier,
}

impl Guard {
    /// A guard for requests that are meant for `control.instance_id` and signed by its key.
    pub fn new(control: &Control) -> Self {
        Self(Arc::new(Inner { instance_id: control.instance_id.clone(), verifier: control.verifier.clone() }))
    }

    /// Puts the check in front of every route of `routes`, unknown ones included.
    ///
    /// `GET` and `HEAD` pass; every other method needs a signature over method, path and query, instance id, the raw
    /// value of `If-Match` (quotes included, empty when absent) and the body.
    /// Call it on the outermost router: a nested one sees a shortened path, and no signature would match it.
    pub fn protect(&self, routes: Router) -> Router {
        routes.layer(middleware::from_fn_with_state(self.clone(), check))
    }

    /// The same with the relay to members beside `routes`. The bytes of a program are no part of what is signed: its path has
    /// their hash, and a program is too long to be held before the request is trusted.
    pub fn protect_relaying(&self, routes: Router) -> Router {
        let relay = Relay::new();
        let programs = relay.programs().layer(middleware::from_fn_with_state(self.clone(), check_head));
        programs.merge(self.protect(routes.merge(errands()).merge(relay.deliveries())))
    }

    fn verify(&self, method: &Method, path: &str, headers: &HeaderMap, body: &[u8]) -> Result<(), Problem> {
        let request = wire::Request {
            method: method.as_str(),
            path,
            instance_id: &self.0.instance_id,
            if_match: text(headers, header::IF_MATCH.as_str())?.unwrap_or(""),
            body,
        };
        let signature = text(headers, SIGNATURE_HEADER)?;
        let not_after = text(headers, NOT_AFTER_HEADER)?;
        self.0
            .verifier
            .verify(&request, signature, not_after, Timestamp::now())
            .map_err(|refused| Problem::new(StatusCode::UNAUTHORIZED, refused.to_string()))
    }
}

async fn check(State(guard): State<Guard>, request: Request, next: Next) -> Result<Response, Problem> {
    if matches!(*request.method(), Method::GET | Method::HEAD) {
        return Ok(next.run(request).await);
    }
    let (head, body) = request.into_parts();
    let body = to_bytes(body, BODY_LIMIT_BYTES).await.map_err(|error| {
        let text = format!("the body could not be read ({error}): the limit is {BODY_LIMIT_BYTES} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, text)
    })?;
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    guard.verify(&head.method, path, &head.headers, &body).inspect_err(|problem| {
        tracing::warn!(method = %head.method, path, reason = problem.error, "request refused");
    })?;
    Ok(next.run(Request::from_parts(head, Body::from(body))).await)
}

async fn check_head(State(guard): State<Guard>, request: Request, next: Next) -> Result<Response, Problem> {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    guard.verify(request.method(), path, request.headers(), &[])?;
    Ok(next.run(request).await)
}

/// A header that the signature covers or carries: at most one, and text.
fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let first = values.next().map(|value| value.to_str());
    match (first, values.next()) {
        (None, _) => Ok(None),
        (Some(Ok(value)), None) => Ok(Some(value)),
        _ => Err(Problem::new(StatusCode::BAD_REQUEST, format!("header {name} must be given once, as visible ASCII"))),
    }
}
