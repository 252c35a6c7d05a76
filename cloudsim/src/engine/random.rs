//! Random numbers, in a stream of its own for each purpose: a knob that is turned off changes nothing of what the others
//! draw.

use rand::SeedableRng;
pub(crate) use rand_chacha::ChaCha8Rng as Stream;

/// The stream of this number. A number is given to one purpose, whichever service has it, and never to another one
/// later: what a seed means hangs on it. Those of the engine are in [`Streams::new`], those of a service in its folder.
pub(crate) fn stream(seed: u64, number: u64) -> Stream {
    let mut stream = Stream::seed_from_u64(seed);
    stream.set_stream(number);
    stream
}

/// Streams that no service owns.
#[derive(Debug)]
pub(crate) struct Streams {
    pub(crate) ids: Stream,
    pub(crate) lags: Stream,
    /// Faults of calls.
    pub(crate) faults: Stream,
    /// Order of lists, repeated pages.
    pub(crate) order: Stream,
    pub(crate) stale_reads: Stream,
    /// The network between callers and the endpoint.
    pub(crate) network: Stream,
}

impl Streams {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            ids: stream(seed, 0),
            lags: stream(seed, 2),
            faults: stream(seed, 3),
            order: stream(seed, 4),
            stale_reads: stream(seed, 5),
            network: stream(seed, 8),
        }
    }

    /// Starts again from a seed. Ids go on, because none may come twice.
    pub(crate) fn reseed(&mut self, seed: u64) {
        let Self { ids, .. } = std::mem::replace(self, Self::new(seed));
        self.ids = ids;
    }
}
