//! The tier: a queue with a visibility, and instances with one slot each.

use std::collections::VecDeque;

use super::load::Load;
use super::outcome::Outcome;
use super::streams::{Stream, lognormal, stream, unit};

/// How instances come and go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pool {
    /// Launched and terminated.
    Launch,
    /// Started and stopped.
    StartStop,
}

/// Mean time of the work of a request.
pub(crate) const SERVICE: f64 = 2.0;
/// What a message takes besides.
const OVERHEAD: f64 = 0.06;
/// Most instances.
pub(crate) const MOST: usize = 20;
/// How old the counts of SQS may be.
const LAG: f64 = 3.0;
/// Seconds after its start at which an instance is paid for, and the least that it costs.
const PAID_FROM: f64 = 7.0;
pub(crate) const LEAST_PAID: f64 = 60.0;
/// After the last heartbeat of a puller whose rule drains, its message comes back.
const BEATING: f64 = 15.0;
/// The same of a puller without heartbeat.
const VISIBILITY: f64 = 30.0;
/// Seconds after the load at which a play ends.
const REST: f64 = 1500.0;
/// Step of the clock.
const STEP: f64 = 0.05;

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum State {
    /// Until then.
    Starting(f64),
    Idle,
    /// With this request, until then.
    Busy(usize, f64),
}

#[derive(Clone, Debug)]
pub(crate) struct Instance {
    pub(crate) id: u64,
    pub(crate) started: f64,
    /// When it was ready first.
    pub(crate) ready: Option<f64>,
    pub(crate) state: State,
    pub(crate) is_draining: bool,
}

impl Instance {
    /// Seconds until it is ready, as nobody but the simulation knows.
    pub(crate) fn is_starting(&self) -> bool {
        matches!(self.state, State::Starting(_))
    }
}

/// What a rule may look at.
pub(crate) struct View<'a> {
    pub(crate) now: f64,
    /// Counts of SQS, up to some seconds old.
    pub(crate) visible: u64,
    pub(crate) in_flight: u64,
    /// The front's own.
    pub(crate) unanswered: u64,
    pub(crate) oldest: f64,
    pub(crate) arrivals: &'a [u64],
    pub(crate) services: &'a VecDeque<f64>,
    pub(crate) boots: &'a VecDeque<f64>,
    pub(crate) instances: &'a [Instance],
}

/// What a rule does: how many it starts, whom it drains, takes back from draining, and ends at once, by their ids.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deed {
    pub(crate) start: usize,
    pub(crate) drain: Vec<u64>,
    pub(crate) end: Vec<u64>,
}

/// A rule with its own rhythm.
pub(crate) trait Scaler {
    fn period(&self) -> f64;
    /// Whether a message of a puller that was ended is back soon, and no answer is lost.
    fn drains(&self) -> bool {
        true
    }
    /// Instances that are there before the load.
    fn at_first(&self) -> usize {
        0
    }
    fn tick(&mut self, view: &View<'_>) -> Deed;
}

struct Tier {
    now: f64,
    instances: Vec<Instance>,
    next_id: u64,
    waiting: VecDeque<usize>,
    /// Requests that come back, and when.
    hidden: Vec<(f64, usize)>,
    boots: Stream,
    pool: Pool,
    outcome: Outcome,
    boot_times: VecDeque<f64>,
}

impl Tier {
    fn start(&mut self) {
        let (least, most) = match self.pool {
            Pool::Launch => (30.0, 60.0),
            Pool::StartStop => (10.0, 20.0),
        };
        let takes = least + unit(&mut self.boots) * (most - least);
        self.push(State::Starting(self.now + takes), None);
    }

    fn push(&mut self, state: State, ready: Option<f64>) {
        self.instances.push(Instance { id: self.next_id, started: self.now, ready, state, is_draining: false });
        self.next_id += 1;
        self.outcome.starts += 1;
    }

    fn end(&mut self, id: u64) {
        let Some(index) = self.instances.iter().position(|one| one.id == id) else { return };
        let gone = self.instances.remove(index);
        self.outcome.instance_seconds += paid(&gone, self.now);
    }
}

fn paid(instance: &Instance, now: f64) -> f64 {
    (now - instance.started - PAID_FROM).max(LEAST_PAID)
}

/// One play of a load under a rule.
pub(crate) fn run(load: Load, pool: Pool, service: f64, scaler: &mut dyn Scaler, seed: u64) -> Outcome {
    run_with_boots(load, pool, service, scaler, (seed, seed))
}

/// The same; `boots` is the seed of how long boots take, and `seed` that of all that is the load's.
pub(crate) fn run_with_boots(
    load: Load,
    pool: Pool,
    service: f64,
    scaler: &mut dyn Scaler,
    (seed, boots): (u64, u64),
) -> Outcome {
    let arrivals = load.arrivals(seed);
    let mut draws = stream(seed, 2);
    let demands: Vec<f64> = arrivals.iter().map(|_| lognormal(&mut draws, service, 0.5)).collect();
    let end = arrivals.last().copied().unwrap_or(0.0) + REST;
    let mut tier = Tier {
        now: 0.0,
        instances: Vec::new(),
        next_id: 0,
        waiting: VecDeque::new(),
        hidden: Vec::new(),
        boots: stream(boots, 3),
        pool,
        outcome: Outcome { work: demands.iter().map(|demand| demand + OVERHEAD).sum(), ..Outcome::default() },
        boot_times: VecDeque::new(),
    };
    for _ in 0..scaler.at_first() {
        tier.push(State::Idle, Some(0.0));
    }
    let mut faults = stream(seed, 4);
    let mut answered = vec![false; arrivals.len()];
    let mut is_done = vec![false; arrivals.len()];
    let (mut next, mut done, mut oldest) = (0, 0, 0);
    let mut tick_at = 0.0;
    // Counts that are shown: taken every LAG seconds.
    let (mut shown, mut shown_at) = ((0, 0), f64::NEG_INFINITY);
    let mut stretches: VecDeque<u64> = VecDeque::from([0; 6]);
    let (mut stretch, mut stretch_end) = (0, 10.0);
    // A warm-up came before.
    let mut services: VecDeque<f64> = VecDeque::from([service + OVERHEAD]);
    while tier.now < end && !(done == arrivals.len() && tier.instances.is_empty()) {
        let now = tier.now;
        while next < arrivals.len() && arrivals[next] <= now {
            tier.waiting.push_back(next);
            (next, stretch) = (next + 1, stretch + 1);
        }
        while stretch_end <= now {
            stretches.pop_front();
            stretches.push_back(stretch);
            (stretch, stretch_end) = (0, stretch_end + 10.0);
        }
        let back: Vec<usize> = tier.hidden.iter().filter(|(at, _)| *at <= now).map(|(_, one)| *one).collect();
        tier.hidden.retain(|(at, _)| *at > now);
        tier.waiting.extend(back.into_iter().filter(|one| !is_done[*one]));
        let mut leaving = Vec::new();
        for instance in &mut tier.instances {
            match instance.state {
                State::Starting(ready) if ready <= now => {
                    instance.state = State::Idle;
                    instance.ready = Some(now);
                    tier.boot_times.push_back(now - instance.started);
                    if tier.boot_times.len() > 20 {
                        tier.boot_times.pop_front();
                    }
                }
                State::Busy(request, until) if until <= now => {
                    instance.state = State::Idle;
                    if !answered[request] {
                        answered[request] = true;
                        tier.outcome.latencies.push(until - arrivals[request]);
                    }
                    if !is_done[request] {
                        (is_done[request], done) = (true, done + 1);
                    }
                    services.push_back(demands[request] + OVERHEAD);
                    if services.len() > 50 {
                        services.pop_front();
                    }
                }
                _ => {}
            }
            if instance.is_draining && instance.state == State::Idle {
                leaving.push(instance.id);
            }
        }
        leaving.into_iter().for_each(|id| tier.end(id));
        for instance in tier.instances.iter_mut().filter(|one| one.state == State::Idle && !one.is_draining) {
            let Some(request) = tier.waiting.pop_front() else { break };
            instance.state = State::Busy(request, now + demands[request] + OVERHEAD);
        }
        if now - shown_at >= LAG {
            let busy = tier.instances.iter().filter(|one| matches!(one.state, State::Busy(..))).count();
            (shown, shown_at) = ((tier.waiting.len(), busy + tier.hidden.len()), now);
        }
        if now >= tick_at {
            tick_at = now + scaler.period();
            while oldest < next && is_done[oldest] {
                oldest += 1;
            }
            let unanswered = next - done;
            let view = View {
                now,
                visible: shown.0 as u64,
                in_flight: shown.1 as u64,
                unanswered: unanswered as u64,
                oldest: if oldest < next { now - arrivals[oldest] } else { 0.0 },
                arrivals: stretches.make_contiguous(),
                services: &services,
                boots: &tier.boot_times,
                instances: &tier.instances,
            };
            let deed = scaler.tick(&view);
            for id in deed.end {
                let state = tier.instances.iter().find(|one| one.id == id).map(|one| one.state);
                if let Some(State::Busy(request, until)) = state {
                    tier.outcome.killed += 1;
                    // The seed deletes the message before the answer is out: in the last moment of the work it is lost.
                    if !scaler.drains() && until - now < OVERHEAD && unit(&mut faults) < 0.5 && !is_done[request] {
                        (is_done[request], done) = (true, done + 1);
                        tier.outcome.lost += 1;
                    } else {
                        let after = if scaler.drains() { BEATING } else { VISIBILITY };
                        tier.hidden.push((now + after, request));
                    }
                }
                tier.end(id);
            }
            for id in deed.drain {
                if let Some(one) = tier.instances.iter_mut().find(|one| one.id == id) {
                    one.is_draining = true;
                }
            }
            for _ in 0..deed.start {
                tier.start();
            }
            tier.outcome.most = tier.outcome.most.max(tier.instances.len());
        }
        tier.now += STEP;
    }
    let rest: Vec<u64> = tier.instances.iter().map(|one| one.id).collect();
    rest.into_iter().for_each(|id| tier.end(id));
    tier.outcome.lost += (arrivals.len() - done) as u64;
    tier.outcome
}
