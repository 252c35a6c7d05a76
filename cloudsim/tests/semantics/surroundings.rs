//! Callers and their credentials, zones, other users of the buckets, and people who change things meanwhile.

use std::collections::BTreeSet;

use cloudsim::ec2::{Action, CreateSecurityGroup};
use cloudsim::sts;
use cloudsim::{
    Call, Credentials, EndpointFaults, Filter, ManualChange, ManualChanges, NetworkFault, Outcome, Principal, Query,
    Reply, Settings, SharedSim, Sim, Span, Throttling, Unavailable,
};
use planner::owner::{Owner, Tags};

use crate::rehearsals::rehearsed;
use crate::world::{SUBNET_B, at, code, exact, ids, launch, request, request_in, sim, states};

fn outcome<T>(reply: Reply<Outcome<T>>) -> Outcome<T> {
    match reply {
        Reply::Whole(outcome) => outcome,
        _ => panic!("no whole answer"),
    }
}

fn who(sim: &mut Sim) -> Outcome<String> {
    let who = |sim: &mut Sim, now| sim.sts(now).caller_identity(Principal::Administrator);
    outcome(sim.call(Call::new(sts::Action::GetCallerIdentity), at(60), who)).map(|who| who.account)
}

fn list(sim: &mut Sim) -> Outcome<usize> {
    let list = |sim: &mut Sim, now| sim.ec2(now).describe_instances(&Query::default());
    outcome(sim.call(Call::new(Action::DescribeInstances), at(60), list)).map(|page| page.items.len())
}

#[test]
fn in_another_account_there_is_nothing() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 1, "token", 0);
    let group = crate::groups::create(&mut sim, "members", 0).unwrap();
    let home = sim.settings().clone();
    sim.set_settings(Settings { account: "111111111111".into(), ..home.clone() });
    assert_eq!(who(&mut sim).unwrap(), "111111111111");
    assert_eq!(list(&mut sim).unwrap(), 0);
    let now = at(60);
    assert_eq!(sim.ec2(now).describe_security_groups(&Query::default()).unwrap().items.len(), 0);
    assert_eq!(sim.ec2(now).describe_network_interfaces(&Query::default()).unwrap().items.len(), 0);
    assert_eq!(sim.ec2(now).describe_subnets(&Query::default()).unwrap().items.len(), 0);
    assert_eq!(sim.ec2(now).describe_vpcs(&Query::default()).unwrap().items.len(), 0);
    assert_eq!(code(sim.ec2(now).describe_instances(&Query::ids(&id))), "InvalidInstanceID.NotFound");
    assert_eq!(code(sim.ec2(now).terminate_instances(&id)), "InvalidInstanceID.NotFound");
    assert_eq!(code(sim.ec2(now).console_output(&id[0], false)), "InvalidInstanceID.NotFound");
    assert_eq!(code(sim.ec2(now).delete_security_group(&group)), "InvalidGroup.NotFound");
    assert_eq!(code(sim.ec2(now).run_instances(&request(1, "other"))), "InvalidSubnetID.NotFound");
    let in_default =
        CreateSecurityGroup { name: "g".into(), description: "d".into(), ..CreateSecurityGroup::default() };
    assert_eq!(code(sim.ec2(now).create_security_group(&in_default)), "VPCIdNotSpecified");
    assert_eq!((sim.audit().launched, sim.audit().live, sim.audit().groups), (1, 1, 1), "the truth is not gone");
    sim.set_settings(home);
    assert_eq!((who(&mut sim).unwrap().as_str(), list(&mut sim).unwrap()), ("000000000000", 1));
}

#[test]
fn credentials_fail_with_the_codes_of_each_service_and_change_nothing() {
    for (credentials, ec2, sts) in [
        (Credentials::Expired, "RequestExpired", "ExpiredToken"),
        (Credentials::ClockSkew, "AuthFailure", "SignatureDoesNotMatch"),
        (Credentials::Unknown, "AuthFailure", "InvalidClientTokenId"),
    ] {
        let mut sim = sim(Settings { credentials, ..exact() });
        assert_eq!((code(list(&mut sim)).as_str(), code(who(&mut sim)).as_str()), (ec2, sts));
        let run = |sim: &mut Sim, now| sim.ec2(now).run_instances(&request(1, "token"));
        assert_eq!(code(outcome(sim.call(Call::new(Action::RunInstances), at(0), run))), ec2);
        assert_eq!((sim.audit().launched, sim.injected().values().sum::<u64>()), (0, 3));
    }
}

#[test]
fn a_policy_denies_single_actions() {
    let denied = BTreeSet::from([Action::RunInstances.into(), sts::Action::GetCallerIdentity.into()]);
    let mut sim = sim(Settings { denied, ..exact() });
    let run = |sim: &mut Sim, now| sim.ec2(now).run_instances(&request(1, "token"));
    assert_eq!(code(outcome(sim.call(Call::new(Action::RunInstances), at(0), run))), "UnauthorizedOperation");
    assert_eq!(code(who(&mut sim)), "AccessDenied");
    assert_eq!(list(&mut sim).unwrap(), 0);
    assert_eq!(rehearsed(&mut sim), "UnauthorizedOperation");
}

#[test]
fn a_zones_outage_fails_lists_that_could_show_it() {
    let mut sim = sim(exact());
    let in_a = launch(&mut sim, 1, "a", 0);
    let in_b = ids(&sim.ec2(at(0)).run_instances(&request_in(SUBNET_B, 1, "b")).unwrap());
    let settings = sim.settings().clone();
    sim.set_settings(Settings { zone_outage: Some("eu-west-1a".into()), ..settings.clone() });
    let by_tag = Query::filtered([Filter::tag("owner", "us")]);
    assert_eq!(code(sim.ec2(at(1)).describe_instances(&by_tag)), "Unavailable");
    assert_eq!(code(sim.ec2(at(1)).describe_instances(&Query::ids(&in_a))), "Unavailable");
    assert_eq!(sim.ec2(at(1)).describe_instances(&Query::ids(&in_b)).unwrap().items.len(), 1);
    assert_eq!(code(sim.ec2(at(1)).run_instances(&request(1, "c"))), "Unavailable");
    assert!(sim.ec2(at(1)).run_instances(&request_in(SUBNET_B, 1, "c")).is_ok());
    sim.set_settings(settings);
    assert_eq!(sim.ec2(at(2)).describe_instances(&by_tag).unwrap().items.len(), 3);
}

#[test]
fn others_use_up_their_part_of_the_buckets_and_each_action_has_its_own() {
    let admitted = |others_percent, action| {
        let mut sim = sim(Settings { throttling: Throttling::Published, others_percent, ..exact() });
        let mut tries = |action: Action, second| {
            let admits = |_| {
                let nothing = |_: &mut Sim, _| Ok(());
                matches!(sim.call(Call::new(action), at(second), nothing), Reply::Whole(Ok(())))
            };
            (0..300).map(admits).filter(|admitted| *admitted).count()
        };
        (tries(Action::DescribeInstances, 0), tries(action, 0), tries(action, 10))
    };
    assert_eq!(admitted(0, Action::DescribeInstances), (100, 0, 100));
    assert_eq!(admitted(0, Action::DescribeSecurityGroups), (100, 100, 100));
    assert_eq!(admitted(0, Action::CreateSecurityGroup), (100, 50, 50));
    assert_eq!(admitted(75, Action::DescribeSecurityGroups), (25, 25, 25));
    assert_eq!(admitted(90, Action::AuthorizeSecurityGroupIngress), (10, 5, 5));
}

#[test]
fn people_stop_terminate_and_retag() {
    let mut sim = sim(exact());
    let id = launch(&mut sim, 4, "token", 0);
    assert!(
        sim.ec2(at(20)).change_by_hand(ManualChange::Stop, &id[0])
            && sim.ec2(at(20)).change_by_hand(ManualChange::Terminate, &id[1])
    );
    assert_eq!(states(&mut sim, &id, 21), ["stopping", "shutting-down", "running", "running"]);
    assert_eq!(states(&mut sim, &id, 41), ["stopped", "terminated", "running", "running"]);
    assert!(sim.ec2(at(50)).change_by_hand(ManualChange::Terminate, &id[0]), "what is stopped can be terminated");
    assert!(!sim.ec2(at(50)).change_by_hand(ManualChange::Stop, &id[1]), "what is terminated cannot be stopped");
    assert!(sim.ec2(at(50)).retag_by_hand(&id[2], |tags| drop(tags.insert("owner".into(), "them".into()))));
    assert!(sim.ec2(at(50)).retag_by_hand(&id[3], |tags| tags.clear()));
    let ours = Query::filtered([Filter::tag("owner", "us")]);
    let seen: Vec<_> =
        sim.ec2(at(71)).describe_instances(&ours).unwrap().items.iter().map(|one| one.id.clone()).collect();
    assert!(seen.iter().all(|seen| id[..2].contains(seen)), "{seen:?}");
    assert_eq!(sim.foreign_touched(), [""; 0], "people may");
}

#[test]
fn people_come_again_and_again_when_they_are_let() {
    let kinds = BTreeSet::from([ManualChange::Terminate]);
    let mut sim = sim(Settings { manual_changes: ManualChanges { every: Span::seconds(60, 60), kinds }, ..exact() });
    launch(&mut sim, 5, "token", 0);
    sim.advance(at(200));
    assert_eq!((sim.audit().live, sim.injected()["manual change"]), (2, 3), "at 60, 120 and 180");
    sim.set_settings(exact());
    sim.advance(at(2_000));
    assert_eq!(sim.audit().live, 2);
}

#[test]
fn near_misses_pass_no_filter_for_our_tags_and_are_many() {
    let owner = Owner {
        installation: "test".into(),
        kubernetes_cluster: "k8s-uid".into(),
        benchmark_uid: "uid-1".into(),
        namespace: "default".into(),
        name: "bench".into(),
    };
    let mut sim = sim(exact());
    let planted = sim.ec2(at(0)).plant_near_misses(&owner, "a");
    assert!(planted >= 25, "{planted}");
    assert_eq!(sim.ec2(at(1)).describe_instances(&Query::default()).unwrap().items.len(), planted);
    let proof = owner.proof();
    let ours = Query::filtered(proof.iter().map(|(key, value)| Filter::tag(key, value)));
    assert_eq!(sim.ec2(at(1)).describe_instances(&ours).unwrap().items, []);
    assert_eq!(sim.ec2(at(1)).describe_security_groups(&ours).unwrap().items, []);
    // Each lacks one thing only: without one of the proofs, some of them pass.
    for left_out in proof.keys() {
        let others = proof.iter().filter(|(key, _)| *key != left_out);
        let query = Query::filtered(others.map(|(key, value)| Filter::tag(key, value)));
        let near = sim.ec2(at(1)).describe_instances(&query).unwrap().items;
        assert!(near.len() >= 5, "{left_out}: {}", near.len());
        assert!(near.iter().all(|one| !owner.owns(&one.tags)));
    }
    assert_eq!(sim.audit().live, 0, "they are not ours");
    let _: Tags = proof;
}

#[test]
fn nobody_answers_while_the_endpoint_is_unavailable() {
    let endpoint = EndpointFaults { unavailable: Unavailable::Until(at(30)), ..EndpointFaults::default() };
    let mut sim = sim(Settings { endpoint, ..exact() });
    assert_eq!(sim.network_fault(at(29)), Some(NetworkFault::Status503));
    assert_eq!(sim.network_fault(at(30)), None);
}

#[test]
fn in_process_a_cut_answer_is_lost_and_a_reset_call_was_not_made() {
    let tried = |endpoint| {
        let shared = SharedSim::new(sim(Settings { endpoint, ..exact() }), std::sync::Arc::new(|| at(0)));
        let run = |sim: &mut Sim, now| sim.ec2(now).run_instances(&request(2, "token"));
        let error = shared.call(Call::new(Action::RunInstances), run).unwrap_err();
        assert_eq!(error.failure, planner::Failure::Unreachable);
        shared.lock().audit().launched
    };
    assert_eq!(tried(EndpointFaults { reset: 1000, ..EndpointFaults::default() }), 0);
    assert_eq!(tried(EndpointFaults { status503: 1000, ..EndpointFaults::default() }), 0);
    assert_eq!(tried(EndpointFaults { cut: 1000, ..EndpointFaults::default() }), 2);
}

#[test]
fn a_knob_that_is_turned_changes_no_other_draws() {
    let boots = |settings: Settings| {
        let mut sim = sim(Settings { boot: Span::seconds(1, 600), ..settings });
        for token in 0..5 {
            launch(&mut sim, 4, &token.to_string(), 0);
            for _ in 0..10 {
                let _ = sim.ec2(at(0)).describe_instances(&Query::default());
            }
        }
        sim.advance(at(700));
        let running = sim.story().iter().filter(|line| line.what.ends_with("is running"));
        running.map(|line| (line.at, line.what.clone())).collect::<Vec<_>>()
    };
    let calm = boots(exact());
    assert_eq!(calm.len(), 20);
    let stale_reads = cloudsim::StaleReads { id: 300, tag: 300, token: 300, by: Span::seconds(0, 60) };
    let lag = cloudsim::Lag::up_to(Span::seconds(0, 30));
    for settings in [
        Settings { stale_reads, ..exact() },
        Settings { lag, ..exact() },
        Settings { page_size: 5, repeated_page_per_mille: 100, ..exact() },
        Settings { throttling: Throttling::Published, ..exact() },
    ] {
        assert_eq!(boots(settings), calm);
    }
    let mut reseeded = sim(Settings { boot: Span::seconds(1, 600), ..exact() });
    reseeded.reseed(8);
    let first = launch(&mut reseeded, 4, "0", 0);
    reseeded.advance(at(700));
    let story: Vec<_> = reseeded.story().iter().filter(|line| line.what.ends_with("is running")).collect();
    assert!(story.iter().all(|line| first.iter().any(|id| line.what.starts_with(id.as_str()))));
    assert_ne!(
        calm.iter().map(|(at, _)| *at).take(4).collect::<Vec<_>>(),
        story.iter().map(|line| line.at).collect::<Vec<_>>()
    );
}
