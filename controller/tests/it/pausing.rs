//! `paused` in the middle of a run: it is held between two rounds and goes on, nothing is measured twice, and what the
//! pause took is no time of the run.

use std::time::Duration;

use crate::stage::chaos::Moment;
use crate::stage::play::Play;
use crate::stories::{small_on_a_calm_day, tell};

async fn measuring() -> Play {
    let mut play = small_on_a_calm_day();
    let is_on = |play: &Play| {
        let runs = play.store.status().unwrap_or_default().runs;
        runs.iter().any(|run| run.outcome == "Running" && run.started_at.is_some())
    };
    play.until(300, is_on).await.unwrap();
    play
}

fn measured(play: &Play) -> String {
    let conditions = play.store.status().unwrap().conditions;
    let measured = conditions.into_iter().find(|condition| condition.type_ == "Measured").unwrap();
    format!("{}: {}", measured.reason, measured.message)
}

#[test]
fn a_run_is_held_for_an_hour_and_goes_on() {
    tell(async || {
        let mut play = measuring().await;
        play.store.edit(|spec| spec.paused = true);
        play.until(10, |play| measured(play).starts_with("Paused: paused after round 0 of ")).await.unwrap();
        assert_eq!(play.phase(), "Paused");
        // A run takes a minute: without the hold it would have ended long ago.
        for _ in 0..60 {
            play.wait(Duration::from_secs(60));
            play.step().await.unwrap();
            assert_eq!((play.agents.running(), play.phase().as_str()), (1, "Paused"));
        }
        play.store.edit(|spec| spec.paused = false);
        play.until(300, Play::is_ready).await.unwrap();
        assert_eq!(play.agents.started.lock().unwrap().len(), 1, "it was not begun again");
        let runs = play.store.status().unwrap().runs;
        assert_eq!(runs.iter().map(|run| run.outcome.as_str()).collect::<Vec<_>>(), ["Valid"]);
    });
}

/// The operator dies at every effect, before or after it, while it holds and lets go.
#[test]
fn death_at_every_effect() {
    tell(async || {
        for moment in [Moment::Before, Moment::After] {
            for nth in 0..4 {
                let mut play = measuring().await;
                play.doom(nth, moment);
                for paused in [true, false] {
                    play.store.edit(|spec| spec.paused = paused);
                    for _ in 0..5 {
                        let wake = play.pass_on(0).await.unwrap();
                        play.wait(wake.max(Duration::from_secs(1)));
                    }
                }
                play.survive(600).await.unwrap_or_else(|broken| panic!("death at effect {nth}: {broken}"));
                assert_eq!(play.agents.started.lock().unwrap().len(), 1, "{nth}");
            }
        }
    });
}
