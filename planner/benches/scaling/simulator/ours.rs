//! The product's own rule, and what it is told.

use std::collections::VecDeque;

use super::engine::{Deed, Instance, MOST, Pool, Scaler, State, View};
use planner::scale::needs::{Bounds, Needs, Step};
use planner::scale::rule::{BOOT, Look, Rule, WARM_BOOT, is_paid};

/// The product's rule.
pub(crate) struct Ours {
    rule: Rule,
    pool: Pool,
    needs: Needs,
}

impl Ours {
    pub(crate) fn new(rule: Rule, pool: Pool) -> Self {
        Self { rule, pool, needs: Needs::default() }
    }
}

impl Scaler for Ours {
    fn period(&self) -> f64 {
        2.0
    }

    fn tick(&mut self, view: &View<'_>) -> Deed {
        let prior = if self.pool == Pool::Launch { BOOT } else { WARM_BOOT };
        let boot = mean(view.boots).unwrap_or(prior);
        let staying: Vec<&Instance> = view.instances.iter().filter(|one| !one.is_draining).collect();
        let starting = staying.iter().filter(|one| one.is_starting());
        let look = Look {
            unanswered: view.unanswered,
            oldest: view.oldest,
            arrivals: view.arrivals.to_vec(),
            service: mean(view.services),
            slots: 1,
            ready: staying.iter().filter(|one| !one.is_starting()).count() as u32,
            starting: starting.map(|one| (one.started + boot - view.now).max(0.0)).collect(),
            boot,
        };
        let bounds = Bounds { least: 0, most: MOST as u32 };
        match self.needs.step(view.now, self.rule, &look, bounds) {
            Step::Grow(more) => {
                // Those that are being drained are there until they have finished.
                let room = MOST.saturating_sub(view.instances.len());
                Deed { start: room.min(more as usize), ..Deed::default() }
            }
            Step::Shrink(fewer) => {
                let may_go = |one: &&&Instance| one.ready.is_some() && is_paid(view.now - one.started);
                let mut leaving: Vec<&Instance> = staying.iter().filter(may_go).copied().collect();
                leaving.sort_by_key(|one| !matches!(one.state, State::Idle));
                let drain = leaving.into_iter().take(fewer as usize).map(|one| one.id).collect();
                Deed { drain, ..Deed::default() }
            }
            Step::Hold => Deed::default(),
        }
    }
}

fn mean(values: &VecDeque<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}
