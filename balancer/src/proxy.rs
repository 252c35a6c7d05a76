//! From a client's request to its answer.

use std::net::IpAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::header::{CONNECTION, CONTENT_TYPE, UPGRADE};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use hyper::body::Incoming;
use serde_json::json;
use std::sync::atomic::Ordering::Relaxed;
use tokio::sync::watch;

use crate::answer::{Answer, Relay};
use crate::balancer::Balancer;
use crate::cluster::{Cluster, InFlight};
use crate::headers;
use crate::routing::Routing;
use crate::upload::Upload;
use crate::upstream::{self, Answered, Attempt, Failed};

/// How long a request waits for the first health check of a member that just joined, when there is no other:
/// longer than a check may take.
const FIRST_CHECK: Duration = Duration::from_secs(2);

/// Answers the requests of one client connection.
pub(crate) struct Proxy {
    balancer: Arc<Balancer>,
    client: IpAddr,
    current: Mutex<Current>,
}

/// The routing this connection saw last. Looking for a newer one is one atomic read; the lock belongs to this
/// connection, whose requests come one after the other.
struct Current {
    changes: watch::Receiver<Arc<Routing>>,
    routing: Arc<Routing>,
}

/// Answers of the balancer itself.
struct Refusal {
    status: StatusCode,
    body: serde_json::Value,
    closes: bool,
}

impl Refusal {
    fn new(status: StatusCode, error: String) -> Self {
        Self { status, body: json!({ "error": error }), closes: false }
    }

    fn answer(self) -> Response<Answer> {
        let mut response = Response::new(Answer::own(format!("{}\n", self.body)));
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.closes {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }
}

impl Proxy {
    pub(crate) fn new(balancer: Arc<Balancer>, client: IpAddr) -> Self {
        let mut changes = balancer.changes();
        let routing = Arc::clone(&changes.borrow_and_update());
        Self { balancer, client, current: Mutex::new(Current { changes, routing }) }
    }

    fn routing(&self) -> Arc<Routing> {
        let mut current = self.current.lock().unwrap_or_else(PoisonError::into_inner);
        // An error means that the balancer is gone, and then so is this connection.
        if current.changes.has_changed().unwrap_or(false) {
            let newest = Arc::clone(&current.changes.borrow_and_update());
            current.routing = newest;
        }
        Arc::clone(&current.routing)
    }

    /// Answers one request. Never fails: what goes wrong is an answer too.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Answer> {
        if let Some(refusal) = refuse(&request) {
            return refusal.answer();
        }
        let routing = self.routing();
        let path = request.uri().path();
        let Some(cluster) = routing.cluster(path) else {
            let mut refusal = Refusal::new(StatusCode::NOT_FOUND, format!("no cluster is served at {path:?}"));
            refusal.body["paths"] = json!(routing.paths());
            return refusal.answer();
        };
        cluster.request();
        let response = match self.relay(cluster, request).await {
            Ok(response) => response,
            Err(refusal) => refusal.answer(),
        };
        if response.status().is_server_error() {
            cluster.tally.failures.fetch_add(1, Relaxed);
        }
        response
    }

    async fn relay(&self, cluster: &Arc<Cluster>, request: Request<Incoming>) -> Result<Response<Answer>, Refusal> {
        let mut in_flight = first_member(cluster).await?;
        let (mut head, body) = request.into_parts();
        let body = Upload::new(body);
        let address = in_flight.member().address.to_string();
        headers::to_member(&mut head, self.client, &address, !body.is_empty());
        let is_idempotent = head.method.is_idempotent();
        // A second request is only needed when the first one's body cannot be sent again because it has none.
        let spare = (is_idempotent && body.is_empty()).then(|| head.clone());

        let first = Request::from_parts(head, body);
        let failed = match upstream::send(&in_flight, first, self.balancer.timeouts()).await {
            Ok(answered) => return Ok(self.hand_over(in_flight, answered)),
            Err(Attempt { failed, request }) => {
                judge(&mut in_flight, &failed);
                let again = request.or_else(|| spare.map(|head| Request::from_parts(head, Upload::default())));
                match again.filter(|_| is_idempotent && failed.is_unsent()) {
                    Some(again) => match other_member(cluster, &in_flight, &failed) {
                        Some(other) => {
                            in_flight = other;
                            match upstream::send(&in_flight, again, self.balancer.timeouts()).await {
                                Ok(answered) => return Ok(self.hand_over(in_flight, answered)),
                                Err(Attempt { failed, .. }) => {
                                    judge(&mut in_flight, &failed);
                                    failed
                                }
                            }
                        }
                        None => failed,
                    },
                    None => failed,
                }
            }
        };
        Err(refusal_of(&in_flight, &failed))
    }

    /// Passes an answer on; the rest of it follows as it comes.
    fn hand_over(&self, mut in_flight: InFlight, answered: Answered) -> Response<Answer> {
        let Answered { response, connection, upload } = answered;
        let (mut head, incoming) = response.into_parts();
        in_flight.answered(head.status);
        in_flight.member().record.learn(&head.headers);
        headers::to_client(&mut head, in_flight.member().id_header.as_ref());
        let patience = self.balancer.timeouts().response;
        Response::from_parts(head, Answer::Relayed(Relay::new(incoming, in_flight, connection, upload, patience)))
    }
}

/// What is not proxied at all.
fn refuse(request: &Request<Incoming>) -> Option<Refusal> {
    let error = if request.method() == Method::CONNECT {
        "CONNECT is not offered: this is not a forward proxy"
    } else if wants_upgrade(request) {
        "protocol upgrades are not offered"
    } else {
        return None;
    };
    let mut refusal = Refusal::new(StatusCode::NOT_IMPLEMENTED, error.to_owned());
    refusal.closes = true;
    Some(refusal)
}

/// An offer to change to HTTP/2 may be ignored, and clients that make it expect that. Any other upgrade is what the
/// request is about.
fn wants_upgrade(request: &Request<Incoming>) -> bool {
    request.headers().get_all(UPGRADE).iter().any(|protocol| !protocol.as_bytes().eq_ignore_ascii_case(b"h2c"))
}

/// A member to ask. Waits when none is eligible only because the first checks are still under way.
async fn first_member(cluster: &Arc<Cluster>) -> Result<InFlight, Refusal> {
    if let Some(in_flight) = cluster.pick(None) {
        return Ok(in_flight);
    }
    let deadline = tokio::time::Instant::now() + FIRST_CHECK;
    loop {
        let mut checked = pin!(cluster.tally.checked.notified());
        checked.as_mut().enable();
        if let Some(in_flight) = cluster.pick(None) {
            return Ok(in_flight);
        }
        if !cluster.awaits_checks() || tokio::time::timeout_at(deadline, checked).await.is_err() {
            let error = match cluster.members.len() {
                0 => format!("cluster {:?} has no members", cluster.name),
                members => format!("none of the {members} members of cluster {:?} is healthy", cluster.name),
            };
            return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, error));
        }
    }
}

/// The member for the one retry: another one; the same one only where nothing speaks against it but an old connection.
fn other_member(cluster: &Arc<Cluster>, first: &InFlight, failed: &Failed) -> Option<InFlight> {
    if !cluster.may_retry() {
        return None;
    }
    let other = cluster.pick(Some(first.member().key));
    other.or_else(|| failed.is_harmless().then(|| cluster.pick(None)).flatten())
}

/// Books a failed attempt.
fn judge(in_flight: &mut InFlight, failed: &Failed) {
    let member = Arc::clone(in_flight.member());
    tracing::debug!(member = member.id, reason = %failed, "attempt failed");
    match failed {
        // The client's doing: no evidence about the member.
        Failed::Upload | Failed::UploadStalled(_) => return,
        Failed::Refused => member.refused(),
        Failed::Reset | Failed::Broken(_) => drop(member.record.losses.fetch_add(1, Relaxed)),
        Failed::Connect(_)
        | Failed::ConnectTimeout(_)
        | Failed::Stale
        | Failed::Nonsense(_)
        | Failed::Switched
        | Failed::Silent(_) => {}
    }
    in_flight.failed();
}

fn refusal_of(in_flight: &InFlight, failed: &Failed) -> Refusal {
    let status = match failed {
        Failed::Silent(_) | Failed::ConnectTimeout(_) => StatusCode::GATEWAY_TIMEOUT,
        Failed::Upload => StatusCode::BAD_REQUEST,
        Failed::UploadStalled(_) => StatusCode::REQUEST_TIMEOUT,
        _ => StatusCode::BAD_GATEWAY,
    };
    let error = match failed {
        Failed::Upload | Failed::UploadStalled(_) => failed.to_string(),
        _ => format!("member {:?} gave no answer: {failed}", in_flight.member().id),
    };
    Refusal { closes: matches!(failed, Failed::Upload | Failed::UploadStalled(_)), ..Refusal::new(status, error) }
}
