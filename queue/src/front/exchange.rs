//! One request of a client from its head to the answer.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use agent::Problem;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::request::Parts;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::json;
use tokio::sync::{OwnedSemaphorePermit, oneshot};
use tokio::time::Instant;
use wire::{BACKEND_HEADER, BOOT_HEADER};

use super::cluster::{Cluster, ClusterState, Told};
use super::timing::{Known, Timing};
use super::{ANSWERS_KIB, BODY_LIMIT, Front};
use crate::backoff::{persist, persist_unless};
use crate::message::{Content, Id, RequestMessage, input_key, output_key};
use crate::ports::{Failed, Object, Objects, Queues};

const REQUEST_ID: &str = "x-request-id";
const ATTEMPTS: &str = "x-attempts";
const SERVER_TIMING: &str = "server-timing";
const SEED: &str = "x-clusterbench-seed";
/// Seconds after which a client that was turned away may try again.
const RETRY_SECONDS: &str = "1";

/// Everything that clients may ask for.
pub fn routes<C: Queues + Objects>(front: &Arc<Front<C>>) -> Router {
    Router::new().fallback(answer::<C>).with_state(Arc::clone(front))
}

async fn answer<C: Queues + Objects>(State(front): State<Arc<Front<C>>>, request: Request) -> Response {
    front.answer(request).await
}

/// A request that is over when this is dropped: answered, or given up for whatever reason.
struct Held {
    state: Arc<ClusterState>,
    id: Id,
    /// When the front began.
    begun: Instant,
    is_good: bool,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.state.book().give_up(self.id, millis(self.begun));
        self.state.failures.fetch_add(u64::from(!self.is_good), Relaxed);
    }
}

/// The body of an answer, with the room that it takes for as long as it is in memory: hyper keeps the bytes until the client has
/// taken them, and nothing else of a response.
struct Roomy {
    body: Bytes,
    _room: OwnedSemaphorePermit,
}

impl AsRef<[u8]> for Roomy {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl<C: Queues + Objects> Front<C> {
    /// Answers one request.
    ///
    /// # Cancellation
    /// Dropping the future is a client that goes away: its request is counted as failed, and its answer as unknown.
    pub async fn answer(&self, request: Request) -> Response {
        let begun = Instant::now();
        let (head, body) = request.into_parts();
        let routing = self.current();
        let path = head.uri.path();
        if routing.is_public_status(path) && matches!(head.method, Method::GET | Method::HEAD) {
            return Json(self.status()).into_response();
        }
        let Some(cluster) = routing.cluster(path) else {
            let body = json!({ "error": format!("no cluster is served at {path:?}"), "paths": routing.paths() });
            return (StatusCode::NOT_FOUND, Json(body)).into_response();
        };
        let Ok(_place) = Arc::clone(&self.held).try_acquire_owned() else {
            self.turned_away.fetch_add(1, Relaxed);
            let why = format!("{} requests are held already: try again later", self.settings.most_held);
            return unavailable(why);
        };
        let id = Id::random();
        cluster.state.requests.fetch_add(1, Relaxed);
        let mut held = Held { state: Arc::clone(&cluster.state), id, begun: self.begun, is_good: false };
        let until = begun + self.settings.timeout;
        let served = tokio::time::timeout_at(until, self.serve(cluster, id, head, body, begun)).await;
        let response = served.unwrap_or_else(|_| {
            let seconds = self.settings.timeout.as_secs();
            Err(Problem::new(StatusCode::GATEWAY_TIMEOUT, format!("request {id} got no answer within {seconds} s")))
        });
        let response = response.unwrap_or_else(|problem| match problem.status {
            StatusCode::SERVICE_UNAVAILABLE => unavailable(problem.error),
            _ => problem.into_response(),
        });
        held.is_good = !response.status().is_server_error();
        response
    }

    async fn serve(
        &self,
        cluster: &Cluster,
        id: Id,
        head: Parts,
        body: Body,
        begun: Instant,
    ) -> Result<Response, Problem> {
        let (state, until) = (&cluster.state, begun + self.settings.timeout);
        let told = self.enqueue(state, id, head, body, until).await?;
        let sending_micros = micros(begun);
        // The sender is dropped with the request, which this is.
        let gone = |_| Problem::new(StatusCode::BAD_GATEWAY, format!("request {id} was forgotten"));
        let told: Told = told.await.map_err(gone)?;
        let body = self.body(state, &told, until).await?;
        let message = told.message;
        let known = Known {
            total_micros: micros(begun),
            sending_micros,
            input_micros: message.input_micros,
            work_micros: message.work_micros.unwrap_or_default(),
            output_micros: message.output_micros,
            request_sent_millis: message.request_sent_millis,
            answer_sent_millis: told.sent_millis,
        };
        if let Some(member) = cluster.member(&message.backend) {
            member.record.answered(message.status, message.work_micros);
        }
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = StatusCode::from_u16(message.status).unwrap_or(StatusCode::BAD_GATEWAY);
        let fields = [
            (CONTENT_TYPE.as_str(), message.content_type.unwrap_or_default()),
            (BACKEND_HEADER, message.backend),
            (BOOT_HEADER, message.boot),
            (ATTEMPTS, message.attempts.to_string()),
            (REQUEST_ID, id.to_string()),
            (SERVER_TIMING, Timing::of(known).header()),
        ];
        let fields = fields.into_iter().filter(|(_, value)| !value.is_empty());
        response
            .headers_mut()
            .extend(fields.filter_map(|(name, value)| {
                Some((HeaderName::from_static(name), HeaderValue::from_str(&value).ok()?))
            }));
        Ok(response)
    }

    /// Stores and sends a request. Nothing of it is in memory afterwards but who waits for it.
    async fn enqueue(
        &self,
        state: &ClusterState,
        id: Id,
        head: Parts,
        body: Body,
        until: Instant,
    ) -> Result<oneshot::Receiver<Told>, Problem> {
        let message = message(state, id, &head);
        self.store(state, &message, &head, body, until).await?;
        let (waiter, told) = oneshot::channel();
        state.book().expect(id, self.now(), waiter);
        let text = message.text();
        let sent = persist(until, || self.cloud.send(&state.account.calls, &state.request_queue, text.clone())).await;
        sent.map_err(|failed| self.unavailable(&failed))?;
        state.book().accept(id, self.now());
        Ok(told)
    }

    /// Reads the body and makes it an object. It is in memory no longer than that takes.
    async fn store(
        &self,
        state: &ClusterState,
        message: &RequestMessage,
        head: &Parts,
        body: Body,
        until: Instant,
    ) -> Result<(), Problem> {
        let announced = head.headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
        let most = announced.unwrap_or(if head.headers.contains_key(http::header::TRANSFER_ENCODING) {
            BODY_LIMIT
        } else {
            0
        });
        if most > BODY_LIMIT {
            return Err(too_long());
        }
        let _room = self.bodies.acquire_many(most.div_ceil(1_024) as u32).await;
        let body = read(body).await?;
        let object = Object { body, content_type: message.content_type.clone(), ..Object::default() };
        let key = input_key(&message.cluster, message.id);
        let put = persist(until, || self.cloud.put(&state.account.calls, &key, object.clone())).await;
        put.map_err(|failed| self.unavailable(&failed))?;
        state.book().stored();
        Ok(())
    }

    /// The body of an answer, from its message or its object. Of those from objects there is no more in memory than there is
    /// room for.
    async fn body(&self, state: &ClusterState, told: &Told, until: Instant) -> Result<Bytes, Problem> {
        let bad = |why: String| Problem::new(StatusCode::BAD_GATEWAY, why);
        if let Some(body) = told.message.content.inline().map_err(|unreadable| bad(unreadable.to_string()))? {
            return Ok(body);
        }
        let key = output_key(&state.name, told.message.id);
        let room = Arc::clone(&self.answers).acquire_many_owned(kib(&told.message.content)).await;
        let room = room.map_err(|closed| bad(closed.to_string()))?;
        let read = persist_unless(Failed::is_denied, until, || self.cloud.get(&state.account.calls, &key)).await;
        let object = read.map_err(|failed| {
            self.call_failures.fetch_add(1, Relaxed);
            bad(format!("the answer is there and could not be read: {failed}"))
        })?;
        let body = object.ok_or_else(|| bad(format!("the answer {key} is gone")))?.body;
        Ok(Bytes::from_owner(Roomy { body, _room: room }))
    }

    fn unavailable(&self, failed: &Failed) -> Problem {
        self.call_failures.fetch_add(1, Relaxed);
        tracing::warn!(%failed, "a request was not accepted");
        Problem::new(StatusCode::SERVICE_UNAVAILABLE, format!("the request could not be queued: {failed}"))
    }
}

/// Room that an answer takes when its object is read. Nobody waits for more than there is.
fn kib(content: &Content) -> u32 {
    match content {
        Content::Inline(_) => 0,
        Content::Stored(bytes) => u32::try_from(bytes.div_ceil(1_024)).unwrap_or(ANSWERS_KIB).min(ANSWERS_KIB),
    }
}

fn message(state: &ClusterState, id: Id, head: &Parts) -> RequestMessage {
    let path = head.uri.path_and_query().map_or("/", |path| path.as_str());
    let field = |name: &str| head.headers.get(name)?.to_str().ok().map(str::to_owned);
    RequestMessage {
        content_type: field(CONTENT_TYPE.as_str()),
        seed: field(SEED),
        ..RequestMessage::new(id, state.name.clone(), head.method.as_str(), path)
    }
}

async fn read(body: Body) -> Result<Bytes, Problem> {
    let read = Limited::new(body, BODY_LIMIT).collect().await;
    read.map(|body| body.to_bytes()).map_err(|error| match error.downcast_ref::<LengthLimitError>() {
        Some(_) => too_long(),
        None => Problem::new(StatusCode::BAD_REQUEST, format!("the body could not be read: {error}")),
    })
}

fn too_long() -> Problem {
    let error = format!("the body is longer than {BODY_LIMIT} bytes, which is the limit");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, error)
}

fn unavailable(error: String) -> Response {
    let retry = [(RETRY_AFTER, HeaderValue::from_static(RETRY_SECONDS))];
    (retry, Problem::new(StatusCode::SERVICE_UNAVAILABLE, error)).into_response()
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

fn micros(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX)
}
