//! Names that lead to several addresses: all of them are measured, and the report says what each served.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use loadgen::{Resolver, Settings};
use support::{Backend, FINE, closed_loop, listeners, reasons, report, settings, spec};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::time::timeout;
use wire::{AddressShare, ClusterReport, Connections, Failures, Report, RequestSpec, RunSpec};

async fn backends(count: u8) -> Vec<Backend> {
    listeners(count).await.into_iter().map(|listener| Backend::on(listener, |_, _| FINE)).collect()
}

/// `name.test` is looked up by `lookup`, which is given how often that was done before.
fn with(lookup: impl Fn(usize) -> std::io::Result<Vec<SocketAddr>> + Send + Sync + 'static) -> Settings {
    let (lookup, asked) = (Arc::new(lookup), AtomicUsize::new(0));
    let resolver = Resolver::new(move |authority| {
        assert!(authority.starts_with("name.test:"), "{authority}");
        let found = lookup(asked.fetch_add(1, Ordering::SeqCst));
        async move { found }
    });
    let mut settings = settings();
    settings.resolver = resolver;
    settings
}

fn run(port: u16, rounds: u32, users: u32, requests: u64) -> RunSpec {
    let target = wire::Target { cluster: "c".into(), url: format!("http://name.test:{port}/") };
    spec(vec![target], rounds, vec![closed_loop(users, requests)])
}

fn connections(backend: &Backend) -> usize {
    backend.seen().iter().map(|request| request.connection).collect::<BTreeSet<_>>().len()
}

fn served(cluster: &ClusterReport) -> Vec<(String, u64)> {
    cluster.addresses.iter().map(|one| (one.address.clone(), one.requests)).collect()
}

fn seen(backends: &[Backend]) -> Vec<(String, u64)> {
    backends.iter().map(|one| (one.address.to_string(), one.seen().len() as u64)).collect()
}

/// The counts of the report are those of the servers, and nothing failed.
fn assert_measured(report: &Report, backends: &[Backend]) {
    assert_eq!(served(&report.clusters[0]), seen(backends));
    assert_eq!(report.clusters[0].failures, Failures::default());
    assert_eq!(reasons(report), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_are_spread_over_all_addresses_of_a_name() {
    let backends = backends(3).await;
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let settings = with(move |_| Ok(addresses.clone()));
    let report = report(&run(backends[0].address.port(), 2, 6, 120), &settings).await;
    assert_measured(&report, &backends);
    assert_eq!(backends.iter().map(connections).collect::<Vec<_>>(), [2, 2, 2]);
    let text = report::text(&report);
    assert!(text.contains(&format!("\nc answers by address: {} ", backends[0].address)), "{text}");
}

/// Few users, and requests that seldom meet, need fewer connections than there are addresses.
#[tokio::test(flavor = "multi_thread")]
async fn one_user_asks_every_address_in_turn() {
    let backends = backends(3).await;
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let settings = with(move |_| Ok(addresses.clone()));
    let report = report(&run(backends[0].address.port(), 1, 1, 99), &settings).await;
    assert_measured(&report, &backends);
    let share =
        |backend: &Backend| AddressShare { address: backend.address.to_string(), requests: 33, share_per_mille: 333 };
    assert_eq!(report.clusters[0].addresses, backends.iter().map(share).collect::<Vec<_>>());
    assert_eq!(backends.iter().map(connections).collect::<Vec<_>>(), [1, 1, 1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn new_connections_go_to_each_address_in_turn() {
    let backends = backends(2).await;
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let settings = with(move |_| Ok(addresses.clone()));
    let request = RequestSpec { connections: Connections::PerRequest, ..RequestSpec::default() };
    let run = RunSpec { request, ..run(backends[0].address.port(), 1, 1, 50) };
    let report = report(&run, &settings).await;
    assert_measured(&report, &backends);
    assert_eq!(served(&report.clusters[0]).iter().map(|(_, count)| *count).collect::<Vec<_>>(), [25, 25]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_refuses_is_passed_over_and_shown_with_nothing() {
    let mut backends = backends(2).await;
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let (port, gone) = (addresses[0].port(), addresses[0]);
    // Nobody listens there any more, as where a server has no IPv6.
    drop(backends.remove(0));
    let settings = with(move |_| Ok(addresses.clone()));
    let report = report(&run(port, 1, 4, 40), &settings).await;
    assert_eq!(report.clusters[0].failures, Failures::default());
    assert_eq!(served(&report.clusters[0]), [(gone.to_string(), 0), (backends[0].address.to_string(), 40)]);
    assert_eq!(reasons(&report), [] as [&str; 0]);
}

/// A listener whose queue is full: the kernel drops what comes, as a firewall would. And those who fill it.
async fn silent(address: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(address).unwrap();
    let listener = socket.listen(1).unwrap();
    let mut queued = Vec::new();
    // Whoever finds the queue full waits for a second at least, until its packet is sent again.
    while let Ok(connected) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        queued.push(connected.unwrap());
    }
    (listener, queued)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_says_nothing_is_given_up_for_the_next_one() {
    let mut backends = backends(2).await;
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let (port, gone) = (addresses[0].port(), addresses[0]);
    let former = backends.remove(0);
    former.stop().await;
    let _silent = silent(gone).await;
    let settings = with(move |_| Ok(addresses.clone()));
    let report = report(&run(port, 1, 4, 40), &settings).await;
    assert_eq!(report.clusters[0].failures, Failures::default());
    assert_eq!(served(&report.clusters[0]), [(gone.to_string(), 0), (backends[0].address.to_string(), 40)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_took_a_requests_whole_time_is_passed_over_afterwards() {
    let mut backends = backends(2).await;
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let (port, gone) = (addresses[0].port(), addresses[0]);
    let former = backends.remove(0);
    former.stop().await;
    let _silent = silent(gone).await;
    let mut settings = with(move |_| Ok(addresses.clone()));
    settings.request_limit = Duration::from_millis(200);
    let request = RequestSpec { connections: Connections::PerRequest, ..RequestSpec::default() };
    let report = report(&RunSpec { request, ..run(port, 1, 1, 20) }, &settings).await;
    assert_eq!(report.clusters[0].failures, Failures { connect: 1, ..Failures::default() });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_is_looked_up_anew_before_each_round() {
    let backends = backends(2).await;
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    // Before the warm-up, before the first round, before the second.
    let settings = with(move |asked| Ok(vec![addresses[usize::from(asked >= 2)]]));
    let report = report(&run(backends[0].address.port(), 2, 3, 30), &settings).await;
    assert_measured(&report, &backends);
    let by_round = report.rounds.iter().map(|round| served(&round.clusters[0])).collect::<Vec<_>>();
    assert_eq!(by_round, seen(&backends).into_iter().map(|one| vec![one]).collect::<Vec<_>>());
    assert_eq!(backends.iter().map(|backend| backend.seen().len()).collect::<Vec<_>>(), [30, 30]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_server_that_is_silent_for_a_while_changes_nothing() {
    let backends = backends(1).await;
    let address = backends[0].address;
    let silence = || std::io::Error::other("temporary failure in name resolution");
    let settings = with(move |asked| if asked == 0 { Ok(vec![address]) } else { Err(silence()) });
    let report = report(&run(address.port(), 2, 2, 20), &settings).await;
    assert_measured(&report, &backends);
}

/// The syntax of curl.
#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_gives_names_their_addresses() {
    let backends = backends(2).await;
    let port = backends[0].address.port();
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"))
        .args([
            "run",
            "--url",
            &format!("http://name.test:{port}/"),
            "--closed-loop",
            "2",
            "--requests",
            "40",
            "--json",
        ])
        .args(["--resolve", &format!("name.test:{port}:127.0.0.2,127.0.0.3")])
        .output()
        .await
        .unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let result: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{error}"));
    let served: Vec<(String, u64)> = result["clusters"][0]["addresses"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["address"].as_str().unwrap().to_owned(), one["requests"].as_u64().unwrap()))
        .collect();
    assert_eq!(served, seen(&backends));
    assert!(served.iter().all(|(_, count)| *count > 0), "{served:?}");
}
