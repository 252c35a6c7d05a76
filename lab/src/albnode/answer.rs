//! The answer to one request: a target's, or the node's own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, SERVER};
use http::{Method, StatusCode};
use http_body_util::{Either, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};

use super::body::ResponseBody;
use super::config::Action;
use super::forward::forward;
use super::headers;
use super::node::Node;

/// A client that closed the connection before it had an answer (user guide, "HTTP 460").
const CLIENT_CLOSED: u16 = 460;

pub(super) type Answer = Response<Either<ResponseBody, Full<Bytes>>>;

/// Answers a request.
///
/// *Cancellation*: the client is gone, which is counted.
pub(super) async fn answer(
    node: Arc<Node>,
    client: SocketAddr,
    request: Request<Incoming>,
) -> Result<Answer, Infallible> {
    let waiting = Waiting(&node);
    let answer = decide(&node, client, request).await;
    waiting.answered();
    Ok(answer)
}

async fn decide(node: &Node, client: SocketAddr, request: Request<Incoming>) -> Answer {
    match *request.method() {
        Method::TRACE => return own(node, StatusCode::METHOD_NOT_ALLOWED),
        Method::CONNECT => return own(node, StatusCode::BAD_REQUEST),
        _ => {}
    }
    let table = node.table();
    let weights = match table.action(request.uri().path()) {
        Action::Forward(weights) => weights,
        Action::FixedResponse { status, content_type, body } => return fixed(node, *status, content_type, body),
    };
    let chosen = {
        let mut random = node.random();
        table.group(weights, &mut random).and_then(|group| Some((group.clone(), group.choose(&mut random)?)))
    };
    // The table may be replaced while this request waits.
    drop(table);
    let Some((group, ticket)) = chosen else { return own(node, StatusCode::SERVICE_UNAVAILABLE) };
    node.counts.request(&group.id);
    let (mut parts, body) = request.into_parts();
    headers::end_hop(&mut parts.headers);
    headers::say_origin(&mut parts.headers, client.ip(), node.address);
    match forward(node, &group.id, ticket, (parts, body)).await {
        Ok(mut answer) => {
            headers::end_hop(answer.headers_mut());
            answer.map(Either::Left)
        }
        Err(failure) => own(node, failure.status()),
    }
}

/// The answer that an action names. What it names was checked before it came into force.
fn fixed(node: &Node, status: u16, content_type: &str, body: &str) -> Answer {
    node.counts.fixed();
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::NOT_FOUND);
    let text = if content_type.contains("charset") { String::new() } else { "; charset=utf-8".to_owned() };
    local(status, &format!("{content_type}{text}"), body.to_owned())
}

/// An error page like those of an Application Load Balancer.
fn own(node: &Node, status: StatusCode) -> Answer {
    node.counts.own(status.as_u16());
    let page = format!(
        "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n</body>\r\n</html>\r\n"
    );
    local(status, "text/html", page)
}

fn local(status: StatusCode, content_type: &str, text: String) -> Answer {
    let mut answer = Response::new(Either::Right(Full::new(Bytes::from(text))));
    *answer.status_mut() = status;
    answer.headers_mut().insert(SERVER, HeaderValue::from_static("awselb/2.0"));
    if let Ok(value) = HeaderValue::from_str(content_type) {
        answer.headers_mut().insert(CONTENT_TYPE, value);
    }
    answer
}

/// A client that waits. Dropped early: it has gone.
struct Waiting<'a>(&'a Node);

impl Waiting<'_> {
    fn answered(self) {
        std::mem::forget(self);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.counts.own(CLIENT_CLOSED);
    }
}
