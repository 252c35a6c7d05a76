//! Target groups and the health of their targets.

use cloudsim::elb::{Attributes, Check, CreateTargetGroup};
use cloudsim::{LoadBalancing, Machines, Settings, Span};
use planner::ports::HealthCheck;

use crate::balancing::{chain, create_balancer, health, launch_in, rule, set_delay, steady, target_group};
use crate::world::{SUBNET_A, SUBNET_B, SUBNET_C, at, code, launch, sim};

#[test]
fn a_target_group_is_created_once_for_each_name_and_checked_for_sense() {
    let mut sim = sim(steady());
    let first = sim.elb(at(0)).create_target_group(&target_group("cb-a")).unwrap();
    assert_eq!(sim.elb(at(1)).create_target_group(&target_group("cb-a")).unwrap().arn, first.arn);
    let other_port = CreateTargetGroup { port: 8081, ..target_group("cb-a") };
    assert_eq!(code(sim.elb(at(1)).create_target_group(&other_port)), "DuplicateTargetGroupName");
    let good = target_group("cb-a").health_check;
    for wrong in [
        HealthCheck { interval_seconds: 4, ..good.clone() },
        HealthCheck { interval_seconds: 301, ..good.clone() },
        HealthCheck { timeout_seconds: 1, ..good.clone() },
        HealthCheck { timeout_seconds: 5, ..good.clone() },
        HealthCheck { healthy_count: 1, ..good.clone() },
        HealthCheck { unhealthy_count: 11, ..good.clone() },
        HealthCheck { statuses: "500".into(), ..good.clone() },
        HealthCheck { path: "health".into(), ..good.clone() },
    ] {
        let request = CreateTargetGroup { health_check: wrong, ..target_group("cb-b") };
        assert_eq!(code(sim.elb(at(1)).create_target_group(&request)), "ValidationError", "{request:?}");
    }
    let elsewhere = CreateTargetGroup { vpc_id: "vpc-1".into(), ..target_group("cb-b") };
    assert_eq!(code(sim.elb(at(1)).create_target_group(&elsewhere)), "ValidationError");
    assert_eq!(sim.audit().made.target_groups, [("cb-a".to_owned(), 1)].into());
}

#[test]
fn attributes_have_defaults_and_are_changed_together() {
    let mut sim = sim(steady());
    let arn = sim.elb(at(0)).create_target_group(&target_group("cb-a")).unwrap().arn;
    let read = sim.elb(at(0)).describe_target_group_attributes(&arn).unwrap();
    let delay = "deregistration_delay.timeout_seconds";
    assert_eq!((read[delay].as_str(), read["load_balancing.algorithm.type"].as_str()), ("300", "round_robin"));
    let wrong = Attributes::from([
        (delay.to_owned(), "30".to_owned()),
        ("load_balancing.algorithm.type".to_owned(), "fair".to_owned()),
    ]);
    assert_eq!(code(sim.elb(at(0)).modify_target_group_attributes(&arn, &wrong)), "ValidationError");
    assert_eq!(sim.elb(at(0)).describe_target_group_attributes(&arn).unwrap(), read, "all or none");
    for seconds in ["3601", "-1", "soon"] {
        let wrong = Attributes::from([(delay.to_owned(), seconds.to_owned())]);
        assert_eq!(code(sim.elb(at(0)).modify_target_group_attributes(&arn, &wrong)), "ValidationError");
    }
    set_delay(&mut sim, &arn, 30, 0);
    assert_eq!(sim.elb(at(0)).describe_target_group_attributes(&arn).unwrap()[delay], "30");
}

#[test]
fn only_what_runs_is_registered() {
    let mut sim = sim(steady());
    let group = sim.elb(at(0)).create_target_group(&target_group("cb-a")).unwrap().arn;
    let running = launch(&mut sim, 1, "one", 0);
    let pending = launch(&mut sim, 1, "two", 15);
    let both = [running.clone(), pending.clone()].concat();
    assert_eq!(code(sim.elb(at(15)).register_targets(&group, &both)), "InvalidTarget");
    assert_eq!(health(&mut sim, &group, &running, 15), ["unused Target.NotRegistered"], "all or none");
    assert_eq!(code(sim.elb(at(15)).register_targets(&group, &["i-1".into()])), "InvalidTarget");
    sim.elb(at(25)).register_targets(&group, &both).unwrap();
    sim.elb(at(26)).deregister_targets(&group, &["i-1".into()]).unwrap();
    assert_eq!(sim.truth().elb.live_targets(&group).len(), 2);
}

#[test]
fn a_target_is_unused_until_a_rule_names_its_group_and_then_healthy_after_one_check() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    let ids = launch(&mut sim, 2, "token", 0);
    sim.elb(at(10)).delete_rule(&made.rule).unwrap();
    sim.elb(at(10)).register_targets(&made.group, &ids).unwrap();
    assert_eq!(health(&mut sim, &made.group, &ids, 99), ["unused Target.NotInUse"; 2]);
    sim.elb(at(99)).create_rule(&rule(&made.listener, 1, "/cluster1", &made.group)).unwrap();
    assert_eq!(health(&mut sim, &made.group, &ids, 99), ["initial Elb.RegistrationInProgress"; 2], "it provisions");
    assert_eq!(health(&mut sim, &made.group, &ids, 100), ["initial Elb.InitialHealthChecking"; 2]);
    assert_eq!(health(&mut sim, &made.group, &ids, 105), ["healthy"; 2]);
    let again = sim.truth().elb.live_rules().iter().find(|rule| rule.priority.is_some()).unwrap().arn.clone();
    sim.elb(at(110)).delete_rule(&again).unwrap();
    assert_eq!(health(&mut sim, &made.group, &ids, 110), ["unused Target.NotInUse"; 2]);
}

#[test]
fn a_target_in_a_zone_that_is_not_enabled_is_unused() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    let mut ids = launch_in(&mut sim, SUBNET_A, 1, "a", 0);
    ids.extend(launch_in(&mut sim, SUBNET_B, 1, "b", 0));
    ids.extend(launch_in(&mut sim, SUBNET_C, 1, "c", 0));
    sim.elb(at(50)).register_targets(&made.group, &ids).unwrap();
    assert_eq!(health(&mut sim, &made.group, &ids, 200), ["healthy", "healthy", "unused Target.NotInUse"]);
}

#[test]
fn a_program_that_starts_late_or_not_at_all_is_unhealthy_until_it_answers() {
    let start = LoadBalancing { program_start: Span::seconds(200, 200), ..steady().load_balancing };
    let mut sim = sim(Settings { load_balancing: start, ..steady() });
    let made = chain(&mut sim, 0);
    let ids = launch(&mut sim, 2, "token", 0);
    sim.elb(at(100)).register_targets(&made.group, &ids).unwrap();
    sim.elb(at(100)).silence(&ids[1], true);
    assert_eq!(health(&mut sim, &made.group, &ids, 120), ["unhealthy Target.Timeout"; 2]);
    // It runs since 10, so it answers at 210; an unhealthy one needs three successes, five seconds apart.
    assert_eq!(health(&mut sim, &made.group, &ids, 219)[0], "unhealthy Target.Timeout");
    assert_eq!(health(&mut sim, &made.group, &ids, 226), ["healthy", "unhealthy Target.Timeout"]);
    sim.elb(at(1_000)).silence(&ids[1], false);
    assert_eq!(health(&mut sim, &made.group, &ids, 1_020), ["healthy"; 2]);
    sim.elb(at(1_100)).silence(&ids[1], true);
    assert_eq!(health(&mut sim, &made.group, &ids, 1_120), ["healthy", "unhealthy Target.Timeout"]);
}

#[test]
fn a_target_that_was_taken_out_is_draining_for_the_whole_delay_and_can_come_back() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    set_delay(&mut sim, &made.group, 30, 0);
    let ids = launch(&mut sim, 2, "token", 0);
    sim.elb(at(100)).register_targets(&made.group, &ids).unwrap();
    assert_eq!(health(&mut sim, &made.group, &ids, 110), ["healthy"; 2]);
    sim.elb(at(110)).deregister_targets(&made.group, &ids).unwrap();
    assert_eq!(health(&mut sim, &made.group, &ids, 139), ["draining Target.DeregistrationInProgress"; 2]);
    sim.elb(at(139)).register_targets(&made.group, &ids[..1]).unwrap();
    let after = health(&mut sim, &made.group, &ids, 140);
    assert_eq!(after[1], "unused Target.NotRegistered");
    assert_eq!(health(&mut sim, &made.group, &ids, 150)[0], "healthy");
    assert_eq!(sim.elb(at(150)).describe_target_health(&made.group, &[]).unwrap().len(), 1, "the other vanished");
}

#[test]
fn an_instance_that_is_terminated_serves_no_more_and_vanishes_with_it() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    let ids = launch(&mut sim, 2, "token", 0);
    sim.elb(at(100)).register_targets(&made.group, &ids).unwrap();
    sim.advance(at(110));
    sim.ec2(at(110)).terminate_instances(&ids[..1]).unwrap();
    assert_eq!(health(&mut sim, &made.group, &ids, 111), ["unused Target.InvalidState", "healthy"]);
    assert!(!sim.data_path().target_groups[&made.group].targets.iter().any(|target| target.instance_id == ids[0]));
    sim.advance(at(5_000));
    assert_eq!(sim.truth().elb.live_targets(&made.group).len(), 1);
}

#[test]
fn a_flap_ends_by_itself() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    let ids = launch(&mut sim, 1, "token", 0);
    sim.elb(at(100)).register_targets(&made.group, &ids).unwrap();
    sim.advance(at(110));
    sim.elb(at(110)).flap(&made.group, &ids[0], 15_000);
    assert_eq!(health(&mut sim, &made.group, &ids, 122), ["unhealthy Target.Timeout"]);
    assert_eq!(health(&mut sim, &made.group, &ids, 160), ["healthy"]);
    let mut often = sim.settings().clone();
    often.load_balancing.flaps = Span::seconds(60, 60);
    sim.set_settings(often);
    sim.advance(at(161));
    sim.advance(at(2_000));
    assert!(sim.injected()["target flapped"] > 5, "{:?}", sim.injected());
}

#[test]
fn where_machines_are_driven_only_reports_of_all_nodes_make_a_target_healthy() {
    let mut sim = sim(Settings { machines: Machines::Driven, ..steady() });
    let made = chain(&mut sim, 0);
    let ids = launch(&mut sim, 1, "token", 0);
    sim.elb(at(100)).register_targets(&made.group, &ids).unwrap();
    assert_eq!(health(&mut sim, &made.group, &ids, 500), ["initial Elb.InitialHealthChecking"]);
    let mut report = |zone: &str, found, second| {
        sim.elb(at(second)).report_check(&made.group, &ids[0], &format!("eu-west-1{zone}"), found);
        health(&mut sim, &made.group, &ids, second).remove(0)
    };
    assert_eq!(report("a", Check::Answered(200), 501), "initial Elb.InitialHealthChecking");
    assert_eq!(report("b", Check::Answered(299), 501), "healthy");
    assert_eq!(report("b", Check::Answered(404), 502), "healthy", "one failure is none");
    assert_eq!(report("b", Check::Answered(404), 503), "unhealthy Target.ResponseCodeMismatch");
    assert_eq!(report("b", Check::Answered(200), 504), "unhealthy Target.ResponseCodeMismatch");
    assert_eq!(report("b", Check::Answered(200), 505), "unhealthy Target.ResponseCodeMismatch");
    assert_eq!(report("b", Check::Answered(200), 506), "healthy");
    report("a", Check::Timeout, 507);
    assert_eq!(report("a", Check::Timeout, 508), "unhealthy Target.Timeout");
    report("b", Check::Failed, 509);
    let health = sim.elb(at(509)).describe_target_health(&made.group, &ids).unwrap();
    assert_eq!(health[0].description.as_deref(), Some("Request timed out"));
}

#[test]
fn the_data_path_is_the_truth_with_a_version() {
    let mut sim = sim(steady());
    let made = chain(&mut sim, 0);
    let ids = launch(&mut sim, 2, "token", 0);
    sim.elb(at(50)).register_targets(&made.group, &ids).unwrap();
    sim.advance(at(150));
    let path = sim.data_path();
    assert_eq!(path.version, sim.truth().elb.data_path_version());
    let balancer = &path.load_balancers[0];
    assert_eq!((balancer.nodes.len(), balancer.listeners[0].port, balancer.state.name()), (2, 8080, "active"));
    let zones: Vec<_> = balancer.nodes.iter().map(|node| node.zone.as_str()).collect();
    assert_eq!(zones, ["eu-west-1a", "eu-west-1b"]);
    assert_eq!(balancer.listeners[0].rules[0].paths, ["/cluster1", "/cluster1/*"]);
    let group = &path.target_groups[&made.group];
    assert_eq!((group.targets.len(), group.port, group.deregistration_delay_seconds), (2, 8080, 300));
    assert!(group.targets.iter().all(|target| !target.is_draining && target.is_in_enabled_zone));
    sim.advance(at(400));
    assert_eq!(sim.data_path(), path, "nothing happened");
    let mut seen = vec![path];
    sim.elb(at(400)).scale(&made.balancer).unwrap();
    seen.push(sim.data_path());
    sim.elb(at(400)).deregister_targets(&made.group, &ids[..1]).unwrap();
    seen.push(sim.data_path());
    sim.elb(at(401)).delete_rule(&made.rule).unwrap();
    seen.push(sim.data_path());
    create_balancer(&mut sim, "cb-two", 402).unwrap();
    seen.push(sim.data_path());
    sim.elb(at(403)).delete_load_balancer(&made.balancer).unwrap();
    seen.push(sim.data_path());
    for pair in seen.windows(2) {
        assert!(pair[0].version < pair[1].version && pair[0] != pair[1], "{pair:?}");
    }
    assert!(seen[2].target_groups[&made.group].targets.iter().any(|target| target.is_draining));
}

#[test]
fn nodes_reach_their_targets_where_group_rules_admit_them() {
    use cloudsim::ec2::{Permission, PermissionSource};
    use cloudsim::elb::CreateLoadBalancer;
    let mut sim = sim(steady());
    let group = crate::balancing::security_group(&mut sim, 0);
    let request = CreateLoadBalancer { group_ids: vec![group.clone()], ..crate::balancing::balancer("cb-one") };
    let arn = sim.elb(at(0)).create_load_balancer(&request).unwrap().arn.clone();
    let mut launched = crate::world::request(1, "token");
    launched.interface.as_mut().unwrap().group_ids = vec![group.clone()];
    sim.ec2(at(0)).run_instances(&launched).unwrap();
    sim.advance(at(20));
    let instance = sim.truth().ec2.live_instances()[0].network.as_ref().unwrap().private_address;
    let node = sim.truth().elb.nodes(&arn)[0].address;
    assert!(sim.can_connect(node, instance, 8080).is_err() && sim.can_connect(instance, node, 8080).is_err());
    let members = Permission::tcp(8080, 8080, PermissionSource::Group(group.clone()));
    sim.ec2(at(20)).authorize_ingress(&group, &[(members, None)]).unwrap();
    assert_eq!(sim.can_connect(node, instance, 8080), Ok(()));
    assert_eq!(sim.can_connect(instance, node, 8080), Ok(()));
    assert!(sim.can_connect(node, instance, 8081).is_err());
}
