//! Members in two availability zones: the report says what each zone answered, and how long that took.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use loadgen::{Resolver, Settings};
use support::{Backend, Reply, closed_loop, listeners, reasons, report, settings, spec};
use wire::{Report, RunSpec, RunZone, Target, ZoneShare};

const FAST: Duration = Duration::from_millis(5);
const SLOW: Duration = Duration::from_millis(40);

/// A server at each address of a name, which names itself so and answers after so long.
async fn members<const COUNT: usize>(members: [(&'static str, Duration); COUNT]) -> (Vec<Backend>, Settings) {
    let reply = |(backend, after): (&'static str, Duration)| {
        move |_: usize, _: &support::Seen| Reply::Fine { backend, boot: "a", after }
    };
    let listeners = listeners(COUNT as u8).await;
    let all: Vec<Backend> =
        listeners.into_iter().zip(members).map(|(at, member)| Backend::on(at, reply(member))).collect();
    let addresses: Vec<SocketAddr> = all.iter().map(|backend| backend.address).collect();
    let mut settings = settings();
    settings.resolver = Resolver::new(move |_| {
        let found = Ok(addresses.clone());
        async move { found }
    });
    (all, settings)
}

/// One user, who asks every address in turn.
fn run(backends: &[Backend], zones: &[(&str, &[&str])]) -> RunSpec {
    let port = backends[0].address.port();
    let target = Target { cluster: "c".into(), url: format!("http://name.test:{port}/"), ..Target::default() };
    let zone = |(zone, members): &(&str, &[&str])| RunZone {
        zone: (*zone).to_owned(),
        members: members.iter().map(|member| (*member).to_owned()).collect(),
    };
    RunSpec { zones: zones.iter().map(zone).collect(), ..spec(vec![target], 2, vec![closed_loop(1, 24)]) }
}

fn shares(zones: &[ZoneShare]) -> Vec<(&str, u64, u32)> {
    zones.iter().map(|one| (one.zone.as_str(), one.requests, one.share_per_mille)).collect()
}

/// Medians are not below what the servers were told to take, and the zone that is slower is seen to be.
fn assert_times(zones: &[ZoneShare], took: &[Duration]) {
    for (zone, took) in zones.iter().zip(took) {
        let p50 = Duration::from_micros(zone.p50_micros.unwrap());
        // The upper bound leaves room for a busy machine: it is that of the slower one.
        assert!(p50 >= *took && p50 < *took + SLOW - FAST, "{zone:?}");
    }
}

fn text(report: &Report) -> String {
    report::text(report)
}

#[tokio::test(flavor = "multi_thread")]
async fn each_of_two_zones_has_half_of_the_answers_and_its_own_median() {
    let (backends, settings) = members([("i-1", FAST), ("i-2", SLOW)]).await;
    let report = report(&run(&backends, &[("zone-a", &["i-1"]), ("zone-b", &["i-2"])]), &settings).await;
    assert_eq!(reasons(&report), [] as [&str; 0]);
    let zones = &report.clusters[0].zones;
    assert_eq!(shares(zones), [("zone-a", 24, 500), ("zone-b", 24, 500)]);
    assert_times(zones, &[FAST, SLOW]);
    assert!(zones.iter().all(|zone| stats::Latencies::decode(&zone.histogram).unwrap().count() == 24));
    for round in &report.rounds {
        assert_eq!(shares(&round.clusters[0].zones), [("zone-a", 12, 500), ("zone-b", 12, 500)]);
    }
    assert!(text(&report).contains("\nc in zone-b: 50 % of the answers, p50 "), "{}", text(&report));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_zone_has_the_answers_of_all_its_members_and_none_of_anybody_else() {
    let all = [("i-1", FAST), ("i-2", FAST), ("", FAST), ("i-9", FAST)];
    let (backends, settings) = members(all).await;
    let zones: [(&str, &[&str]); 3] = [("zone-a", &["i-2", "i-1"]), ("zone-b", &["i-3"]), ("zone-c", &[])];
    let report = report(&run(&backends, &zones), &settings).await;
    let cluster = &report.clusters[0];
    assert_eq!(shares(&cluster.zones), [("zone-a", 24, 1000), ("zone-b", 0, 0), ("zone-c", 0, 0)]);
    assert_eq!((cluster.zones[1].p50_micros, cluster.zones[1].histogram.as_str()), (None, ""));
    assert_eq!(cluster.requests, 48);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_said_of_zones_where_none_is_given_or_no_member_names_itself() {
    let (backends, settings) = members([("i-1", FAST), ("i-2", FAST)]).await;
    let without = report(&run(&backends, &[]), &settings).await;
    let unnamed = report(&run(&backends, &[("zone-a", &["i-3"]), ("zone-b", &["i-4"])]), &settings).await;
    for report in [&without, &unnamed] {
        assert_eq!(report.clusters[0].zones, []);
        assert!(!text(report).contains("of the answers"), "{}", text(report));
    }
    assert!(!serde_json::to_string(&without).unwrap().contains("zones"));
}
