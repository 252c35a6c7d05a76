//! Chance, in a stream of its own for each purpose: a knob that is turned off changes nothing of what the others draw.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

pub(crate) struct Chance {
    /// New ids.
    pub(crate) ids: ChaCha8Rng,
    /// Boots, stops, lingering.
    pub(crate) times: ChaCha8Rng,
    /// Lags.
    pub(crate) lags: ChaCha8Rng,
    /// Faults of calls.
    pub(crate) faults: ChaCha8Rng,
    /// Order of lists, repeated pages.
    pub(crate) order: ChaCha8Rng,
    /// Reads that go back.
    pub(crate) relapses: ChaCha8Rng,
    /// What launches meet: no capacity, death at boot.
    pub(crate) launches: ChaCha8Rng,
    /// Deeds of people.
    pub(crate) hands: ChaCha8Rng,
    /// The endpoint's network.
    pub(crate) network: ChaCha8Rng,
    /// Why the stillborn die.
    pub(crate) stillbirths: ChaCha8Rng,
    /// New ids of volumes.
    pub(crate) volume_ids: ChaCha8Rng,
}

impl Chance {
    pub(crate) fn new(seed: u64) -> Self {
        let stream = |number| {
            let mut stream = ChaCha8Rng::seed_from_u64(seed);
            stream.set_stream(number);
            stream
        };
        Self {
            ids: stream(0),
            times: stream(1),
            lags: stream(2),
            faults: stream(3),
            order: stream(4),
            relapses: stream(5),
            launches: stream(6),
            hands: stream(7),
            network: stream(8),
            stillbirths: stream(9),
            volume_ids: stream(10),
        }
    }

    /// Starts again from a seed. Ids go on, because none may come twice.
    pub(crate) fn reseed(&mut self, seed: u64) {
        let Self { ids, volume_ids, .. } = std::mem::replace(self, Self::new(seed));
        (self.ids, self.volume_ids) = (ids, volume_ids);
    }
}
