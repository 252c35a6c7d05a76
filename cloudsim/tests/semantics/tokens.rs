//! The token table: what a repeat of a launch answers.

use cloudsim::ec2::RunInstances;
use cloudsim::{AfterFailure, AfterTermination, CapacityPool, QuotaCheck, Settings, TokenRules};

use crate::world::{SUBNET_B, at, code, exact, ids, launch, request, request_in, sim};

#[test]
fn the_same_request_answers_the_same_instances() {
    let mut sim = sim(exact());
    let first = launch(&mut sim, 4, "token", 0);
    assert_eq!(launch(&mut sim, 4, "token", 0), first);
    let again = sim.ec2(at(60)).run_instances(&request(4, "token")).unwrap();
    assert_eq!(ids(&again), first);
    assert!(again.iter().all(|instance| instance.state.name() == "running"), "with the state of now");
    assert_eq!(sim.audit().launched, 4);
}

#[test]
fn any_other_parameter_is_a_mismatch() {
    let changes: [fn(&mut RunInstances); 6] = [
        |request| request.instance_type = "t3.small".into(),
        |request| (request.min_count, request.max_count) = (3, 3),
        |request| request.user_data = "#!/bin/bash".into(),
        |request| request.tags.clear(),
        |request| request.cpu_credits = Some("standard".into()),
        |request| request.interface.as_mut().unwrap().associate_public_address = Some(false),
    ];
    let mut sim = sim(exact());
    launch(&mut sim, 2, "token", 0);
    for (index, change) in changes.iter().enumerate() {
        let mut request = request(2, "token");
        change(&mut request);
        assert_eq!(code(sim.ec2(at(1)).run_instances(&request)), "IdempotentParameterMismatch", "change {index}");
    }
    assert_eq!(sim.audit().launched, 2);
}

#[test]
fn a_token_is_good_for_one_zone() {
    let mut sim = sim(exact());
    launch(&mut sim, 2, "token", 0);
    sim.ec2(at(1)).run_instances(&request_in(SUBNET_B, 2, "token")).unwrap();
    assert_eq!(sim.audit().launched, 4, "the same token launches again in another zone");
}

#[test]
fn terminated_instances_spend_their_token() {
    let spent = |after_termination| {
        let token = TokenRules { after_termination, ..TokenRules::default() };
        let mut sim = sim(Settings { token, ..exact() });
        let launched = launch(&mut sim, 2, "token", 0);
        sim.ec2(at(30)).terminate_instances(&launched[..1]).unwrap();
        let partly = sim.ec2(at(60)).run_instances(&request(2, "token")).unwrap();
        assert_eq!(ids(&partly), launched, "one of them lives");
        sim.ec2(at(61)).terminate_instances(&launched).unwrap();
        sim.ec2(at(62)).run_instances(&request(2, "token")).unwrap();
        let outcome = sim.ec2(at(120)).run_instances(&request(2, "token"));
        assert_eq!(sim.audit().launched, 2, "never relaunched");
        // Not even when the instances are not listed any more.
        assert_eq!(code(sim.ec2(at(90_000)).run_instances(&request(2, "token"))), "IdempotentInstanceTerminated");
        outcome
    };
    assert_eq!(code(spent(AfterTermination::Refused)), "IdempotentInstanceTerminated");
    let old = spent(AfterTermination::OldAnswer).unwrap();
    assert!(old.len() == 2 && old.iter().all(|instance| instance.state.name() == "terminated"));
}

#[test]
fn a_failed_launch_may_burn_its_token() {
    let with = |after_failure| {
        let capacity = vec![CapacityPool { instance_type: "t3.micro".into(), zone: "eu-west-1a".into(), count: 1 }];
        let token = TokenRules { after_failure, ..TokenRules::default() };
        let mut sim = sim(Settings { capacity, token, ..exact() });
        assert_eq!(code(sim.ec2(at(0)).run_instances(&request(2, "token"))), "InsufficientInstanceCapacity");
        sim
    };
    let other = RunInstances { instance_type: "t3.small".into(), ..request(2, "token") };
    assert_eq!(with(AfterFailure::Free).ec2(at(1)).run_instances(&other).unwrap().len(), 2);
    let mut burnt = with(AfterFailure::Burnt);
    assert_eq!(code(burnt.ec2(at(1)).run_instances(&other)), "IdempotentParameterMismatch");
    burnt.set_capacity("t3.micro", "eu-west-1a", None);
    assert_eq!(launch(&mut burnt, 2, "token", 2).len(), 2, "the request it is bound to may still be made");
}

#[test]
fn a_wrong_request_binds_nothing() {
    let mut sim = sim(exact());
    let wrong = RunInstances { image_id: "ami-0".into(), ..request(2, "token") };
    assert_eq!(code(sim.ec2(at(0)).run_instances(&wrong)), "InvalidAMIID.NotFound");
    launch(&mut sim, 2, "token", 1);
}

#[test]
fn the_quota_may_be_checked_before_the_token() {
    let repeat = |quota_check| {
        let token = TokenRules { quota_check, ..TokenRules::default() };
        let mut sim = sim(Settings { vcpu_quota: Some(4), token, ..exact() });
        launch(&mut sim, 2, "token", 0);
        sim.ec2(at(1)).run_instances(&request(2, "token"))
    };
    assert_eq!(repeat(QuotaCheck::AfterToken).unwrap().len(), 2);
    assert_eq!(code(repeat(QuotaCheck::BeforeToken)), "VcpuLimitExceeded");
}
