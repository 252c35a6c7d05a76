//! The result of a run, through the real loop: in status, and in the report that is kept.

use cloudsim::{Settings, Span};
use jiff::SignedDuration;
use serde_json::json;

use crate::stage::agents::Freshness;
use crate::stage::play::{Play, Ways, spec};
use crate::stories::tell;

fn play(change: impl FnOnce(&mut api::Load)) -> Play {
    let calm = Settings { boot: Span::seconds(10, 10), stop: Span::seconds(10, 10), ..Settings::default() };
    let mut spec = spec(&[("a", "t2.large", 1), ("b", "t2.large", 1)]);
    spec.load.rounds = Some(20);
    change(&mut spec.load);
    let pace = Freshness { boot: SignedDuration::from_secs(5), run: SignedDuration::from_secs(20), spread: Some(0.0) };
    Play::with(1, calm, spec, 1, pace, Ways::default())
}

/// Status and reason of a condition, and its message.
fn condition(play: &Play, kind: &str) -> (String, String, String) {
    let status = play.store.status().unwrap();
    let found = status.conditions.iter().find(|condition| condition.type_ == kind);
    let found = found.unwrap_or_else(|| panic!("no {kind}"));
    (found.status.clone(), found.reason.clone(), found.message.clone())
}

/// The report of the last run, which outlives the benchmark.
fn kept(play: &Play) -> wire::Report {
    let run = play.store.status().unwrap().runs.pop().unwrap();
    serde_json::from_str(&play.store.server().reports[&run.report].spec.report).unwrap()
}

#[test]
fn a_target_that_lets_nobody_in_ends_the_run_as_failed_and_its_counts_are_kept() {
    tell(async || {
        let mut play = play(|_| ());
        play.until(300, |play| play.agents.running() == 1).await.unwrap();
        play.agents.fail_runs(1);
        play.until(300, |play| play.phase() == "Stalled").await.unwrap();
        let (status, reason, message) = condition(&play, "Measured");
        assert_eq!((status.as_str(), reason.as_str()), ("False", "Failed"));
        assert!(message.contains("a let nobody in") && message.contains("set another runId"), "{message}");
        assert_eq!(kept(&play).reasons, ["a let nobody in for 10 s"]);
        for _ in 0..20 {
            play.step().await.unwrap();
        }
        assert_eq!(play.agents.started.lock().unwrap().len(), 1, "it is not tried again");
        // Another runId measures again.
        play.store.edit(|spec| spec.run_id = "2".to_owned());
        play.until(300, Play::is_ready).await.unwrap();
        let runs = play.store.status().unwrap().runs;
        assert_eq!(runs.iter().map(|run| run.outcome.as_str()).collect::<Vec<_>>(), ["Failed", "Valid"]);
    });
}

#[test]
fn thresholds_are_judged_by_the_run_and_told_in_a_condition() {
    for (limits, met, words) in [
        (json!([{ "cluster": "a", "metric": "P50Micros", "atMost": 50_000 }]), "True", "1 of 1"),
        (json!([{ "cluster": "a", "metric": "P50Micros", "atMost": 1_000 }]), "False", "P50"),
        // Equal clusters: neither is twice as fast.
        (json!([{ "cluster": "b", "fasterThan": "a", "percent": 100 }]), "False", "faster"),
    ] {
        tell(async || {
            let mut play = play(|load| load.thresholds = serde_json::from_value(limits.clone()).unwrap());
            play.until(300, Play::is_ready).await.unwrap();
            let (status, reason, message) = condition(&play, "ThresholdsMet");
            assert_eq!(status, met, "{limits}: {reason}: {message}");
            assert!(message.to_lowercase().contains(&words.to_lowercase()), "{limits}: {message}");
            assert_eq!(kept(&play).thresholds.len(), 1);
            // A valid run is a result, whatever was hoped of it.
            assert_eq!(condition(&play, "Measured").0, "True");
        });
    }
}
