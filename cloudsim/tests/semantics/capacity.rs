//! Pools, quotas, and what may be launched at all.

use cloudsim::ec2::RunInstances;
use cloudsim::{CapacityPool, Plan, Settings, Span};

use crate::world::{SUBNET_B, SUBNET_C, at, code, exact, launch, request, request_in, sim};

#[test]
fn a_launch_is_whole_or_not_at_all() {
    let capacity = vec![CapacityPool { instance_type: "t3.micro".into(), zone: "eu-west-1a".into(), count: 5 }];
    let mut sim = sim(Settings { capacity, ..exact() });
    let first = launch(&mut sim, 3, "one", 0);
    let error = sim.ec2(at(1)).run_instances(&request(3, "two")).unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("InsufficientInstanceCapacity", 500));
    assert_eq!(sim.audit().launched, 3);
    sim.ec2(at(2)).run_instances(&request_in(SUBNET_B, 3, "two")).unwrap();
    let up_to = RunInstances { min_count: 1, ..request(3, "three") };
    assert_eq!(sim.ec2(at(3)).run_instances(&up_to).unwrap().len(), 2, "between the two counts, what there is");
    sim.ec2(at(4)).terminate_instances(&first).unwrap();
    assert_eq!(code(sim.ec2(at(5)).run_instances(&request(3, "four"))), "InsufficientInstanceCapacity");
    launch(&mut sim, 3, "four", 30);
}

#[test]
fn the_quota_counts_what_is_not_terminated() {
    let mut sim = sim(Settings { vcpu_quota: Some(4), ..exact() });
    let first = launch(&mut sim, 2, "one", 0);
    assert_eq!(code(sim.ec2(at(1)).run_instances(&request(1, "two"))), "VcpuLimitExceeded");
    sim.ec2(at(2)).terminate_instances(&first).unwrap();
    assert_eq!(code(sim.ec2(at(3)).run_instances(&request(1, "two"))), "VcpuLimitExceeded");
    launch(&mut sim, 1, "two", 23);
}

#[test]
fn a_subnet_can_be_full() {
    let mut sim = sim(exact());
    sim.network_mut().subnets[0].cidr = "127.31.0.0/28".parse().ok();
    launch(&mut sim, 5, "one", 0);
    assert_eq!(code(sim.ec2(at(1)).run_instances(&request(1, "two"))), "InsufficientFreeAddressesInSubnet");
}

#[test]
fn what_can_never_be_launched_is_refused() {
    let mut sim = sim(exact());
    type Change = fn(&mut RunInstances);
    let rows: [(&str, Change); 9] = [
        ("InvalidParameterValue", |request| request.instance_type = "t9.huge".into()),
        ("InvalidParameterValue", |request| request.instance_type = "t4g.micro".into()),
        ("InvalidSubnetID.NotFound", |request| request.interface.as_mut().unwrap().subnet_id = Some("subnet-1".into())),
        ("InvalidGroup.NotFound", |request| request.interface.as_mut().unwrap().group_ids = vec!["sg-1".into()]),
        ("InvalidParameterCombination", |request| request.subnet_id = Some("subnet-1".into())),
        ("InvalidParameterValue", |request| request.user_data = "x".repeat(16_385)),
        ("InvalidParameterValue", |request| request.client_token = Some("x".repeat(65))),
        ("InvalidParameterValue", |request| request.max_count = 0),
        ("InvalidParameterCombination", |request| {
            request.instance_type = "m5.large".into();
            request.cpu_credits = Some("standard".into());
        }),
    ];
    for (expected, change) in rows {
        let mut request = request(1, "token");
        change(&mut request);
        assert_eq!(code(sim.ec2(at(0)).run_instances(&request)), expected, "{request:?}");
    }
    let old_type = RunInstances { instance_type: "t2.micro".into(), ..request_in(SUBNET_C, 1, "token") };
    assert_eq!(code(sim.ec2(at(0)).run_instances(&old_type)), "Unsupported");
    assert_eq!(sim.audit().launched, 0);
    sim.ec2(at(0)).run_instances(&RunInstances { user_data: "x".repeat(16_384), ..request(1, "token") }).unwrap();
}

#[test]
fn a_free_plan_launches_free_types_only() {
    let mut sim = sim(Settings { plan: Plan::Free, ..exact() });
    launch(&mut sim, 1, "one", 0);
    let other = RunInstances { instance_type: "t2.micro".into(), ..request(1, "two") };
    assert_eq!(code(sim.ec2(at(0)).run_instances(&other)), "InvalidParameterCombination");
}

#[test]
fn every_pool_can_have_a_limit_and_a_launch_can_find_none_by_chance() {
    let named = CapacityPool { instance_type: "t3.micro".into(), zone: "eu-west-1a".into(), count: 5 };
    let mut limited = sim(Settings { pool_capacity: Some(2), capacity: vec![named], ..exact() });
    assert_eq!(code(limited.ec2(at(0)).run_instances(&request_in(SUBNET_B, 3, "one"))), "InsufficientInstanceCapacity");
    limited.ec2(at(0)).run_instances(&request_in(SUBNET_B, 2, "two")).unwrap();
    launch(&mut limited, 5, "three", 0);
    let mut unlucky = sim(Settings { no_capacity_per_mille: 1000, ..exact() });
    assert_eq!(code(unlucky.ec2(at(0)).run_instances(&request(1, "one"))), "InsufficientInstanceCapacity");
    assert_eq!(unlucky.injected()["no capacity"], 1);
}

#[test]
fn the_quota_may_go_on_counting_what_is_terminated() {
    let mut sim = sim(Settings { vcpu_quota: Some(2), quota_linger: Span::seconds(60, 60), ..exact() });
    let first = launch(&mut sim, 1, "one", 0);
    sim.ec2(at(10)).terminate_instances(&first).unwrap();
    // Terminated at 30.
    assert_eq!(code(sim.ec2(at(89)).run_instances(&request(1, "two"))), "VcpuLimitExceeded");
    launch(&mut sim, 1, "two", 90);
}

#[test]
fn a_subnet_can_have_few_addresses() {
    let mut sim = sim(Settings { subnet_addresses: Some(3), ..exact() });
    launch(&mut sim, 3, "one", 0);
    assert_eq!(code(sim.ec2(at(1)).run_instances(&request(1, "two"))), "InsufficientFreeAddressesInSubnet");
}
