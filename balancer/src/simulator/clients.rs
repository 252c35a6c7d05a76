//! Clients: the moment at which the next request comes, and how much work it is.

use super::scenario::{Arrivals, Scenario};
use super::streams::{Name, Stream, exponential, stream};

/// The clients of one run.
#[derive(Debug)]
pub(super) struct Clients {
    arrivals: Stream,
    demands: Stream,
    left: u64,
    /// Requests left of the burst that is coming in.
    burst: u32,
    /// True while the rate is high, and until when.
    phase: (bool, f64),
    /// Unrounded time of the last arrival of an open loop.
    clock: f64,
}

impl Clients {
    pub(super) fn new(scenario: &Scenario, seed: u64) -> Self {
        Self {
            arrivals: stream(seed, Name::Arrivals),
            demands: stream(seed, Name::Demands),
            left: scenario.requests,
            burst: 0,
            phase: (false, 0.0),
            clock: 0.0,
        }
    }

    /// The next arrival of an open loop.
    pub(super) fn next(&mut self, arrivals: &Arrivals) -> Option<u64> {
        if matches!(arrivals, Arrivals::Closed { .. }) {
            return None;
        }
        self.left = self.left.checked_sub(1)?;
        let mut gap = |per_second: f64| exponential(&mut self.arrivals) * 1e9 / per_second;
        match arrivals {
            Arrivals::Poisson { per_second } => self.clock += gap(*per_second),
            Arrivals::Bursts { per_second, size } => {
                if self.burst == 0 {
                    self.clock += gap(per_second / f64::from(*size));
                    self.burst = *size;
                }
                self.burst -= 1;
            }
            Arrivals::OnOff { high_per_second, low_per_second, mean } => loop {
                let (is_high, end) = self.phase;
                let next = self.clock + gap(if is_high { *high_per_second } else { *low_per_second });
                if next <= end {
                    self.clock = next;
                    break;
                }
                // Gaps are memoryless: the one that reaches beyond the change is drawn again from there.
                self.clock = end;
                self.phase = (!is_high, end + gap(1e9 / mean.0 as f64));
            },
            Arrivals::Closed { .. } => return None,
        }
        Some(self.clock.round() as u64)
    }

    /// The moment at which a user of a closed loop sends again, if it does.
    pub(super) fn again(&mut self, now: u64, think: u64) -> Option<u64> {
        self.left = self.left.checked_sub(1)?;
        Some(now + (exponential(&mut self.arrivals) * think as f64).round() as u64)
    }

    /// Nanoseconds of work of the request that comes in now.
    pub(super) fn work(&mut self, scenario: &Scenario) -> f64 {
        scenario.demand.draw(&mut self.demands) * scenario.service.0 as f64
    }
}
