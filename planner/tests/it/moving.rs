//! Worlds without capacity in their zone: everything moves, or waits and says why.

use insta::assert_snapshot;
use planner::plan;
use planner::world::{Deletion, Facet};

use crate::fixture::world;
use crate::spelling::{planned, spell};

/// The balancer and the generator run, the workers found no capacity.
const STARVED: &str = "
    line a/1 x2 closed age 20s reason NoCapacity
    line balancer/1 x1 closed ids i-b
    line generator/1 x1 closed ids i-g
    have i-b balancer/1 running
    have i-g generator/1 running
";

fn starved(more: &str) -> String {
    planned(&format!("{STARVED}\n{more}"))
}

#[test]
fn the_zone_is_left_first_and_nothing_else_happens() {
    assert_snapshot!(starved("zones b c\nrun none"), @"
    leave eu-west-1a
    Accepted=True Placed: the spec can be placed; eu-west-1a had no capacity for t2.micro
    Provisioned=False Moving: no capacity for t2.micro in eu-west-1a: moving all to another zone
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits until every instance is ready
    wake 0s
    ");
}

#[test]
fn without_another_zone_it_waits() {
    assert_snapshot!(starved("zones\nrun none"), @"
    Accepted=True Placed: the spec can be placed
    Provisioned=False NoCapacity: 2 of 4 instances run; pool a: 2 x t2.micro in eu-west-1a: NoCapacity; no other zone at hand offers all types; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
    assert_snapshot!(starved("zones b\nleft b 60s\nrun none"), @"
    Accepted=True Placed: the spec can be placed; eu-west-1b had no capacity for t2.micro
    Provisioned=False NoCapacity: 2 of 4 instances run; pool a: 2 x t2.micro in eu-west-1a: NoCapacity; the other zones had none either; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
}

/// A zone is left for `Unsupported` too, because it often is the zone. After a full turn it is said that it is not.
#[test]
fn what_no_zone_supports_is_not_for_want_of_capacity() {
    let unsupported = |more: &str| planned(&format!("{}\n{more}", STARVED.replace("NoCapacity", "Unsupported")));
    assert_snapshot!(unsupported("zones b\nrun none"), @"
    leave eu-west-1a
    Accepted=True Placed: the spec can be placed; eu-west-1a does not support t2.micro as it is asked for
    Provisioned=False Moving: t2.micro is not supported in eu-west-1a as it is asked for: moving all to another zone
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits until every instance is ready
    wake 0s
    ");
    assert_snapshot!(unsupported("zones b\nleft b 60s Unsupported\nrun none"), @"
    Accepted=True Placed: the spec can be placed; eu-west-1b does not support t2.micro as it is asked for
    Provisioned=False Unsupported: 2 of 4 instances run; pool a: 2 x t2.micro in eu-west-1a: Unsupported; no zone at hand supports it as it is asked for: choose another instance type or image; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits until every instance is ready
    wake 1s
    ");
    let one_had_none = unsupported("zones b\nleft b 60s\nrun none");
    assert!(one_had_none.contains("the other zones had none either"), "{one_had_none}");
}

/// What EC2 gave up while it was pending is what RunInstances would have refused a moment earlier.
#[test]
fn capacity_that_is_missing_after_the_launch_moves_too() {
    let died = |code: &str| {
        let died = format!("have i-1 a/1 terminated because {code}\nhave i-2 a/1 pending");
        planned(&format!("zones b\nline a/1 x2 closed ids i-1,i-2\n{died}\nrun none"))
    };
    assert_snapshot!(died("Server.InsufficientInstanceCapacity"), @"
    line a/1 Closed (NoCapacity) [i-2]
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False NoCapacity: 0 of 4 instances run; pool a: 2 x t2.micro in eu-west-1a: i-1 ended by itself: Server.InsufficientInstanceCapacity: words; EC2 took the launch and then had no capacity for it; all move to another zone once nothing measured would be lost
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    assert_snapshot!(died("Client.VolumeLimitExceeded"), @"
    line a/1 Closed (QuotaReached) [i-2]
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False QuotaReached: 0 of 4 instances run; pool a: 2 x t2.micro in eu-west-1a: i-1 ended by itself: Client.VolumeLimitExceeded: words; the account's quota of EBS volumes is reached: ask AWS for more, or lower the counts; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    assert_snapshot!(died("Client.InternalError"), @"
    line a/1 Closed (BootFailed) [i-2]
    write down a/2 x1
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run; i-1 ended by itself: Client.InternalError: words; its volumes could not be made, mostly because the account's default key for EBS is disabled or may not be used: look at that key and its policy
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    let refused = "line a/1 x2 closed age 20s reason QuotaReached";
    assert!(planned(refused).contains("Provisioned=False QuotaReached"), "{}", planned(refused));
}

#[test]
fn a_zone_that_was_left_long_ago_is_tried_again() {
    assert_snapshot!(starved("zones b\nleft b 900s\nrun none"), @"
    leave eu-west-1a
    Accepted=True Placed: the spec can be placed; eu-west-1b had no capacity for t2.micro, eu-west-1a had no capacity for t2.micro
    Provisioned=False Moving: no capacity for t2.micro in eu-west-1a: moving all to another zone
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits until every instance is ready
    wake 0s
    ");
}

/// A run that is on, or whose report is not home, or a generator that cannot be asked: nothing is torn down.
#[test]
fn what_is_measured_is_not_lost_to_a_move() {
    for run in ["run running", "run finished", "run unknown"] {
        let plan = starved(&format!("zones b\n{run}"));
        assert!(!plan.contains("place in") && !plan.contains("leave") && !plan.contains("terminate"), "{run}: {plan}");
        assert!(plan.contains("all move to another zone once nothing measured would be lost"), "{run}: {plan}");
    }
    let plan = starved("zones b\nrun none\nrecorded");
    assert!(!plan.contains("place in") && !plan.contains("leave") && !plan.contains("terminate"), "{plan}");
}

#[test]
fn everything_in_the_zone_goes_before_another_is_chosen() {
    assert_snapshot!(starved("zones b\nleft a 5s"), @"
    terminate i-b i-g
    Accepted=True Placed: the spec can be placed; eu-west-1a had no capacity for t2.micro
    Provisioned=False Moving: no capacity for t2.micro in eu-west-1a: moving all to another zone; still there: i-b (running), i-g (running)
    Deployed=False Moving: waits for the instances in another zone
    Measured=False Moving: waits for the instances in another zone
    wake 1s
    ");
}

/// The token of a launch holds for its zone only: while one is open, the same launch elsewhere would be a second one.
#[test]
fn an_open_launch_holds_the_move_back() {
    assert_snapshot!(planned("zones b\nleft a 5s\nline a/1 x2 open"), @"
    Accepted=True Placed: the spec can be placed; eu-west-1a had no capacity for t2.micro
    Provisioned=False Moving: no capacity for t2.micro in eu-west-1a: moving all to another zone; still there: up to 2 instances of launch a/1
    Deployed=False Moving: waits for the instances in another zone
    Measured=False Moving: waits for the instances in another zone
    wake 1s
    ");
}

/// One that this process wrote and did not send holds nothing back; what another one may have sent does.
#[test]
fn a_launch_that_was_never_sent_is_given_up_at_once() {
    let unsent = planned("zones b\nleft a 5s\nline a/1 x2 open unsent");
    assert!(unsent.contains("line a/1 Closed (NeverSeen)") && unsent.contains("place in subnet-b"), "{unsent}");
    for doubtful in ["line a/1 x2 open", "line a/1 x2 open unsent of another", "line a/1 x2 open unsent ids i-1"] {
        let plan = planned(&format!("zones b\nleft a 5s\n{doubtful}"));
        assert!(!plan.contains("Closed") && !plan.contains("place in"), "{doubtful}: {plan}");
    }
    let edited = planned("zones b\nedited\nline a/1 x2 open unsent");
    assert!(!edited.contains("Closed"), "{edited}");
    let deleted = planned("deleting\ngroups none\nline a/1 x2 open unsent");
    assert!(deleted.contains("line a/1 Closed (NeverSeen)"), "{deleted}");
}

#[test]
fn then_all_is_placed_in_the_next_zone() {
    assert_snapshot!(planned("zones b c\nleft a 5s\nline a/1 x2 closed reason NoCapacity"), @"
    place in subnet-b Public
    Accepted=True Placed: the spec can be placed; eu-west-1a had no capacity for t2.micro
    Provisioned=False Moving: no capacity for t2.micro in eu-west-1a: moving all to eu-west-1b
    Deployed=False Moving: waits for the instances in another zone
    Measured=False Moving: waits for the instances in another zone
    wake 0s
    ");
    assert_snapshot!(planned("left a 5s\nline a/1 x2 closed reason NoCapacity"), @"
    Accepted=True Placed: the spec can be placed; eu-west-1a had no capacity for t2.micro
    Provisioned=Unknown Moving: no capacity for t2.micro in eu-west-1a: what the other zones offer is not known yet
    Deployed=False Moving: waits for the instances in another zone
    Measured=False Moving: waits for the instances in another zone
    wake 5s
    ");
}

#[test]
fn a_deleted_benchmark_does_not_move() {
    let plan = starved("zones b\nleft a 5s\ndeleting");
    assert!(!plan.contains("place in") && !plan.contains("leave") && plan.contains("terminate i-b i-g"), "{plan}");
}

/// Nobody else tells once the line is ours again: the write that took it back may count without an answer.
#[test]
fn a_line_that_another_process_had_is_never_again_one_that_was_not_sent() {
    let mut world = world("line a/1 x2 open unsent of another");
    assert_eq!(world.memory.unsent.len(), 1);
    world.memory = plan(&world).memory;
    world.object.status.launches[0].sender = "operator".into();
    assert!(plan(&world).memory.unsent.is_empty());
    world.object.deletion = Deletion::Asked;
    world.cloud.groups = Facet::Known(Vec::new());
    let text = spell(&world, &plan(&world));
    assert!(!text.contains("Closed (NeverSeen)") && !text.contains("remove the finalizer"), "{text}");
}

/// Only people can change what is in the way, so they are told and EC2 is not asked each second.
#[test]
fn a_zone_is_not_left_before_what_is_refused_is_gone_and_that_is_said() {
    let text = planned(
        "zones b\nleft a 5s\nline a/1 x1 closed ids i-1\nhave i-1 a/1 running retagged\n\
         denied i-1 UnauthorizedOperation 40s",
    );
    assert!(text.contains("Provisioned=False TerminationDenied") && text.contains("wake 30s"), "{text}");
}
