//! Worlds in which clusters follow their queue and the benchmark is paused: who is not needed ends, nobody is started, and no round
//! counts that needed more.

use std::collections::BTreeSet;

use planner::{Action, Plan, World, plan};

use crate::fixture::{say, settle, world};
use crate::scaling::{EMPTY, FOUR, conditions, drained_by, ended, look, resting, scaled, watch};

fn paused(mut world: World) -> World {
    world.object.spec.paused = true;
    world
}

/// What the front is told to be lacking of the cluster. `None`: it is told nothing.
fn lacking(plan: &Plan) -> Option<u32> {
    plan.actions().find_map(|action| match action {
        Action::SetMembership { to, .. } => to.clusters[0].scaling.as_ref().map(|scaling| scaling.lacking),
        _ => None,
    })
}

/// Whether anything is started, made, or written down to be made.
fn begins(world: &World, plan: &Plan) -> bool {
    let is_begun =
        |action: &Action| action.nature().creates || matches!(action, Action::Start(_) | Action::Rehearse(_));
    plan.actions().any(is_begun) || plan.ledger.len() != world.object.status.launches.len()
}

fn ids<const N: usize>(ids: [&str; N]) -> BTreeSet<String> {
    ids.map(str::to_owned).into()
}

#[test]
fn what_a_rule_wants_is_lacking_at_once_and_is_not_started() {
    let busy = "busy=i-1,i-2,i-3,i-4";
    let mut world = paused(scaled("depth=5", &format!("{FOUR}\nsays a unanswered=20 {busy}\nsettled")));
    assert!(plan(&world).effects.is_empty(), "those who are there are enough");
    say(&mut world, "a", &format!("unanswered=33 {busy}"));
    let now = plan(&world);
    assert_eq!((lacking(&now), begins(&world, &now)), (Some(3), false));
    world.object.spec.paused = false;
    assert!(begins(&world, &plan(&world)));
    // Stopped ones stay so as well.
    let world = paused(resting("says a unanswered=22 busy=i-1,i-2\nsettled"));
    let now = plan(&world);
    assert_eq!((lacking(&now), begins(&world, &now)), (Some(2), false));
}

/// The rule counts on them. Nobody makes the launch before the pause is over, and lists are looked at seldom.
#[test]
fn who_is_on_his_way_is_lacking() {
    let mut world = paused(scaled("depth=5", &format!("{FOUR}\nsays a\nsettled")));
    say(&mut world, "a", "unanswered=20 busy=i-1,i-2,i-3 sick=i-4");
    assert_eq!(lacking(&plan(&world)), Some(1), "it boots");
    let world = paused(scaled("depth=5", "line a/1 x7 open unsent\nsays a unanswered=33"));
    let now = plan(&world);
    assert_eq!((lacking(&now), begins(&world, &now)), (Some(7), false));
}

#[test]
fn who_is_not_needed_finishes_and_ends() {
    let mut world = paused(scaled("latency=60", &format!("{FOUR}\nsays a unanswered=60 busy=i-2\nsettled")));
    // Sixty requests of 2 s are the work of two.
    assert_eq!(drained_by(&watch(&mut world, 50)), ids(["i-1", "i-3"]));
    settle(&mut world);
    say(&mut world, "a", "unanswered=900 busy=i-2,i-3 drained=i-1 draining=i-3");
    let now = look(&mut world, 152);
    assert_eq!((ended(&now), lacking(&now)), (ids(["i-1"]), Some(16)));
    let world = paused(resting("says a unanswered=10 busy=i-1 drained=i-2\nsettled"));
    let now = plan(&world);
    assert!(now.actions().any(|action| *action == Action::Stop(ids(["i-2"]))));
    assert!(!begins(&world, &now));
}

#[test]
fn nothing_is_changed_for_a_spec_that_was_changed_meanwhile() {
    let mut renamed = paused(scaled("latency=60", &format!("{FOUR}\nsays a drained=i-1\nsettled")));
    assert_eq!(ended(&plan(&renamed)), ids(["i-1"]));
    renamed.object.spec.clusters[0].name = "b".into();
    assert!(plan(&renamed).effects.is_empty());
    let mut retyped = paused(scaled("depth=5", &format!("{FOUR}\nsays a unanswered=20 busy=i-1,i-2,i-3,i-4\nsettled")));
    say(&mut retyped, "a", "unanswered=33 busy=i-1,i-2,i-3,i-4");
    assert_eq!(lacking(&plan(&retyped)), Some(3));
    retyped.object.spec.clusters[0].instance_type = "t2.large".into();
    assert_eq!(lacking(&plan(&retyped)), None, "nobody is taken out because others are wanted");
    let mut fewer = paused(resting("says a unanswered=10 busy=i-1,i-2\nsettled"));
    fewer.object.spec.clusters[0].count = 3;
    assert_eq!(ended(&plan(&fewer)), BTreeSet::new(), "stopped ones that are too many stay");
}

#[test]
fn the_conditions_say_what_goes_on_and_what_does_not() {
    let one = "line a/1 x1 closed ids i-1\nhave i-1 a/1 running age 500s";
    let on = EMPTY.replace("run none", "run running\nhold no");
    let world = world(&format!("{on}\npaused\nscaled a latency=60 min=1\n{one}\nsays a\nsettled"));
    let said = plan(&world).conditions.get(api::ConditionType::Provisioned).message.clone();
    assert!(said.ends_with("nobody is started, and a round that needs more is void"), "{said}");
    let said = conditions(&world);
    assert!(said.contains("Measured=False Pausing"), "{said}");
    assert!(
        said.contains("finished first, and is void where its queue asks for more instances than are there"),
        "{said}"
    );
}
