//! Worlds that want nothing.

use insta::assert_snapshot;
use planner::ports::{Interface, Refused};
use planner::teardown::holders;
use planner::world::Holder;
use planner::world::named::{Named, Since};
use planner::{Action, CloudError, Done, Failure, Memory, Outcome, plan, status};

use crate::fixture::{epoch, seconds, world};
use crate::spelling::{planned, spell};

#[test]
fn nothing_was_made_so_nothing_is_asked() {
    assert_snapshot!(planned("deleting\nunplaced\ninstances unknown\ngroups unknown"), @"
    remove finalizer
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False NothingLeft: nothing is left in AWS
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

#[test]
fn instances_go_first() {
    assert_snapshot!(planned("deleting\nhave i-1 a/1 running\nhave i-2 a/1 shutting-down"), @"
    terminate i-1
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: i-1 (running), i-2 (shutting-down), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

#[test]
fn ids_that_no_list_shows_are_terminated_too() {
    assert_snapshot!(planned("deleting\nline a/1 x2 closed ids i-1,i-2"), @"
    terminate i-1 i-2
    delete group sg-members
    delete group sg-edge
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: up to 2 instances of launch a/1, sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

#[test]
fn groups_wait_for_the_last_instance() {
    assert_snapshot!(planned("deleting\nhave i-1 a/1 terminated"), @"
    delete group sg-members
    delete group sg-edge
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

#[test]
fn an_open_launch_keeps_the_finalizer() {
    assert_snapshot!(planned("deleting\ngroups none\nline a/1 x2 open"), @"
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: up to 2 instances of launch a/1
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

#[test]
fn an_unknown_list_keeps_the_finalizer() {
    assert_snapshot!(planned("deleting\ngroups none\ninstances unknown"), @"
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=Unknown Unreachable: no answer
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 5s
    ");
    assert_snapshot!(planned("deleting\ngroups unknown"), @"
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=Unknown Unreachable: no answer
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 5s
    ");
}

#[test]
fn expiry_terminates_and_keeps_the_object() {
    assert_snapshot!(planned("now 7200s\nhave i-1 a/1 running"), @"
    terminate i-1
    Accepted=True Expired: lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again
    Provisioned=False TearingDown: still there: i-1 (running), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Expired: lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again
    Measured=False Expired: lifecycle.maxLifetimeSeconds has passed; to measure again, delete the benchmark and create it again
    wake 1s
    ");
}

#[test]
fn a_wiped_status_removes_what_exists_first() {
    assert_snapshot!(planned("wiped\nhave i-1 a/4 running"), @"
    terminate i-1
    Accepted=True LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    Provisioned=False TearingDown: still there: i-1 (running), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    Measured=False LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    wake 1s
    ");
}

/// Status and finalizer were both taken away: the object looks new, but EC2 knows better.
#[test]
fn what_exists_refutes_that_nothing_was_made() {
    assert_snapshot!(planned("unplaced\nhave i-1 a/1 running"), @"
    terminate i-1
    Accepted=True LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    Provisioned=False TearingDown: still there: i-1 (running), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    Measured=False LedgerLost: status was wiped or edited: what exists is removed, then everything begins anew
    wake 1s
    ");
}

/// Groups that this process deleted need no second look once no creation can take effect any more.
#[test]
fn the_finalizer_goes_when_everything_was_seen_to_end() {
    let mut world = world("deleting\ngroups none\nhave i-1 a/1 terminated\nnow 420s");
    let deleted = || Named { is_deleted: true, ..Named::default() };
    let names = ["clusterbench-uid-1-members", "clusterbench-uid-1-edge"];
    world.memory.named = names.map(|name| (name.to_owned(), deleted())).into();
    assert_snapshot!(spell(&world, &plan(&world)), @"
    remove finalizer
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False NothingLeft: nothing is left in AWS
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

/// A new process does not know that: it waits for two empty looks after the settling time.
#[test]
fn absence_is_proven_by_two_looks() {
    let look = |memory: Memory, at: i64| {
        let mut world = world("deleting\ngroups none\nline a/1 x2 open age 100s");
        world.object.status.launches[0].not_after =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(epoch() + seconds(120)));
        world.now = epoch() + seconds(at);
        world.cloud.listed_at = world.now;
        world.memory = memory;
        let plan = plan(&world);
        (plan.actions().cloned().collect::<Vec<_>>(), plan.memory)
    };
    let missed = |memory: &Memory| {
        memory.absent_since.len() + memory.named.values().filter(|named| named.absent_since.is_some()).count()
    };
    // 120 s deadline + 300 s settling: looks before 420 s prove nothing, however many.
    let (actions, memory) = look(Memory::default(), 419);
    assert_eq!((actions, missed(&memory)), (vec![], 0));
    let (actions, memory) = look(memory, 421);
    assert_eq!((actions, missed(&memory)), (vec![], 1));
    let (actions, memory) = look(memory, 480);
    assert_eq!(actions, vec![]);
    // The launch is settled now; the groups' own settling begins with the first look without a launch.
    // The launch is settled now; for the groups this is the first look.
    let (actions, memory) = look(memory, 482);
    assert_eq!((actions, missed(&memory)), (vec![], 3));
    let (actions, memory) = look(memory, 541);
    assert_eq!(actions, vec![]);
    let (actions, _) = look(memory, 543);
    assert_eq!(actions, vec![planner::Action::RemoveFinalizer]);
}

/// All objects of a region share lists: one that was begun too early proves nothing, however late and however often it
/// is looked at.
#[test]
fn what_an_old_list_does_not_show_is_not_proven_absent() {
    let look = |memory: Memory, now: i64, listed: i64| {
        let mut world = world("deleting\ngroups none\nline a/1 x2 open age 100s");
        world.object.status.launches[0].not_after =
            Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(epoch() + seconds(120)));
        (world.now, world.cloud.listed_at) = (epoch() + seconds(now), epoch() + seconds(listed));
        world.memory = memory;
        plan(&world)
    };
    // The list was begun before the launch had settled, 120 s + 300 s; both looks come after that.
    let memory = look(Memory::default(), 430, 419).memory;
    assert!(memory.absent_since.is_empty());
    // Two looks that are far enough apart, at one list.
    let memory = look(memory, 430, 425).memory;
    let again = look(memory, 500, 425);
    assert!(planner::world::ledger::is_open(&again.ledger[0]));
    let closed = look(again.memory, 501, 486);
    assert!(!planner::world::ledger::is_open(&closed.ledger[0]));
}

#[test]
fn a_deletion_that_waits_says_why_instead_of_the_result() {
    let ready = |text: &str| {
        let world = world(text);
        let status = status(&world, &plan(&world), &[]);
        let ready = status.conditions.iter().find(|condition| condition.type_ == "Ready").unwrap().clone();
        (ready.status, ready.reason, ready.message)
    };
    let (truth, reason, _) = ready("recorded");
    assert_eq!((truth.as_str(), reason.as_str()), ("True", "Recorded"));
    let (truth, reason, message) = ready("recorded\ndeleting\naccount 999");
    assert_eq!((truth.as_str(), reason.as_str()), ("False", "WrongAccount"));
    assert!(message.contains("999"), "{message}");
}

/// EC2 says only that something depends on a group. Interfaces of our own instances linger; what holds it for longer is
/// looked for, and said with the way out.
#[test]
fn what_holds_a_group_is_said_with_the_way_out() {
    let held = |refused: i64, of: Vec<Holder>| {
        let mut world = world("deleting\nhave i-1 a/1 terminated\nnow 1000s");
        let held = Some(Since { id: "sg-members".to_owned(), at: world.now - seconds(refused) });
        let named = Named { held, ..Named::default() };
        world.memory.named = [("clusterbench-uid-1-members".to_owned(), named)].into();
        let asked = holders::held(&world);
        world.holders.extend(asked.iter().map(|id| (id.clone(), of.clone())));
        let plan = plan(&world);
        let condition = plan.conditions.get(api::ConditionType::Provisioned);
        (asked.len(), plan.conditions.stalled_by.is_some(), format!("{}: {}", condition.reason, condition.message))
    };
    let group = |number: u8| Holder::Group { id: format!("sg-{number}"), name: "theirs".into() };
    let interface = |instance_id: Option<&str>| {
        let (status, instance_id) = ("in-use".into(), instance_id.map(str::to_owned));
        Holder::Interface(Interface { id: "eni-7".into(), status, instance_id })
    };
    let there = "still there: sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)";
    assert_eq!(held(120, vec![group(9)]), (0, false, format!("TearingDown: {there}")));
    let says = |of: Vec<Holder>| {
        let (asked, is_stalled, text) = held(121, of);
        assert_eq!((asked, is_stalled), (1, true));
        text.replace(&format!("; {there}"), "")
    };
    assert_snapshot!(says(vec![group(9)]), @"GroupInUse: security group sg-9 (theirs) has a rule that names sg-members: remove that rule");
    assert_snapshot!(says(vec![interface(Some("i-9"))]), @"GroupInUse: network interface eni-7 (in-use of i-9) is in sg-members: take it out of the group, or delete it");
    assert_snapshot!(says(vec![interface(None)]), @"GroupInUse: network interface eni-7 (in-use) is in sg-members: take it out of the group, or delete it");
    assert_snapshot!(says((1..=5).map(group).collect()), @"GroupInUse: security group sg-1 (theirs) has a rule that names sg-members: remove that rule; security group sg-2 (theirs) has a rule that names sg-members: remove that rule; security group sg-3 (theirs) has a rule that names sg-members: remove that rule; and 2 more");
    assert_snapshot!(says(vec![]), @"GroupInUse: something that is not ours holds sg-members, neither an interface nor a rule: look at its VPC associations (aws ec2 describe-security-group-vpc-associations --filters Name=group-id,Values=sg-members)");
}

/// EC2 refuses a request for all when it refuses it for one: what it may refuse is asked for apart.
#[test]
fn what_ec2_may_refuse_is_asked_for_apart() {
    assert_snapshot!(planned("
        deleting
        line a/1 x3 closed ids i-1,i-2,i-3
        have i-1 a/1 running
        have i-2 a/1 running retagged
    "), @"
    terminate i-1
    terminate i-2
    terminate i-3
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: i-1 (running), i-2 (running), up to 1 instances of launch a/1, sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

#[test]
fn what_is_refused_is_a_leftover_with_the_way_out_and_is_tried_again_later() {
    assert_snapshot!(planned("
        deleting
        line a/1 x2 closed ids i-1,i-2
        have i-1 a/1 running
        have i-2 a/1 running retagged
        denied i-2 UnauthorizedOperation 40s
    "), @"
    terminate i-1
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TerminationDenied: still there: i-1 (running), i-2 (running; UnauthorizedOperation, because somebody edited its tags: put them back (aws ec2 create-tags --resources i-2 --tags Key=clusterbench.dev/installation,Value=test) or terminate it by hand; it ends itself at 2027-01-15T10:00:00Z), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
    assert_snapshot!(planned("
        deleting
        line a/1 x1 closed ids i-2
        have i-2 a/1 running retagged
        denied i-2 UnauthorizedOperation 40s
    "), @"
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TerminationDenied: still there: i-2 (running; UnauthorizedOperation, because somebody edited its tags: put them back (aws ec2 create-tags --resources i-2 --tags Key=clusterbench.dev/installation,Value=test) or terminate it by hand; it ends itself at 2027-01-15T10:00:00Z), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 30s
    ");
    assert_snapshot!(planned("
        deleting
        line a/1 x1 closed ids i-2
        have i-2 a/1 running
        denied i-2 OperationNotPermitted 0s
    "), @"
    terminate i-2
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TerminationDenied: still there: i-2 (running; termination protection is on: switch it off (aws ec2 modify-instance-attribute --no-disable-api-termination --instance-id i-2); it ends itself at 2027-01-15T10:00:00Z), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
    // A permission that is missing altogether.
    assert_snapshot!(planned("
        deleting
        line a/1 x1 closed ids i-2
        have i-2 a/1 running
        denied i-2 UnauthorizedOperation 40s
    "), @"
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TerminationDenied: still there: i-2 (running; UnauthorizedOperation: no; it ends itself at 2027-01-15T10:00:00Z), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 30s
    ");
    assert_snapshot!(planned("
        deleting
        line a/1 x1 closed ids i-2
        have i-2 a/1 terminated
        denied i-2 UnauthorizedOperation 40s
    "), @"
    delete group sg-members
    delete group sg-edge
    line a/1 Closed []
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False TearingDown: still there: sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    wake 1s
    ");
}

/// It serves nobody, is paid for, and is said, while what was asked for goes on.
#[test]
fn what_cannot_be_removed_does_not_count_and_is_told() {
    let complete = crate::fixture::COMPLETE;
    assert_snapshot!(planned(&format!("{complete}
        line a/2 x1 closed ids i-9
        have i-9 a/2 running retagged
        denied i-9 UnauthorizedOperation 40s
    ")), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run; not terminated: i-9 (running; UnauthorizedOperation, because somebody edited its tags: put them back (aws ec2 create-tags --resources i-9 --tags Key=clusterbench.dev/installation,Value=test) or terminate it by hand; it ends itself at 2027-01-15T10:00:00Z)
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
    assert_snapshot!(planned("
        clusters a=t2.micro*2
        line a/1 x2 closed ids i-1,i-2
        have i-1 a/1 running
        have i-2 a/1 running outdated retagged
        denied i-2 UnauthorizedOperation 40s
    "), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False TerminationDenied: 1 of 4 instances run; not terminated: i-2 (running; UnauthorizedOperation, because somebody edited its tags: put them back (aws ec2 create-tags --resources i-2 --tags Key=clusterbench.dev/installation,Value=test) or terminate it by hand; it ends itself at 2027-01-15T10:00:00Z)
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

/// Its tags no longer say so, but status does.
#[test]
fn a_retagged_instance_of_a_cluster_that_is_gone_is_terminated() {
    assert_snapshot!(planned("
        line gone/1 x1 closed ids i-9
        have i-9 gone/1 running retagged
    "), @"
    terminate i-9
    write down a/1 x2
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Replacing: 0 of 4 instances run; 1 being terminated
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

#[test]
fn a_refusal_is_remembered_of_what_lists_show_only() {
    let mut world = world(
        "
        deleting
        line a/1 x3 closed ids i-1,i-2,i-3
        have i-1 a/1 running
        have i-2 a/1 running retagged
    ",
    );
    let refused =
        |id: &str, failure| Refused { id: id.into(), error: CloudError::new(failure, "UnauthorizedOperation", "no") };
    let act = |ids: &[&str], refused: Vec<Refused>| {
        let action = Action::Terminate(ids.iter().map(|id| (*id).to_owned()).collect());
        Outcome::of(&world, action, Ok(Done::Terminated(refused)))
    };
    let outcomes = [
        act(&["i-1", "i-2"], vec![refused("i-2", Failure::Unauthorized)]),
        // Nothing has no tags: what EC2 does not know is denied.
        act(&["i-3"], vec![refused("i-3", Failure::Unauthorized)]),
    ];
    let mut memory = plan(&world).memory;
    memory.acted(&world, &outcomes);
    assert_eq!(memory.denials.keys().collect::<Vec<_>>(), ["i-2"]);
    // Nobody waits for it.
    assert_eq!(memory.wake(seconds(1), &outcomes), seconds(1));
    world.memory = memory;
    let again = |world: &planner::World| {
        let plan = plan(world);
        plan.actions().filter(|action| matches!(action, Action::Terminate(ids) if ids.contains("i-2"))).count()
    };
    assert_eq!(again(&world), 0);
    world.now += seconds(61);
    assert_eq!(again(&world), 1);
}

/// While lists are late, EC2 denies what does not exist any more; a permission that is missing is said a minute later.
#[test]
fn a_group_that_a_late_list_still_shows_is_not_said_to_be_denied() {
    let mut world = world("deleting\nhave i-1 a/1 terminated");
    let denied = || Err(CloudError::new(Failure::Unauthorized, "UnauthorizedOperation", "no"));
    let action = Action::DeleteGroup { id: "sg-members".into(), name: "clusterbench-uid-1-members".into() };
    let mut said = Vec::new();
    for _ in 0..3 {
        let plan = plan(&world);
        let outcome = Outcome::of(&world, action.clone(), denied());
        let status = status(&world, &plan, std::slice::from_ref(&outcome));
        let provisioned = status.conditions.iter().find(|one| one.type_ == "Provisioned").unwrap();
        let mut memory = plan.memory;
        memory.acted(&world, std::slice::from_ref(&outcome));
        said.push((provisioned.reason.clone(), memory.wake(seconds(1), &[outcome])));
        world.memory = memory;
        world.now += seconds(40);
    }
    let late = ("TearingDown".to_owned(), seconds(1));
    assert_eq!((&said[0], &said[1].0), (&late, &late.0));
    assert_eq!(said[2], ("Unauthorized".to_owned(), seconds(60)));
}

/// Whoever edits the tags of a group makes it nobody's: its name is taken, and nothing can be launched.
#[test]
fn a_group_whose_tags_were_edited_is_said_once_lists_cannot_be_late_any_more() {
    let mut world = world("groups none");
    let mut said = Vec::new();
    for second in [0, 200, 400] {
        world.now = epoch() + seconds(second);
        let until = k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(world.now + seconds(120));
        world.object.status.placement.as_mut().unwrap().create_not_after = Some(until);
        let plan = plan(&world);
        let creation = plan.actions().find(|action| matches!(action, Action::CreateGroup(_))).unwrap();
        let taken = CloudError::new(Failure::AlreadyExists, "InvalidGroup.Duplicate", "it exists");
        let outcomes = [Outcome::of(&world, creation.clone(), Err(taken))];
        let status = status(&world, &plan, &outcomes);
        let provisioned = status.conditions.iter().find(|one| one.type_ == "Provisioned").unwrap();
        said.push((provisioned.reason.clone(), provisioned.message.contains("put them back")));
        let mut memory = plan.memory;
        memory.acted(&world, &outcomes);
        world.memory = memory;
    }
    let launching = ("Launching".to_owned(), false);
    assert_eq!(said, [launching.clone(), launching, ("NameTaken".to_owned(), true)]);
}

#[test]
fn one_too_many_that_cannot_be_terminated_is_no_member() {
    let world = world(&format!(
        "{}
        line a/2 x1 closed ids i-9
        have i-9 a/2 running retagged
        denied i-9 UnauthorizedOperation 40s
        balancer healthy
        run none",
        crate::fixture::COMPLETE
    ));
    let membership = planner::balance::membership::membership(&world);
    let members: Vec<&str> = membership.clusters[0].members.iter().map(|member| member.id.as_str()).collect();
    assert_eq!(members, ["i-1", "i-2"]);
    let plan = plan(&world);
    let deployed = plan.conditions.get(api::ConditionType::Deployed);
    assert_eq!(deployed.status.name(), "True", "{}", deployed.message);
}
