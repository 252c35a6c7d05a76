//! Members tell of the instances that they run on.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed")]

mod support;

use support::{Backend, FakeBalancer, Speaking, closed_loop, member, report, settings, spec, status};
use wire::{
    BalancerStatus, ClusterFacts, CreditMode, Credits, GateKind, GateOutcome, Health, Place, PlaceKind, Report, Speed,
    Validity,
};

/// Cluster `a` has a member that speaks, or does not; it is measured in three rounds on instances of EC2.
async fn measured(speaking: Option<Speaking>) -> (Report, Vec<String>) {
    let backend = Backend::fine().await;
    let (address, asked) = member(speaking).await;
    let seen = move |_| {
        let mut seen = status(&["a"], 0, Health::Healthy);
        seen.clusters[0].members[0].address = address.to_string();
        Some(BalancerStatus { kernel_boot: "another".into(), ..seen })
    };
    let balancer = FakeBalancer::start(seen).await;
    let mut run = spec(vec![backend.target("a")], 3, vec![closed_loop(2, 10)]);
    run.balancer_control = Some(balancer.control());
    run.facts.place = Place { kind: PlaceKind::Aws, region: "r".into(), zone: "z".into() };
    run.facts.clusters = vec![ClusterFacts {
        cluster: "a".into(),
        instance_type: "t2.micro".into(),
        credits: Some(Credits { mode: CreditMode::Standard, baseline_per_mille: 100 }),
        ..ClusterFacts::default()
    }];
    let report = report(&run, &settings()).await;
    let asked = asked.lock().unwrap().clone();
    (report, asked)
}

fn failed(report: &Report) -> Vec<GateKind> {
    // The generator of a test shares its machine with everything else.
    let own = |kind: &GateKind| !matches!(kind, GateKind::GeneratorCpu | GateKind::GeneratorSteal);
    let failed = report.gates.iter().filter(|gate| gate.outcome == GateOutcome::Failed);
    failed.map(|gate| gate.kind).filter(own).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_on_credits_is_calibrated_before_and_after_and_labelled() {
    let speaking = Speaking { each: [900, 10, 1_000], calibrations: vec![1_000_000, 1_050_000] };
    let (report, asked) = measured(Some(speaking)).await;
    assert_eq!(failed(&report), []);
    let facts = &report.environment.clusters[0];
    assert_eq!((facts.instance_type.as_str(), facts.members.len()), ("t2.micro", 1), "told and seen");
    let member = &facts.members[0];
    assert_eq!((member.id.as_str(), member.cpu_model.as_str(), member.kernel.as_str()), ("i-1", "A CPU", "6.1"));
    assert_eq!((member.calibration_before_micros, member.calibration_after_micros), (Some(1_000_000), Some(1_050_000)));
    let rounds: Vec<_> = report.rounds.iter().map(|round| &round.clusters[0]).collect();
    assert!(rounds.iter().all(|one| (one.speed, one.steal_per_mille) == (Some(Speed::Burst), Some(10))), "{rounds:?}");
    // Met, calibrated, looked at around each of three rounds, calibrated.
    assert_eq!(asked.iter().filter(|path| *path == "/machine").count(), 1 + 3 * 2);
    assert_eq!((asked[1].as_str(), asked[8].as_str(), asked.len()), ("/calibration", "/calibration", 9));
}

/// Somebody else has it calibrated: it speaks all the same, and is asked again.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_is_busy_is_not_silent() {
    let speaking = Speaking { each: [900, 10, 1_000], calibrations: vec![0, 1_000_000] };
    let (report, _) = measured(Some(speaking)).await;
    let member = &report.environment.clusters[0].members[0];
    assert_eq!((member.calibration_before_micros, member.calibration_after_micros), (None, Some(1_000_000)));
    assert_eq!((report.clusters[0].speed, report.environment.notes.len()), (Some(Speed::Burst), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_at_its_baseline_is_labelled_and_no_neighbour_is_blamed() {
    let speaking = Speaking { each: [100, 900, 1_000], calibrations: vec![9_000_000, 9_100_000] };
    let (report, _) = measured(Some(speaking)).await;
    assert_eq!((report.clusters[0].speed, report.clusters[0].steal_per_mille), (Some(Speed::Baseline), Some(900)));
    assert_eq!(failed(&report), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_lost_its_speed_between_makes_the_run_invalid() {
    let speaking = Speaking { each: [900, 10, 1_000], calibrations: vec![1_000_000, 9_000_000] };
    let (report, _) = measured(Some(speaking)).await;
    assert_eq!((report.validity, failed(&report)), (Validity::Invalid, vec![GateKind::Calibration]));
    assert!(report.reasons.iter().any(|reason| reason.contains("9000000 us after")), "{:?}", report.reasons);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_that_does_not_speak_is_measured_all_the_same_and_the_report_says_so() {
    let (report, asked) = measured(None).await;
    assert_eq!(failed(&report), []);
    assert_eq!(asked, ["/machine"], "it is not asked again");
    let member = &report.environment.clusters[0].members[0];
    assert_eq!((member.cpu_model.as_str(), member.calibration_before_micros), ("", None));
    assert_eq!(report.environment.notes, ["members of a do not say what they run on"]);
    assert_eq!((report.clusters[0].speed, report.clusters[0].steal_per_mille), (None, None));
}

/// A member is lost after the first look: the others are asked on, and nobody waits for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_member_that_left_is_not_asked_again() {
    let backend = Backend::fine().await;
    let speaking = || Some(Speaking { each: [900, 10, 1_000], calibrations: vec![1_000_000; 2] });
    let ((one, asked_one), (other, asked_other)) = (member(speaking()).await, member(speaking()).await);
    let seen = move |look| {
        let mut seen = status(&["a"], 0, Health::Healthy);
        let members = &mut seen.clusters[0].members;
        members.push(wire::MemberStatus { id: "i-2".into(), ..members[0].clone() });
        (members[0].address, members[1].address) = (one.to_string(), other.to_string());
        // Met, before the first round, and after it, when it is void.
        members.truncate(if look < 2 { 2 } else { 1 });
        Some(seen)
    };
    let balancer = FakeBalancer::start(seen).await;
    let mut run = spec(vec![backend.target("a")], 2, vec![closed_loop(2, 10)]);
    run.balancer_control = Some(balancer.control());
    let report = report(&run, &settings()).await;
    assert_eq!(report.rounds.len(), 3, "one is void");
    let asked = |asked: &std::sync::Mutex<Vec<String>>| asked.lock().unwrap().len();
    // Met, calibrated, and looked at around one round, or around three and calibrated again.
    assert_eq!((asked(&asked_other), asked(&asked_one)), (4, 9));
    let members = &report.environment.clusters[0].members;
    let calibrated = |id: &str| {
        let facts = members.iter().find(|member| member.id == id).unwrap();
        (facts.calibration_before_micros.is_some(), facts.calibration_after_micros.is_some())
    };
    assert_eq!((calibrated("i-1"), calibrated("i-2")), ((true, true), (true, false)));
}
