//! The contents of a launch.

use planner::{desired, owner};

use crate::fixture::{COMPLETE, world};

/// The tags that the first worker would be launched with, when the user set these.
fn tags(set: &[(&str, &str)]) -> owner::Tags {
    let mut world = world(COMPLETE);
    let tag = |(key, value): &(&str, &str)| api::Tag { key: (*key).into(), value: (*value).into() };
    world.object.spec.tags = set.iter().map(tag).collect();
    let placement = world.object.status.placement.clone().unwrap();
    let pools = desired::pools(&world.object.spec);
    let subnets = placement.subnets();
    let recipe = desired::recipe(&world, &placement, &pools[0], &subnets[0]).unwrap();
    recipe.request(vec!["sg-members".into()], 1, 2, String::new()).unwrap().tags
}

#[test]
fn counts_are_those_of_the_spec_and_one_for_each_agent() {
    let mut world = world("clusters a=t2.micro*2 b=t2.large*3");
    world.object.spec.load.generator.count = 2;
    let counts = planner::counts::counts(&world);
    let of = ["a", "b", "balancer", "generator", "generator-2", "gone"].map(|pool| counts.of(pool));
    assert_eq!((of, counts.total()), ([2, 3, 1, 1, 1, 0], 8));
}

#[test]
fn a_name_of_the_users_own_is_kept() {
    assert_eq!(tags(&[])["Name"], "clusterbench bench/a");
    assert_eq!(tags(&[("Name", "ours for the demo")])["Name"], "ours for the demo");
}

#[test]
fn no_tag_of_a_user_takes_the_place_of_a_proof() {
    let given = tags(&[(owner::MANAGED_BY, "somebody"), (owner::POOL, "another"), ("team", "x")]);
    let ours = tags(&[]);
    assert_eq!((&given[owner::MANAGED_BY], &given[owner::POOL]), (&ours[owner::MANAGED_BY], &ours[owner::POOL]));
    assert_eq!(given["team"], "x");
}

/// A default that the server once wrote into a stored object is the same threshold as none.
#[test]
fn the_median_is_measured_once_whether_given_or_not() {
    let measured = |metric| {
        let mut world = world(COMPLETE);
        world.object.spec.load.thresholds =
            vec![api::Threshold { cluster: "a".into(), metric, at_most: Some(1), ..api::Threshold::default() }];
        desired::measured_sha256(&world.object.spec)
    };
    assert_eq!(measured(None), measured(Some(api::Metric::P50Micros)));
    assert_ne!(measured(None), measured(Some(api::Metric::P99Micros)));
}
