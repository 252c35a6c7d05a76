//! Several generators make one load: they are told one moment, begin together, and one report is made of what all sent.

use std::time::Duration;

use cloudsim::{Settings, Span};
use jiff::SignedDuration;
use wire::Report;

use crate::launches::terminate;
use crate::stage::agents::Freshness;
use crate::stage::chaos::Moment;
use crate::stage::play::{Play, Ways, spec};
use crate::stories::tell;

fn play(generators: i32, launches: i32) -> Play {
    let calm = Settings { boot: Span::seconds(10, 10), stop: Span::seconds(10, 10), ..Settings::default() };
    let mut spec = spec(&[("a", "t2.large", 1), ("b", "t2.large", 1)]);
    (spec.load.generator.count, spec.load.launches, spec.load.rounds) = (generators, launches, Some(4));
    for phase in &mut spec.load.phases {
        (phase.requests, phase.duration_seconds) = (None, Some(1));
    }
    let pace = Freshness { boot: SignedDuration::from_secs(5), run: SignedDuration::from_secs(20), spread: Some(0.05) };
    Play::with(1, calm, spec, 1, pace, Ways::default())
}

/// Both have begun, five seconds ago.
async fn until_they_measure(play: &mut Play) {
    play.until(300, |play| play.agents.started.lock().unwrap().len() == 2).await.unwrap();
    let at = play.store.status().unwrap().runs[0].start_at.clone().unwrap().0;
    play.until(300, |play| play.now() > at + SignedDuration::from_secs(5)).await.unwrap();
}

fn runs(play: &Play) -> Vec<(String, usize)> {
    play.store.status().unwrap().runs.iter().map(|run| (run.outcome.clone(), run.parts.len())).collect()
}

fn whole(play: &Play) -> Report {
    let run = play.store.status().unwrap().runs.pop().unwrap();
    serde_json::from_str(&play.store.server().reports[&run.report].spec.report).unwrap()
}

/// The reports that are about one generator's share.
fn shares_of(play: &Play) -> Vec<Report> {
    let server = play.store.server();
    let is_share = |report: &&api::BenchmarkReport| {
        report.metadata.labels.as_ref().is_some_and(|labels| labels.contains_key(api::GENERATOR_LABEL))
    };
    let shares = server.reports.values().filter(is_share);
    shares.map(|report| serde_json::from_str(&report.spec.report).unwrap()).collect()
}

#[test]
fn they_begin_together_and_one_report_is_made() {
    tell(async || {
        let mut play = play(3, 1);
        play.until(300, Play::is_ready).await.unwrap();
        assert_eq!(runs(&play), [("Valid".to_owned(), 3)]);
        let parts = shares_of(&play);
        let mut shares: Vec<_> = parts.iter().map(|part| (part.run.slice.index, part.run.slice.count)).collect();
        shares.sort_unstable();
        assert_eq!(shares, [(0, 3), (1, 3), (2, 3)]);
        let start = parts[0].run.start_at;
        assert!(
            start.is_some() && parts.iter().all(|part| part.run.start_at == start && part.started_at < start.unwrap())
        );
        let whole = whole(&play);
        assert_eq!((whole.rounds.len(), whole.run.slice), (4, wire::Slice::default()));
        // A third of a thousand each.
        assert_eq!(whole.rounds[0].clusters[0].requests, 999);
        assert_eq!(play.agents.kept(), 0, "they keep nothing once their reports are home");
        play.store.delete(play.now());
        play.until(300, Play::is_gone).await.unwrap();
        assert_eq!(play.sim.lock().audit().launched, 6);
    });
}

#[test]
fn each_launch_is_measured_by_all_of_them() {
    tell(async || {
        let mut play = play(2, 6);
        play.until(900, Play::is_ready).await.unwrap();
        assert_eq!(runs(&play), [("Valid".to_owned(), 12)]);
        let whole = whole(&play);
        assert_eq!(whole.rounds.len(), 24);
        assert_eq!(whole.comparisons[0].about, wire::About::InstanceTypes);
        // Workers of six launches, a balancer, two generators.
        assert_eq!(play.sim.lock().audit().launched, 6 * 2 + 3);
    });
}

/// One of two ends in the middle: what the other one measured alone is not the load that was asked for.
#[test]
fn if_one_is_lost_all_measure_again() {
    tell(async || {
        let mut play = play(2, 1);
        until_they_measure(&mut play).await;
        terminate(&play, "generator-2");
        play.until(900, Play::is_ready).await.unwrap();
        let told = runs(&play);
        assert_eq!((told[0].0.as_str(), &told[1]), ("Aborted", &("Valid".to_owned(), 2)), "{told:?}");
        assert_eq!(play.agents.started.lock().unwrap().len(), 4, "both were started twice");
        assert_eq!(whole(&play).rounds[0].clusters[0].requests, 1_000);
    });
}

/// Nobody looked while they measured; what one has is home when the other one is lost.
#[test]
fn if_one_is_lost_when_the_other_is_recorded_all_measure_again() {
    tell(async || {
        let mut play = play(2, 1);
        play.until(300, |play| play.agents.started.lock().unwrap().len() == 2).await.unwrap();
        play.wait(Duration::from_secs(120));
        play.agents.withhold(1);
        let is_half = |play: &Play| runs(play).last().is_some_and(|(_, parts)| *parts == 1);
        play.until(300, is_half).await.unwrap();
        terminate(&play, "generator-2");
        play.agents.withhold(-1);
        play.until(900, Play::is_ready).await.unwrap();
        let told = runs(&play);
        assert_eq!((told[0].0.as_str(), &told[1]), ("Aborted", &("Valid".to_owned(), 2)), "{told:?}");
    });
}

/// A generator that is gone before the others begin costs no attempt.
#[test]
fn a_start_that_nobody_can_keep_is_fixed_anew() {
    tell(async || {
        let mut play = play(2, 1);
        play.until(300, |play| play.store.status().is_some_and(|status| !status.runs.is_empty())).await.unwrap();
        let first = play.store.status().unwrap().runs[0].start_at.clone();
        play.agents.silence(40);
        play.until(900, Play::is_ready).await.unwrap();
        assert_eq!(runs(&play), [("Valid".to_owned(), 2)]);
        assert_ne!(play.store.status().unwrap().runs[0].start_at, first);
    });
}

/// One of them finds a target that lets nobody in: the run has failed, and the other one does not measure on.
#[test]
fn if_one_fails_the_run_has_failed() {
    tell(async || {
        let mut play = play(2, 1);
        play.until(300, |play| play.agents.started.lock().unwrap().len() == 2).await.unwrap();
        play.agents.fail_runs(1);
        play.until(300, |play| play.phase() == "Stalled").await.unwrap();
        assert_eq!(runs(&play), [("Failed".to_owned(), 0)]);
        for _ in 0..5 {
            play.step().await.unwrap();
        }
        assert_eq!(play.agents.running(), 0, "the other one was stopped");
        assert_eq!(play.agents.started.lock().unwrap().len(), 2, "it is not tried again");
    });
}

/// The operator dies at every effect in turn: one result, and every share in it once.
#[test]
fn death_at_every_effect() {
    tell(async || {
        for nth in 0.. {
            let mut play = play(2, 1);
            play.doom(nth, Moment::After);
            play.survive(900).await.unwrap_or_else(|broken| panic!("death at effect {nth}: {broken}"));
            assert_eq!((runs(&play), play.sim.lock().audit().launched), (vec![("Valid".to_owned(), 2)], 5), "{nth}");
            if play.crashes == 0 {
                assert!(nth > 20, "{nth}");
                break;
            }
        }
    });
}

/// A change of the spec while they measure: both are stopped, what they have is kept, and what is asked for now is
/// measured.
#[test]
fn a_change_ends_both() {
    tell(async || {
        let mut play = play(2, 1);
        until_they_measure(&mut play).await;
        play.store.edit(|spec| spec.load.generator.count = 1);
        play.until(900, Play::is_ready).await.unwrap();
        let runs = play.store.status().unwrap().runs;
        assert_eq!(runs.iter().map(|run| run.outcome.as_str()).collect::<Vec<_>>(), ["Invalid", "Valid"]);
        // Both had measured three of four rounds.
        assert_eq!((runs[0].rounds, runs[1].rounds), (3, 4));
        assert!(runs[0].result.contains("3 of 4"), "{}", runs[0].result);
        assert_eq!(play.sim.lock().truth().ec2.live_instances().len(), 4, "the second generator is gone");
    });
}
