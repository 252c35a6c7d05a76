//! The product's own rule, and what it is told.

use std::collections::VecDeque;

use super::engine::{Deed, Instance, MOST, Pool, Scaler, State, View};
use planner::scale::needs::{Bounds, Needs};
use planner::scale::rule::{BOOT, Look, Rule, WARM_BOOT};
use planner::scale::step::{Stage, Staying, step};

/// A mistake that other rules make, to see that the figures tell.
#[allow(dead_code, reason = "the benchmark makes none, the tests do")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mistake {
    /// What is worked on is not counted.
    InFlightUncounted,
    /// Who is starting is not counted.
    StartingIgnored,
    /// The highest stretch of arrivals counts.
    BurstIsRate,
}

/// The product's rule.
pub(crate) struct Ours {
    rule: Rule,
    pool: Pool,
    needs: Needs,
    mistake: Option<Mistake>,
}

impl Ours {
    pub(crate) fn new(rule: Rule, pool: Pool) -> Self {
        Self { rule, pool, needs: Needs::default(), mistake: None }
    }

    #[allow(dead_code, reason = "the benchmark makes none, the tests do")]
    pub(crate) fn mistaken(rule: Rule, pool: Pool, mistake: Mistake) -> Self {
        Self { mistake: Some(mistake), ..Self::new(rule, pool) }
    }

    fn err(&self, look: &mut Look, staying: &mut Vec<Staying<u64>>) {
        match self.mistake {
            None => {}
            Some(Mistake::InFlightUncounted) => {
                let busy = staying.iter().filter(|one| one.stage == Stage::Busy).count();
                look.unanswered = look.unanswered.saturating_sub(busy as u64);
            }
            Some(Mistake::StartingIgnored) => staying.retain(|one| !matches!(one.stage, Stage::Starting(_))),
            Some(Mistake::BurstIsRate) => {
                let most = look.arrivals.iter().copied().max().unwrap_or(0);
                look.arrivals.fill(most);
            }
        }
    }
}

impl Scaler for Ours {
    fn period(&self) -> f64 {
        2.0
    }

    fn tick(&mut self, view: &View<'_>) -> Deed {
        let prior = if self.pool == Pool::Launch { BOOT } else { WARM_BOOT };
        let boot = mean(view.boots).unwrap_or(prior);
        let mut look = Look {
            unanswered: view.unanswered,
            oldest: view.oldest,
            arrivals: view.arrivals.to_vec(),
            service: mean(view.services),
            slots: 1,
            boot,
            ..Look::default()
        };
        let staying = view.instances.iter().filter(|one| !one.is_draining).map(|one| Staying {
            id: one.id,
            age: view.now - one.started,
            stage: stage(one, boot, view.now),
        });
        let mut staying: Vec<Staying<u64>> = staying.collect();
        self.err(&mut look, &mut staying);
        // Those that are being drained are there until they have finished.
        let room = MOST.saturating_sub(view.instances.len()) as u32;
        let bounds = Bounds { least: 0, most: MOST as u32 };
        let moved = step(&mut self.needs, view.now, (self.rule, bounds, room), look, &staying);
        Deed { start: moved.start as usize, drain: moved.drain, ..Deed::default() }
    }
}

fn stage(instance: &Instance, boot: f64, now: f64) -> Stage {
    match instance.state {
        State::Starting(_) => Stage::Starting(instance.started + boot - now),
        State::Idle => Stage::Idle,
        State::Busy(..) => Stage::Busy,
    }
}

fn mean(values: &VecDeque<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
