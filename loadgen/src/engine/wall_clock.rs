//! Wall clock of a run: read once, and counted on by the monotonic clock from there. No step of the wall clock tears a
//! minute apart; that there was one is told by a gate.

use jiff::Timestamp;

use super::poller::now_nanos;

pub(crate) const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Seconds since 1970, by the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WallClock {
    /// From the zero of the monotonic clock to 1970, backwards.
    ahead_nanos: u64,
}

impl WallClock {
    pub(crate) fn now() -> Self {
        Self::at(now_nanos(), Timestamp::now())
    }

    /// A clock that shows `time` at this moment of the monotonic clock.
    pub(crate) fn at(monotonic_nanos: u64, time: Timestamp) -> Self {
        let ahead = time.as_nanosecond() - i128::from(monotonic_nanos);
        Self { ahead_nanos: u64::try_from(ahead).unwrap_or(0) }
    }

    /// Nanoseconds since 1970.
    pub(crate) fn nanos(self, monotonic_nanos: u64) -> u64 {
        monotonic_nanos.saturating_add(self.ahead_nanos)
    }

    /// The UTC second that it is, since 1970.
    pub(crate) fn second(self, monotonic_nanos: u64) -> u64 {
        self.nanos(monotonic_nanos) / NANOS_PER_SECOND
    }

    /// When this second ends, on the monotonic clock.
    pub(crate) fn end_of_second(self, monotonic_nanos: u64) -> u64 {
        monotonic_nanos + NANOS_PER_SECOND - self.nanos(monotonic_nanos) % NANOS_PER_SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_those_of_utc() {
        // Monotonic 5.25 s is 09:59:59.5.
        let clock = WallClock::at(5_250_000_000, "2026-11-29T09:59:59.5Z".parse().unwrap());
        let second = |monotonic| Timestamp::from_second(clock.second(monotonic) as i64).unwrap().to_string();
        assert_eq!(second(5_250_000_000), "2026-11-29T09:59:59Z");
        assert_eq!(clock.end_of_second(5_250_000_000), 5_750_000_000);
        assert_eq!(second(5_749_999_999), "2026-11-29T09:59:59Z");
        assert_eq!(second(5_750_000_000), "2026-11-29T10:00:00Z");
        assert_eq!(clock.end_of_second(5_750_000_000), 6_750_000_000);
    }
}
