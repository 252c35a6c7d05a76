//! The relay between an operator and starters that stand in for real ones.

// Clippy spares only the functions marked as tests, not those they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use agent::{Control, Guard};
use axum::body::{Body, HttpBody};
use axum::routing::{get, put};
use axum::{Json, Router};
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use hyper::body::Frame;
use jiff::{SignedDuration, Timestamp};
use tower::ServiceExt;
use wire::{
    APPLICATION_PATH, APPLICATIONS_PATH, Answer, Errand, NOT_AFTER_HEADER, Order, SIGNATURE_HEADER, Said, Signer,
    StarterStatus, Verifier,
};

const SEED: [u8; 32] = [3; 32];

fn guard(instance_id: &str) -> Guard {
    Guard::new(&Control {
        instance_id: instance_id.into(),
        listen: "127.0.0.1:0".parse().unwrap(),
        verifier: Verifier::new(&Signer::new(SEED).public_key()).unwrap(),
    })
}

fn status(serving: &str) -> Json<StarterStatus> {
    Json(StarterStatus { instance_id: "i-1".into(), serving: serving.into(), ..StarterStatus::default() })
}

/// A starter that serves `old`, and whatever it is told by the operator.
async fn starter() -> SocketAddr {
    let routes = Router::new()
        .route("/status", get(|| async { status("old") }))
        .route(APPLICATION_PATH, put(|body: String| async move { status(&body) }));
    let listener = agent::listen("--listen", "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    let never = std::future::pending();
    tokio::spawn(agent::serve(listener, guard("i-1").protect(routes), never, std::time::Duration::ZERO));
    address
}

fn order(seed: [u8; 32], body: &str) -> Order {
    let if_match = "\"old\"".to_owned();
    let request = wire::Request {
        method: "PUT",
        path: APPLICATION_PATH,
        instance_id: "i-1",
        if_match: &if_match,
        body: body.as_bytes(),
    };
    let (signature, not_after) = Signer::new(seed).sign(&request, Timestamp::now() + SignedDuration::from_secs(60));
    Order { signature, not_after, if_match, body: body.to_owned() }
}

async fn relayed(errands: &[Errand]) -> Vec<Answer> {
    let body = serde_json::to_vec(errands).unwrap();
    let request =
        wire::Request { method: "PUT", path: APPLICATIONS_PATH, instance_id: "i-b", if_match: "", body: &body };
    let (signature, not_after) = Signer::new(SEED).sign(&request, Timestamp::now() + SignedDuration::from_secs(60));
    let request =
        Request::put(APPLICATIONS_PATH).header(SIGNATURE_HEADER, signature).header(NOT_AFTER_HEADER, not_after);
    let response =
        guard("i-b").protect_relaying(Router::new()).oneshot(request.body(Body::from(body)).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

#[tokio::test]
async fn errands_are_run_all_at_once_and_each_is_answered() {
    let address = starter().await.to_string();
    let errand = |id: &str, address: &str, order| Errand { id: id.into(), address: address.into(), order };
    let closed = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().to_string()
    };
    let answers = relayed(&[
        errand("asked", &address, None),
        errand("closed", &closed, None),
        errand("forged", &address, Some(order([4; 32], "new"))),
        errand("nowhere", "not an address", None),
        errand("told", &address, Some(order(SEED, "new"))),
    ])
    .await;
    let said: Vec<(&str, &Said)> = answers.iter().map(|answer| (answer.id.as_str(), &answer.said)).collect();
    let [("asked", asked), ("closed", closed), ("forged", forged), ("nowhere", nowhere), ("told", told)] = said[..]
    else {
        panic!("{said:?}")
    };
    assert_eq!((asked, told), (&Said::Status(status("old").0), &Said::Status(status("new").0)));
    // A relay cannot make an order: the starter checks the operator's signature itself.
    assert!(
        matches!(forged, Said::Refused { status: 401, why } if why.contains("signature is not valid")),
        "{forged:?}"
    );
    for silent in [closed, nowhere] {
        assert!(matches!(silent, Said::Silent(_)), "{silent:?}");
    }
}

#[tokio::test]
async fn nobody_else_has_it_dial_addresses() {
    let request = Request::put(APPLICATIONS_PATH).body(Body::from("[]")).unwrap();
    let response = guard("i-b").protect_relaying(Router::new()).oneshot(request).await.unwrap();
    assert_eq!(response.status(), StatusCode::UNAUTHORIZED);
}

/// A program whose pieces come with these pauses in seconds, as the relay answers it.
async fn taken(pauses: &[u64]) -> StatusCode {
    let piece = bytes::Bytes::from_static(b"piece");
    let sha256 = wire::sha256_hex(&piece.repeat(pauses.len()));
    let path = format!("{}/{sha256}", wire::PROGRAMS_PATH);
    let request = wire::Request { method: "PUT", path: &path, instance_id: "i-b", if_match: "", body: &[] };
    let (signature, not_after) = Signer::new(SEED).sign(&request, Timestamp::now() + SignedDuration::from_secs(60));
    let request = Request::put(&path)
        .header(SIGNATURE_HEADER, signature)
        .header(NOT_AFTER_HEADER, not_after)
        .header("content-length", piece.len() * pauses.len());
    let (say, hear) = tokio::sync::mpsc::channel(1);
    let pauses = pauses.to_vec();
    tokio::spawn(async move {
        for pause in pauses {
            tokio::time::sleep(std::time::Duration::from_secs(pause)).await;
            let _ = say.send(piece.clone()).await;
        }
    });
    let body = Body::new(Pieces(hear));
    guard("i-b").protect_relaying(Router::new()).oneshot(request.body(body).unwrap()).await.unwrap().status()
}

struct Pieces(tokio::sync::mpsc::Receiver<bytes::Bytes>);

impl HttpBody for Pieces {
    type Data = bytes::Bytes;
    type Error = std::convert::Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        self.0.poll_recv(context).map(|piece| piece.map(|piece| Ok(Frame::data(piece))))
    }
}

/// The operator may be behind a slow uplink.
#[tokio::test(start_paused = true)]
async fn a_program_may_come_slowly_as_long_as_it_comes() {
    assert_eq!(taken(&[25; 20]).await, StatusCode::CREATED);
    assert_eq!(taken(&[1, 1, 31]).await, StatusCode::REQUEST_TIMEOUT);
    assert_eq!(taken(&[20; 91]).await, StatusCode::REQUEST_TIMEOUT, "after half an hour");
}
