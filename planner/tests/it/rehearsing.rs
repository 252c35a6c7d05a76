//! Worlds in which launches are asked about before any of them is written down.

use insta::assert_snapshot;
use jiff::SignedDuration;
use planner::{Action, CloudError, Done, Failure, Outcome, World, plan, status};

use crate::fixture::world;
use crate::spelling::{planned, spell};

/// What becomes of a world whose rehearsals are answered like this.
fn answered(world: &World, answer: &Result<Done, CloudError>) -> World {
    let plan = plan(world);
    let outcomes: Vec<Outcome> = plan.actions().map(|action| Outcome::new(action.clone(), answer.clone())).collect();
    let mut next = world.clone();
    next.object.status = status(world, &plan, &outcomes);
    next.memory = plan.memory;
    next.memory.acted(world, &outcomes);
    next
}

fn refused(code: &str) -> Result<Done, CloudError> {
    Err(CloudError::new(planner::failure::codes::failure_of(code), code, "words"))
}

fn rehearses(world: &World) -> usize {
    plan(world).actions().filter(|action| matches!(action, Action::Rehearse(_))).count()
}

#[test]
fn every_pool_is_rehearsed_before_any_line_is_written() {
    assert_snapshot!(planned("unrehearsed"), @"
    rehearse a/1 t2.micro x2
    rehearse balancer/1 c6i.large x1
    rehearse generator/1 c6i.large x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    assert_eq!(rehearses(&world("unrehearsed\ngroups none")), 0, "a launch names groups, which cost nothing");
    let heard = answered(&world("unrehearsed"), &Ok(Done::Ok));
    assert_snapshot!(spell(&heard, &plan(&heard)), @"
    write down a/1 x2
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

/// Only what is not written down yet: a line is sent as it stands.
#[test]
fn what_is_written_down_is_not_rehearsed() {
    let world = world("unrehearsed\nline a/1 x2 open\nline balancer/1 x1 open\nline generator/1 x1 open");
    assert_eq!(rehearses(&world), 0);
}

#[test]
fn one_refusal_holds_all_launches_back_and_is_said_in_words() {
    assert_snapshot!(planned("refused UnauthorizedOperation"), @"
    Accepted=False Unauthorized: pool a: the launch of 2 x t2.micro was rehearsed and refused: UnauthorizedOperation: words; the policy's statements LaunchInstancesMarkedAsOurs, LaunchWithSmallVolumesMarkedAsOurs, LaunchWithInterfacesMarkedAsOurs, LaunchInAnySubnetFromAnyImage, LaunchIntoOurGroups and TagOnlyWhatIsBeingCreated would allow it: is t2.micro in its list of ec2:InstanceType?; nothing is launched until it passes, which is tried each minute and when the spec changes
    Provisioned=False Waiting: 0 of 4 instances run; what is missing is not launched, see Accepted
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    stalled by Accepted
    wake 1s
    ");
    assert_snapshot!(planned("refused TagPolicyViolation"), @"
    Accepted=False Rejected: pool a: the launch of 2 x t2.micro was rehearsed and refused: TagPolicyViolation: words; nothing is launched until it passes, which is tried each minute and when the spec changes
    Provisioned=False Waiting: 0 of 4 instances run; what is missing is not launched, see Accepted
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    stalled by Accepted
    wake 1s
    ");
    let world = world("unrehearsed");
    let one = plan(&world).actions().find(|action| matches!(action, Action::Rehearse(_))).cloned().unwrap();
    let mut heard = answered(&world, &Ok(Done::Ok));
    let before = heard.clone();
    heard.memory.acted(&before, &[Outcome::new(one, refused("OptInRequired"))]);
    let plan = plan(&heard);
    assert!(plan.ledger.is_empty() && plan.effects.is_empty(), "{:?}", plan.ledger);
    assert!(spell(&heard, &plan).contains("Accepted=False AccountRestricted: pool a"), "{}", spell(&heard, &plan));
}

/// The look that hears it and the looks after it say the same: nothing flaps.
#[test]
fn a_refusal_is_said_once() {
    let heard = answered(&world("unrehearsed"), &refused("UnauthorizedOperation"));
    let conditions = heard.object.status.conditions.clone();
    let accepted = conditions.iter().find(|condition| condition.type_ == "Accepted").unwrap();
    assert_eq!((accepted.status.as_str(), accepted.reason.as_str()), ("False", "Unauthorized"));
    let again = status(&heard, &plan(&heard), &[]);
    let accepted_again = again.conditions.iter().find(|condition| condition.type_ == "Accepted").unwrap();
    assert_eq!(accepted, accepted_again);
}

/// Somebody may mend the policy; and another spec is another request.
#[test]
fn what_was_refused_is_asked_again_after_a_minute_or_an_edit() {
    let mut heard = answered(&world("unrehearsed"), &refused("UnauthorizedOperation"));
    assert_eq!(rehearses(&heard), 0);
    let mut edited = heard.clone();
    edited.object.spec.tags = vec![api::Tag { key: "team".into(), value: "x".into() }];
    assert_eq!(rehearses(&edited), 3);
    for _ in 0..6 {
        heard.memory = plan(&heard).memory;
        heard.now += SignedDuration::from_secs(10);
        heard.cloud.listed_at = heard.now;
    }
    assert_eq!(rehearses(&heard), 3);
    assert!(spell(&heard, &plan(&heard)).contains("Accepted=False Unauthorized"), "still");
    let mended = answered(&heard, &Ok(Done::Ok));
    assert_eq!(plan(&mended).ledger.len(), 3);
}

/// Nothing was heard: it is asked again, nothing is launched, and nobody is told that the spec is not accepted.
#[test]
fn what_passes_by_itself_refuses_nothing() {
    for failure in [Failure::Throttled, Failure::Unreachable, Failure::CredentialsExpired, Failure::NotFound] {
        let heard = answered(&world("unrehearsed"), &Err(CloudError::new(failure, "Code", "words")));
        let accepted = heard.object.status.conditions.iter().find(|condition| condition.type_ == "Accepted").unwrap();
        assert_eq!(accepted.status, "True", "{failure:?}");
        assert_eq!((rehearses(&heard), plan(&heard).ledger.len()), (3, 0), "{failure:?}");
    }
}

/// DryRun is not to know these; if it says so all the same, the launch has its own ways.
#[test]
fn quotas_and_capacity_are_left_to_the_launch() {
    for code in ["InsufficientInstanceCapacity", "VcpuLimitExceeded", "Unsupported"] {
        let heard = answered(&world("unrehearsed"), &refused(code));
        assert_eq!(plan(&heard).ledger.len(), 3, "{code}");
    }
}
