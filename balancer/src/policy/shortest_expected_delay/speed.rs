//! The speed of a member: the time that it takes for one request, from its own answers.
//!
//! Members are compared by the mean of the square roots of their latencies. When all serve the same mix of requests and
//! differ in speed only, that tells the speeds apart as well as the plain mean does for exponential demands (variance
//! 1.09/n against 1/n), and far better when some requests are a hundred times the others (2.7/n against 24/n).

use super::usual::Usual;

/// Answers in an epoch: at first few, then twice as many each, up to the last figure. Two epochs are remembered, so the
/// estimate rests on the last 256 to 512 answers.
const FIRST_EPOCH: u32 = 8;
const LAST_EPOCH: u32 = 256;
/// Answers below which a mean is not a mean.
const LEAST: f64 = 6.0;
/// Occupancies told apart; above, all are one.
pub(super) const OCCUPANCIES: usize = 64;
/// Latencies above this many times what was expected count as this many: one stall is not a slow member.
const CLIP: f64 = 10.0;
/// The same for the spread of single answers, which rare long ones make: they count, a hang does not.
const SPREAD_CLIP: f64 = 100.0;
/// Share of its weight that a level loses each time it is taken anew and no answer confirms it.
const STALE: f64 = 0.125;

/// Evidence about one member's service time.
#[derive(Clone, Debug)]
pub(super) struct Service {
    epochs: [Epoch; 2],
    /// Length of the current epoch.
    length: u32,
    /// Logarithm of the squared mean root, in nanoseconds: the member's place among the others.
    pub(super) level: f64,
    /// Answers it rests on.
    pub(super) count: f64,
}

#[derive(Clone, Debug)]
struct Epoch {
    answers: u32,
    /// Count and sum of roots by occupancy at dispatch, the request itself included.
    by_occupancy: Vec<(u32, f64)>,
    unqueued: Unqueued,
}

/// Sums over answers that did not wait.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Unqueued {
    pub(super) count: f64,
    pub(super) roots: f64,
    pub(super) latencies: f64,
    pub(super) squares: f64,
}

impl Unqueued {
    fn and(self, other: Self) -> Self {
        Self {
            count: self.count + other.count,
            roots: self.roots + other.roots,
            latencies: self.latencies + other.latencies,
            squares: self.squares + other.squares,
        }
    }

    /// Squared mean root.
    pub(super) fn scale(&self) -> f64 {
        if self.count > 0.0 { (self.roots / self.count).powi(2) } else { 0.0 }
    }
}

impl Default for Epoch {
    fn default() -> Self {
        Self { answers: 0, by_occupancy: vec![(0, 0.0); OCCUPANCIES], unqueued: Unqueued::default() }
    }
}

impl Default for Service {
    fn default() -> Self {
        Self { epochs: [Epoch::default(), Epoch::default()], length: FIRST_EPOCH, level: 0.0, count: 0.0 }
    }
}

impl Service {
    /// A good answer to a request that was the `occupancy`-th in flight at a member of this parallelism, and what was
    /// expected without waiting (zero: nothing).
    ///
    /// Gives the variance of one answer each time an epoch ends, judged by how far its mean is from that of the epoch
    /// before: what chance does within an epoch, how answers hang together, and how the member drifts, in one figure.
    pub(super) fn observe(&mut self, latency: f64, occupancy: u32, parallelism: f64, expected: f64) -> Option<f64> {
        let expected = if expected > 0.0 { expected * (f64::from(occupancy) / parallelism).max(1.0) } else { latency };
        let noise = (self.epochs[0].answers >= self.length).then(|| self.turn()).flatten();
        let root = latency.min(CLIP * expected).sqrt();
        let epoch = &mut self.epochs[0];
        epoch.answers += 1;
        let (count, roots) = &mut epoch.by_occupancy[(occupancy as usize).clamp(1, OCCUPANCIES) - 1];
        (*count, *roots) = (*count + 1, *roots + root);
        if f64::from(occupancy) <= parallelism {
            let raw = latency.min(SPREAD_CLIP * expected);
            let one = Unqueued { count: 1.0, roots: root, latencies: raw, squares: raw * raw };
            epoch.unqueued = epoch.unqueued.and(one);
        }
        noise
    }

    /// Begins a new epoch.
    fn turn(&mut self) -> Option<f64> {
        let [new, old] = [0, 1].map(|epoch| self.epochs[epoch].unqueued);
        self.length = (self.length * 2).min(LAST_EPOCH);
        self.epochs.swap(0, 1);
        let epoch = &mut self.epochs[0];
        (epoch.answers, epoch.unqueued) = (0, Unqueued::default());
        epoch.by_occupancy.fill((0, 0.0));
        let ratio = new.scale() / old.scale();
        let is_known = new.count.min(old.count) >= LEAST && ratio > 0.0;
        is_known.then(|| ratio.ln().powi(2) * new.count * old.count / (new.count + old.count))
    }

    /// Sums over the answers of both epochs that did not wait.
    pub(super) fn unqueued(&self) -> Unqueued {
        self.epochs[0].unqueued.and(self.epochs[1].unqueued)
    }

    /// Count and sum of roots of the answers of both epochs at this occupancy, the first being 0.
    pub(super) fn at(&self, occupancy: usize) -> (f64, f64) {
        let [(count, roots), (old_count, old_roots)] = [0, 1].map(|epoch| self.epochs[epoch].by_occupancy[occupancy]);
        (f64::from(count + old_count), roots + old_roots)
    }

    /// Takes the level anew. Only answers that did not wait count; when there are none the old one stays, and fades.
    pub(super) fn refresh(&mut self, usual: &Usual) {
        let (count, level) = usual.level_of(self);
        if count >= LEAST || (count > 0.0 && count >= self.count) {
            (self.count, self.level) = (count, level);
        } else {
            // Always busy: a member that is wrongly believed fast would never be measured again.
            self.count = (self.count * (1.0 - STALE) - STALE).max(0.0);
        }
    }
}
