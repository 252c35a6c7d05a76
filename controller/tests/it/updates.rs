//! Another program reaches the workers that run: in batches, through the balancer or the first generator, without a launch.

use api::{Archive, BalancerKind, ClusterBenchmarkSpec, Update, Worker};

use crate::stage::chaos::Moment;
use crate::stage::play::{Play, spec};
use crate::stage::starters::FAILS;
use crate::stories::{calm, tell};

const KINDS: [BalancerKind; 2] = [BalancerKind::Custom, BalancerKind::Application];

fn spec_of(kind: BalancerKind, clusters: &[(&str, &str, i32)]) -> ClusterBenchmarkSpec {
    let mut spec = spec(clusters);
    (spec.worker.update, spec.balancer.kind) = (Update::InPlace, kind);
    spec
}

fn play(kind: BalancerKind) -> Play {
    Play::new(7, calm(), spec_of(kind, &[("a", "t2.large", 4), ("b", "t3.large", 2)]), 1)
}

fn sleeps(spec: &mut ClusterBenchmarkSpec, micros: i32) {
    let work = format!(r#"{{ "profile": "Sleep", "meanMicros": {micros} }}"#);
    spec.worker.work = serde_json::from_str(&work).unwrap();
}

/// A program that does not serve, wherever it is started.
fn spoils(play: &Play) {
    let sha256 = "b".repeat(64);
    play.agents.starters.spoil(&sha256);
    play.store.edit(|spec| {
        spec.worker.artifact_url = Some("https://example.test/program".into());
        spec.worker.artifact_sha256 = Some(sha256);
    });
}

fn reverts(play: &Play) {
    play.store.edit(|spec| (spec.worker.artifact_url, spec.worker.artifact_sha256) = (None, None));
}

/// Instances that run, by id and pool.
fn instances(play: &Play) -> Vec<(String, String)> {
    let mut all: Vec<_> = play.store.status().unwrap().instances.into_iter().map(|one| (one.id, one.pool)).collect();
    all.sort();
    all
}

/// Hash and work of what each worker serves.
fn serving(play: &Play) -> Vec<(String, String)> {
    let workers = instances(play).into_iter().filter(|(_, pool)| pool == "a" || pool == "b");
    play.agents.starters.serving(&workers.map(|(id, _)| id).collect::<Vec<_>>())
}

/// The setup of the archive that each worker serves.
fn setups(play: &Play) -> Vec<Vec<String>> {
    let workers = instances(play).into_iter().filter(|(_, pool)| pool == "a" || pool == "b");
    play.agents.starters.setups(&workers.map(|(id, _)| id).collect::<Vec<_>>())
}

fn works(play: &Play) -> Vec<String> {
    serving(play).into_iter().map(|(_, work)| work).collect()
}

fn deployed(play: &Play) -> (String, String) {
    let conditions = play.store.status().unwrap().conditions;
    let deployed = conditions.into_iter().find(|condition| condition.type_ == "Deployed").unwrap();
    (deployed.reason, deployed.message)
}

fn runs(play: &Play) -> usize {
    play.agents.started.lock().unwrap().len()
}

#[test]
fn other_work_reaches_the_same_instances_in_batches_and_is_measured() {
    for kind in KINDS {
        tell(async || {
            let mut play = play(kind);
            play.until(600, Play::is_ready).await.unwrap();
            let before = instances(&play);
            assert_eq!(play.agents.starters.orders(), 0, "what they were launched with is what was asked for");
            play.store.edit(|spec| sleeps(spec, 2000));
            play.until(900, Play::is_ready).await.unwrap();
            assert_eq!(instances(&play), before, "{kind:?}");
            assert_eq!(works(&play), vec!["sleep:deterministic:2000us"; 6]);
            let starters = &play.agents.starters;
            assert_eq!((starters.orders(), starters.told_in_service()), (6, Vec::new()));
            // Two of four and one of two.
            assert!(starters.at_once() <= 3, "{}", starters.at_once());
            assert_eq!(runs(&play), 2);
        });
    }
}

#[test]
fn a_program_that_does_not_serve_stops_the_update_and_reverting_mends_it() {
    for kind in KINDS {
        tell(async || {
            let mut play = play(kind);
            play.until(600, Play::is_ready).await.unwrap();
            let (before, served) = (instances(&play), serving(&play));
            spoils(&play);
            play.until(600, |play| deployed(play).0 == "UpdateFailed" && play.phase() == "Stalled").await.unwrap();
            let (orders, message) = (play.agents.starters.orders(), deployed(&play).1);
            assert!(
                message.contains("was not updated to https://example.test/program: it does not listen")
                    && message.contains("set worker back"),
                "{message}"
            );
            assert!(orders <= 3, "{orders}");
            for _ in 0..20 {
                play.step().await.unwrap();
            }
            assert_eq!((play.agents.starters.orders(), runs(&play), serving(&play)), (orders, 1, served.clone()));
            reverts(&play);
            play.until(600, Play::is_ready).await.unwrap();
            assert_eq!((instances(&play), serving(&play)), (before, served));
        });
    }
}

/// An application with a setup of these lines.
fn archive_of(setup: &[&str]) -> Worker {
    Worker {
        archive: Some(Archive { url: "https://example.test/app.tar".into(), sha256: "c".repeat(64) }),
        setup: setup.iter().map(|line| (*line).to_owned()).collect(),
        command: vec!["./serve".into()],
        update: Update::InPlace,
        ..Worker::default()
    }
}

#[test]
fn another_setup_of_an_archive_reaches_the_same_instances_and_one_that_fails_stops_nothing() {
    for kind in KINDS {
        tell(async || {
            let spec = ClusterBenchmarkSpec { worker: archive_of(&["make"]), ..spec_of(kind, &[("a", "t2.large", 4)]) };
            let mut play = Play::new(7, calm(), spec, 1);
            play.until(600, Play::is_ready).await.unwrap();
            let before = instances(&play);
            assert_eq!(play.agents.starters.orders(), 0, "what they were launched with is what was asked for");
            play.store.edit(|spec| spec.worker = archive_of(&["make", "make install"]));
            play.until(900, Play::is_ready).await.unwrap();
            let starters = &play.agents.starters;
            assert_eq!((starters.orders(), starters.told_in_service(), runs(&play)), (4, Vec::new(), 2));
            assert!(starters.at_once() <= 2, "{}", starters.at_once());
            let installed = vec![vec!["make".to_owned(), "make install".to_owned()]; 4];
            assert_eq!((instances(&play), setups(&play)), (before.clone(), installed.clone()), "{kind:?}");

            play.store.edit(|spec| spec.worker = archive_of(&["make", FAILS]));
            play.until(600, |play| deployed(play).0 == "UpdateFailed" && play.phase() == "Stalled").await.unwrap();
            let message = deployed(&play).1;
            for words in ["worker.setup[1]: exit status: 1; it said: no matching distribution; ", "mend worker.setup"] {
                assert!(message.contains(words), "{message}");
            }
            for _ in 0..20 {
                play.step().await.unwrap();
                assert_eq!((runs(&play), setups(&play)), (2, installed.clone()));
            }
            play.store.edit(|spec| spec.worker = archive_of(&["make", "make install"]));
            play.until(600, Play::is_ready).await.unwrap();
            assert_eq!((instances(&play), setups(&play)), (before, installed));
        });
    }
}

/// A run that is on is let go first, as for any edit of what is measured.
#[test]
fn nobody_is_updated_during_a_run() {
    tell(async || {
        let mut play = play(BalancerKind::Custom);
        play.until(600, |play| play.agents.running() == 1).await.unwrap();
        play.store.edit(|spec| sleeps(spec, 2000));
        while play.agents.starters.orders() == 0 {
            play.step().await.unwrap();
        }
        assert_eq!(play.agents.running(), 0);
        play.until(900, Play::is_ready).await.unwrap();
        let runs = play.store.status().unwrap().runs;
        assert_eq!(runs.iter().map(|run| run.outcome.as_str()).collect::<Vec<_>>(), ["Aborted", "Valid"]);
    });
}

#[test]
fn while_nobody_answers_nothing_is_updated_or_replaced() {
    tell(async || {
        let mut play = play(BalancerKind::Custom);
        play.until(600, Play::is_ready).await.unwrap();
        let before = instances(&play);
        play.agents.silence(300);
        play.store.edit(|spec| sleeps(spec, 2000));
        let until = play.now() + jiff::SignedDuration::from_secs(290);
        while play.now() < until {
            play.step().await.unwrap();
            assert_eq!((play.agents.starters.orders(), instances(&play).len()), (0, before.len()));
        }
        play.until(900, Play::is_ready).await.unwrap();
        assert_eq!(instances(&play), before);
    });
}

/// An order that nobody knows of any more was obeyed in the middle of the run: nothing of it counts.
#[test]
fn a_run_in_which_a_worker_was_updated_is_void_and_begins_anew() {
    for kind in KINDS {
        tell(async || {
            let mut play = play(kind);
            play.until(600, |play| play.agents.running() == 1).await.unwrap();
            let (worker, _) = instances(&play).into_iter().find(|(_, pool)| pool == "a").unwrap();
            play.agents.starters.touch(&worker);
            play.until(900, Play::is_ready).await.unwrap();
            let runs = play.store.status().unwrap().runs;
            assert_eq!(runs.iter().map(|run| run.outcome.as_str()).collect::<Vec<_>>(), ["Aborted", "Valid"]);
            let why = format!("Aborted: {worker} did not serve the same program through the whole run");
            assert_eq!(runs[0].result, why, "{kind:?}");
        });
    }
}

/// The same program is tried again when somebody set back what was set, and sets it anew.
#[test]
fn what_failed_and_was_set_back_is_tried_again_when_it_is_set_anew() {
    tell(async || {
        let mut play = play(BalancerKind::Custom);
        play.until(600, Play::is_ready).await.unwrap();
        spoils(&play);
        play.until(600, |play| deployed(play).0 == "UpdateFailed").await.unwrap();
        reverts(&play);
        play.until(600, |play| deployed(play).0 == "Healthy").await.unwrap();
        for _ in 0..5 {
            play.step().await.unwrap();
        }
        let orders = play.agents.starters.orders();
        spoils(&play);
        play.until(600, |play| deployed(play).0 == "UpdateFailed").await.unwrap();
        assert!(play.agents.starters.orders() > orders, "{orders}");
    });
}

/// Where workers are replaced, nobody has a starter.
#[test]
fn without_it_workers_are_replaced() {
    tell(async || {
        let mut play = Play::new(7, calm(), spec(&[("a", "t2.large", 2)]), 1);
        play.until(600, Play::is_ready).await.unwrap();
        let before = instances(&play);
        play.store.edit(|spec| sleeps(spec, 2000));
        play.until(600, Play::is_ready).await.unwrap();
        let kept = instances(&play).into_iter().filter(|one| before.contains(one)).map(|(_, pool)| pool);
        assert_eq!(
            kept.collect::<std::collections::BTreeSet<_>>(),
            ["balancer", "generator"].map(str::to_owned).into()
        );
        assert_eq!((play.agents.starters.orders(), works(&play).len()), (0, 0));
    });
}

/// The operator dies at every effect of an update in turn, before it and after it.
#[test]
fn death_at_every_effect() {
    for (kind, moment) in KINDS.into_iter().flat_map(|kind| [(kind, Moment::Before), (kind, Moment::After)]) {
        tell(async || {
            for nth in 0.. {
                let mut play = Play::new(7, calm(), spec_of(kind, &[("a", "t2.large", 2)]), 1);
                play.until(600, Play::is_ready).await.unwrap();
                let before = instances(&play);
                play.store.edit(|spec| sleeps(spec, 2000));
                play.doom(nth, moment);
                play.survive(1800).await.unwrap_or_else(|broken| panic!("death at effect {nth}: {broken}"));
                assert_eq!(
                    (instances(&play), works(&play)),
                    (before, vec!["sleep:deterministic:2000us".to_owned(); 2])
                );
                let starters = &play.agents.starters;
                assert_eq!((starters.at_once(), starters.told_in_service()), (1, Vec::new()), "{nth} {moment:?}");
                if play.crashes == 0 {
                    assert!(nth > 5, "{nth}");
                    break;
                }
            }
        });
    }
}
