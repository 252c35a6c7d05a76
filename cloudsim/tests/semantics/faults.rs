//! Faults of calls on their way.

use std::sync::Arc;

use cloudsim::ec2::{About, Action, Instance};
use cloudsim::sts;
use cloudsim::{Call, Fault, FaultRates, Outcome, Principal, Query, Reply, Settings, Sim, SimError, Span, Throttling};

use crate::rehearsals::rehearsed;
use crate::world::{at, code, exact, request, sim};

fn run(sim: &mut Sim, count: u32, token: &str, second: i64) -> Reply<Outcome<Vec<Arc<Instance>>>> {
    let request = Arc::new(request(count, token));
    let call = Call::about(About::Launch(request.clone()));
    sim.call(call, at(second), move |sim, now| sim.ec2(now).run_instances(&request))
}

fn error_of<T: std::fmt::Debug>(reply: Reply<Outcome<T>>) -> String {
    match reply {
        Reply::Whole(outcome) => code(outcome),
        other => panic!("{other:?}"),
    }
}

#[test]
fn each_fault_does_what_it_says() {
    type Row = (Fault, fn(&Reply<Outcome<Vec<Arc<Instance>>>>) -> bool, usize);
    let rows: [Row; 9] = [
        (Fault::LostAnswer, |reply| matches!(reply, Reply::Lost), 2),
        (Fault::LostRequest, |reply| matches!(reply, Reply::Lost), 0),
        (Fault::LateExecution(90), |reply| matches!(reply, Reply::Lost), 0),
        (Fault::Truncated, |reply| matches!(reply, Reply::Truncated(Ok(made)) if made.len() == 2), 2),
        (Fault::Throttled, |reply| matches!(reply, Reply::Whole(Err(e)) if e.code == "RequestLimitExceeded"), 0),
        (Fault::Status500, |reply| matches!(reply, Reply::Whole(Err(e)) if e.status == 500), 0),
        (Fault::Status500AfterEffect, |reply| matches!(reply, Reply::Whole(Err(e)) if e.status == 500), 2),
        (Fault::Status503, |reply| matches!(reply, Reply::Whole(Err(e)) if e.status == 503), 0),
        (Fault::Status503AfterEffect, |reply| matches!(reply, Reply::Whole(Err(e)) if e.status == 503), 2),
    ];
    for (fault, is_expected, launched) in rows {
        let mut sim = sim(exact());
        sim.inject_next(Action::RunInstances, fault);
        let reply = run(&mut sim, 2, "token", 0);
        assert!(is_expected(&reply), "{fault:?}: {reply:?}");
        assert_eq!(sim.audit().launched, launched, "{fault:?}");
        // The same call with the same token afterwards: exactly two, whatever happened before.
        assert!(matches!(run(&mut sim, 2, "token", 1), Reply::Whole(Ok(made)) if made.len() == 2), "{fault:?}");
        sim.advance(at(300));
        assert_eq!(sim.audit().launched, 2, "{fault:?}");
    }
}

/// It is the replica that answers one list, and no other call.
#[test]
fn a_list_that_is_behind_shows_the_past_once() {
    let mut sim = sim(exact());
    assert!(matches!(run(&mut sim, 2, "token", 0), Reply::Whole(Ok(_))));
    let mut listed = |fault: Option<Fault>, second: i64| {
        sim.meet(fault);
        let call = Call::new(Action::DescribeInstances);
        match sim.call(call, at(second), |sim, now| sim.ec2(now).describe_instances(&Query::default())) {
            Reply::Whole(Ok(page)) => page.items.len(),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(listed(Some(Fault::Stale(11)), 10), 0, "it was launched ten seconds ago");
    assert_eq!(listed(None, 10), 2);
    assert_eq!(listed(Some(Fault::Stale(9)), 10), 2);
}

#[test]
fn a_late_call_takes_effect_when_nobody_waits_for_it() {
    let mut sim = sim(exact());
    sim.inject_next(Action::RunInstances, Fault::LateExecution(90));
    assert!(matches!(run(&mut sim, 2, "token", 0), Reply::Lost));
    assert_eq!((sim.late_calls(), sim.next_event()), (1, Some(at(90))));
    sim.advance(at(89));
    assert_eq!(sim.audit().launched, 0);
    sim.advance(at(95));
    assert_eq!((sim.audit().launched, sim.late_calls()), (2, 0));
    assert!(sim.truth().ec2.live_instances().iter().all(|instance| instance.launched_at == at(90)));
}

#[test]
fn a_run_bucket_holds_five_and_refills_two_a_second() {
    let mut sim = sim(Settings { throttling: Throttling::Published, ..exact() });
    let mut admitted = |second: i64, tries: usize| {
        (0..tries)
            .filter(|index| matches!(run(&mut sim, 1, &format!("{second}-{index}"), second), Reply::Whole(Ok(_))))
            .count()
    };
    assert_eq!(admitted(0, 20), 5);
    assert_eq!(admitted(1, 20), 2);
    assert_eq!(admitted(2, 20), 2);
    assert_eq!(admitted(60, 20), 5, "never more than the bucket holds");
    assert_eq!(error_of(run(&mut sim, 1, "more", 60)), "RequestLimitExceeded");
    assert_eq!(sim.audit().calls[&Action::RunInstances.into()], 81, "throttled calls are calls");
}

#[test]
fn instances_have_a_bucket_of_their_own_and_bare_lists_a_smaller_one() {
    let mut sim = sim(Settings { throttling: Throttling::Published, ..exact() });
    assert!(matches!(run(&mut sim, 900, "one", 0), Reply::Whole(Ok(_))));
    assert_eq!(error_of(run(&mut sim, 200, "two", 0)), "RequestLimitExceeded");
    assert!(matches!(run(&mut sim, 100, "three", 0), Reply::Whole(Ok(_))));
    let mut admitted = |bare: bool| {
        let call = Call::new(Action::DescribeInstances).bare(bare);
        let query = Query::ids([""; 0]);
        (0..200)
            .filter(|_| {
                let query = query.clone();
                let reply = sim.call(call.clone(), at(0), move |sim, now| sim.ec2(now).describe_instances(&query));
                matches!(reply, Reply::Whole(Ok(_)))
            })
            .count()
    };
    assert_eq!((admitted(true), admitted(false)), (50, 100));
}

#[test]
fn faults_by_chance_come_as_often_as_they_are_set() {
    let faults =
        FaultRates { lost_answer: 200, throttled: 100, late_by: Span::seconds(0, 300), ..FaultRates::default() };
    let mut sim = sim(Settings { faults, ..exact() });
    let (mut lost, mut throttled) = (0, 0);
    for _ in 0..5000 {
        let who = |sim: &mut Sim, now| sim.sts(now).caller_identity(Principal::Administrator);
        match sim.call(Call::new(sts::Action::GetCallerIdentity), at(0), who) {
            Reply::Lost => lost += 1,
            Reply::Whole(Err(error)) if error.code == "RequestLimitExceeded" => throttled += 1,
            _ => (),
        }
    }
    // 5 standard deviations around 1000 and 500; the seed is fixed, so this is no matter of luck.
    assert!((860..=1140).contains(&lost) && (395..=605).contains(&throttled), "{lost} {throttled}");
}

#[test]
fn an_action_can_be_refused_for_good() {
    let mut sim = sim(exact());
    sim.refuse(Action::RunInstances, Some(SimError::new("UnauthorizedOperation", "no")));
    assert_eq!(error_of(run(&mut sim, 1, "token", 0)), "UnauthorizedOperation");
    assert_eq!(rehearsed(&mut sim), "UnauthorizedOperation");
    sim.refuse(Action::RunInstances, None);
    assert_eq!(rehearsed(&mut sim), "DryRunOperation");
    assert!(matches!(run(&mut sim, 1, "token", 0), Reply::Whole(Ok(_))));
    assert_eq!(sim.audit().launched, 1);
}
