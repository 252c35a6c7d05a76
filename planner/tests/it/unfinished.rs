//! Updates in place that fail, that nobody finishes, or that others have to be kept apart from.

use std::collections::BTreeMap;

use insta::assert_snapshot;
use planner::world::Facet;
use planner::{Action, World, plan};
use wire::{Health, Said};

use crate::fixture::{seconds, world};
use crate::spelling::spell;
use crate::updating::{FOUR, deployed, of, two_behind};

#[test]
fn a_corrected_url_of_the_same_program_is_told_and_the_same_one_is_not() {
    assert_snapshot!(of("runs i-1=elsewhere i-2=old i-3=old i-4=old\nserves i-3 i-4"), @r"
    update i-1 (v1) i-2 (v1)
    Deployed=False Waiting: cluster a: 0 of 4 workers run what the spec asks for, 2 are out to be updated
    ");
    let text = of("runs i-1=unfetched@599 i-2=old i-3=old i-4=old");
    assert!(text.starts_with("Deployed=False UpdateFailed: i-1 of a was not updated to URL: 404; "), "{text}");
    assert!(
        text.contains("fetched again 10 minutes after it failed, or set another one, or set worker back"),
        "{text}"
    );
}

/// The mirror may have been down. What was run and did not serve is not run again.
#[test]
fn what_could_not_be_fetched_is_fetched_again_after_a_while() {
    assert_snapshot!(of("runs i-1=unfetched@600 i-2=old i-3=old i-4=old\nserves i-3 i-4"), @r"
    update i-1 (v1) i-2 (v1)
    Deployed=False Waiting: cluster a: 0 of 4 workers run what the spec asks for, 2 are out to be updated
    ");
    let text = of("runs i-1=failed@6000 i-2=old i-3=old i-4=old");
    assert!(text.starts_with("Deployed=False UpdateFailed: "), "{text}");
}

#[test]
fn a_failure_of_what_is_not_wanted_any_more_is_forgotten() {
    let text = of("runs i-1=mended i-2=new i-3=new i-4=new");
    assert!(text.starts_with("update i-1 (v1)\n") && text.contains("Deployed=True Healthy: "), "{text}");
}

#[test]
fn who_still_has_requests_is_not_told_but_not_for_ever() {
    let told = |in_flight: u64, seconds: u64| {
        let mut world = world(&format!("{FOUR}runs i-1=old i-2=old i-3=old i-4=old\nserves i-3 i-4"));
        if let Some(Facet::Known(balancer)) = &mut world.balancer {
            balancer.departing.push(wire::Departing { id: "i-1".into(), in_flight, seconds });
        }
        deployed(&world).lines().next().unwrap().to_owned()
    };
    assert_eq!(told(1, 59), "update i-2 (v1)");
    assert_eq!(told(1, 60), "update i-1 (v1) i-2 (v1)");
}

#[test]
fn an_order_ends_a_minute_after_it_was_planned() {
    let world = world(&format!("{FOUR}runs i-1=old i-2=old i-3=old i-4=old\nserves i-3 i-4"));
    let plan = plan(&world);
    let ends = plan.actions().find_map(|action| match action {
        Action::UpdateWorkers { not_after, .. } => Some(*not_after),
        _ => None,
    });
    assert_eq!(ends, Some(world.now + seconds(60)));
}

/// Nobody asks what they run, so nobody is kept out for it.
#[test]
fn without_a_relay_workers_are_taken_in() {
    let text = "
        application
        inplace
        line a/1 x2 closed ids i-1,i-2
        have i-1 a/1 running
        have i-2 a/1 running
        front active
        routes
        targets
    ";
    let text = deployed(&world(text));
    assert!(text.starts_with("register i-1 i-2\n"), "{text}");
}

/// What was measured before is recorded; the workers still have to run it.
#[test]
fn going_back_to_what_was_measured_reaches_the_workers_behind_a_load_balancer() {
    let mut world = world(&two_behind("recorded"));
    let ready = |id: &str| api::Instance {
        id: id.into(),
        pool: "a".into(),
        state: "ready".into(),
        address: String::new(),
        share_per_mille: None,
    };
    world.object.status.instances = ["i-1", "i-2"].map(ready).into();
    let condition = serde_json::json!({ "type": "Deployed", "status": "True", "reason": "Healthy", "message": "",
        "lastTransitionTime": "2026-11-29T10:00:00Z" });
    world.object.status.conditions = vec![serde_json::from_value(condition).unwrap()];
    assert!(planner::balance::application::looks(&world).is_some());
    world.object.spec.worker.update = api::Update::Replace;
    assert!(planner::balance::application::looks(&world).is_none());
}

#[test]
fn a_worker_that_is_out_is_no_failed_boot() {
    // Its console ends before the end of its boot, because EC2 shows an old one.
    let of = |runs: &str| {
        let text = FOUR.replace("have i-1 a/1 running", "have i-1 a/1 running age 5000s");
        let world =
            world(&format!("{text}{runs}\nserves i-2 i-3 i-4\nconsole i-1 clusterbench: step 3/6 fetch the program"));
        spell(&world, &plan(&world))
    };
    let out = of("runs i-1=starting i-2=old i-3=old i-4=old");
    assert!(!out.contains("terminate"), "{out}");
    // What never served did not boot.
    let never = of("runs i-1=booting i-2=old i-3=old i-4=old");
    assert!(never.contains("terminate i-1"), "{never}");
}

/// A starter may miss one question, and a relay may be about to be replaced; its worker stays.
#[test]
fn a_worker_that_is_out_is_a_failed_boot_only_when_its_starter_is_silent_for_long() {
    let is_terminated = |world: &World| spell(world, &plan(world)).contains("terminate i-1");
    let pass = |world: &mut World, after: i64| {
        let is_terminated = is_terminated(world);
        world.memory = plan(world).memory;
        world.now += seconds(after);
        world.cloud.listed_at = world.now;
        world.memory.looked_at = Some(world.now);
        is_terminated
    };
    let say = |world: &mut World, said: Said| {
        let Some(Facet::Known(all)) = &mut world.applications else { panic!("they are asked") };
        all.insert("i-1".into(), said)
    };
    for silent in [Said::Silent("timeout".into()), Said::Refused { status: 500, why: "?".into() }] {
        let text = FOUR.replace("have i-1 a/1 running", "have i-1 a/1 running age 5000s");
        let mut world = world(&format!(
            "{text}runs i-1=old i-2=old i-3=old i-4=old\nserves i-2 i-3 i-4\nconsole i-1 clusterbench: step 3/6 fetch the program"
        ));
        let (asked, served) = (world.applications.clone(), say(&mut world, silent.clone()).unwrap());
        assert!(!pass(&mut world, 299));
        assert!(!pass(&mut world, 1));
        // It answers once in between.
        say(&mut world, served);
        assert!(!pass(&mut world, 1));
        say(&mut world, silent.clone());
        assert!(!pass(&mut world, 299));
        // Nobody is there to ask it.
        world.applications = None;
        assert!(!pass(&mut world, 299));
        world.applications = asked;
        say(&mut world, silent);
        assert!(!pass(&mut world, 300));
        assert!(is_terminated(&world));
    }
}

#[test]
fn a_paused_benchmark_says_who_is_out() {
    let text = spell_paused("runs i-1=updated i-2=starting i-3=old i-4=old\nserves i-3 i-4");
    assert!(text.contains("; cluster a: 2 of 4 workers are out for an update, and serve nobody meanwhile"), "{text}");
    assert!(!text.contains("set membership") && !text.contains("update i-"), "{text}");
    assert!(!spell_paused("runs i-1=new i-2=new i-3=new i-4=new").contains("are out"));
    // New workers, and all workers behind a new balancer, are out for no update.
    for runs in ["i-1=booting i-2=new i-3=new i-4=new\nserves i-3 i-4", "i-1=updated i-2=new i-3=new i-4=new\nserves"] {
        let text = spell_paused(&format!("runs {runs}"));
        assert!(text.contains("Deployed=Unknown Paused") && !text.contains("; cluster a"), "{text}");
    }
    let text = spell_paused("runs i-1=silent i-2=new i-3=new i-4=new\nserves i-2 i-3 i-4");
    assert!(text.contains("; cluster a: 1 of 4 workers serve nobody, and it is not known what they run"), "{text}");
    assert!(!text.contains("are out"), "{text}");
}

fn spell_paused(more: &str) -> String {
    let world = world(&format!("{FOUR}paused\n{more}"));
    spell(&world, &plan(&world))
}

/// Nobody waits for the last one; it is said all the same.
#[test]
fn the_last_one_that_serves_and_is_not_healthy_has_failed_too() {
    let mut world = world(&format!("{FOUR}runs i-1=new i-2=new i-3=new i-4=updated"));
    if let Some(Facet::Known(balancer)) = &mut world.balancer {
        balancer.clusters[0].members[3].health = Health::Unhealthy;
    }
    assert_snapshot!(deployed(&world), @"Deployed=False Waiting: i-4 of a runs what the spec asks for and is not healthy yet");
    world.memory = plan(&world).memory;
    world.now += seconds(901);
    world.memory.looked_at = Some(world.now);
    let text = deployed(&world);
    assert!(text.starts_with("Deployed=False UpdateFailed: i-4 of a runs what the spec asks for and is not"), "{text}");
}

const TWO_CLUSTERS: &str = "
    inplace
    clusters a=t2.micro*2 b=t2.micro*2
    line a/1 x2 closed ids i-1,i-2
    line b/1 x2 closed ids i-3,i-4
    line balancer/1 x1 closed ids i-b
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/1 running
    have i-3 b/1 running
    have i-4 b/1 running
    have i-b balancer/1 running
    have i-g generator/1 running
    balancer healthy
    run none
    runs i-1=old i-2=old i-3=old i-4=old
";

#[test]
fn with_a_shared_path_one_cluster_at_a_time_is_out() {
    let first = |more: &str| deployed(&world(&format!("{TWO_CLUSTERS}{more}"))).lines().next().unwrap().to_owned();
    assert_eq!(first(""), "set membership after v1: a=1 b=1");
    assert_eq!(first("shared /"), "set membership after v1: a=1 b=2");
    // Whoever is out already comes to its end first.
    assert_eq!(first("shared /\nserves i-1 i-2 i-4"), "update i-3 (v1)");
}

/// A revision does not tell programs apart that reach workers in place; failures of one are not those of another.
#[test]
fn launches_that_failed_with_another_program_do_not_count() {
    let of = |word: &str| {
        let line = |number: u32| format!("line a/{number} x2 closed reason BootFailed age 60s {word}\n");
        let lines: String = (1..=3).map(line).collect();
        let world = world(&format!("inplace\n{lines}"));
        spell(&world, &plan(&world))
    };
    let same = of("");
    assert!(same.contains("instances do not get ready") && !same.contains("a/4"), "{same}");
    let other = of("former");
    assert!(!other.contains("instances do not get ready"), "{other}");
}

/// Where another one serves when the run has ended, nothing of it counts.
#[test]
fn a_run_says_what_each_worker_served_and_is_void_where_that_changed() {
    let ready = world(&format!("{FOUR}runs i-1=new i-2=updated i-3=new i-4=new"));
    let plan_of = plan(&ready);
    let run = plan_of.actions().find_map(|action| match action {
        Action::StartRun { run, .. } => Some(run.clone()),
        _ => None,
    });
    let run = run.expect("a run is started");
    let expected = [("i-1", 1), ("i-2", 2), ("i-3", 1), ("i-4", 1)].map(|(id, version)| (id.to_owned(), version));
    assert_eq!(run.serving, BTreeMap::from(expected));
    assert_eq!(planner::measure::unchanged::changed(&ready, &run), None);
    let later = world(&format!("{FOUR}runs i-1=new i-2=new i-3=silent i-4=updated"));
    let why = planner::measure::unchanged::changed(&later, &run);
    assert_eq!(why.as_deref(), Some("i-2 did not serve the same program through the whole run"));
}

/// A starter that has served nothing yet will say 1, and one from before the versions said 0 after a restart.
#[test]
fn a_starter_that_says_no_version_proves_nothing_and_voids_nothing() {
    let mut first = world(&format!("{FOUR}runs i-1=new i-2=booting i-3=new i-4=new"));
    // It is waited for as long as lists may be late.
    first.memory = plan(&first).memory;
    first.now += first.settings.settle;
    first.memory.looked_at = Some(first.now);
    let plan_of = plan(&first);
    let run = plan_of.actions().find_map(|action| match action {
        Action::StartRun { run, .. } => Some(run.clone()),
        _ => None,
    });
    let run = run.expect("a run is started");
    assert_eq!(run.serving.keys().map(String::as_str).collect::<Vec<_>>(), ["i-1", "i-3", "i-4"]);
    let before = world(&format!("{FOUR}runs i-1=new i-2=new i-3=new i-4=new"));
    assert_eq!(planner::measure::unchanged::changed(&before, &run), None);
    let after = world(&format!("{FOUR}runs i-1=booting i-2=new i-3=new i-4=new").replace("run none", "run finished"));
    assert_eq!(planner::measure::unchanged::changed(&after, &run), None);
    assert!(!plan(&after).actions().any(|one| matches!(one, Action::CollectReport { .. })), "it is asked again");
}

/// A starter that was started again says what it had been told, and the version of it.
#[test]
fn a_worker_that_starts_again_what_it_ran_is_not_updated() {
    let text = of("runs i-1=restarting i-2=new i-3=new i-4=new");
    assert!(text.contains("Deployed=True Healthy: "), "{text}");
    assert_snapshot!(of("runs i-1=restarting i-2=new i-3=new i-4=new\nserves i-2 i-3 i-4"), @"Deployed=False Waiting: cluster a: 3 of 4 workers run what the spec asks for, 1 are out to be updated");
}

/// What served before a restart does not any more: it is told to the starter once more, whose failure ends it.
#[test]
fn a_worker_whose_program_is_not_started_again_is_told() {
    assert_snapshot!(of("runs i-1=lost i-2=new i-3=new i-4=new"), @r"
    set membership after v1: a=3
    Deployed=False Waiting: the balancer is being told its members
    ");
    assert_snapshot!(of("runs i-1=lost i-2=new i-3=new i-4=new\nserves i-2 i-3 i-4"), @r"
    update i-1 (v1)
    Deployed=False Waiting: cluster a: 3 of 4 workers run what the spec asks for, 1 are out to be updated
    ");
}

/// A look from a pass before may show a worker as gone that was taken in again since.
#[test]
fn behind_a_load_balancer_nobody_is_told_for_a_look_from_a_pass_before() {
    let mut world = world(&two_behind("runs i-1=old i-2=old\ntargets i-2=healthy"));
    let seen = world.application.as_ref().and_then(Facet::known).cloned().unwrap();
    world.memory.looked_at = Some(world.now - seconds(1));
    world.memory.application = Some((world.now - seconds(2), seen.clone()));
    assert_snapshot!(deployed(&world), @"Deployed=False Waiting: cluster a: 0 of 2 workers run what the spec asks for, 1 are out to be updated");
    world.memory.application = Some((world.now, seen));
    assert!(deployed(&world).starts_with("update i-1 (v1)\n"), "{}", deployed(&world));
}

#[test]
fn no_report_is_collected_before_the_starters_were_asked_but_not_for_ever() {
    let text = FOUR.replace("run none", "run finished");
    let collected = |world: &World| plan(world).actions().any(|one| matches!(one, Action::CollectReport { .. }));
    let mut world = world(&text);
    assert!(!collected(&world));
    world.memory = plan(&world).memory;
    world.now += seconds(301);
    world.memory.looked_at = Some(world.now);
    assert!(collected(&world));
    assert!(collected(&crate::fixture::world(&format!("{text}runs i-1=new i-2=new i-3=new i-4=new"))));
}
