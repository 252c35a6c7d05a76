//! Instances that are stopped and started again.

use std::sync::Arc;

use cloudsim::ec2::{About, Action, Change, Instance};
use cloudsim::{
    BootFailure, Call, CapacityPool, Fault, Lag, Machines, ManualChange, Query, Reply, Settings, Sim, Span, Throttling,
};

use crate::world::{at, code, exact, ids, launch, request, sim, states};

/// The truth about one instance.
fn truth(sim: &Sim, id: &str) -> Arc<Instance> {
    sim.truth().ec2.instance(id).unwrap()
}

fn stop(sim: &mut Sim, ids: &[String], second: i64) {
    sim.ec2(at(second)).stop_instances(ids).unwrap();
}

fn start(sim: &mut Sim, ids: &[String], second: i64) {
    sim.ec2(at(second)).start_instances(ids).unwrap();
}

#[test]
fn an_instance_stops_and_starts() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    let change = sim.ec2(at(20)).stop_instances(&id).unwrap().remove(0);
    assert_eq!((change.previous.name(), change.current.name()), ("running", "stopping"));
    assert_eq!(states(&mut sim, &id, 39), ["stopping"]);
    assert_eq!(states(&mut sim, &id, 40), ["stopped"]);
    let change = sim.ec2(at(50)).start_instances(&id).unwrap().remove(0);
    assert_eq!((change.previous.name(), change.current.name()), ("stopped", "pending"));
    assert_eq!(states(&mut sim, &id, 59), ["pending"]);
    assert_eq!(states(&mut sim, &id, 60), ["running"]);
    for second in [61, 62] {
        let again = sim.ec2(at(second)).start_instances(&id).unwrap().remove(0);
        assert_eq!((again.previous.name(), again.current.name()), ("running", "running"), "again is no error");
    }
    let audit = sim.audit();
    assert_eq!((audit.launched, audit.terminated, audit.live), (1, 0, 1), "no start makes an instance");
}

#[test]
fn what_stays_and_what_changes() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    let first = truth(&sim, &id[0]);
    stop(&mut sim, &id, 20);
    sim.advance(at(50));
    let stopped = truth(&sim, &id[0]);
    assert_eq!(stopped.state_reason.as_ref().unwrap().code, "Client.UserInitiatedShutdown");
    assert_eq!(stopped.launched_at, at(0), "a stop does not change it");
    start(&mut sim, &id, 60);
    sim.advance(at(70));
    let second = truth(&sim, &id[0]);
    assert_eq!((second.state_reason.clone(), second.launched_at), (None, at(60)));
    let [first_network, stopped_network, second_network] =
        [&first, &stopped, &second].map(|instance| instance.network.clone().unwrap());
    assert_eq!(stopped_network.public_address, None);
    assert_ne!(second_network.public_address.unwrap(), first_network.public_address.unwrap());
    assert_eq!(second_network.private_address, first_network.private_address);
    assert_eq!(second_network.interface_id, first_network.interface_id);
    assert_eq!((&second.tags, &second.volumes, &second.token), (&first.tags, &first.volumes, &first.token));
    let interfaces = sim.ec2(at(70)).describe_network_interfaces(&Query::default()).unwrap().items;
    assert_eq!(interfaces[0].public_address, second_network.public_address);
    // A repeat of the launch is still the same instance.
    let again = sim.ec2(at(71)).run_instances(&request(1, "token")).unwrap();
    assert_eq!((ids(&again), sim.audit().launched, sim.audit().volumes), (id, 1, 1));
}

#[test]
fn nobody_else_is_given_a_public_address_that_is_in_use() {
    let mut sim = sim(exact());
    let mut all = launch(&mut sim, 3, "one", 0);
    for round in 1..6 {
        stop(&mut sim, &all, round * 100);
        start(&mut sim, &all, round * 100 + 50);
        all.extend(launch(&mut sim, 1, &format!("{round}"), round * 100 + 50));
        sim.advance(at(round * 100 + 60));
        let mut addresses: Vec<_> =
            all.iter().map(|id| truth(&sim, id).network.as_ref().unwrap().public_address.unwrap()).collect();
        addresses.sort();
        addresses.dedup();
        assert_eq!(addresses.len(), all.len(), "{addresses:?}");
    }
}

/// EC2's own words for the first: cloud-custodian#6014.
#[test]
fn states_from_which_there_is_no_way_are_refused() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    let never_ran = sim.ec2(at(5)).stop_instances(&id).unwrap_err();
    assert_eq!(never_ran.code, "IncorrectInstanceState");
    assert!(never_ran.message.ends_with("cannot be stopped as it has never reached the 'running' state."));
    stop(&mut sim, &id, 20);
    assert_eq!(code(sim.ec2(at(21)).start_instances(&id)), "IncorrectInstanceState");
    start(&mut sim, &id, 40);
    stop(&mut sim, &id, 41);
    assert_eq!(states(&mut sim, &id, 61), ["stopped"], "one that ran before can be stopped while pending");
    sim.advance(at(100));
    assert_eq!(states(&mut sim, &id, 100), ["stopped"], "and the boot that was begun does not come");
    sim.ec2(at(101)).terminate_instances(&id).unwrap();
    for second in [102, 200] {
        assert_eq!(code(sim.ec2(at(second)).start_instances(&id)), "IncorrectInstanceState");
        assert_eq!(code(sim.ec2(at(second)).stop_instances(&id)), "IncorrectInstanceState");
    }
    assert_eq!(states(&mut sim, &id, 200), ["terminated"], "from stopped");
    assert_eq!(code(sim.ec2(at(200)).start_instances(&[])), "MissingParameter");
}

#[test]
fn a_boot_of_an_earlier_start_does_not_count() {
    let mut sim = sim(Settings { stop: Span::seconds(2, 2), ..exact() });
    let id = launch(&mut sim, 1, "token", 0);
    stop(&mut sim, &id, 20);
    start(&mut sim, &id, 25);
    stop(&mut sim, &id, 26);
    start(&mut sim, &id, 30);
    assert_eq!(states(&mut sim, &id, 39), ["pending"], "the boot that began at 25 would end at 35");
    assert_eq!(states(&mut sim, &id, 40), ["running"]);
}

#[test]
fn what_is_refused_for_one_is_done_for_none() {
    let mut sim = sim(exact());
    let mut all = launch(&mut sim, 2, "token", 0);
    all.push("i-0".into());
    assert_eq!(code(sim.ec2(at(20)).stop_instances(&all)), "InvalidInstanceID.NotFound");
    assert_eq!(states(&mut sim, &all[..2], 60), ["running", "running"]);
    stop(&mut sim, &all[..2], 60);
    sim.ec2(at(100)).terminate_instances(&all[1..2]).unwrap();
    assert_eq!(code(sim.ec2(at(101)).start_instances(&all[..2])), "IncorrectInstanceState");
    assert_eq!(states(&mut sim, &all[..1], 101), ["stopped"]);
}

#[test]
fn a_stopped_instance_has_no_place_and_no_quota() {
    let capacity = vec![CapacityPool { instance_type: "t3.micro".into(), zone: "eu-west-1a".into(), count: 2 }];
    let mut pool = sim(Settings { capacity, ..exact() });
    let mut quota = sim(Settings { vcpu_quota: Some(4), ..exact() });
    for (sim, refusal) in [(&mut pool, "InsufficientInstanceCapacity"), (&mut quota, "VcpuLimitExceeded")] {
        let first = launch(sim, 2, "one", 0);
        stop(sim, &first, 20);
        assert_eq!(code(sim.ec2(at(39)).run_instances(&request(1, "two"))), refusal, "until it is stopped");
        let second = launch(sim, 1, "two", 40);
        assert_eq!(code(sim.ec2(at(41)).start_instances(&first)), refusal);
        assert_eq!(states(sim, &first, 41), ["stopped", "stopped"], "all or none");
        start(sim, &first[..1], 42);
        // One that runs needs nothing, and nothing is wanted twice.
        start(sim, &first[..1], 60);
        assert_eq!(code(sim.ec2(at(61)).start_instances(&first)), refusal);
        sim.ec2(at(62)).terminate_instances(&second).unwrap();
        start(sim, &first, 90);
        assert_eq!(states(sim, &first, 100), ["running", "running"]);
    }
    let mut unlucky = sim(exact());
    let id = launch(&mut unlucky, 1, "one", 0);
    stop(&mut unlucky, &id, 20);
    unlucky.set_settings(Settings { no_capacity_per_mille: 1000, ..exact() });
    let error = unlucky.ec2(at(50)).start_instances(&id).unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("InsufficientInstanceCapacity", 500));
}

#[test]
fn a_start_can_be_accepted_and_fail() {
    let mut sim = sim(Settings { boot_failures: [BootFailure::ClientError].into(), ..exact() });
    let id = launch(&mut sim, 1, "token", 0);
    stop(&mut sim, &id, 20);
    sim.let_fail_at_boot(1);
    start(&mut sim, &id, 50);
    assert_eq!(states(&mut sim, &id, 59), ["pending"]);
    assert_eq!(states(&mut sim, &id, 60), ["stopped"], "it is not terminated as a new one is");
    assert_eq!(truth(&sim, &id[0]).state_reason.as_ref().unwrap().code, BootFailure::ClientError.code());
    start(&mut sim, &id, 61);
    assert_eq!(states(&mut sim, &id, 71), ["running"]);
}

#[test]
fn termination_protection_holds_no_stop_up() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    assert!(sim.ec2(at(15)).change_by_hand(ManualChange::Protect, &id[0]));
    stop(&mut sim, &id, 20);
    assert_eq!(states(&mut sim, &id, 40), ["stopped"]);
    assert_eq!(code(sim.ec2(at(41)).terminate_instances(&id)), "OperationNotPermitted");
    start(&mut sim, &id, 42);
    assert_eq!(states(&mut sim, &id, 52), ["running"]);
}

#[test]
fn lists_show_starts_and_stops_late() {
    let lag = Lag { id: Span::seconds(1, 1), tag: Span::seconds(5, 5), token: Span::seconds(8, 8) };
    let mut sim = sim(Settings { lag, ..exact() });
    let id = launch(&mut sim, 1, "token", 0);
    let by_tag = Query::filtered([cloudsim::Filter::tag("owner", "us")]);
    let mut look = |second| sim.ec2(at(second)).describe_instances(&by_tag).unwrap().items[0].clone();
    assert_eq!(look(15).state.name(), "running");
    stop(&mut sim, &id, 20);
    let mut look = |second| sim.ec2(at(second)).describe_instances(&by_tag).unwrap().items[0].clone();
    assert_eq!((look(24).state.name(), look(25).state.name()), ("running", "stopping"));
    assert_eq!((look(44).state.name(), look(45).state.name()), ("stopping", "stopped"));
    start(&mut sim, &id, 50);
    let mut look = |second| sim.ec2(at(second)).describe_instances(&by_tag).unwrap().items[0].clone();
    assert_eq!((look(54).state.name(), look(54).launched_at), ("stopped", at(0)), "and its start is the old one");
    assert_eq!((look(55).state.name(), look(55).launched_at), ("pending", at(50)));
}

fn call(sim: &mut Sim, action: Action, ids: &[String], second: i64) -> Reply<Result<(), String>> {
    let ids = ids.to_vec();
    let reply =
        sim.call(Call::about(About::Instances(action, ids.clone())), at(second), move |sim, now| match action {
            Action::StartInstances => sim.ec2(now).start_instances(&ids),
            _ => sim.ec2(now).stop_instances(&ids),
        });
    match reply {
        Reply::Whole(answer) => Reply::Whole(answer.map(drop).map_err(|error| error.code)),
        Reply::Truncated(answer) => Reply::Truncated(answer.map(drop).map_err(|error| error.code)),
        Reply::Lost => Reply::Lost,
    }
}

#[test]
fn calls_can_come_late_and_their_answers_get_lost() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    sim.inject_next(Action::StopInstances, Fault::LateExecution(60));
    assert!(matches!(call(&mut sim, Action::StopInstances, &id, 20), Reply::Lost));
    assert_eq!(states(&mut sim, &id, 79), ["running"]);
    assert_eq!(states(&mut sim, &id, 80), ["stopping"]);
    sim.inject_next(Action::StartInstances, Fault::LostAnswer);
    assert!(matches!(call(&mut sim, Action::StartInstances, &id, 100), Reply::Lost));
    assert_eq!(states(&mut sim, &id, 110), ["running"]);
    // A stop that comes after somebody terminated it is refused, unheard.
    sim.inject_next(Action::StopInstances, Fault::LateExecution(60));
    assert!(matches!(call(&mut sim, Action::StopInstances, &id, 120), Reply::Lost));
    sim.ec2(at(130)).terminate_instances(&id).unwrap();
    assert_eq!(states(&mut sim, &id, 300), ["terminated"]);
}

/// EC2 developer guide, "Request throttling": StartInstances 5 calls and 2 a second, StopInstances as any change, and instances
/// beside the calls as for launches and terminations.
#[test]
fn starts_and_stops_have_buckets_of_their_own() {
    let mut sim = sim(Settings { throttling: Throttling::Published, ..exact() });
    let id = launch(&mut sim, 1, "token", 0);
    let mut so_many = |action: Action, second: i64| {
        (0..200).take_while(|_| !matches!(call(&mut sim, action, &id, second), Reply::Whole(Err(code)) if code == "RequestLimitExceeded")).count()
    };
    assert_eq!(so_many(Action::StopInstances, 20), 50);
    assert_eq!(so_many(Action::StartInstances, 50), 5);
    assert_eq!(so_many(Action::StartInstances, 51), 2);
}

#[test]
fn a_driver_stops_the_machine_and_starts_it_again() {
    let mut sim = sim(Settings { machines: Machines::Driven, ..exact() });
    let id = launch(&mut sim, 1, "token", 0);
    let due = |sim: &mut Sim, second: i64| -> Vec<String> {
        let said = |change: Change| match change {
            Change::Start(start) => format!("start {}", start.instance.network.as_ref().unwrap().private_address),
            Change::Stop { .. } => "stop".to_owned(),
        };
        sim.ec2(at(second)).due().into_iter().map(said).collect()
    };
    let started = due(&mut sim, 10);
    stop(&mut sim, &id, 20);
    assert_eq!(due(&mut sim, 20), ["stop"]);
    assert_eq!(states(&mut sim, &id, 900), ["stopping"], "until the machine is gone");
    sim.ec2(at(901)).machine_stopped(&id[0]);
    assert_eq!(states(&mut sim, &id, 901), ["stopped"]);
    start(&mut sim, &id, 902);
    assert_eq!(due(&mut sim, 912), started, "at the same address");
    sim.ec2(at(920)).machine_stopped(&id[0]);
    assert_eq!(states(&mut sim, &id, 920), ["terminated"], "one that ends by itself has shut down");
    // One that is stopped has no machine to wait for.
    let other = launch(&mut sim, 1, "other", 1000);
    due(&mut sim, 1010);
    stop(&mut sim, &other, 1020);
    sim.ec2(at(1021)).machine_stopped(&other[0]);
    due(&mut sim, 1021);
    sim.ec2(at(1022)).terminate_instances(&other).unwrap();
    assert_eq!((states(&mut sim, &other, 1022), due(&mut sim, 1022)), (vec!["terminated"], vec![]));
}

#[test]
fn somebody_starts_what_is_stopped() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    assert!(sim.ec2(at(20)).change_by_hand(ManualChange::Start, &id[0]));
    assert_eq!(truth(&sim, &id[0]).launched_at, at(0), "it runs already");
    assert!(sim.ec2(at(21)).change_by_hand(ManualChange::Stop, &id[0]));
    assert!(sim.ec2(at(50)).change_by_hand(ManualChange::Start, &id[0]));
    assert_eq!(states(&mut sim, &id, 60), ["running"]);
    assert!(!ManualChange::USUAL.contains(&ManualChange::Start));
}
