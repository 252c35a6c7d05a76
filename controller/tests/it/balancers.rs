//! A run is of one balancer. When that one ends, the run is stopped, nothing of it counts, and it begins anew through
//! the next one, within the time that a launch takes.

use std::collections::BTreeSet;

use api::Run;
use cloudsim::{Lag, Settings, Span};
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
    let pace = Freshness { boot: SignedDuration::from_secs(5), run: SignedDuration::from_secs(60), spread: Some(0.05) };
    Play::with(1, calm, spec, 1, pace, Ways::default())
}

fn started(play: &Play) -> usize {
    play.agents.started.lock().unwrap().len()
}

/// So many runs were started, and status says that the last one is on.
async fn measuring(play: &mut Play, runs: usize) {
    let is_on = |play: &Play| {
        let runs = play.store.status().unwrap_or_default().runs;
        runs.last().is_some_and(|run| run.outcome == "Running" && run.started_at.is_some())
    };
    play.until(600, |play| started(play) == runs && is_on(play)).await.unwrap();
}

fn balancer(play: &Play) -> String {
    let instances = play.store.status().unwrap().instances;
    instances.into_iter().find(|instance| instance.pool == "balancer").map(|instance| instance.id).unwrap_or_default()
}

fn told(play: &Play) -> Vec<(String, usize)> {
    play.store.status().unwrap().runs.iter().map(|run| (run.outcome.clone(), run.parts.len())).collect()
}

fn report(play: &Play, run: &Run) -> Report {
    serde_json::from_str(&play.store.server().reports[&run.report].spec.report).unwrap()
}

fn measured(play: &Play) -> (String, String) {
    let conditions = play.store.status().unwrap().conditions;
    let measured = conditions.into_iter().find(|condition| condition.type_ == "Measured").unwrap();
    (measured.reason, measured.message)
}

#[test]
fn a_run_whose_balancer_ends_begins_anew_within_the_time_of_a_launch() {
    tell(async || {
        let mut play = play(1, 1);
        measuring(&mut play, 1).await;
        let (first, lost_at) = (balancer(&play), play.now());
        terminate(&play, "balancer");
        let mut said = BTreeSet::new();
        while started(&play) == 1 {
            play.step().await.unwrap();
            said.insert(measured(&play));
        }
        // Ten seconds to end, ten to run, five to answer, and what the looks in between take.
        let took = play.now().duration_since(lost_at).as_secs();
        assert!(took <= 40, "{took} s");
        let says = |reason: &str, words: &str| said.iter().any(|(r, message)| r == reason && message.contains(words));
        assert!(says("BalancerGone", &first), "{said:?}");
        assert!(says("Waiting", &format!("the run begins anew: balancer {first} is shutting-down")), "{said:?}");
        play.until(300, Play::is_ready).await.unwrap();
        let runs = play.store.status().unwrap().runs;
        assert_eq!(told(&play), [("Aborted".to_owned(), 0), ("Valid".to_owned(), 0)]);
        assert!(runs[0].result.starts_with(&format!("Aborted: balancer {first} is ")), "{}", runs[0].result);
        let through: Vec<_> = runs.iter().map(|run| report(&play, run).environment.balancers).collect();
        assert_eq!(through, [[first.clone()], [balancer(&play)]]);
        // Tables of benchmarks and of reports say the same of a run, whatever became of it.
        for run in &runs {
            let stored = play.store.server().reports[&run.report].spec.result.clone();
            assert_eq!(stored, planner::status::column::line(&run.result));
        }
        assert_ne!(first, balancer(&play));
    });
}

/// Nobody can reach the balancer, the generator gives up, and lists still show both as running.
#[test]
fn a_run_that_fails_because_its_balancer_has_ended_is_no_result() {
    tell(async || {
        let mut play = play(1, 1);
        measuring(&mut play, 1).await;
        let late = Settings { lag: Lag::up_to(Span::seconds(60, 60)), ..play.sim.lock().settings().clone() };
        play.sim.lock().set_settings(late);
        terminate(&play, "balancer");
        play.agents.fail_runs(1);
        play.step().await.unwrap();
        play.step().await.unwrap();
        assert_eq!(measured(&play).0, "Waiting", "{:?}", measured(&play));
        play.until(600, Play::is_ready).await.unwrap();
        assert_eq!(told(&play), [("Aborted".to_owned(), 0), ("Valid".to_owned(), 0)]);
    });
}

#[test]
fn several_generators_all_begin_anew() {
    tell(async || {
        let mut play = play(2, 1);
        measuring(&mut play, 2).await;
        terminate(&play, "balancer");
        play.until(600, Play::is_ready).await.unwrap();
        assert_eq!(told(&play), [("Aborted".to_owned(), 0), ("Valid".to_owned(), 2)]);
        assert_eq!((started(&play), play.agents.running()), (4, 0));
    });
}

/// What other launches measured stays, and the report says that they went through another balancer.
#[test]
fn a_launch_is_lost_and_those_before_stay() {
    tell(async || {
        let mut play = play(1, 2);
        measuring(&mut play, 2).await;
        let parts = play.store.status().unwrap().runs[0].parts.clone();
        let first = balancer(&play);
        terminate(&play, "balancer");
        play.until(600, Play::is_ready).await.unwrap();
        let runs = play.store.status().unwrap().runs;
        let told: Vec<_> = runs.iter().map(|run| (run.outcome.as_str(), run.launch, run.parts.len())).collect();
        assert_eq!((told, &runs[1].parts[..1]), (vec![("Aborted", 2, 0), ("Valid", 2, 2)], &parts[..]));
        let report = report(&play, &runs[1]);
        assert_eq!(report.environment.balancers, [first, balancer(&play)]);
        assert!(report.verdict.contains("measured through 2 balancers"), "{}", report.verdict);
    });
}

/// Attempts are bounded, and the last reason is said.
#[test]
fn the_third_loss_is_the_last() {
    tell(async || {
        let mut play = play(1, 1);
        for attempt in 1..=3 {
            measuring(&mut play, attempt).await;
            terminate(&play, "balancer");
        }
        play.until(600, |play| play.phase() == "Stalled").await.unwrap();
        let (reason, message) = measured(&play);
        assert_eq!(reason, "Aborted");
        assert!(message.contains("aborted 3 times, the last time because balancer i-"), "{message}");
    });
}

/// The operator dies at every effect in turn.
#[test]
fn death_at_every_effect() {
    tell(async || {
        for nth in 0.. {
            let mut play = play(1, 1);
            measuring(&mut play, 1).await;
            terminate(&play, "balancer");
            play.doom(nth, Moment::After);
            play.survive(900).await.unwrap_or_else(|broken| panic!("death at effect {nth}: {broken}"));
            assert_eq!((told(&play).pop(), started(&play)), (Some(("Valid".to_owned(), 0)), 2), "{nth}");
            if play.crashes == 0 {
                assert!(nth > 5, "{nth}");
                break;
            }
        }
    });
}
