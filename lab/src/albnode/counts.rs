//! Counts of what passed, by the second in which it did.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::event::{GroupSample, Sample};

/// Seconds that were not reported yet. Each event counts in its own second, however late the report is: minutes of
/// CloudWatch are exact then.
#[derive(Debug, Default)]
pub(super) struct Counts(Mutex<BTreeMap<i64, Sample>>);

impl Counts {
    /// The node answered itself, with an error.
    pub(super) fn own(&self, status: u16) {
        self.now(|sample| *sample.own.entry(status).or_default() += 1);
    }

    /// The node answered as an action says.
    pub(super) fn fixed(&self) {
        self.now(|sample| sample.fixed += 1);
    }

    /// A target was chosen for a request. Only these are RequestCount (user guide, "CloudWatch metrics").
    pub(super) fn request(&self, group: &str) {
        self.of(group, |sample| sample.requests += 1);
    }

    /// A target answered.
    pub(super) fn response(&self, group: &str, status: u16, took: Duration) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        self.of(group, |sample| sample.answers.entry(status).or_default().push(micros));
    }

    pub(super) fn connection_error(&self, group: &str) {
        self.of(group, |sample| sample.connection_errors += 1);
    }

    pub(super) fn connection(&self) {
        self.now(|sample| sample.new_connections += 1);
    }

    pub(super) fn rejected_connection(&self) {
        self.now(|sample| sample.rejected_connections += 1);
    }

    /// Takes out all seconds that are over; with `also_now` the one that is not, too.
    pub(super) fn take(&self, also_now: bool) -> Vec<Sample> {
        let mut seconds = self.lock();
        let rest = if also_now { BTreeMap::new() } else { seconds.split_off(&second()) };
        std::mem::replace(&mut *seconds, rest).into_values().collect()
    }

    fn of(&self, group: &str, count: impl FnOnce(&mut GroupSample)) {
        self.now(|sample| match sample.groups.get_mut(group) {
            Some(known) => count(known),
            None => count(sample.groups.entry(group.to_owned()).or_default()),
        });
    }

    fn now(&self, count: impl FnOnce(&mut Sample)) {
        let second = second();
        count(self.lock().entry(second).or_insert_with(|| Sample { second, ..Sample::default() }));
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<i64, Sample>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The second that it is now, since 1970.
pub(super) fn second() -> i64 {
    i64::try_from(since_1970().as_secs()).unwrap_or(i64::MAX)
}

/// Time until the next second begins.
pub(super) fn until_next_second() -> Duration {
    Duration::from_secs(1) - Duration::from_nanos(u64::from(since_1970().subsec_nanos()))
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}
