//! Kinds of resources that are created by name: written ahead, and kept by who does not know them.

use insta::assert_snapshot;
use planner::{Memory, plan};

use crate::fixture::{COMPLETE, epoch, seconds, world};
use crate::spelling::{planned, spell};

#[test]
fn a_kind_is_written_down_before_the_first_of_it_is_created() {
    assert_snapshot!(planned("groups none\nkinds"), @"
    place in subnet-a Public
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 4 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    let mut world = world("groups none\nkinds");
    let placement = plan(&world).placement;
    assert_eq!(placement.as_ref().map(|placement| placement.kinds.as_slice()), Some(&["SecurityGroup".to_owned()][..]));
    // What was read back is carried out.
    world.object.status.placement = placement;
    assert!(spell(&world, &plan(&world)).starts_with("create group clusterbench-uid-1-members\n"));
}

/// Instances are paid for by the hour: what is known goes, whatever else there is.
#[test]
fn an_operator_that_does_not_know_a_kind_removes_what_it_knows() {
    assert_snapshot!(planned("deleting\nkinds SecurityGroup Carousel\nhave i-1 a/1 running"), @"
    terminate i-1
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False UnknownKind: status.placement.kinds names Carousel, which this operator does not know and cannot remove: run the later version of the operator that wrote it; still there: i-1 (running), sg-members (clusterbench-uid-1-members), sg-edge (clusterbench-uid-1-edge)
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    stalled by Provisioned
    wake 1s
    ");
}

#[test]
fn an_operator_that_does_not_know_a_kind_keeps_the_finalizer() {
    let look = |memory: Memory, at: i64, kinds: &str| {
        let mut world = world(&format!("deleting\ngroups none\nkinds {kinds}\nhave i-1 a/1 terminated"));
        world.now = epoch() + seconds(at);
        world.cloud.listed_at = world.now;
        world.memory = memory;
        let plan = plan(&world);
        (spell(&world, &plan), plan.memory)
    };
    let (_, memory) = look(Memory::default(), 421, "SecurityGroup Carousel");
    let (said, memory) = look(memory, 490, "SecurityGroup Carousel");
    assert_snapshot!(said, @"
    Accepted=True Deleted: the benchmark is being deleted
    Provisioned=False UnknownKind: status.placement.kinds names Carousel, which this operator does not know and cannot remove: run the later version of the operator that wrote it; nothing else is left
    Deployed=False Deleted: the benchmark is being deleted
    Measured=False Deleted: the benchmark is being deleted
    stalled by Provisioned
    wake 60s
    ");
    // The operator of the version that knows it takes over.
    let (said, _) = look(memory, 491, "SecurityGroup");
    assert!(said.starts_with("remove finalizer\n"), "{said}");
}

#[test]
fn nothing_is_done_to_what_a_later_operator_made() {
    assert_snapshot!(planned(&format!("kinds SecurityGroup Carousel\n{COMPLETE}\nhave i-9 gone/1 running")), @"
    Provisioned=Unknown UnknownKind: status.placement.kinds names Carousel, which this operator does not know and cannot remove: run the later version of the operator that wrote it; until then nothing is done
    Measured=False Waiting: waits for the later version of the operator
    stalled by Provisioned
    wake 30s
    ");
    // At its expiry what is known goes, as when it is deleted.
    let expired = planned("kinds Carousel\nnow 7200s\nhave i-1 a/1 running");
    assert!(expired.starts_with("terminate i-1\n") && expired.contains("UnknownKind"), "{expired}");
}
