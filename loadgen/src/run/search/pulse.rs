//! Pulse of this process while users wait for answers: a closed loop plans no sends, so that nothing else shows that it was
//! stopped, or had no processor.

use std::convert::Infallible;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often it beats.
const BEAT: Duration = Duration::from_millis(10);
/// What waking up may take on a machine that is busy.
const USUAL: Duration = Duration::from_millis(5);

#[derive(Debug, Default)]
pub(super) struct Pulse {
    all: Duration,
    lost: Duration,
}

impl Pulse {
    /// Beats for ever.
    ///
    /// # Cancellation
    /// Dropping the future ends it; what was felt is kept.
    pub(super) async fn beat(&mut self) -> Infallible {
        loop {
            let began = Instant::now();
            sleep(BEAT).await;
            self.felt(began.elapsed());
        }
    }

    fn felt(&mut self, beat: Duration) {
        self.all += beat;
        self.lost += beat.saturating_sub(BEAT + USUAL);
    }

    /// Whether more of the time was lost: times of answers are then those of the generator.
    pub(super) fn is_weak(&self, most_lost_per_mille: u32) -> bool {
        self.lost.as_nanos() * 1000 > self.all.as_nanos() * u128::from(most_lost_per_mille)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_stopped_nine_tenths_of_the_time_has_a_weak_pulse() {
        let mut pulse = Pulse::default();
        assert!(!pulse.is_weak(100));
        (0..100).for_each(|_| pulse.felt(Duration::from_millis(14)));
        assert!(!pulse.is_weak(100), "a busy machine");
        (0..10).for_each(|_| pulse.felt(Duration::from_millis(100)));
        assert!(pulse.is_weak(100));
    }
}
