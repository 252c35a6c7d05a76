//! Timers with the kernel's resolution.
//!
//! Tokio's timer works in whole milliseconds and rounds up, which would make an exponential demand of 2 ms come
//! out 25 % longer on average. A timerfd wakes at the nanosecond it was set to, plus the latency of the scheduler.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use tokio::io::unix::AsyncFd;

/// Timers that are free; there are never more than requests were asleep at once.
#[derive(Default)]
pub(crate) struct Timers {
    free: Mutex<Vec<AsyncFd<OwnedFd>>>,
}

impl Timers {
    /// Waits for `duration`. Falls back to Tokio's timer where the process may open no more files.
    pub(crate) async fn sleep(&self, duration: Duration) {
        if duration.is_zero() {
            return; // a timer set to zero is a timer switched off
        }
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let timer = match free.map_or_else(create, Ok) {
            Ok(timer) => timer,
            Err(_) => return tokio::time::sleep(duration).await,
        };
        match expire(&timer, duration).await {
            Ok(()) => self.free.lock().unwrap_or_else(PoisonError::into_inner).push(timer),
            Err(_) => tokio::time::sleep(duration).await,
        }
    }
}

// The safe constructor is deprecated because an arbitrary file handle may be closed while it is registered; an
// `OwnedFd` that is never given away is not. Its replacement is unsafe, which this workspace forbids.
#[expect(deprecated, reason = "sound for an OwnedFd that lives as long as its registration")]
fn create() -> io::Result<AsyncFd<OwnedFd>> {
    AsyncFd::new(timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?)
}

async fn expire(timer: &AsyncFd<OwnedFd>, duration: Duration) -> io::Result<()> {
    let value = Timespec::try_from(duration).map_err(|_| io::ErrorKind::InvalidInput)?;
    let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
    timerfd_settime(timer.get_ref(), TimerfdTimerFlags::empty(), &once)?;
    loop {
        let mut ready = timer.readable().await?;
        // Reading takes the expiry; without it the timer would be readable for ever.
        match ready.try_io(|timer| Ok(rustix::io::read(timer.get_ref(), &mut [0; 8])?)) {
            Ok(result) => return result.map(drop),
            Err(_would_block) => continue,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn never_wakes_early_and_reuses_its_timers() {
        let timers = Timers::default();
        for micros in [0, 100, 1_300] {
            let (start, demand) = (Instant::now(), Duration::from_micros(micros));
            timers.sleep(demand).await;
            assert!(start.elapsed() >= demand, "{micros} us");
        }
        assert_eq!(timers.free.lock().expect("free").len(), 1);
    }
}
