//! Members are asked by the generator itself, where what stands in front of them answers no question about them.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use support::{Asked, Backend, Reply, Word, closed_loop, report, settings, spec};
use wire::{MemberFacts, Place, PlaceKind, Report, RoundOutcome, RunSpec};

/// A service whose answers come from two members in turn.
async fn two_in_turn() -> Backend {
    Backend::start(|number, _| from(["i-1", "i-2"][number % 2])).await
}

fn from(backend: &'static str) -> Reply {
    Reply::Fine { backend, boot: "a", after: std::time::Duration::ZERO }
}

/// Clusters `a` and `b` of that service, of 50 requests in each round; each has the members `i-1` and `i-2`, of which the
/// last one of `b` answers as `last` says.
async fn run(service: &Backend, rounds: u32, last: Asked) -> (RunSpec, Vec<Asked>) {
    let members = vec![Asked::fine().await, Asked::fine().await, Asked::fine().await, last];
    let mut run = spec(vec![service.target("a"), service.target("b")], rounds, vec![closed_loop(1, 50)]);
    let places = [("a", "i-1"), ("a", "i-2"), ("b", "i-1"), ("b", "i-2")];
    run.members = members.iter().zip(places).map(|(asked, (cluster, id))| asked.member(cluster, id)).collect();
    (run, members)
}

fn outcomes(report: &Report) -> Vec<(u32, RoundOutcome, &str, &str)> {
    let shown = |round: &wire::RoundReport| (round.round, round.outcome, round.voided_by.clone(), round.reason.clone());
    let all: Vec<_> = report.rounds.iter().map(shown).collect();
    all.into_iter().map(|(number, outcome, by, why)| (number, outcome, &*by.leak(), &*why.leak())).collect()
}

fn counted(round: u32) -> (u32, RoundOutcome, &'static str, &'static str) {
    (round, RoundOutcome::Counted, "", "")
}

#[tokio::test(flavor = "multi_thread")]
async fn members_tell_everything_that_a_balancer_would() {
    let service = two_in_turn().await;
    let (mut run, members) = run(&service, 2, Asked::fine().await).await;
    run.facts.place = Place { kind: PlaceKind::Aws, region: "r".into(), zone: "z".into() };
    run.request.expect.members = wire::Members::Known;
    let report = report(&run, &settings()).await;
    assert_eq!(outcomes(&report), [counted(1), counted(2)]);
    assert_eq!(report.environment.place.kind, PlaceKind::Aws, "they are on other machines");
    for cluster in &report.environment.clusters {
        let told = |facts: &MemberFacts| (facts.id.clone(), facts.cpu_model.clone(), facts.calibration_after_micros);
        let expected = ["i-1", "i-2"].map(|id| (id.to_owned(), "A CPU".to_owned(), Some(1_000_000)));
        assert_eq!(cluster.members.iter().map(told).collect::<Vec<_>>(), expected);
    }
    for cluster in report.rounds.iter().flat_map(|round| &round.clusters) {
        assert_eq!((cluster.slots, cluster.steal_per_mille), (Some(4), Some(0)));
        assert_eq!(cluster.failures, wire::Failures::default());
    }
    // When they are met, and before the two rounds and after each of their visits.
    for member in &members {
        let paths = member.paths.lock().unwrap().clone();
        let asked = |page: &str| paths.iter().filter(|path| *path == page).count();
        assert_eq!(
            (asked("/health"), asked("/machine"), asked("/calibration")),
            (1 + 2 * 3, 1 + 2 * 2, 2),
            "{paths:?}"
        );
    }
    assert!(report.environment.balancers.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_of_somebody_who_is_no_member_is_wrong() {
    let service = Backend::start(|number, _| from(["i-1", "i-9"][number % 2])).await;
    let (mut run, _members) = run(&service, 1, Asked::fine().await).await;
    // With one request more, both clusters would be void for the member that gives no answer.
    run.phases = vec![closed_loop(1, 39)];
    for (expected, wrong) in [(wire::Members::Any, 0), (wire::Members::Known, 39)] {
        run.request.expect.members = expected;
        let report = report(&run, &settings()).await;
        let found: u64 = report.clusters.iter().map(|cluster| cluster.failures.wrong_answer).sum();
        assert_eq!(found, wrong, "of 78, every second one");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_on_the_generators_machine_makes_it_a_lab() {
    let service = two_in_turn().await;
    let here = Asked::start(agent::kernel_boot(), |_| Word::Boot("a")).await;
    let (mut run, _members) = run(&service, 1, here).await;
    run.facts.place = Place { kind: PlaceKind::Aws, region: "r".into(), zone: "z".into() };
    assert_eq!(report(&run, &settings()).await.environment.place.kind, PlaceKind::Lab);
}

/// Looks: one to meet the members, and of each round one before it and one after each of its two visits.
const WITHIN_ROUND_1: usize = 2;

/// The round that is void, and its repetition.
async fn voided(word: Word) -> String {
    let service = two_in_turn().await;
    let last = move |look| if look == WITHIN_ROUND_1 { word } else { Word::Boot("a") };
    let (run, _members) = run(&service, 1, Asked::start("another".into(), last).await).await;
    let report = report(&run, &settings()).await;
    let [(1, RoundOutcome::Voided, "b", why), (1, RoundOutcome::Counted, "", "")] = outcomes(&report)[..] else {
        panic!("{:?}", outcomes(&report))
    };
    assert_eq!(report.rounds[0].clusters.len(), 1, "the other cluster would have been measured for nothing");
    why.to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_was_lost_restarted_or_is_silent_voids_the_round_and_is_named() {
    assert_eq!(voided(Word::Boot("b")).await, "i-2 of b was restarted");
    assert_eq!(voided(Word::Status(503)).await, "i-2 of b was lost: it answers 503 Service Unavailable to GET /health");
    let why = voided(Word::Nothing).await;
    assert!(why.starts_with("i-2 of b was lost: it does not answer GET /health ("), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_nobody_answers_for_holds_the_round_up_and_voids_it() {
    let service = two_in_turn().await;
    // Refused: where it was, nobody listens any more.
    let gone = Asked::fine().await;
    let member = gone.member("b", "i-2");
    drop(gone);
    let (mut run, _members) = run(&service, 1, Asked::fine().await).await;
    run.members[3] = member;
    let report = report(&run, &settings()).await;
    let (_, outcome, _, why) = outcomes(&report)[0];
    assert_eq!(outcome, RoundOutcome::Voided);
    assert!(why.starts_with("i-2 of b does not answer GET /health (Connection refused"), "{why}");
    assert!(service.seen().is_empty(), "no request is wasted on it");
}

/// A program of a user's own may have no such page; it is well all the same, as our balancer takes it.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_a_page_for_its_health_is_well() {
    let service = two_in_turn().await;
    let own = Asked::start("another".into(), |_| Word::Status(404)).await;
    let (run, _members) = run(&service, 1, own).await;
    let report = report(&run, &settings()).await;
    assert_eq!(outcomes(&report), [counted(1)]);
    let slots = |name: &str| report.rounds[0].clusters.iter().find(|one| one.cluster == name).unwrap().slots;
    assert_eq!((slots("a"), slots("b")), (Some(4), None), "one of b does not say");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_without_one_answer_voids_the_round_where_each_should_have_had_twenty() {
    let service = Backend::start(|_, request| from(if request.path == "/b" { "i-1" } else { "" })).await;
    let (mut run, _members) = run(&service, 1, Asked::fine().await).await;
    let report_of_50 = report(&run, &settings()).await;
    let (_, outcome, by, why) = outcomes(&report_of_50)[0];
    assert_eq!((outcome, by), (RoundOutcome::Voided, "b"));
    assert_eq!(why, "i-2 of b gave not one answer to 50 requests");
    run.phases = vec![closed_loop(1, 39)];
    assert_eq!(outcomes(&report(&run, &settings()).await), [counted(1)], "it may be chance");
}
