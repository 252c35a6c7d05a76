//! Launches of instances whose requests wait in queues.

use api::{BalancerKind, PlacedArtifact, PlacedQueue, Queue};
use planner::desired::{self, NoRecipe};
use planner::ports::LaunchRequest;
use planner::world::{World, ledger};

use crate::fixture::{COMPLETE, world};

/// A benchmark of kind Queue, as far as launches look at it.
fn behind_queues() -> World {
    let mut world = world(COMPLETE);
    world.object.spec.balancer.kind = BalancerKind::Queue;
    world.object.spec.balancer.queue =
        Some(Queue { instance_profile: "clusterbench-queue".into(), visibility_seconds: 20, attempts: 3 });
    let placement = world.object.status.placement.as_mut().unwrap();
    placement.queue = Some(PlacedQueue {
        stem: "clusterbench-abc-".into(),
        bucket: "clusterbench-abc-123456789012-eu-west-1-an".into(),
        instance_profile: "clusterbench-queue".into(),
        number: 1,
        visibility_seconds: 20,
    });
    placement.artifacts.extend(["front", "puller"].map(|name| PlacedArtifact {
        name: name.into(),
        architecture: "x86_64".into(),
        sha256: "b".repeat(64),
    }));
    world
}

fn recipe<'a>(world: &'a World, pool: &'a desired::PoolSpec) -> Result<desired::Recipe<'a>, NoRecipe> {
    let placement = world.object.status.placement.as_ref().unwrap();
    desired::recipe(world, placement, pool, Box::leak(Box::new(placement.subnets().remove(0))))
}

fn launch(world: &World, pool: &str) -> LaunchRequest {
    let pools = desired::pools(&world.object.spec);
    let pool = pools.iter().find(|one| one.name == pool).unwrap();
    recipe(world, pool).unwrap().request(vec!["sg-members".into()], 1, 1, String::new()).unwrap()
}

fn revision(world: &World, pool: &str) -> String {
    let pools = desired::pools(&world.object.spec);
    recipe(world, pools.iter().find(|one| one.name == pool).unwrap()).unwrap().revision
}

/// Lines of the environment file of a program, as the script writes them.
fn environment(script: &str, program: &str) -> Vec<String> {
    let end = format!("}} >\"$root/etc/clusterbench/{program}.env\"");
    let before = script.split_once(&end).unwrap().0;
    let block = before.rsplit_once("\n{\n").unwrap().1;
    let line = |line: &str| line.trim().trim_start_matches("printf ").trim_start_matches("'%s\\n' ").to_owned();
    block.lines().map(line).collect()
}

#[test]
fn a_worker_has_the_puller_beside_its_program_and_the_front_is_told_where_the_queues_are() {
    let mut world = behind_queues();
    world.object.spec.load.timeout_seconds = Some(600);
    let worker = launch(&world, "a").user_data;
    assert_eq!(
        environment(&worker, "puller"),
        [
            r#"'INSTANCE_ID=%s\n' "$id""#,
            r#"'PULLER_LISTEN=%s:%s\n' "$address" 8082"#,
            r#"'SERVICE=%s:%s\n' "$address" 8080"#,
            r#"'CLUSTER="a"'"#,
            r#"'CLUSTER_PATH="/a"'"#,
            r#"'REQUEST_QUEUE="clusterbench-abc-a-in"'"#,
            r#"'ANSWER_QUEUE="clusterbench-abc-a-out"'"#,
            r#"'ATTEMPTS="3"'"#,
            r#"'BUCKET="clusterbench-abc-123456789012-eu-west-1-an"'"#,
            r#"'VISIBILITY_SECONDS="20"'"#,
            r#"'TIMEOUT_SECONDS="600"'"#,
            r#"'AWS_REGION="eu-west-1"'"#,
        ]
    );
    let program = environment(&worker, "worker");
    assert!(!program.iter().any(|line| line.contains("AWS") || line.contains("QUEUE")), "{program:?}");
    let front = launch(&world, "front").user_data;
    assert_eq!(
        environment(&front, "front")[3..],
        [
            r#"'CONTROL_PUBLIC_KEY="key"'"#,
            r#"'QUEUE_STEM="clusterbench-abc-"'"#,
            r#"'BUCKET="clusterbench-abc-123456789012-eu-west-1-an"'"#,
            r#"'VISIBILITY_SECONDS="20"'"#,
            r#"'TIMEOUT_SECONDS="600"'"#,
            r#"'AWS_REGION="eu-west-1"'"#,
        ]
    );
    assert!(!front.contains("puller"));
}

#[test]
fn only_who_reaches_the_queues_has_a_role() {
    let world = behind_queues();
    let profile = |pool: &str| launch(&world, pool).instance_profile;
    let queue = Some("clusterbench-queue".to_owned());
    assert_eq!([profile("a"), profile("front"), profile("generator")], [queue.clone(), queue, None]);
    assert_eq!(launch(&self::world(COMPLETE), "a").instance_profile, None);
}

#[test]
fn another_kind_or_profile_or_setting_of_the_queues_is_another_revision_of_the_workers_and_not_of_the_generator() {
    let before = world(COMPLETE);
    let now = behind_queues();
    let mut renamed = behind_queues();
    renamed.object.status.placement.as_mut().unwrap().queue.as_mut().unwrap().instance_profile = "another".into();
    let mut patient = behind_queues();
    patient.object.spec.balancer.queue.as_mut().unwrap().attempts = 50;
    let worlds = [&before, &now, &renamed, &patient];
    let mut revisions: Vec<String> = worlds.map(|world| revision(world, "a")).into();
    revisions.sort();
    revisions.dedup();
    assert_eq!(revisions.len(), 4);
    assert_ne!(revision(&now, "front"), revision(&renamed, "front"));
    assert_eq!(revision(&before, "generator"), revision(&renamed, "generator"));
}

#[test]
fn a_profile_is_a_part_of_the_request_and_of_its_hash_only_where_there_is_one() {
    let worker = launch(&behind_queues(), "a");
    let hash = |profile: Option<&str>| {
        ledger::request_sha256(&LaunchRequest { instance_profile: profile.map(str::to_owned), ..worker.clone() })
    };
    let hashes = [hash(None), hash(Some("clusterbench-queue")), hash(Some("another")), hash(Some(""))];
    let distinct: std::collections::BTreeSet<&String> = hashes.iter().collect();
    assert_eq!(distinct.len(), hashes.len());
}

#[test]
fn what_the_placement_does_not_hold_yet_is_waited_for_and_said() {
    let mut unnamed = behind_queues();
    unnamed.object.status.placement.as_mut().unwrap().queue = None;
    let mut without = behind_queues();
    without.object.status.placement.as_mut().unwrap().artifacts.retain(|one| one.name != "puller");
    let refusal = |world: &World, pool: &str| {
        let pools = desired::pools(&world.object.spec);
        recipe(world, pools.iter().find(|one| one.name == pool).unwrap()).err()
    };
    assert_eq!(refusal(&unnamed, "a"), Some(NoRecipe::NoQueues));
    assert_eq!(refusal(&unnamed, "front"), Some(NoRecipe::NoQueues));
    assert_eq!(refusal(&unnamed, "generator"), None);
    let no_puller = NoRecipe::NoArtifact { program: "puller", architecture: "x86_64" };
    assert_eq!((refusal(&without, "a"), refusal(&without, "front")), (Some(no_puller), None));
}
