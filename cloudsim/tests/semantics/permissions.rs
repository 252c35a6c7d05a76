//! The operator's policy as it is shipped, evaluated on every call: it lets pass what is ours and refuses what is near it.

use std::sync::Arc;

use cloudsim::ec2::{About, Action, BlockDevice, CreateSecurityGroup, RunInstances};
use cloudsim::{Call, Fault, ManualChange, Outcome, Policy, Principal, Reply, Settings, Sim};
use planner::owner::{INSTALLATION, KUBERNETES_CLUSTER, MANAGED_BY, Owner, Tags};

use crate::world::{VPC, at, exact, ids, request, sim, states};

pub(crate) const ACCOUNT: &str = "000000000000";

pub(crate) fn owner() -> Owner {
    Owner {
        installation: "main".into(),
        kubernetes_cluster: "k-1".into(),
        benchmark_uid: "b-1".into(),
        namespace: "default".into(),
        name: "bench".into(),
    }
}

pub(crate) fn tags() -> Tags {
    owner().tags(&Tags::new())
}

/// A simulation whose operator has the shipped policy.
fn governed(settings: Settings) -> Sim {
    let mut sim = sim(settings);
    sim.attach(Arc::new(Policy::shipped(ACCOUNT, "k-1", "main").unwrap()));
    sim
}

fn call<T>(
    sim: &mut Sim,
    about: About,
    second: i64,
    operation: impl FnOnce(&mut Sim, jiff::Timestamp) -> Outcome<T> + Send + 'static,
) -> Outcome<T> {
    match sim.call(Call::about(about).by(Principal::Operator), at(second), operation) {
        Reply::Whole(outcome) => outcome,
        _ => panic!("no whole answer"),
    }
}

/// The operator's own request.
fn ours(count: u32, token: &str) -> RunInstances {
    RunInstances {
        tags: ["instance", "volume", "network-interface"].map(|kind| (kind.to_owned(), tags())).into(),
        http_tokens: Some("required".into()),
        block_devices: vec![BlockDevice {
            device_name: "/dev/xvda".into(),
            volume_type: Some("gp3".into()),
            size_gib: Some(8),
            encrypted: Some(true),
            delete_on_termination: Some(true),
            no_device: false,
        }],
        ..request(count, token)
    }
}

fn group(sim: &mut Sim) -> String {
    let request = Arc::new(CreateSecurityGroup {
        name: "members".into(),
        description: "members".into(),
        vpc_id: Some(VPC.into()),
        tags: tags(),
    });
    call(sim, About::NewGroup(request.clone()), 0, move |sim, now| sim.ec2(now).create_security_group(&request))
        .unwrap()
}

fn run(sim: &mut Sim, request: RunInstances, second: i64) -> Outcome<Vec<String>> {
    let request = Arc::new(request);
    let made = call(sim, About::Launch(request.clone()), second, move |sim, now| sim.ec2(now).run_instances(&request))?;
    Ok(ids(&made))
}

fn in_group(sim: &mut Sim, request: RunInstances) -> RunInstances {
    let id = group(sim);
    let mut interface = request.interface.clone().unwrap();
    interface.group_ids = vec![id];
    RunInstances { interface: Some(interface), ..request }
}

fn terminate(sim: &mut Sim, ids: &[String], second: i64) -> Result<(), String> {
    let owned = ids.to_vec();
    let about = About::Instances(Action::TerminateInstances, owned.clone());
    let answer = call(sim, about, second, move |sim, now| sim.ec2(now).terminate_instances(&owned));
    answer.map(drop).map_err(|error| error.code)
}

#[test]
fn a_principal_without_a_policy_may_do_nothing_and_an_administrator_everything() {
    let mut sim = sim(exact());
    let error = run(&mut sim, ours(1, "token"), 0).unwrap_err();
    assert_eq!((error.code.as_str(), error.status), ("UnauthorizedOperation", 403));
    let request = Arc::new(request(1, "token"));
    let by_administrator = Call::about(About::Launch(request.clone()));
    let made = sim.call(by_administrator, at(0), move |sim, now| sim.ec2(now).run_instances(&request));
    assert!(matches!(made, Reply::Whole(Ok(_))));
    assert_eq!(sim.audit().launched, 1);
}

#[test]
fn the_operators_own_launch_passes_and_every_near_miss_is_refused() {
    let without = |key: &str| {
        let mut tags = tags();
        tags.remove(key);
        tags
    };
    let on = |kind: &'static str, tags: Tags| {
        move |request: &mut RunInstances| {
            for (of, old) in request.tags.iter_mut().filter(|(of, _)| of == kind) {
                assert_eq!(of, kind);
                *old = tags.clone();
            }
        }
    };
    type Change = Box<dyn Fn(&mut RunInstances)>;
    let misses: Vec<(&str, Change)> = vec![
        ("an instance without our tag", Box::new(on("instance", without(MANAGED_BY)))),
        (
            "of another installation",
            Box::new(on("instance", Owner { installation: "mai".into(), ..owner() }.tags(&Tags::new()))),
        ),
        ("of another Kubernetes cluster", Box::new(on("instance", without(KUBERNETES_CLUSTER)))),
        ("a volume without our tag", Box::new(on("volume", without(INSTALLATION)))),
        ("an interface without our tag", Box::new(on("network-interface", without(INSTALLATION)))),
        ("no tags at all", Box::new(|request| request.tags.clear())),
        ("metadata without a session", Box::new(|request| request.http_tokens = Some("optional".into()))),
        ("metadata as the account has it", Box::new(|request| request.http_tokens = None)),
        ("a type outside the list", Box::new(|request| request.instance_type = "p5.48xlarge".into())),
        (
            "a group of others",
            Box::new(|request| {
                request.interface.as_mut().unwrap().group_ids = vec!["sg-0de0fa17000000010".into()];
            }),
        ),
        (
            "a group that is not there",
            Box::new(|request| {
                request.interface.as_mut().unwrap().group_ids = vec!["sg-0123456789abcdef0".into()];
            }),
        ),
        ("the default group", Box::new(|request| request.interface.as_mut().unwrap().group_ids.clear())),
    ];
    for (what, change) in misses {
        let mut sim = governed(exact());
        let mut request = in_group(&mut sim, ours(1, "token"));
        change(&mut request);
        let error = run(&mut sim, request, 1).expect_err(what);
        assert_eq!(error.code, "UnauthorizedOperation", "{what}");
        assert!(error.message.contains("arn:aws:iam::000000000000:user/operator is not authorized"), "{error}");
        assert!(error.message.contains("Encoded authorization failure message: "), "{error}");
        assert_eq!(sim.audit().launched, 0, "{what}");
    }
    let mut sim = governed(exact());
    let request = in_group(&mut sim, ours(1, "token"));
    run(&mut sim, request, 1).unwrap();
}

#[test]
fn what_ec2_does_not_know_or_what_lost_its_tags_is_denied_and_not_unknown() {
    let mut sim = governed(exact());
    let request = in_group(&mut sim, ours(4, "token"));
    let made = run(&mut sim, request, 0).unwrap();
    let unauthorized = Err("UnauthorizedOperation".to_owned());
    assert_eq!(terminate(&mut sim, &["i-0123456789abcdef0".to_owned()], 20), unauthorized);
    sim.ec2(at(20)).retag_by_hand(&made[0], |tags| drop(tags.remove(INSTALLATION)));
    sim.ec2(at(20)).retag_by_hand(&made[1], |tags| drop(tags.insert(INSTALLATION.into(), "x".into())));
    for id in &made[..2] {
        assert_eq!(terminate(&mut sim, std::slice::from_ref(id), 21), unauthorized);
        assert!(!sim.can_be_terminated(id));
    }
    // One bad id fails the request for all.
    assert_eq!(terminate(&mut sim, &made, 21), unauthorized);
    assert_eq!(states(&mut sim, &made, 22), ["running"; 4]);
    assert_eq!(terminate(&mut sim, &made[2..], 23), Ok(()));
    // Tags of the dead fade.
    assert_eq!(terminate(&mut sim, &made[2..3], 30), Ok(()));
    sim.advance(at(3_000));
    assert_eq!(terminate(&mut sim, &made[2..3], 3_000), unauthorized);
    assert_eq!(sim.audit().live, 2);
}

#[test]
fn protection_spares_the_zone_of_what_is_protected() {
    let mut sim = governed(exact());
    let request = in_group(&mut sim, ours(2, "a"));
    let mut in_b = request.clone();
    in_b.client_token = Some("b".into());
    in_b.interface.as_mut().unwrap().subnet_id = Some(crate::world::SUBNET_B.into());
    let a = run(&mut sim, request, 0).unwrap();
    let b = run(&mut sim, in_b, 0).unwrap();
    assert!(sim.ec2(at(20)).change_by_hand(ManualChange::Protect, &a[0]));
    let all = [a.clone(), b.clone()].concat();
    assert_eq!(terminate(&mut sim, &all, 21), Err("OperationNotPermitted".to_owned()));
    assert_eq!(states(&mut sim, &all, 22), ["running", "running", "shutting-down", "shutting-down"]);
    assert_eq!(terminate(&mut sim, &a[1..], 23), Ok(()));
    assert!(sim.truth().ec2.is_protected(&a[0]) && !sim.can_be_terminated(&a[0]));
    // From inside it still ends.
    sim.ec2(at(24)).guest_shutdown(&a[0]);
    assert!(!sim.truth().ec2.is_protected(&a[0]), "{:?}", states(&mut sim, &a, 24));
    assert_eq!(terminate(&mut sim, &a, 25), Ok(()));
}

#[test]
fn a_call_that_comes_late_is_judged_when_it_comes() {
    let mut sim = governed(exact());
    let request = in_group(&mut sim, ours(1, "token"));
    let made = run(&mut sim, request, 0).unwrap();
    sim.inject_next(Action::TerminateInstances, Fault::LateExecution(60));
    let owned = made.clone();
    let about = About::Instances(Action::TerminateInstances, owned.clone());
    let late = sim.call(Call::about(about).by(Principal::Operator), at(20), move |sim, now| {
        sim.ec2(now).terminate_instances(&owned)
    });
    assert!(matches!(late, Reply::Lost));
    sim.ec2(at(40)).retag_by_hand(&made[0], Tags::clear);
    sim.advance(at(100));
    assert_eq!(sim.audit().live, 1);
    assert!(
        sim.story().iter().any(|line| line.what.contains("TerminateInstances refused unheard")),
        "{:?}",
        sim.story()
    );
}

#[test]
fn a_dry_run_asks_for_permission_too() {
    let mut sim = governed(exact());
    let good = in_group(&mut sim, ours(1, "token"));
    let bad = RunInstances { http_tokens: None, ..good.clone() };
    let mut dry = |request: RunInstances| {
        let call = Call::about(About::Launch(Arc::new(request.clone()))).by(Principal::Operator);
        match sim.dry_run(&call, at(1), |sim, now| sim.ec2(now).check_launch(&request)) {
            Reply::Whole(said) => said.code,
            broken => panic!("{broken:?}"),
        }
    };
    assert_eq!((dry(good).as_str(), dry(bad).as_str()), ("DryRunOperation", "UnauthorizedOperation"));
    assert_eq!(sim.audit().launched, 0);
}
