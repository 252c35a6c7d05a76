//! The guard in front of a router, and draining over a real socket.

// Clippy spares only the functions marked as tests, not those they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::time::Duration;

use agent::{Control, Drain, Guard, Problem, Readiness};
use axum::Router;
use axum::body::Body;
use axum::routing::put;
use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use jiff::{SignedDuration, Timestamp};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::oneshot;
use tower::ServiceExt;
use wire::{NOT_AFTER_HEADER, SIGNATURE_HEADER, Signer};

const SEED: [u8; 32] = [3; 32];

fn routes() -> Router {
    let control = Control {
        instance_id: "i-1".into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        verifier: wire::Verifier::new(&Signer::new(SEED).public_key()).unwrap(),
    };
    let readiness = Readiness::not_yet("no membership yet");
    let echo = Router::new().route("/v1/echo", put(|body: Bytes| async { body }));
    Guard::new(&control).protect(echo.merge(readiness.routes()))
}

fn signed(path: &str, if_match: Option<&str>, body: &str, seconds: i64) -> Request<Body> {
    let request = wire::Request {
        method: "PUT",
        path,
        instance_id: "i-1",
        if_match: if_match.unwrap_or(""),
        body: body.as_bytes(),
    };
    let (signature, not_after) =
        Signer::new(SEED).sign(&request, Timestamp::now() + SignedDuration::from_secs(seconds));
    let mut http = Request::put(path).header(SIGNATURE_HEADER, signature).header(NOT_AFTER_HEADER, not_after);
    if let Some(value) = if_match {
        http = http.header("if-match", value);
    }
    http.body(Body::from(body.to_owned())).unwrap()
}

async fn send(request: Request<Body>) -> (StatusCode, String) {
    let response = routes().oneshot(request).await.unwrap();
    let status = response.status();
    (status, String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap())
}

#[tokio::test]
async fn a_signed_mutation_reaches_its_route_with_its_body() {
    assert_eq!(send(signed("/v1/echo", None, "{}", 60)).await, (StatusCode::OK, "{}".into()));
    assert_eq!(send(signed("/v1/echo?dry=1", Some("\"v1\""), "{}", 60)).await.0, StatusCode::OK);
}

#[tokio::test]
async fn anything_else_is_refused_with_the_reason() {
    let unsigned = Request::put("/v1/echo").body(Body::empty()).unwrap();
    let (status, body) = send(unsigned).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    assert!(body.starts_with("{\"error\":\"the request carries no"), "{body}");

    let mut other_path = signed("/v1/echo", None, "{}", 60);
    *other_path.uri_mut() = "/v1/echo?x".parse().unwrap();
    assert_eq!(send(other_path).await.0, StatusCode::UNAUTHORIZED);

    let mut other_version = signed("/v1/echo", Some("\"v1\""), "{}", 60);
    other_version.headers_mut().insert("if-match", "\"v2\"".parse().unwrap());
    assert_eq!(send(other_version).await.0, StatusCode::UNAUTHORIZED);

    let mut twice = signed("/v1/echo", Some("\"v1\""), "{}", 60);
    twice.headers_mut().append("if-match", "\"v2\"".parse().unwrap());
    assert_eq!(send(twice).await.0, StatusCode::BAD_REQUEST);

    let mut other_body = signed("/v1/echo", None, "{}", 60);
    *other_body.body_mut() = Body::from("[]");
    assert_eq!(send(other_body).await.0, StatusCode::UNAUTHORIZED);

    let late = send(signed("/v1/echo", None, "{}", -1)).await;
    assert_eq!(late, (StatusCode::UNAUTHORIZED, "{\"error\":\"the request's deadline has passed\"}".into()));

    let unknown_route = Request::delete("/v1/nothing").body(Body::empty()).unwrap();
    assert_eq!(send(unknown_route).await.0, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_unread() {
    let body = "x".repeat(agent::BODY_LIMIT_BYTES + 1);
    assert_eq!(send(signed("/v1/echo", None, &body, 60)).await.0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn reads_need_no_signature() {
    let get = |path: &str| Request::get(path).body(Body::empty()).unwrap();
    assert_eq!(send(get("/healthz")).await, (StatusCode::OK, "ok\n".into()));
    assert_eq!(
        send(get("/readyz")).await,
        (StatusCode::SERVICE_UNAVAILABLE, "{\"error\":\"no membership yet\"}".into())
    );
}

#[test]
fn a_document_that_does_not_parse_names_the_field() {
    let problem: Problem = agent::document::<wire::Membership>(b"{\"cluster\":[]}").unwrap_err();
    assert_eq!(problem.status, StatusCode::BAD_REQUEST);
    assert!(problem.error.contains("unknown field `cluster`"), "{}", problem.error);
}

/// A route that answers only when it is released, and the address it is served at.
async fn slow_server(drain: Duration) -> Slow {
    let listener = agent::listen("--listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let (release, released) = tokio::sync::watch::channel(false);
    let (started, entered) = tokio::sync::mpsc::channel(8);
    let routes = Router::new().route(
        "/slow",
        put(move || {
            let (mut released, started) = (released.clone(), started.clone());
            async move {
                started.send(()).await.unwrap();
                released.wait_for(|go| *go).await.unwrap();
                "done"
            }
        }),
    );
    let serving = tokio::spawn(agent::serve(listener, routes, async { stopped.await.unwrap() }, drain));
    Slow { address, stop, release, entered, serving }
}

struct Slow {
    address: std::net::SocketAddr,
    stop: oneshot::Sender<()>,
    release: tokio::sync::watch::Sender<bool>,
    entered: tokio::sync::mpsc::Receiver<()>,
    serving: tokio::task::JoinHandle<Drain>,
}

async fn open_request(slow: &mut Slow) -> tokio::net::TcpStream {
    let mut client = tokio::net::TcpStream::connect(slow.address).await.unwrap();
    client.write_all(b"PUT /slow HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    slow.entered.recv().await.unwrap();
    client
}

#[tokio::test]
async fn open_requests_finish_and_idle_connections_do_not_hold_the_drain() {
    let mut slow = slow_server(Duration::from_secs(20)).await;
    let _idle = tokio::net::TcpStream::connect(slow.address).await.unwrap();
    let mut client = open_request(&mut slow).await;
    slow.stop.send(()).unwrap();
    // The listener goes first: new connections are refused while the open request is still being served.
    while tokio::net::TcpStream::connect(slow.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    assert!(!slow.serving.is_finished());
    slow.release.send(true).unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("done"), "{answer}");
    assert_eq!(slow.serving.await.unwrap(), Drain::Complete);
}

#[tokio::test]
async fn the_deadline_cuts_what_does_not_finish() {
    let mut slow = slow_server(Duration::from_millis(50)).await;
    let mut client = open_request(&mut slow).await;
    slow.stop.send(()).unwrap();
    assert_eq!(slow.serving.await.unwrap(), Drain::DeadlinePassed);
    let mut answer = String::new();
    let read = client.read_to_string(&mut answer).await;
    assert!(answer.is_empty(), "{read:?} {answer}");
}

#[tokio::test]
async fn an_address_in_use_names_the_flag() {
    let first = agent::listen("--listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let error = agent::listen("--control-listen", first.local_addr().unwrap()).await.unwrap_err();
    assert!(error.to_string().starts_with("--control-listen: cannot listen on 127.0.0.1:"), "{error}");
}

#[tokio::test]
async fn many_clients_may_connect_at_once() {
    // Nobody accepts: with a short queue the later ones would not get through.
    let listener = agent::listen("--listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let connects = (0..300).map(|_| tokio::spawn(tokio::net::TcpStream::connect(address)));
    let connects: Vec<_> = connects.collect();
    for connect in connects {
        let connected = tokio::time::timeout(Duration::from_secs(20), connect).await;
        connected.expect("the queue is too short").unwrap().unwrap();
    }
}
