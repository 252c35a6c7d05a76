//! Kinds of resources that are created by name: written ahead, and kept by who does not know them.

use insta::assert_snapshot;
use planner::{Memory, plan};

use crate::fixture::{COMPLETE, epoch, seconds, world};
use crate::spelling::{planned, spell};

#[test]
fn a_kind_is_written_down_before_the_first_of_it_is_created() {
    assert_snapshot!(planned("groups none\nkinds"), @"");
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
    assert_snapshot!(planned("deleting\nkinds SecurityGroup Carousel\nhave i-1 a/1 running"), @"");
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
    assert_snapshot!(said, @"");
    // The operator of the version that knows it takes over.
    let (said, _) = look(memory, 491, "SecurityGroup");
    assert!(said.starts_with("remove finalizer\n"), "{said}");
}

#[test]
fn nothing_is_done_to_what_a_later_operator_made() {
    assert_snapshot!(planned(&format!("kinds SecurityGroup Carousel\n{COMPLETE}\nhave i-9 gone/1 running")), @"");
    // At its expiry what is known goes, as when it is deleted.
    let expired = planned("kinds Carousel\nnow 7200s\nhave i-1 a/1 running");
    assert!(expired.starts_with("terminate i-1\n") && expired.contains("UnknownKind"), "{expired}");
}
