//! The fleet: the speed that members have in common, and how far each may be believed to differ from it.

use super::member::Member;
use super::usual::Usual;
use crate::policy::Nanos;

/// Answers a member needs before its mean says something about the spread of members.
const LEAST_ANSWERS: f64 = 8.0;
/// Members differ when their spread exceeds what chance explains by this many standard errors of a variance.
const SIGNIFICANCE: f64 = 5.0;
/// Answers the spread of single answers is taken from at least.
const LEAST_FOR_SPREAD: f64 = 128.0;
/// Time in which knowledge of a member that gets no requests fades.
const FADING: f64 = 10e9;
/// Spread of single answers (squared coefficient of variation) above which members that share cores among requests are
/// better left to it, and below which holding is on again.
const WIDE: f64 = 2.5;
const NARROW: f64 = 1.7;
/// Above this share of failures the cause is not one member.
const PANIC: f64 = 0.15;
/// Weight of one epoch in the noise.
const NOISE_WEIGHT: f64 = 1.0 / 64.0;
/// Weight of one gap between arrivals.
const GAP_WEIGHT: f64 = 1.0 / 64.0;
/// Queue, in multiples of the slots known, at which limits are wrong or hopeless.
const OVERFLOW: f64 = 100.0;
/// Figures of all members.
#[derive(Clone, Debug, Default)]
pub(super) struct Fleet {
    /// Typical service time in nanoseconds; zero before the first answer.
    pub(super) service: f64,
    pub(super) cv2: f64,
    /// Mean latency over squared mean root.
    shape: f64,
    /// Demands vary so widely that sharing cores is better than a queue.
    pub(super) is_wide: bool,
    /// Moving variance of one answer as epochs show it, and how many have.
    noise: (f64, u32),
    failed: f64,
    tried: f64,
    gap: f64,
    arrived: Nanos,
    usual: Vec<Usual>,
}

impl Fleet {
    pub(super) fn arrived(&mut self, now: Nanos) {
        if self.arrived > Nanos(0) {
            self.gap += GAP_WEIGHT * (now.since(self.arrived).0 as f64 - self.gap);
        }
        self.arrived = now;
    }

    /// An epoch of some member ended and showed this variance of one answer.
    pub(super) fn observe_noise(&mut self, variance: f64) {
        let (noise, seen) = &mut self.noise;
        *seen += 1;
        *noise += NOISE_WEIGHT.max(1.0 / f64::from(*seen)) * (variance - *noise);
    }

    /// Relative variance of the mean of so many answers is this over their number. Exponential before it is known.
    fn noise(&self) -> f64 {
        let (noise, seen) = self.noise;
        if seen < 4 { 1.0f64.max(noise) } else { noise }
    }

    /// Requests per nanosecond.
    pub(super) fn arrivals(&self) -> f64 {
        if self.gap > 0.0 { 1.0 / self.gap } else { 0.0 }
    }

    /// Failure ratio of the members other than this one.
    pub(super) fn others(&self, member: &Member) -> f64 {
        let (failed, tried) = (self.failed - member.failures.failed, self.tried - member.failures.tried);
        if tried > 0.0 { (failed / tried).clamp(0.0, 1.0) } else { 0.0 }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.tried >= 8.0 && self.failed > PANIC * self.tried
    }

    /// A member's figures changed by this much.
    pub(super) fn add_failures(&mut self, failed: f64, tried: f64) {
        (self.failed, self.tried) = (self.failed + failed, self.tried + tried);
    }

    pub(super) fn count_failures<'a>(&mut self, members: impl Iterator<Item = &'a Member>) {
        (self.failed, self.tried) =
            members.fold((0.0, 0.0), |(failed, tried), one| (failed + one.failures.failed, tried + one.failures.tried));
    }

    /// True when limits are to be ignored, given the length of the queue and the slots known.
    pub(super) fn is_over(parked: usize, slots: f64) -> bool {
        parked as f64 > OVERFLOW * slots
    }

    /// Takes every member's service time anew: between its own mean and the fleet's, as far as the spread of members
    /// is more than chance (James and Stein's shrinkage, on logarithms).
    pub(super) fn refresh<'a>(&mut self, now: Nanos, shrinks: bool, members: impl Iterator<Item = &'a mut Member>) {
        let mut members: Vec<&mut Member> = members.collect();
        let (mut count, mut latencies, mut scales, mut squares) = (0.0, 0.0, 0.0, 0.0);
        let (mut known, mut sum, mut sum_squares, mut error) = (0.0, 0.0, 0.0, 0.0);
        self.usual.iter_mut().for_each(Usual::clear);
        for member in &members {
            if self.usual.len() <= member.kind {
                self.usual.resize_with(member.kind + 1, Usual::default);
            }
            self.usual[member.kind].add(&member.service, member.parallelism);
        }
        self.usual.iter_mut().for_each(Usual::settle);
        for member in &mut members {
            member.service.refresh(&self.usual[member.kind]);
            let all = member.service.unqueued();
            count += all.count;
            latencies += all.latencies;
            scales += all.count * all.scale();
            squares += if all.count > 0.0 { all.squares * (all.count / all.latencies).powi(2) } else { 0.0 };
            if member.service.count >= LEAST_ANSWERS {
                let level = member.service.level;
                (known, sum, sum_squares) = (known + 1.0, sum + level, sum_squares + level * level);
                error += self.noise() / member.service.count;
            }
        }
        // Of all members together: rare long requests show at some of them only.
        if count >= LEAST_FOR_SPREAD {
            self.cv2 = (squares / count - 1.0).max(0.0);
        }
        self.is_wide = self.cv2 > if self.is_wide { NARROW } else { WIDE };
        // Mean latency of members at the mean level.
        if count > 0.0 {
            self.shape = latencies / scales;
        }
        // When no member is known well enough: what there is.
        let level = if known > 0.0 { sum / known } else { (scales / count.max(1.0)).max(1.0).ln() };
        if known > 0.0 || count > 0.0 {
            self.service = self.shape * level.exp();
        }
        let spread = if known > 1.0 { (sum_squares - sum * sum / known) / (known - 1.0) } else { 0.0 };
        let error = error / known.max(1.0);
        let chance = (1.0 + SIGNIFICANCE * (2.0 / (known - 1.0f64).max(1.0)).sqrt()) * error;
        let between = if spread > chance { (spread - error).max(0.0) } else { 0.0 };
        for member in members {
            let service = &member.service;
            if service.count <= 0.0 {
                member.expected = self.service;
                continue;
            }
            let own = self.noise() / service.count;
            let belief = if shrinks { between / (between + own).max(1e-12) } else { 1.0 };
            let fresh = (-(now.since(member.answered).0 as f64) / FADING).exp();
            member.expected = self.service * ((service.level - level) * belief * fresh).exp();
        }
    }
}
