//! The puller's port and the program behind it, over real connections.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::routing::{any, get};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use queue::front::Front;
use queue::memory::Memory;
use queue::puller::{HttpProgram, Puller, pages};
use queue::{Call, Duty, Outcome, Program, PullerStatus, Sick};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use wire::Health;

use crate::stage::{front_settings, puller_settings};

/// Serves routes until the test ends.
async fn serve(routes: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(agent::serve(listener, routes, std::future::pending(), Duration::ZERO));
    address
}

async fn closed_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn asked(address: SocketAddr, path: &str) -> (http::response::Parts, Bytes) {
    said(address, http::Request::get(path).header("host", "x").body(Full::default()).unwrap()).await
}

async fn said(address: SocketAddr, request: http::Request<Full<Bytes>>) -> (http::response::Parts, Bytes) {
    let (mut sender, connection) =
        http1::handshake(TokioIo::new(TcpStream::connect(address).await.unwrap())).await.unwrap();
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request).await.unwrap().into_parts();
    (head, body.collect().await.unwrap().to_bytes())
}

fn call(path: &str, body: &'static [u8]) -> Call {
    let content_type = Some("image/jpeg".to_owned());
    let seed = Some("9-1".to_owned());
    Call {
        id: "ab".into(),
        method: "PUT".into(),
        path: path.into(),
        content_type,
        seed,
        body: Bytes::from_static(body),
    }
}

/// Says what it was asked.
async fn echo(request: Request) -> (StatusCode, [(&'static str, &'static str); 2], String) {
    let (head, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let header = |name: &str| head.headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
    let names = ["content-type", "x-request-id", "x-clusterbench-seed", "content-length"].map(header).join(" ");
    let text = format!("{} {} {names} {}", head.method, head.uri, String::from_utf8_lossy(&body));
    (StatusCode::IM_A_TEAPOT, [("content-type", "text/x-tea"), ("x-boot", "b1")], text)
}

#[tokio::test]
async fn the_program_gets_what_the_client_sent_and_its_answer_is_passed_on() {
    let program = HttpProgram::at(serve(Router::new().fallback(any(echo))).await);
    let Outcome::Answer(answer) = program.run(call("/micro/x?y=1", b"body")).await else { panic!("no answer") };
    assert_eq!((answer.status, answer.content_type.as_deref()), (418, Some("text/x-tea")));
    assert_eq!((answer.body, answer.boot.as_deref()), ("PUT /micro/x?y=1 image/jpeg ab 9-1 4 body".into(), Some("b1")));
}

#[tokio::test]
async fn a_program_that_is_not_there_breaks_off_or_says_too_much_has_failed() {
    let refused = HttpProgram::at(closed_port().await).run(call("/", b"")).await;
    assert_eq!(refused, Outcome::Failed(Sick::Refused));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let cutting = HttpProgram::at(listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.read(&mut [0; 512]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort").await;
        }
    });
    assert!(matches!(cutting.run(call("/", b"")).await, Outcome::Failed(Sick::Broken(_))));
    let long = Router::new().fallback(any(|| async { vec![0_u8; 16 * 1024 * 1024 + 1] }));
    let long = HttpProgram::at(serve(long).await).run(call("/", b"")).await;
    assert_eq!(long, Outcome::Failed(Sick::TooLong(16 * 1024 * 1024)));
}

#[tokio::test]
async fn health_is_that_of_the_program_and_names_instance_process_and_slots() {
    let healthy = Router::new().route("/health", get(|| async { ([("x-boot", "b1")], "ok") }));
    let unhealthy = Router::new().route("/health", get(|| async { StatusCode::INTERNAL_SERVER_ERROR }));
    let cases = [
        (serve(healthy).await, 200),
        // One without such a page: its HTTP works.
        (serve(Router::new()).await, 200),
        (serve(unhealthy).await, 503),
        (closed_port().await, 503),
    ];
    for (number, (program, expected)) in cases.into_iter().enumerate() {
        let memory = Arc::new(Memory::new());
        let puller = Puller::new(memory, HttpProgram::at(program), puller_settings("i-1"));
        let (head, body) = asked(serve(pages(&puller)).await, "/health").await;
        let status: PullerStatus = serde_json::from_slice(&body).unwrap();
        assert_eq!((head.status.as_u16(), status.waits_for.is_none()), (expected, expected == 200), "case {number}");
        assert!(head.headers["x-backend"] == "i-1" && head.headers["x-slots"] == "1");
        assert_eq!(status.boot.ends_with("-b1"), number == 0, "{}", status.boot);
    }
}

/// What the spec says of a healthy program is asked, and nothing else will do.
#[tokio::test]
async fn health_may_have_a_path_and_a_status_of_its_own() {
    let ready = || Router::new().route("/ready", get(|| async { StatusCode::NO_CONTENT }));
    let cases = [
        ("/ready", Some(204), None),
        ("/ready", None, None),
        ("/ready", Some(200), Some("GET /ready with 204, not 200")),
        ("/other", Some(204), Some("GET /other with 404, not 204")),
    ];
    for (path, status, expected) in cases {
        let program = HttpProgram::at(serve(ready()).await).asked(path.to_owned(), status);
        let sick = program.health().await.err().map(|sick| sick.to_string());
        assert_eq!(sick.is_some(), expected.is_some(), "{path} {status:?}: {sick:?}");
        assert!(sick.unwrap_or_default().contains(expected.unwrap_or_default()), "{path} {status:?}");
    }
}

#[tokio::test]
async fn pages_of_the_machine_are_the_programs_and_metrics_are_the_pullers() {
    let machine = |request: Request| async move { ([("x-made", "here")], request.uri().to_string()) };
    let program = serve(Router::new().route("/machine", get(machine))).await;
    let puller = Puller::new(Arc::new(Memory::new()), HttpProgram::at(program), puller_settings("i-1"));
    let port = serve(pages(&puller)).await;
    let (head, body) = asked(port, "/machine?cpu=1").await;
    assert_eq!((head.status.as_u16(), &body[..]), (200, &b"/machine?cpu=1"[..]));
    assert_eq!(head.headers["x-made"], "here");
    assert_eq!(asked(port, "/calibration").await.0.status.as_u16(), 404);
    let (_, metrics) = asked(port, "/metrics").await;
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    assert!(metrics.contains("puller_slots 1\n") && metrics.contains("puller_sqs_calls_total 0\n"), "{metrics}");
    let (_, status) = asked(port, "/status").await;
    assert_eq!(serde_json::from_slice::<PullerStatus>(&status).unwrap().cluster, "micro");
}

#[tokio::test]
async fn a_duty_is_for_this_instance_and_answered_as_health_is() {
    let program = serve(Router::new()).await;
    let puller = Puller::new(Arc::new(Memory::new()), HttpProgram::at(program), puller_settings("i-1"));
    let port = serve(pages(&puller)).await;
    for (order, status, expected) in [
        (r#"{"instanceId":"i-1","duty":"Drain"}"#, 200, Duty::Drain),
        (r#"{"instanceId":"i-2","duty":"Serve"}"#, 409, Duty::Drain),
        (r#"{"instanceId":"i-1","duty":"Rest"}"#, 400, Duty::Drain),
        (r#"{"instanceId":"i-1","duty":"Serve","soon":true}"#, 400, Duty::Drain),
        ("Serve", 400, Duty::Drain),
        (r#"{"instanceId":"i-1","duty":"Serve"}"#, 200, Duty::Serve),
    ] {
        let request = http::Request::put("/duty").header("host", "x").body(Full::from(order)).unwrap();
        let (head, body) = said(port, request).await;
        assert_eq!((head.status.as_u16(), puller.status().duty), (status, expected), "{order}");
        let told: Result<PullerStatus, _> = serde_json::from_slice(&body);
        match status {
            200 => assert_eq!(told.map(|told| (told.duty, told.drained)).unwrap(), (expected, expected == Duty::Drain)),
            409 => assert!(String::from_utf8_lossy(&body).contains(r#"instanceId is \"i-2\", and this is \"i-1\""#)),
            _ => {}
        }
    }
}

#[tokio::test]
async fn a_front_drains_a_member_over_http_and_calls_it_drained() {
    let program = serve(Router::new()).await;
    let memory = Arc::new(Memory::new());
    let puller = Puller::new(Arc::clone(&memory), HttpProgram::at(program), puller_settings("i-1"));
    let mut membership = crate::board::scaled(&["i-1"], &["i-1"]);
    membership.clusters[0].members[0].address = serve(pages(&puller)).await.to_string();
    let front = Front::new(memory, front_settings());
    front.apply(membership.clone(), None).unwrap();
    let own = Arc::clone(&front);
    tokio::spawn(async move { own.run().await });
    let drained = || front.status().queues[0].scaling.clone().unwrap().drained;
    crate::stage::until(|| drained().contains("i-1")).await;
    assert_eq!((puller.status().duty, front.status().queues[0].running), (Duty::Drain, 0));
    let (_, metrics) = asked(serve(front_metrics(&front)).await, "/metrics").await;
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    for line in ["front_drained{cluster=\"micro\"} 1\n", "front_starts_total{cluster=\"micro\"} 1\n"] {
        assert!(metrics.contains(line), "{metrics}");
    }
    // Another instance has its address now.
    let mut moved = membership;
    moved.clusters[0].members[0].id = "i-2".into();
    front.apply(moved, None).unwrap();
    crate::stage::until(|| front.status().clusters[0].members[0].health == Health::Unhealthy).await;
    assert_eq!(puller.status().duty, Duty::Drain);
}

#[tokio::test]
async fn the_front_knows_its_members_by_their_pullers() {
    let program = serve(Router::new().route("/health", get(|| async { ([("x-boot", "b1")], "ok") }))).await;
    let memory = Arc::new(Memory::new());
    let puller = Puller::new(Arc::clone(&memory), HttpProgram::at(program), puller_settings("i-1"));
    let there = serve(pages(&puller)).await;
    let mut membership = crate::stage::membership(&["i-1", "i-2"]);
    membership.clusters[0].members[0].address = there.to_string();
    membership.clusters[0].members[1].address = closed_port().await.to_string();
    let front = Front::new(memory, front_settings());
    front.apply(membership, None).unwrap();
    let own = Arc::clone(&front);
    tokio::spawn(async move { own.run().await });
    let members = || front.status().clusters[0].members.clone();
    crate::stage::until(|| members().iter().all(|member| member.health != Health::Unknown)).await;
    let [well, gone] = &members()[..] else { panic!("two members") };
    assert_eq!((well.health, well.slots), (Health::Healthy, Some(1)));
    assert!(well.boot.as_deref().is_some_and(|boot| boot.ends_with("-b1")), "{:?}", well.boot);
    assert_eq!((gone.health, gone.losses, front.status().queues[0].running), (Health::Unhealthy, 0, 1));
    let (_, metrics) = asked(serve(front_metrics(&front)).await, "/metrics").await;
    let metrics = String::from_utf8(metrics.to_vec()).unwrap();
    let line = "front_member_healthy{cluster=\"micro\",member=\"i-1\"} 1\n";
    assert!(metrics.contains(line) && metrics.contains("front_running{cluster=\"micro\"} 1\n"), "{metrics}");
}

/// The control API as it is reached for reading.
fn front_metrics(front: &Arc<Front<Memory>>) -> Router {
    let verifier = wire::Verifier::new(&wire::Signer::new([1; 32]).public_key()).unwrap();
    let control = agent::Control { instance_id: "i-front".into(), listen: ([127, 0, 0, 1], 0).into(), verifier };
    queue::front::control::routes(front, &agent::Readiness::not_yet("x"), &agent::Guard::new(&control))
}
