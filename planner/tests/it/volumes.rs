//! The volumes of an image: each is in the request, and so none outlives its instance by the image's wish.

use std::collections::BTreeMap;

use planner::ports::{Architecture, Image, LaunchRequest, Volume};
use planner::provision::placement::choose;
use planner::world::Facet;
use planner::world::ledger;
use planner::{Action, desired, plan};

use crate::fixture::world;

const OPEN: &str = "line a/1 x2 open\nline balancer/1 x1 open\nline generator/1 x1 open";

fn volume(device: &str, gib: u32) -> Volume {
    Volume { device: device.into(), gib }
}

fn launches(text: &str) -> Vec<LaunchRequest> {
    let launch = |action| match action {
        Action::Launch(request) => Some(request),
        _ => None,
    };
    plan(&world(text)).actions().cloned().filter_map(launch).collect()
}

#[test]
fn every_launch_names_every_volume_of_its_image() {
    let with_data = launches(&format!("volumes /dev/sdf=20 /dev/sdg=5\n{OPEN}"));
    assert_eq!(with_data.len(), 3);
    for launch in with_data {
        assert_eq!(launch.volumes, [volume("/dev/sdf", 20), volume("/dev/sdg", 5)]);
    }
}

/// The image is looked up once, and what it asks for is frozen with its id.
#[test]
fn the_volumes_of_an_image_are_placed_with_it() {
    let mut world = world("unplaced\nzones b");
    let image = Image {
        id: "ami-1".into(),
        name: "with data".into(),
        architecture: Architecture::X86_64,
        root_device: "/dev/xvda".into(),
        root_gib: 8,
        volumes: vec![volume("/dev/sdf", 20)],
    };
    let mut site = world.site.take().unwrap();
    site.images = Facet::Known(BTreeMap::from([(Architecture::X86_64, Some(image))]));
    let placement = choose(&world, &site).unwrap();
    let recipe = desired::pools(&world.object.spec);
    let request = desired::recipe(&world, &placement, &recipe[0], &placement.subnets()[0])
        .unwrap()
        .request(vec![], 1, 1, String::new())
        .unwrap();
    assert_eq!(request.volumes, [volume("/dev/sdf", 20)]);
}

/// A line that an operator wrote that knew the root only is sent as it was written: it can be rebuilt.
#[test]
fn a_request_without_further_volumes_has_the_hash_that_it_always_had() {
    let [launch, ..] = &launches(OPEN)[..] else { panic!("nothing is launched") };
    let mut texts: Vec<String> = [&launch.instance_type, "2", &launch.image_id, &launch.subnet_id]
        .into_iter()
        .map(str::to_owned)
        .chain(launch.group_ids.clone())
        .collect();
    let rest = ["public", &launch.user_data, "/dev/xvda", "8", "standard"];
    texts.extend(rest.map(str::to_owned));
    texts.extend(launch.tags.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
    let texts: String = texts.iter().map(|text| format!("\n{}:{text}", text.len())).collect();
    let before = wire::sha256_hex(format!("clusterbench.dev/request/v1{texts}").as_bytes());
    assert_eq!(ledger::request_sha256(launch), before);
}

#[test]
fn no_two_requests_with_other_volumes_have_one_hash() {
    let [launch, ..] = &launches(OPEN)[..] else { panic!("nothing is launched") };
    let mut hashes: Vec<String> = [
        vec![],
        vec![volume("/dev/sdf", 20)],
        vec![volume("/dev/sdf", 21)],
        vec![volume("/dev/sdg", 20)],
        vec![volume("/dev/sdf", 20), volume("/dev/sdg", 20)],
    ]
    .map(|volumes| ledger::request_sha256(&LaunchRequest { volumes, ..launch.clone() }))
    .into();
    let all = hashes.len();
    hashes.sort();
    hashes.dedup();
    assert_eq!(hashes.len(), all);
}

/// A line that was written for the root only, under a placement that knows more: not the same request, never sent.
#[test]
fn a_line_of_other_volumes_is_never_sent() {
    let mut other = world("volumes /dev/sdf=20\nline a/1 x2 open");
    for image in other.object.status.placement.iter_mut().flat_map(|placement| &mut placement.images) {
        image.volumes.clear();
    }
    let plan = plan(&other);
    assert!(!plan.actions().any(|action| matches!(action, Action::Launch(_))), "{:?}", plan.effects);
    assert!(!plan.ledger.iter().any(|line| line.pool == "a" && line.number == 2), "still to be settled");
}
