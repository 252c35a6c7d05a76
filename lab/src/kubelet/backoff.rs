//! The rest of a container that ended, before it is started again.
//!
//! As client-go's `flowcontrol.Backoff` as the kubelet uses it (`kuberuntime_manager.go`, `doBackOff`): the first restart is at once,
//! each next one waits twice as long, up to a limit, counted from the end of the container; and who was well for twice the limit
//! begins anew. The limit is a setting of each kubelet, between 1 s and 300 s (`crashLoopBackOff.maxContainerRestartPeriod`,
//! KEP-4603, on by default since 1.35; `validation.go`), and the first wait is no longer than it. The lab's is the shortest
//! that there is: an operator that is killed every few seconds is back at once, and one that really crashes rests a second.

use std::time::Duration;

use tokio::time::Instant;

/// The least that a kubelet can be told.
pub(super) const LIMIT: Duration = Duration::from_secs(1);
/// The first wait of a kubelet that is told nothing (`kubelet.go`, `initialCrashLoopBackOff`).
const FIRST: Duration = Duration::from_secs(10);

/// One container's past.
#[derive(Debug)]
pub(super) struct Backoff {
    limit: Duration,
    /// How long the next restart waits, and since when that is so.
    now: Option<(Duration, Instant)>,
}

impl Backoff {
    pub(super) fn new(limit: Duration) -> Self {
        Self { limit, now: None }
    }

    /// How long a container that ended at `ended` rests from then on.
    pub(super) fn rest(&self, ended: Instant) -> Duration {
        self.current(ended).unwrap_or_default()
    }

    /// It is started again after it ended at `ended`.
    pub(super) fn restarted(&mut self, ended: Instant, now: Instant) {
        let next = self.current(ended).map_or(FIRST, |wait| wait * 2);
        self.now = Some((next.min(self.limit), now));
    }

    fn current(&self, ended: Instant) -> Option<Duration> {
        let (wait, since) = self.now?;
        (ended.saturating_duration_since(since) <= self.limit * 2).then_some(wait)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits of a container that runs for these seconds each time.
    fn waits(limit: u64, lives: &[u64]) -> Vec<u64> {
        let mut backoff = Backoff::new(Duration::from_secs(limit));
        let mut now = Instant::now();
        let mut waits = Vec::new();
        for life in lives {
            let ended = now + Duration::from_secs(*life);
            let rest = backoff.rest(ended);
            now = ended + rest;
            backoff.restarted(ended, now);
            waits.push(rest.as_secs());
        }
        waits
    }

    #[test]
    fn the_first_restart_is_at_once_and_the_others_wait_longer_and_longer() {
        assert_eq!(waits(300, &[0; 8]), [0, 10, 20, 40, 80, 160, 300, 300]);
        assert_eq!(waits(1, &[0; 4]), [0, 1, 1, 1]);
    }

    #[test]
    fn who_was_well_for_twice_the_limit_begins_anew() {
        assert_eq!(waits(300, &[0, 0, 0, 601, 0]), [0, 10, 20, 0, 10]);
        assert_eq!(waits(300, &[0, 0, 0, 600]), [0, 10, 20, 40]);
        assert_eq!(waits(1, &[10; 4]), [0; 4], "an operator that is killed every ten seconds");
    }
}
