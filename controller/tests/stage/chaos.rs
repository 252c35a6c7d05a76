//! Deaths and freezes of a process at its effects: it dies before one, after it, or while it is in flight; or it stands
//! still before one that it has decided on, and goes on minutes later.

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::stage::schedule::{Mishap, Schedule, Site};

/// What happens at an effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Moment {
    /// The process dies, nothing was sent.
    Before,
    /// It happened; the process dies before anybody learns of it.
    After,
    /// The process dies; the call is on its way and takes effect so many seconds later.
    During(u64),
    /// The process stands still until it is woken up.
    Freeze,
}

/// Calls on their way to where they take effect without their sender, by time.
#[derive(Clone, Default)]
pub(crate) struct InFlight(Arc<Mutex<Vec<(Timestamp, Late)>>>);

/// What a call does when it takes effect.
type Late = Box<dyn FnOnce() + Send>;

impl InFlight {
    pub(crate) fn send(&self, now: Timestamp, seconds: u64, effect: impl FnOnce() + Send + 'static) {
        let at = now + SignedDuration::from_secs(i64::try_from(seconds).unwrap());
        self.0.lock().unwrap().push((at, Box::new(effect)));
    }

    /// Those that are due arrive.
    pub(crate) fn arrive(&self, now: Timestamp) {
        let due: Vec<_> = self.0.lock().unwrap().extract_if(.., |(at, _)| *at <= now).collect();
        due.into_iter().for_each(|(_, effect)| effect());
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.lock().unwrap().is_empty()
    }
}

/// How a call gets on its way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Departure {
    Departed,
    /// The call itself is late from now on, and is still to be made.
    WithTheCall,
}

/// The fate of one process. Clones are the same process.
#[derive(Clone, Default)]
pub(crate) struct Chaos(Arc<Fate>);

#[derive(Default)]
struct Fate {
    strike: Mutex<Option<(u32, Moment)>>,
    dead: AtomicBool,
    frozen: AtomicBool,
    /// Effects so far, and the name of the last.
    effects: AtomicU32,
    last: Mutex<&'static str>,
    /// For how long the process stands still, where the schedule says it.
    stands_for: Mutex<Option<u64>>,
    schedule: Schedule,
    struck: Notify,
    thawed: Notify,
}

impl Chaos {
    /// Chaos of a process in a play with this schedule.
    pub(crate) fn under(schedule: Schedule) -> Self {
        Self(Arc::new(Fate { schedule, ..Fate::default() }))
    }

    /// For how many seconds the process stands still; none: until it is woken up.
    pub(crate) fn stands_for(&self) -> Option<u64> {
        *self.0.stands_for.lock().unwrap()
    }

    /// The process is struck at the `nth` effect from now, counting from 0.
    pub(crate) fn strike_at(&self, nth: u32, moment: Moment) {
        *self.0.strike.lock().unwrap() = Some((nth, moment));
    }

    pub(crate) fn calm(&self) {
        *self.0.strike.lock().unwrap() = None;
    }

    /// Ends when the process died or stands still.
    pub(crate) async fn struck(&self) {
        self.0.struck.notified().await;
    }

    pub(crate) fn is_frozen(&self) -> bool {
        self.0.frozen.load(Ordering::Relaxed)
    }

    pub(crate) fn thaw(&self) {
        self.0.frozen.store(false, Ordering::Relaxed);
        self.0.thawed.notify_waiters();
    }

    pub(crate) fn effects(&self) -> u32 {
        self.0.effects.load(Ordering::Relaxed)
    }

    pub(crate) fn last_effect(&self) -> &'static str {
        *self.0.last.lock().unwrap()
    }

    /// Passes an effect on, or strikes. `depart` sees to it that it takes effect that many seconds later.
    pub(crate) async fn effect<T>(
        &self,
        name: &'static str,
        effect: impl Future<Output = T> + Send,
        depart: impl FnOnce(u64) -> Departure + Send,
    ) -> T {
        self.stand_still().await;
        *self.0.last.lock().unwrap() = name;
        let by_count = self.moment();
        match self.scheduled(name).or(by_count) {
            None => return effect.await,
            Some(Moment::Freeze) => {
                self.0.frozen.store(true, Ordering::Relaxed);
                self.0.struck.notify_one();
                self.stand_still().await;
                return effect.await;
            }
            Some(Moment::Before) => {}
            Some(Moment::After) => drop(effect.await),
            Some(Moment::During(seconds)) => {
                if depart(seconds) == Departure::WithTheCall {
                    drop(effect.await);
                }
            }
        }
        self.0.dead.store(true, Ordering::Relaxed);
        self.0.struck.notify_one();
        std::future::pending().await
    }

    /// A dead process does nothing more; one that is frozen waits.
    async fn stand_still(&self) {
        if self.0.dead.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
        while self.is_frozen() {
            self.0.thawed.notified().await;
        }
    }

    fn scheduled(&self, name: &'static str) -> Option<Moment> {
        match self.0.schedule.next(Site::Effect(name))? {
            Mishap::Strike(moment) => Some(moment),
            Mishap::Stand(seconds) => {
                *self.0.stands_for.lock().unwrap() = Some(seconds);
                Some(Moment::Freeze)
            }
            Mishap::Cloud(_) | Mishap::Store(_) | Mishap::Agent(_) => None,
        }
    }

    fn moment(&self) -> Option<Moment> {
        self.0.effects.fetch_add(1, Ordering::Relaxed);
        let mut strike = self.0.strike.lock().unwrap();
        let (left, moment) = (*strike)?;
        *strike = if left == 0 { None } else { Some((left - 1, moment)) };
        (left == 0).then_some(moment)
    }
}
