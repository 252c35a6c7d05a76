//! Rules of others: the seed of this project, AWS target tracking and KEDA.

use std::collections::VecDeque;

use super::engine::{Deed, Instance, MOST, SERVICE, Scaler, State, View};

/// The seed's controller: each second one instance for each message that is visible.
pub(crate) struct Seed {
    /// Counts what is in flight too, and lets go only of those that have finished.
    pub(crate) is_mended: bool,
}

impl Scaler for Seed {
    fn period(&self) -> f64 {
        1.0
    }

    fn drains(&self) -> bool {
        self.is_mended
    }

    fn tick(&mut self, view: &View<'_>) -> Deed {
        let wanted = if self.is_mended { view.visible + view.in_flight } else { view.visible };
        let wanted = (wanted as usize).min(MOST);
        let there: Vec<&Instance> = view.instances.iter().filter(|one| !one.is_draining).collect();
        if wanted > there.len() {
            let room = MOST.saturating_sub(view.instances.len());
            return Deed { start: room.min(wanted - there.len()), ..Deed::default() };
        }
        let first: Vec<u64> = there.iter().take(there.len() - wanted).map(|one| one.id).collect();
        match self.is_mended {
            true => Deed { drain: first, ..Deed::default() },
            false => Deed { end: first, ..Deed::default() },
        }
    }
}

/// AWS target tracking on the backlog of an instance (EC2 Auto Scaling user guide, "Scaling policy based on Amazon SQS"): out
/// after three minutes above the target, in after fifteen below nine tenths of it.
#[derive(Default)]
pub(crate) struct TargetTracking {
    above: u32,
    below: u32,
}

impl Scaler for TargetTracking {
    fn period(&self) -> f64 {
        60.0
    }

    fn at_first(&self) -> usize {
        1
    }

    fn tick(&mut self, view: &View<'_>) -> Deed {
        let there: Vec<&Instance> = view.instances.iter().filter(|one| !one.is_draining).collect();
        let running = there.iter().filter(|one| !one.is_starting()).count().max(1) as f64;
        let (metric, target) = (view.visible as f64 / running, 60.0 / SERVICE);
        self.above = if metric > target { self.above + 1 } else { 0 };
        self.below = if metric < 0.9 * target { self.below + 1 } else { 0 };
        let wanted = ((running * metric / target).ceil() as usize).clamp(1, MOST);
        if self.above >= 3 {
            let room = MOST.saturating_sub(view.instances.len());
            return Deed { start: room.min(wanted.saturating_sub(there.len())), ..Deed::default() };
        }
        if self.below >= 15 && wanted < there.len() {
            return Deed { drain: oldest_first(&there, there.len() - wanted), ..Deed::default() };
        }
        Deed::default()
    }
}

fn oldest_first(there: &[&Instance], count: usize) -> Vec<u64> {
    let mut ready: Vec<&&Instance> = there.iter().filter(|one| !one.is_starting()).collect();
    ready.sort_by_key(|one| !matches!(one.state, State::Idle));
    ready.into_iter().take(count).map(|one| one.id).collect()
}

/// KEDA's aws-sqs-queue scaler with the horizontal autoscaler behind it (keda.sh, "AWS SQS Queue"; Kubernetes, "Horizontal Pod
/// Autoscaling", default behaviour).
pub(crate) struct Keda {
    /// Seconds between two looks of the autoscaler, between two looks at an empty tier, and of the window that it shrinks by.
    period: f64,
    polling: f64,
    window: f64,
    polled: f64,
    wishes: VecDeque<(f64, usize)>,
}

impl Keda {
    pub(crate) fn new(is_quick: bool) -> Self {
        let (period, polling, window) = if is_quick { (5.0, 5.0, 60.0) } else { (15.0, 30.0, 300.0) };
        Self { period, polling, window, polled: f64::NEG_INFINITY, wishes: VecDeque::new() }
    }
}

impl Scaler for Keda {
    fn period(&self) -> f64 {
        self.period
    }

    fn tick(&mut self, view: &View<'_>) -> Deed {
        let wish = ((view.visible + view.in_flight) as usize).div_ceil(5).min(MOST);
        let there: Vec<&Instance> = view.instances.iter().filter(|one| !one.is_draining).collect();
        let room = MOST.saturating_sub(view.instances.len());
        self.wishes.push_back((view.now, wish));
        self.wishes.retain(|(at, _)| view.now - at <= self.window);
        if there.is_empty() {
            if view.now - self.polled < self.polling {
                return Deed::default();
            }
            self.polled = view.now;
            return Deed { start: room.min(wish.min(1)), ..Deed::default() };
        }
        if wish > there.len() {
            // By four or twice as many every 15 seconds.
            let growth = (there.len().max(4) as f64 * self.period / 15.0).ceil() as usize;
            return Deed { start: room.min(growth.min(wish - there.len())), ..Deed::default() };
        }
        let highest = self.wishes.iter().map(|(_, wish)| *wish).max().unwrap_or(0);
        Deed { drain: oldest_first(&there, there.len().saturating_sub(highest)), ..Deed::default() }
    }
}

/// All of them all the time.
pub(crate) struct Always;

impl Scaler for Always {
    fn period(&self) -> f64 {
        60.0
    }

    fn at_first(&self) -> usize {
        MOST
    }

    fn tick(&mut self, _: &View<'_>) -> Deed {
        Deed::default()
    }
}
