//! https: who is believed, what is counted, and how connections end.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;
#[path = "support/tls.rs"]
mod tls;

use std::io::Write;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::Output;
use std::time::Duration;

use loadgen::{Settings, Trust};
use serde_json::Value;
use support::{closed_loop, is_measured, report, settings, spec};
use tls::{Act, Authority, Greeting, Identity, Server};
use wire::{Connections, Report, RunSpec, Target, Validity};

async fn loadgen(arguments: &[&str]) -> Output {
    tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args(arguments)
        .env_remove("CONTROL_LISTEN")
        .output()
        .await
        .unwrap()
}

/// A few requests by the command line, with what it wrote to standard error.
async fn run(url: &str, more: &[&str]) -> (Option<i32>, Value, String) {
    let few = ["run", "--url", url, "--closed-loop", "2", "--requests", "20", "--json"];
    let output = loadgen(&[&few[..], more].concat()).await;
    let error = String::from_utf8(output.stderr).unwrap();
    (output.status.code(), serde_json::from_slice(&output.stdout).unwrap_or_default(), error)
}

fn believing(ca: &Path) -> Settings {
    let mut settings = settings();
    settings.trust = Trust::new(Some(ca), false).unwrap();
    settings
}

fn requests(server: &Server, users: u32, requests: u64) -> RunSpec {
    let target = Target { cluster: "a".into(), url: server.url("localhost"), ..Target::default() };
    spec(vec![target], 1, vec![closed_loop(users, requests)])
}

#[tokio::test(flavor = "multi_thread")]
async fn handshakes_are_counted_and_timed_apart() {
    let authority = Authority::new();
    let ca = authority.file("counted.pem");
    let server = Server::fine(&authority.sign(&["localhost"]));
    let url = format!("a={}", server.url("localhost"));
    let (code, result, error) = run(&url, &["--ca", ca.to_str().unwrap()]).await;
    assert!(is_measured(code), "{error}");
    assert_eq!((&result["requests"], &result["failed"]), (&20.into(), &0.into()), "{error}");
    let cluster = &result["clusters"][0];
    let handshakes = &cluster["handshakes"];
    assert_eq!(handshakes["count"], cluster["connections"]);
    assert!(handshakes["p50Micros"].as_u64().unwrap() <= handshakes["p99Micros"].as_u64().unwrap());
    assert!(handshakes["protocols"][0].as_str().unwrap().starts_with("TLSv1.3 TLS13_"), "{handshakes}");
    let histogram = stats::Latencies::decode(cluster["histograms"]["handshake"].as_str().unwrap()).unwrap();
    assert_eq!(histogram.count(), handshakes["count"].as_u64().unwrap());
    let asked_for = server.seen.asked_for.lock().unwrap().clone();
    assert!(asked_for.iter().all(|it| *it == ("localhost".to_owned(), "http/1.1".to_owned())), "{asked_for:?}");
    // The first one of all is not measured.
    assert_eq!(server.connections() as u64, 1 + handshakes["count"].as_u64().unwrap());
    let one = ["run", "--url", &url, "--closed-loop", "1", "--requests", "5", "--ca", ca.to_str().unwrap()];
    let text = String::from_utf8(loadgen(&one).await.stdout).unwrap();
    assert!(text.contains("\na: 1 TLS handshakes, 0 of them resumed, "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_are_resumed_as_browsers_do() {
    let authority = Authority::new();
    let settings = believing(&authority.file("resumed.pem"));
    for versions in [&[&rustls::version::TLS13][..], &[&rustls::version::TLS12]] {
        let config = authority.sign(&["localhost"]).server_with(versions, None);
        let server = Server::start(move |_| Greeting::With(config.clone()), |_| Act::Answer);
        let mut spec = requests(&server, 1, 20);
        spec.request.connections = Connections::PerRequest;
        let report = report(&spec, &settings).await;
        let handshakes = report.clusters[0].handshakes.clone().unwrap();
        assert_eq!((report.clusters[0].failures.total(), handshakes.count, handshakes.resumed), (0, 20, 19));
    }
}

/// What servers of plain HTTP say to the first bytes of TLS.
fn speaks_no_tls() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().map_while(Result::ok) {
            let _gone = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
            // Kept until the client ends, so that nothing is reset.
            let _ended = std::io::copy(&mut stream, &mut std::io::sink());
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_not_believed_is_not_measured_and_the_way_out_is_said() {
    let (authority, other) = (Authority::new(), Authority::new());
    let ca = authority.file("believed.pem");
    let ca = ["--ca", ca.to_str().unwrap()];
    let expired = other.sign_with(&["localhost"], |params| params.not_after = rcgen::date_time_ymd(2020, 2, 3));
    let expired_ca = other.file("expired.pem");
    let of_client = authority.sign(&["localhost"]).server_with(&[&rustls::version::TLS12], Some(&other));
    let plain = speaks_no_tls();
    let cases = [
        (Server::fine(&other.sign(&["localhost"])), &ca[..], "not known here: give --ca FILE"),
        (
            Server::fine(&authority.sign(&["a.example", "b.example"])),
            &ca,
            "is for a.example, b.example and not for localhost",
        ),
        (Server::fine(&expired), &["--ca", expired_ca.to_str().unwrap()], "expired at 2020-02-03T00:00:00Z"),
        (Server::start(move |_| Greeting::With(of_client.clone()), |_| Act::Answer), &ca, "wants a client certificate"),
    ];
    for (server, believed, why) in cases {
        let (code, result, error) = run(&server.url("localhost"), believed).await;
        assert!(code == Some(1) && result.is_null(), "{code:?} {result}");
        let start = format!("loadgen: --url: localhost:{}: ", server.address.port());
        assert!(error.starts_with(&start) && error.contains(why), "{error}");
        assert_eq!(server.requests(), 0);
        let url = server.url("localhost");
        let compared = loadgen(&[&["compare", &format!("a={url}"), &format!("b={url}")], believed].concat()).await;
        assert!(String::from_utf8_lossy(&compared.stderr).starts_with("loadgen: URL: localhost:"));
    }
    let (code, _, error) = run(&format!("https://{plain}/"), &ca).await;
    assert!(code == Some(1) && error.contains("does not speak TLS: write http://"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn anyone_is_believed_when_told_so_and_the_report_says_it() {
    let server = Server::fine(&Authority::new().sign(&["a.example"]));
    let (code, result, error) = run(&server.url("127.0.0.1"), &["--insecure"]).await;
    assert!(is_measured(code), "{error}");
    assert_eq!(result["failed"], 0, "{error}");
    assert_eq!(result["environment"]["notes"][0], "certificates were not checked (--insecure)");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_given_itself_is_believed_for_its_host() {
    let identity = Identity::signed_by_itself(&["localhost"]);
    let ca = identity.file("itself.pem");
    let server = Server::fine(&identity);
    let (code, result, error) = run(&server.url("localhost"), &["--ca", ca.to_str().unwrap()]).await;
    assert!(is_measured(code), "{error}");
    assert_eq!(result["failed"], 0, "{error}");
    let (code, _, error) = run(&server.url("127.0.0.1"), &["--ca", ca.to_str().unwrap()]).await;
    assert!(code == Some(1) && error.contains("is for localhost and not for 127.0.0.1"), "{error}");
    let (code, _, error) = run(&server.url("localhost"), &[]).await;
    assert!(code == Some(1) && error.contains("give it by --ca FILE, or --insecure"), "{error}");
}

/// That it was given says whose it is, and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_was_given_itself_and_has_expired_is_refused() {
    let identity = Identity::signed_by_itself_with(&["localhost"], |params| {
        params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    });
    let ca = identity.file("itself-expired.pem");
    let server = Server::fine(&identity);
    let (code, _, error) = run(&server.url("localhost"), &["--ca", ca.to_str().unwrap()]).await;
    assert!(code == Some(1) && error.contains("expired"), "{error}");
}

/// Behind one name there may be servers with other certificates than the first one that was tried.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_believed_later_ends_the_run_as_invalid() {
    let (authority, other) = (Authority::new(), Authority::new());
    let (good, bad) = (authority.sign(&["localhost"]).server(), other.sign(&["localhost"]).server());
    let greet = move |number: usize| Greeting::With(if number < 5 { good.clone() } else { bad.clone() });
    let server = Server::start(greet, |_| Act::Answer);
    let mut spec = requests(&server, 1, 1000);
    spec.request.connections = Connections::PerRequest;
    let report = report(&spec, &believing(&authority.file("later.pem"))).await;
    assert_eq!(report.validity, Validity::Invalid);
    assert!(report.reasons[0].contains("a: its certificate comes from an authority"), "{:?}", report.reasons);
    assert_eq!(server.requests(), 5);
}

/// The client of TLS 1.3 has sent its request by the time it is told.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_certificate_that_is_missing_ends_the_run_as_invalid() {
    let authority = Authority::new();
    let config = authority.sign(&["localhost"]).server_with(&[&rustls::version::TLS13], Some(&authority));
    let server = Server::start(move |_| Greeting::With(config.clone()), |_| Act::Answer);
    let report = report(&requests(&server, 1, 1000), &believing(&authority.file("client.pem"))).await;
    assert_eq!(report.validity, Validity::Invalid);
    assert!(report.reasons[0].contains("the server wants a client certificate"), "{:?}", report.reasons);
}

async fn acted(act: impl Fn(usize) -> Act + Send + Sync + 'static, name: &str) -> (Report, Server) {
    let authority = Authority::new();
    let server = Server::acting(&authority.sign(&["localhost"]), act);
    let mut spec = requests(&server, 1, 10);
    spec.request.expect.status = Some(200);
    let report = report(&spec, &believing(&authority.file(name))).await;
    (report, server)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_whole_however_tls_cuts_them() {
    for (act, connections) in [
        (Act::Answer, 1),
        (Act::Large, 1),
        (Act::InDrops, 1),
        // What comes over an idle connection is not always a reason to close it.
        (Act::NewKey, 1),
        (Act::Goodbye, 10),
        (Act::UntilGoodbye, 10),
        // Only after the last one: a server that ends kept connections without a word breaks what is on the way to it.
        (Act::Cut, 1),
    ] {
        let is_acting = move |number| act != Act::Cut || number == 9;
        let (report, server) =
            acted(move |number| if is_acting(number) { act } else { Act::Answer }, "whole.pem").await;
        let cluster = &report.clusters[0];
        assert_eq!((cluster.failures.total(), cluster.requests), (0, 10), "{act:?}: {:?}", cluster.failures);
        assert_eq!((server.connections(), server.requests()), (connections, 10), "{act:?}");
    }
}

/// RFC 9112, 9.8: without close_notify nobody knows whether it is whole.
#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_is_broken() {
    for act in [Act::UntilCut, Act::Garbage] {
        let (report, _) = acted(move |number| if number == 3 { act } else { Act::Answer }, "cut.pem").await;
        let failures = report.clusters[0].failures;
        assert_eq!((failures.broken, failures.total()), (1, 1), "{act:?}: {failures:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_ends_a_handshake_has_no_connection_to_give() {
    let authority = Authority::new();
    let config = authority.sign(&["localhost"]).server();
    let greet = move |number| if number == 0 { Greeting::Close } else { Greeting::With(config.clone()) };
    let server = Server::start(greet, |_| Act::Answer);
    let report = report(&requests(&server, 1, 10), &believing(&authority.file("ends.pem"))).await;
    let cluster = &report.clusters[0];
    assert_eq!((cluster.failures.connect, cluster.failures.total()), (1, 1), "{:?}", cluster.failures);
    assert_eq!(cluster.handshakes.clone().unwrap().count, 1, "only those that succeeded are counted");
}

#[tokio::test(flavor = "multi_thread")]
async fn long_requests_are_sent_whole() {
    let authority = Authority::new();
    let server = Server::fine(&authority.sign(&["localhost"]));
    let mut spec = requests(&server, 3, 12);
    (spec.request.method, spec.request.body) = ("POST".into(), "x".repeat(3_000_000));
    let report = report(&spec, &believing(&authority.file("long.pem"))).await;
    assert_eq!(report.clusters[0].failures.total(), 0, "{:?}", report.clusters[0].failures);
    assert_eq!(server.seen.body_bytes.load(std::sync::atomic::Ordering::SeqCst), 12 * 3_000_000);
}

/// The rule of connecting: who has to wait for a handshake waits, nobody else does, and serving does not count it.
#[tokio::test(flavor = "multi_thread")]
async fn a_handshake_is_part_of_the_response_time_of_the_request_that_waited_for_it() {
    const LATE: Duration = Duration::from_millis(400);
    let authority = Authority::new();
    let config = authority.sign(&["localhost"]).server();
    let server = Server::start(move |_| Greeting::Late(config.clone(), LATE), |_| Act::Answer);
    let report = report(&requests(&server, 1, 9), &believing(&authority.file("waited.pem"))).await;
    let cluster = &report.clusters[0];
    let late = LATE.as_micros() as u64 * 99 / 100;
    assert!(cluster.handshakes.clone().unwrap().p50_micros.unwrap() >= late);
    assert!(cluster.latency.max_micros.unwrap() >= late, "the first request waited");
    let service = stats::Latencies::decode(&cluster.histograms.service).unwrap();
    assert!(cluster.latency.p50_micros.unwrap() < late && service.quantile(500).unwrap() < late);
    assert!(service.quantiles(0).max_micros.unwrap() < cluster.latency.max_micros.unwrap());
}

/// Two URLs of one host have sessions of their own, and an authority can be spoken to with and without TLS.
#[tokio::test(flavor = "multi_thread")]
async fn two_urls_are_compared_over_tls() {
    let authority = Authority::new();
    let ca = authority.file("two.pem");
    let (a, b) = (Server::fine(&authority.sign(&["localhost"])), Server::fine(&authority.sign(&["127.0.0.1"])));
    let urls = [format!("a={}", a.url("localhost")), format!("b={}", b.url("127.0.0.1"))];
    // One user: of several, one may find that the others have sent the whole warm-up, and connects in the first round.
    let more = ["--closed-loop", "1", "--rounds", "6", "--requests", "20", "--json", "--ca", ca.to_str().unwrap()];
    let output = loadgen(&[&["compare", &urls[0], &urls[1]], &more[..]].concat()).await;
    let result: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    assert!(is_measured(output.status.code()), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!((&result["failed"], &result["requests"]), (&0.into(), &(2 * 6 * 20).into()));
    // Connections are kept from round to round: the warm-up opened both.
    assert!(result["clusters"].as_array().unwrap().iter().all(|one| one["handshakes"].is_null()), "{result}");
}
