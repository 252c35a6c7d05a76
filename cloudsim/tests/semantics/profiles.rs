//! Instance profiles: launches with a role, and what an instance may do by it.

use std::sync::Arc;

use cloudsim::ec2::{About, Action, RunInstances};
use cloudsim::{Call, InstanceNumber, Outcome, Policy, Principal, Reply, Sim};

use crate::permissions::ACCOUNT;
use crate::world::{at, exact, ids, request, sim};

const PROFILE: &str = "clusterbench-queue";

fn with(profile: &str, token: &str) -> RunInstances {
    RunInstances { instance_profile: Some(profile.into()), ..request(1, token) }
}

fn run(sim: &mut Sim, by: Principal, request: RunInstances) -> Outcome<Vec<String>> {
    let request = Arc::new(request);
    let call = Call::about(About::Launch(request.clone())).by(by);
    match sim.call(call, at(0), move |sim, now| sim.ec2(now).run_instances(&request)) {
        Reply::Whole(outcome) => outcome.map(|made| ids(&made)),
        _ => panic!("no whole answer"),
    }
}

fn policy(statements: &str) -> Arc<Policy> {
    let all = r#"{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"}"#;
    Arc::new(Policy::parse(&format!(r#"{{"Version": "2012-10-17", "Statement": [{all}{statements}]}}"#)).unwrap())
}

fn may_pass(role: &str, to: &str) -> Arc<Policy> {
    policy(&format!(
        r#", {{"Effect": "Allow", "Action": "iam:PassRole", "Resource": "arn:aws:iam::{ACCOUNT}:role/{role}",
               "Condition": {{"StringEquals": {{"iam:PassedToService": "{to}"}}}}}}"#
    ))
}

#[test]
fn a_profile_that_does_not_exist_is_refused_also_by_a_rehearsal_and_uses_no_token_up() {
    let mut sim = sim(exact());
    let error = run(&mut sim, Principal::Administrator, with("nobodys", "token")).unwrap_err();
    let words = "Value (nobodys) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name";
    assert_eq!((error.code.as_str(), error.message.as_str(), error.status), ("InvalidParameterValue", words, 400));
    assert_eq!(sim.ec2(at(0)).check_launch(&with("nobodys", "token")).unwrap_err().message, words);
    assert_eq!(sim.ec2(at(0)).check_launch(&with(PROFILE, "token")), Ok(()));
    let made = run(&mut sim, Principal::Administrator, with(PROFILE, "token")).unwrap();
    let instance = sim.truth().ec2.instance(&made[0]).unwrap();
    assert_eq!(instance.instance_profile.as_deref(), Some(PROFILE));
    // The token stands for the whole request.
    let other = run(&mut sim, Principal::Administrator, request(1, "token")).unwrap_err();
    assert_eq!(other.code, "IdempotentParameterMismatch");
}

#[test]
fn a_role_is_given_only_by_who_may_pass_it_to_ec2() {
    for (policy, may) in [
        (policy(""), false),
        (may_pass("another", "ec2.amazonaws.com"), false),
        (may_pass(PROFILE, "lambda.amazonaws.com"), false),
        (may_pass(PROFILE, "ec2.amazonaws.com"), true),
    ] {
        let mut sim = sim(exact());
        sim.attach(policy);
        let made = run(&mut sim, Principal::Operator, with(PROFILE, "token"));
        match made {
            Ok(_) => assert!(may),
            Err(error) => {
                assert!(!may, "{error}");
                assert_eq!(error.code, "UnauthorizedOperation");
                let what = format!("iam:PassRole on resource: arn:aws:iam::{ACCOUNT}:role/{PROFILE}");
                assert!(error.message.contains(&what), "{error}");
            }
        }
        assert!(
            run(&mut sim, Principal::Operator, request(1, "plain")).is_ok(),
            "who gives no role needs to pass none"
        );
    }
}

/// An instance is judged by its role's policy and by no other: none of EC2's actions is in it.
#[test]
fn an_instance_may_do_nothing_of_ec2() {
    let mut sim = sim(exact());
    sim.attach(may_pass("*", "ec2.amazonaws.com"));
    sim.attach_to_role(PROFILE, [Arc::new(Policy::shipped_instance(ACCOUNT).unwrap())]);
    let id = run(&mut sim, Principal::Administrator, with(PROFILE, "token")).unwrap().remove(0);
    let by = Principal::Instance(InstanceNumber::of(&id).unwrap());
    for action in Action::ALL {
        let answer = sim.call(Call::new(*action).by(by), at(20), |_, _| Ok(()));
        let Reply::Whole(Err(error)) = answer else { panic!("{action:?} is allowed") };
        let session = format!("arn:aws:sts::{ACCOUNT}:assumed-role/{PROFILE}/{id}");
        assert!(error.code == "UnauthorizedOperation" && error.message.contains(&session), "{error}");
    }
    let who = sim.sts(at(20)).caller_identity(by).unwrap();
    assert_eq!(who.arn, format!("arn:aws:sts::{ACCOUNT}:assumed-role/{PROFILE}/{id}"));
}

#[test]
fn ids_of_instances_are_numbers_and_back() {
    for id in ["i-0123456789abcdef0", "i-00000000000000000"] {
        assert_eq!(InstanceNumber::of(id).map(InstanceNumber::id).as_deref(), Some(id));
    }
    for none in ["", "i-", "i-1", "sg-0123456789abcdef0", "i-0123456789ABCDEF0", "i-0123456789abcdefg"] {
        assert_eq!(InstanceNumber::of(none), None, "{none}");
    }
}
