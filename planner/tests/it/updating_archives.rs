//! Archives that reach workers in place: what of them does, and what is another launch.

use std::collections::BTreeSet;

use api::{Archive, ClusterWorker, ConditionType, Variable, Worker};
use insta::assert_snapshot;
use planner::world::Facet;
use planner::{Action, World, desired, owner, plan};
use wire::{Application, ApplicationFailure, Said};

use crate::fixture::{seconds, world};
use crate::spelling::spell;
use crate::updating::{FOUR, deployed};

/// Four workers that run what the spec asks for, an archive.
fn four(more: &str) -> World {
    let text = FOUR.replace("inplace", "inplace archive");
    world(&format!("{text}runs i-1=new i-2=new i-3=new i-4=new\n{more}"))
}

fn application(world: &World) -> Application {
    desired::application(world, world.object.status.placement.as_ref().unwrap(), "a").unwrap().unwrap()
}

fn revision(world: &World) -> String {
    let placement = world.object.status.placement.as_ref().unwrap();
    let pool = desired::pools(&world.object.spec).into_iter().find(|pool| pool.name == "a").unwrap();
    desired::recipe(world, placement, &pool, &placement.subnets()[0]).unwrap().revision
}

fn of_bash(worker: &mut Worker) {
    worker.setup = vec!["make install".to_owned()];
}

/// A starter says that the application of the spec came to nothing.
fn fails(world: &mut World, started: bool, why: &str) {
    let to = application(world);
    let failure =
        ApplicationFailure { application: to.id(), url: to.url, started, age_seconds: 0, why: why.to_owned() };
    let Some(Facet::Known(all)) = &mut world.applications else { panic!("they are asked") };
    let Some(Said::Status(status)) = all.get_mut("i-1") else { panic!("it answers") };
    status.failure = Some(failure);
}

#[test]
fn a_starter_is_told_the_archive_and_what_is_made_of_it() {
    let mut world = four("");
    world.object.spec.worker.environment = vec![Variable { name: "MODE".into(), value: "a b".into() }];
    let told = application(&world);
    assert_eq!((told.url.as_str(), told.sha256), ("https://example.test/app.tar", "a".repeat(64)));
    assert_eq!((told.environment["MODE"].as_str(), told.environment["CLUSTER"].as_str()), ("a b", "a"));
    let expected = wire::Archive { setup: vec!["make".into()], command: vec!["./serve".into()] };
    assert_eq!(told.archive, Some(expected));
}

/// Archive, setup, command and environment are no part of a revision, and reach the workers that run.
#[test]
fn whatever_of_it_changes_reaches_the_same_instances() {
    let changes: [fn(&mut Worker); 4] = [
        |worker| worker.archive.as_mut().unwrap().sha256 = "b".repeat(64),
        of_bash,
        |worker| worker.command.push("--verbose".into()),
        |worker| worker.environment = vec![Variable { name: "A".into(), value: "1".into() }],
    ];
    let before = four("");
    assert!(deployed(&before).contains("Deployed=True Healthy: "), "{}", deployed(&before));
    let (mut ids, mut measured) = (BTreeSet::new(), BTreeSet::new());
    for change in changes {
        let mut after = before.clone();
        change(&mut after.object.spec.worker);
        assert_eq!(revision(&after), revision(&before));
        let text = deployed(&after);
        assert!(text.starts_with("set membership after v1: a=2\n"), "{text}");
        assert!(plan(&after).doomed.is_empty(), "{text}");
        ids.insert(application(&after).id());
        measured.insert(desired::measured_sha256(&after.object.spec));
    }
    assert_eq!((ids.len(), measured.len()), (changes.len(), changes.len()), "each is another one, and is measured");
    assert!(!ids.contains(&application(&before).id()));
    // Where it is fetched is no other program; a launch with it is another one.
    let mut elsewhere = before.clone();
    elsewhere.object.spec.worker.archive.as_mut().unwrap().url = "https://example.test/b.tar".into();
    assert_eq!(application(&elsewhere).id(), application(&before).id());
    assert_ne!(application(&elsewhere).fingerprint(), application(&before).fingerprint());
}

#[test]
fn those_that_are_gone_from_the_balancer_are_told() {
    let mut world = four("serves i-3 i-4");
    of_bash(&mut world.object.spec.worker);
    assert_snapshot!(deployed(&world), @r"
    update i-1 (v1) i-2 (v1)
    Deployed=False Waiting: cluster a: 0 of 4 workers run what the spec asks for, 2 are out to be updated
    ");
    let plan = plan(&world);
    let told = plan.actions().find_map(|action| match action {
        Action::UpdateWorkers { to, .. } => to.archive.clone(),
        _ => None,
    });
    assert_eq!(told.unwrap().setup, ["make install"]);
}

/// Packages are installed at the boot, and a sandbox is that of its unit.
#[test]
fn packages_and_another_kind_of_program_are_another_launch() {
    let before = four("");
    let changes: [fn(&mut Worker); 4] = [
        |worker| worker.packages.push("jq".into()),
        |worker| worker.port = 9000,
        |worker| {
            *worker = Worker { update: worker.update, ..Worker::default() };
        },
        |worker| {
            let (artifact_url, artifact_sha256) = (Some("https://example.test/x".into()), Some("b".repeat(64)));
            *worker = Worker { update: worker.update, artifact_url, artifact_sha256, ..Worker::default() };
        },
    ];
    for change in changes {
        let mut after = before.clone();
        change(&mut after.object.spec.worker);
        assert_ne!(revision(&after), revision(&before));
    }
}

#[test]
fn a_cluster_has_an_archive_of_its_own() {
    let mut world = four("");
    world.object.spec.worker = Worker { update: api::Update::InPlace, ..Worker::default() };
    world.object.spec.clusters[0].worker = Some(ClusterWorker {
        archive: Some(Archive { url: "https://example.test/own.tar".into(), sha256: "c".repeat(64) }),
        command: vec!["own".into()],
        ..ClusterWorker::default()
    });
    let told = application(&world);
    assert_eq!(
        (told.url.as_str(), told.archive.unwrap().command),
        ("https://example.test/own.tar", vec!["own".into()])
    );
}

#[test]
fn a_setup_that_fails_is_said_with_its_last_line_and_the_way_out() {
    let mut world = four("");
    of_bash(&mut world.object.spec.worker);
    fails(
        &mut world,
        false,
        "worker.setup[0]: exit status: 2; it said: make: *** No rule to make target 'install'.  Stop.",
    );
    assert_snapshot!(deployed(&world), @r"
    Deployed=False UpdateFailed: i-1 of a was not updated to https://example.test/app.tar: worker.setup[0]: exit status: 2; it said: make: *** No rule to make target 'install'.  Stop.; no other worker is updated and nothing is measured: what ran before was not stopped; mend worker.setup, or what is at that URL, which is fetched and set up again 10 minutes after it failed, or set another one, or set worker back to what it was
    stalled by Deployed
    ");
    fails(&mut world, true, "it ended: exit status: 1; what ran before serves again");
    let text = deployed(&world);
    let way_out = "mend worker.command, worker.environment, or the archive and set its new hash, or set worker back to";
    assert!(text.contains(way_out), "{text}");
}

/// What nobody could be launched with is told to nobody who runs: whoever takes his place could not be told it.
#[test]
fn what_does_not_fit_into_user_data_updates_nobody() {
    let mut world = four("serves i-3 i-4");
    world.object.spec.worker.setup = vec!["x".repeat(1024); 14];
    let text = spell(&world, &plan(&world));
    let why = "Provisioned=False NoRecipe: 6 of 6 instances run; pool a: the user data would be ";
    assert!(text.contains(why), "{text}");
    assert!(text.contains("shorten worker.setup, or move it into the archive"), "{text}");
    assert!(!text.contains("update i-") && plan(&world).doomed.is_empty(), "{text}");
    let workers =
        "the workers of a cannot be told what the spec asks for, and go on as they are: the user data would be ";
    assert!(text.contains(workers) && !text.contains("terminate"), "{text}");
}

#[test]
fn starters_of_an_earlier_version_are_told_no_archive() {
    let mut world = four("");
    world.object.status.placement.as_mut().unwrap().known_fields.clear();
    let plan = plan(&world);
    assert_eq!(plan.actions().count(), 0);
    let accepted = plan.conditions.get(ConditionType::Accepted);
    assert!(
        accepted.message.starts_with("worker.archive with worker.update InPlace: this benchmark keeps the programs"),
        "{}",
        accepted.message
    );
}

/// The definition refuses it; an operator does not rely on that.
#[test]
fn a_container_is_not_told_in_place() {
    let mut world = four("");
    let image = format!("x/app@sha256:{}", "a".repeat(64));
    let container = Some(api::Container { image });
    world.object.spec.worker = Worker { update: api::Update::InPlace, container, ..Worker::default() };
    let text = spell(&world, &plan(&world));
    let way_out = "worker.update: InPlace is for work, artifactUrl and archive, and a runs none of them: set worker.update Replace";
    assert!(text.contains(way_out) && plan(&world).doomed.is_empty(), "{text}");
}

/// Equal worlds make equal calls, byte for byte, at any time: a launch that is written down is sent again.
#[test]
fn the_user_data_of_a_launch_are_the_same_later_and_hold_what_is_told() {
    let request = |world: &World| {
        let placement = world.object.status.placement.as_ref().unwrap();
        let pool = desired::pools(&world.object.spec).into_iter().find(|pool| pool.name == "a").unwrap();
        let subnets = placement.subnets();
        let recipe = desired::recipe(world, placement, &pool, &subnets[0]).unwrap();
        recipe.request(vec!["sg".into()], 1, 4, "token".into()).unwrap()
    };
    let mut world = four("");
    let first = request(&world);
    world.now += seconds(600);
    let again = request(&world);
    assert_eq!((&first.user_data, &first.tags[owner::REVISION]), (&again.user_data, &again.tags[owner::REVISION]));
    for word in ["packages 'python3'", "make", "./serve", "https://example.test/app.tar"] {
        assert!(first.user_data.contains(word), "{word}");
    }
    assert!(first.user_data.len() <= desired::user_data::LIMIT);
}
