//! One request on its way to a target. It is sent once: an Application Load Balancer does not retry.

use http::header::{HeaderValue, TRANSFER_ENCODING};
use http::request::Parts;
use http::{StatusCode, Uri, Version};
use hyper::body::{Body as _, Incoming};
use hyper::{Request, Response};
use tokio::time::{Instant, sleep_until};

use super::body::{Held, ResponseBody};
use super::connection::Connection;
use super::dial::{NoConnection, dial};
use super::node::Node;
use super::table::Ticket;
use super::upload::{Progress, RequestBody};

/// Why a target has not answered; each has the status that the user guide gives it ("Troubleshoot your Application Load
/// Balancers").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// The target could not be connected to, or closed the connection while a request was outstanding, also if it did
    /// so just before the request came; or what it sent was no HTTP.
    Broken,
    /// There was no connection in time, or no answer.
    Late,
    /// The client did not send the body that it announced.
    ClientSilent,
    /// What the client sent of its body was no HTTP, or ended early.
    ClientBroken,
}

impl Failure {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::Broken => StatusCode::BAD_GATEWAY,
            Self::Late => StatusCode::GATEWAY_TIMEOUT,
            Self::ClientSilent => StatusCode::REQUEST_TIMEOUT,
            Self::ClientBroken => StatusCode::BAD_REQUEST,
        }
    }
}

/// Sends a request to the target that was chosen for it. Its answer is counted with its head.
///
/// *Cancellation*: the connection to the target is closed.
pub(super) async fn forward(
    node: &Node,
    group: &str,
    ticket: Ticket,
    (parts, body): (Parts, Incoming),
) -> Result<Response<ResponseBody>, Failure> {
    let (body, progress) = RequestBody::new(body);
    let connection = dial(ticket.target(), node.address.ip(), node.limits.idle, node.limits.connect).await;
    let mut connection = connection.map_err(|why| {
        node.counts.connection_error(group);
        match why {
            NoConnection::Refused => Failure::Broken,
            NoConnection::TimedOut => Failure::Late,
        }
    })?;
    let request = outgoing(parts, body);
    progress.begin();
    let left = Instant::now();
    let answer = answered(node, &mut connection, request, &progress).await?;
    node.counts.response(group, answer.status().as_u16(), left.elapsed());
    let (mut head, body) = answer.into_parts();
    head.version = Version::HTTP_11;
    Ok(Response::from_parts(head, ResponseBody::new(body, node.limits.idle, Held { ticket, connection, progress })))
}

/// The request in the form that a server is asked in.
fn outgoing(mut parts: Parts, body: RequestBody) -> Request<RequestBody> {
    let path = parts.uri.path_and_query().cloned();
    parts.uri = path.map_or_else(|| Uri::from_static("/"), Uri::from);
    parts.version = Version::HTTP_11;
    // Said here, as hyper expects no body of such a length with every method.
    if !body.is_end_stream() && body.size_hint().exact().is_none() {
        parts.headers.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
    }
    Request::from_parts(parts, body)
}

/// Waits for the head of the answer, for as long as one of both sends something.
async fn answered(
    node: &Node,
    connection: &mut Connection,
    request: Request<RequestBody>,
    progress: &Progress,
) -> Result<Response<Incoming>, Failure> {
    let answer = connection.sender.send_request(request);
    tokio::pin!(answer);
    loop {
        let due = progress.last() + node.limits.idle;
        tokio::select! {
            answered = &mut answer => return match answered {
                // Nobody asked for another protocol.
                Ok(answer) if answer.status() == StatusCode::SWITCHING_PROTOCOLS => Err(Failure::Broken),
                Ok(answer) => Ok(answer),
                Err(_) if progress.is_broken() => Err(Failure::ClientBroken),
                Err(_) => Err(Failure::Broken),
            },
            () = sleep_until(due) => {
                if progress.last() + node.limits.idle > due {
                    continue;
                }
                let is_clients = !progress.is_done() && progress.is_awaited();
                return Err(if is_clients { Failure::ClientSilent } else { Failure::Late });
            }
        }
    }
}
