//! DryRun: what a launch would be refused for, and no effect.

use std::sync::Arc;

use cloudsim::ec2::{About, Action, RunInstances};
use cloudsim::{Call, CapacityPool, Fault, FaultRates, Plan, Reply, Settings, Sim};

use crate::world::{X86_IMAGE, at, exact, request, sim};

/// The code that a rehearsal of one t3.micro answers; it is never a success.
pub(crate) fn rehearsed(sim: &mut Sim) -> String {
    rehearsed_as(sim, &request(1, "token"))
}

fn rehearsed_as(sim: &mut Sim, request: &RunInstances) -> String {
    let call = Call::about(About::Launch(Arc::new(request.clone())));
    match sim.dry_run(&call, at(0), |sim, now| sim.ec2(now).check_launch(request)) {
        Reply::Whole(said) => said.code,
        broken => panic!("{broken:?}"),
    }
}

#[test]
fn a_rehearsal_makes_nothing_and_says_what_a_launch_would_be_refused_for() {
    let mut sim = sim(Settings { plan: Plan::Free, ..exact() });
    assert_eq!(rehearsed(&mut sim), "DryRunOperation");
    let of = |change: &dyn Fn(&mut RunInstances)| {
        let mut request = request(1, "token");
        change(&mut request);
        request
    };
    for (request, expected) in [
        (of(&|one| one.image_id = "ami-0".into()), "InvalidAMIID.NotFound"),
        (of(&|one| one.instance_type = "t9.huge".into()), "InvalidParameterValue"),
        (of(&|one| one.instance_type = "c5.large".into()), "InvalidParameterCombination"),
        (of(&|one| one.interface.as_mut().unwrap().group_ids = vec!["sg-0".into()]), "InvalidGroup.NotFound"),
        (of(&|one| one.user_data = "x".repeat(16_385)), "InvalidParameterValue"),
        (of(&|one| one.image_id = X86_IMAGE.into()), "DryRunOperation"),
    ] {
        assert_eq!(rehearsed_as(&mut sim, &request), expected);
    }
    let audit = sim.audit();
    assert_eq!((audit.launched, audit.volumes, audit.interfaces, audit.dry_runs), (0, 0, 0, 7));
    assert_eq!(audit.calls.get(&Action::RunInstances.into()), None);
}

#[test]
fn a_tag_policy_wants_its_tag_on_instances_and_volumes() {
    let mut sim = sim(Settings { required_tag: Some("owner".into()), ..exact() });
    let on_instances_only = request(1, "token");
    assert_eq!(rehearsed_as(&mut sim, &on_instances_only), "TagPolicyViolation");
    let refused = sim.ec2(at(0)).run_instances(&on_instances_only).unwrap_err();
    assert_eq!((refused.code.as_str(), refused.status), ("TagPolicyViolation", 400));
    let mut on_both = on_instances_only;
    on_both.tags.push(("volume".into(), on_both.tags[0].1.clone()));
    assert_eq!(rehearsed_as(&mut sim, &on_both), "DryRunOperation");
    assert!(sim.ec2(at(0)).run_instances(&on_both).is_ok());
}

/// aws-parallelcluster#1779.
#[test]
fn a_rehearsal_knows_neither_quotas_nor_capacity() {
    let pool = CapacityPool { instance_type: "t3.micro".into(), zone: "eu-west-1a".into(), count: 0 };
    let mut sim = sim(Settings { vcpu_quota: Some(1), capacity: vec![pool], ..exact() });
    assert_eq!(rehearsed(&mut sim), "DryRunOperation");
    assert!(sim.ec2(at(0)).run_instances(&request(1, "token")).is_err());
}

#[test]
fn a_rehearsal_spends_no_token_and_no_fault_that_waits_for_a_launch() {
    let mut sim = sim(exact());
    sim.inject_next(Action::RunInstances, Fault::LostAnswer);
    let (one, two) = (request(1, "token"), request(2, "token"));
    assert_eq!(rehearsed_as(&mut sim, &one), "DryRunOperation");
    assert_eq!(sim.ec2(at(0)).run_instances(&two).map(|made| made.len()), Ok(2));
    // A token that is spent is no matter of a rehearsal either.
    assert_eq!(rehearsed_as(&mut sim, &one), "DryRunOperation");
    let lost =
        sim.call(cloudsim::Call::new(Action::RunInstances), at(0), move |sim, now| sim.ec2(now).run_instances(&two));
    assert!(matches!(lost, Reply::Lost), "{lost:?}");
}

#[test]
fn a_rehearsal_meets_what_any_call_meets() {
    let faults = FaultRates { late_execution: 500, throttled: 500, ..FaultRates::default() };
    let mut sim = sim(Settings { faults, ..exact() });
    let mut said: Vec<String> = (0..50)
        .map(|_| match sim.dry_run(&Call::new(Action::RunInstances), at(0), |_, _| panic!("it never came so far")) {
            Reply::Whole(said) => said.code,
            Reply::Lost => "lost".into(),
            Reply::Truncated(said) => panic!("{said}"),
        })
        .collect();
    said.sort();
    said.dedup();
    assert_eq!(said, ["RequestLimitExceeded", "lost"]);
    assert_eq!((sim.late_calls(), sim.audit().launched), (0, 0), "nothing of it takes effect later");
}
