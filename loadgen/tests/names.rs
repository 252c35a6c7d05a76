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
    let target =
        wire::Target { cluster: "c".into(), url: format!("http://name.test:{port}/"), ..wire::Target::default() };
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
    let addresses = &report.clusters[0].addresses;
    let shares = |one: &AddressShare| (one.address.clone(), one.requests, one.share_per_mille, one.connections);
    let share = |backend: &Backend| (backend.address.to_string(), 33, 333, 1);
    assert_eq!(addresses.iter().map(shares).collect::<Vec<_>>(), backends.iter().map(share).collect::<Vec<_>>());
    let within = |one: &AddressShare| one.p50_micros.is_some_and(|p50| (1..1_000_000).contains(&p50));
    assert!(addresses.iter().all(within), "{addresses:?}");
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

/// Two clusters behind one name, as behind one load balancer.
fn two_clusters(port: u16, rounds: u32, phases: Vec<wire::Phase>) -> RunSpec {
    let target = |name: &str| wire::Target {
        cluster: name.into(),
        url: format!("http://name.test:{port}/{name}"),
        ..wire::Target::default()
    };
    spec(vec![target("a"), target("b")], rounds, phases)
}

#[tokio::test(flavor = "multi_thread")]
async fn two_addresses_have_half_of_the_connections_each_in_every_round_of_every_cluster() {
    let backends = backends(2).await;
    let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let settings = with(move |_| Ok(addresses.clone()));
    // Users come and go: what few of them leave open must not spoil the spread of the next.
    let phases = vec![closed_loop(1, 40), closed_loop(40, 400), closed_loop(3, 60), closed_loop(20, 200)];
    let report = report(&two_clusters(backends[0].address.port(), 3, phases), &settings).await;
    for cluster in report.rounds.iter().flat_map(|round| &round.clusters) {
        let used: Vec<u64> = cluster.addresses.iter().map(|one| one.connections).collect();
        assert!(are_halves(&used), "{used:?}");
        assert_eq!(cluster.failures, Failures::default());
    }
    assert_eq!(reasons(&report), [] as [&str; 0]);
    // On a machine that is short of time some are opened and never carry a request: those are no part of the shares.
    let opened: Vec<u64> = backends.iter().map(|backend| connections(backend) as u64).collect();
    assert!(opened.iter().all(|count| count * 3 >= opened.iter().sum::<u64>()), "{opened:?}");
}

/// 50 +- 5 % each, or as near as whole numbers are.
fn are_halves(counts: &[u64]) -> bool {
    let [one, other] = counts else { return false };
    *one > 0 && one.abs_diff(*other) <= ((one + other) / 10).max(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_came_has_its_part_in_the_next_round_and_one_that_left_has_nothing() {
    let backends = backends(3).await;
    let at: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    // Before the first load, before the first round, before the second, before the third.
    let settings = with(move |asked| Ok(if asked < 2 { at[..2].to_vec() } else { at[1..].to_vec() }));
    let report = report(&two_clusters(backends[0].address.port(), 3, vec![closed_loop(20, 100)]), &settings).await;
    for (round, first) in report.rounds.iter().zip([0, 1, 1]) {
        for cluster in &round.clusters {
            let led_to: Vec<String> = cluster.addresses.iter().map(|one| one.address.clone()).collect();
            assert_eq!(led_to, [first, first + 1].map(|number: usize| backends[number].address.to_string()));
            let used: Vec<u64> = cluster.addresses.iter().map(|one| one.connections).collect();
            assert!(are_halves(&used), "{used:?}");
        }
    }
    let in_round_1: u64 = report.rounds[0].clusters.iter().map(|one| one.addresses[0].requests).sum();
    assert_eq!(backends[0].seen().len() as u64, in_round_1, "nothing more came");
    assert_eq!(report.clusters.iter().map(|one| one.failures.total()).sum::<u64>(), 0);
    assert!(report.environment.notes.is_empty(), "nothing is known of a load balancer: {:?}", report.environment.notes);
}

/// The same, where the members say that it is one.
#[tokio::test(flavor = "multi_thread")]
async fn a_load_balancer_that_was_resized_is_a_caution_and_no_failure() {
    let backends = backends(2).await;
    let at: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
    let port = at[0].port();
    let settings = with(move |asked| Ok(vec![at[usize::from(asked >= 2)]]));
    let members = support::Asked::fine().await;
    let mut run = two_clusters(port, 2, vec![closed_loop(2, 20)]);
    run.members = vec![members.member("a", "i-1"), members.member("b", "i-1")];
    let report = report(&run, &settings).await;
    let [resized, small] = &report.environment.notes[..] else { panic!("{:?}", report.environment.notes) };
    let (came, left) = (backends[1].address, backends[0].address);
    let expected = format!("the addresses of name.test:{port} changed during the run ({came} came; {left} left)");
    assert!(resized.starts_with(&expected), "{resized}");
    assert!(small.starts_with("the load balancer had 0 s of load before"), "{small}");
    assert_eq!(reasons(&report), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_were_idle_for_too_long_are_not_used_again() {
    for (limit, expected) in [(Settings::IDLE_LIMIT, 1), (Duration::ZERO, 2)] {
        let backends = backends(2).await;
        let addresses: Vec<SocketAddr> = backends.iter().map(|backend| backend.address).collect();
        let mut settings = with(move |_| Ok(addresses.clone()));
        settings.idle_limit = limit;
        let mut run = run(backends[0].address.port(), 1, 1, 40);
        run.phases = vec![closed_loop(1, 40), closed_loop(1, 40)];
        let report = report(&run, &settings).await;
        assert_measured(&report, &backends);
        assert_eq!(backends.iter().map(connections).collect::<Vec<_>>(), [expected; 2], "{limit:?}");
    }
}

/// What stands in front closes connections while nothing is sent, as it does after its own time limit.
#[tokio::test(flavor = "multi_thread")]
async fn a_pause_after_which_connections_are_gone_makes_nothing_fail() {
    let mut backends = backends(1).await;
    let address = backends[0].address;
    let settings = with(move |_| Ok(vec![address]));
    let mut run = run(address.port(), 2, 4, 40);
    run.phases = vec![closed_loop(4, 40), wire::Phase::Pause { seconds: 1 }, closed_loop(4, 40)];
    let progress = loadgen::Progress::new(2);
    let in_the_pause = async {
        while !progress.message().contains("pause") {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        backends.remove(0).stop().await;
        Backend::on(TcpListener::bind(address).await.unwrap(), |_, _| FINE)
    };
    let measured = loadgen::measure(&run, &settings, &progress, |_| (), std::future::pending());
    let (measured, after) = tokio::join!(measured, in_the_pause);
    let report = measured.unwrap().report().unwrap();
    assert_eq!((report.clusters[0].failures, after.seen().len()), (Failures::default(), 120));
    assert_eq!(reasons(&report), [] as [&str; 0]);
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

fn hosts_file(name: &str, text: &str) -> std::path::PathBuf {
    let path = std::env::temp_dir().join(format!("loadgen-{}-{name}", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hosts_file_is_read_anew_before_each_round_and_comes_before_name_servers() {
    let backends = backends(2).await;
    let port = backends[0].address.port();
    let path = hosts_file("hosts", "127.0.0.2 other.test NAME.test\n");
    let mut settings = settings();
    settings.resolver = Resolver::new(|_| async { Err(std::io::Error::other("nobody should be asked")) })
        .with_hosts(Some(path.clone()));
    let progress = loadgen::Progress::new(2);
    let run = run(port, 2, 2, 20);
    // After the first round the name leads elsewhere.
    let journal = |_: loadgen::JournalEntry<'_>| std::fs::write(&path, "127.0.0.3 name.test\n").unwrap();
    let measured = loadgen::measure(&run, &settings, &progress, journal, std::future::pending()).await.unwrap();
    let report = measured.report().unwrap();
    assert_measured(&report, &backends);
    assert_eq!(seen(&backends).iter().map(|(_, count)| *count).collect::<Vec<_>>(), [20, 20]);
    std::fs::remove_file(&path).unwrap();
    let gone = settings.resolver.look_up(&format!("name.test:{port}")).await.unwrap_err().to_string();
    assert!(gone.starts_with("--hosts ") && gone.contains("cannot be read"), "{gone}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_takes_a_hosts_file_by_flag_and_by_environment() {
    let backends = backends(2).await;
    let port = backends[0].address.port();
    let path = hosts_file("flag", "127.0.0.2 name.test\n127.0.0.3 name.test\n");
    let url = format!("http://name.test:{port}/");
    let loadgen = || {
        let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_loadgen"));
        command.args(["run", "--url", &url, "--closed-loop", "1", "--requests", "40", "--json"]);
        command.env_remove("HOSTS_FILE");
        command
    };
    let (mut by_flag, mut by_environment) = (loadgen(), loadgen());
    by_flag.arg("--hosts").arg(&path);
    by_environment.env("HOSTS_FILE", &path);
    for mut command in [by_flag, by_environment] {
        let output = command.output().await.unwrap();
        let result: serde_json::Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|_| panic!("{}", String::from_utf8_lossy(&output.stderr)));
        let addresses = result["clusters"][0]["addresses"].as_array().unwrap();
        assert_eq!(addresses.iter().map(|one| one["requests"].as_u64().unwrap()).collect::<Vec<_>>(), [20, 20]);
    }
    std::fs::remove_file(&path).unwrap();
    let output = loadgen().arg("--hosts").arg(&path).output().await.unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("cannot find the address of") && error.contains("it cannot be read"), "{error}");
}
