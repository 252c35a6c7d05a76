//! How far a run is, for people who wait.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Written by the run, read by whoever asks.
#[derive(Debug)]
pub struct Progress(Mutex<State>);

#[derive(Debug)]
struct State {
    rounds: u32,
    done: u32,
    voided: u32,
    activity: Activity,
}

#[derive(Debug)]
enum Activity {
    Preparing,
    Waiting(String),
    /// `round` 0: the warm-up.
    Load {
        cluster: String,
        since: Instant,
        first: u64,
        end: u64,
        next: Arc<AtomicU64>,
    },
    Pause {
        cluster: String,
        seconds: u32,
    },
    WarmUp {
        cluster: String,
    },
}

impl Progress {
    pub fn new(rounds: u32) -> Self {
        Self(Mutex::new(State { rounds, done: 0, voided: 0, activity: Activity::Preparing }))
    }

    /// Rounds that count, and rounds that were voided.
    pub fn rounds(&self) -> (u32, u32) {
        let state = self.state();
        (state.done, state.voided)
    }

    /// One line: `round 7 of 20, cluster2: 812 requests/s`.
    pub fn message(&self) -> String {
        let state = self.state();
        let round = format!("round {} of {}", (state.done + 1).min(state.rounds), state.rounds);
        match &state.activity {
            Activity::Preparing => "preparing".to_owned(),
            Activity::WarmUp { cluster } => format!("warm-up, {cluster}"),
            Activity::Waiting(reason) => format!("{round}, waiting: {reason}"),
            Activity::Pause { cluster, seconds } => format!("{round}, {cluster}: pause of {seconds} s"),
            Activity::Load { cluster, since, first, end, next } => {
                // Requests begun, not ended: the difference is at most the concurrency, and needs no second counter.
                let begun = next.load(Ordering::Relaxed).min(*end).saturating_sub(*first);
                let seconds = since.elapsed().as_secs_f64().max(0.001);
                format!("{round}, {cluster}: {:.0} requests/s", begun as f64 / seconds)
            }
        }
    }

    pub(crate) fn warming_up(&self, cluster: &str) {
        self.state().activity = Activity::WarmUp { cluster: cluster.to_owned() };
    }

    pub(crate) fn waiting(&self, reason: &str) {
        self.state().activity = Activity::Waiting(reason.to_owned());
    }

    pub(crate) fn pausing(&self, cluster: &str, seconds: u32) {
        self.state().activity = Activity::Pause { cluster: cluster.to_owned(), seconds };
    }

    pub(crate) fn loading(&self, cluster: &str, next: &Arc<AtomicU64>, end: u64) {
        let (since, first) = (Instant::now(), next.load(Ordering::Relaxed));
        let cluster = cluster.to_owned();
        self.state().activity = Activity::Load { cluster, since, first, end, next: next.clone() };
    }

    pub(crate) fn counted(&self) {
        self.state().done += 1;
    }

    pub(crate) fn voided(&self) {
        self.state().voided += 1;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic happens under the lock.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_is_going_on() {
        let progress = Progress::new(20);
        assert_eq!(progress.message(), "preparing");
        progress.warming_up("cluster1");
        assert_eq!(progress.message(), "warm-up, cluster1");
        progress.counted();
        progress.voided();
        progress.pausing("cluster2", 60);
        assert_eq!(progress.message(), "round 2 of 20, cluster2: pause of 60 s");
        progress.waiting("i-1 of cluster1 is unhealthy");
        assert_eq!(progress.message(), "round 2 of 20, waiting: i-1 of cluster1 is unhealthy");
        progress.loading("cluster2", &Arc::new(AtomicU64::new(0)), 1000);
        assert_eq!(progress.message(), "round 2 of 20, cluster2: 0 requests/s");
        assert_eq!(progress.rounds(), (1, 1));
    }
}
