//! Waits for sockets and for moments, the latter to the microsecond.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::io::{Errno, Result};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime, timerfd_create,
    timerfd_settime,
};

/// More at once only makes the last of them wait for the first.
const EVENTS: usize = 256;
/// The timer says nothing but that it is time.
const TIMER: u64 = u64::MAX;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// The monotonic clock, in nanoseconds. One reading costs about 25 ns: no system call.
pub(crate) fn now_nanos() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    time.tv_sec as u64 * NANOS_PER_SECOND + time.tv_nsec as u64
}

/// Sockets are watched edge-triggered from when they are added until they are closed: no call per request.
pub(crate) struct Poller {
    epoll: OwnedFd,
    /// `epoll_wait` counts in milliseconds; requests are due between them.
    timer: OwnedFd,
    armed_for: Option<u64>,
    events: Vec<Event>,
}

/// Event of a socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    pub(crate) token: u64,
    flags: EventFlags,
}

impl Ready {
    pub(crate) fn can_read(self) -> bool {
        self.flags.intersects(EventFlags::IN | EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
    }

    pub(crate) fn can_write(self) -> bool {
        self.flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR)
    }

    /// The same, and something may be there to read.
    pub(crate) fn with_reading(self) -> Self {
        Self { flags: self.flags | EventFlags::IN, ..self }
    }

    /// The other side will send no more: what is there has to be read to its end.
    pub(crate) fn is_ending(self) -> bool {
        self.flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR)
    }
}

impl Poller {
    pub(crate) fn new() -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC)?;
        // Edge-triggered: setting it again clears it, so that it need never be read.
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER), EventFlags::IN | EventFlags::ET)?;
        let nothing = Event { flags: EventFlags::empty(), data: EventData::new_u64(TIMER) };
        Ok(Self { epoll, timer, armed_for: None, events: vec![nothing; EVENTS] })
    }

    pub(crate) fn add(&self, socket: impl AsFd, token: u64) -> Result<()> {
        let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
        epoll::add(&self.epoll, socket, EventData::new_u64(token), flags)
    }

    /// Waits for a socket, at the longest until the moment `exact` or for `coarse_nanos`, and returns how many are
    /// ready; [`Poller::ready`] tells them.
    pub(crate) fn wait(&mut self, exact: Option<u64>, coarse_nanos: u64) -> Result<usize> {
        let mut wait_nanos = coarse_nanos;
        if let Some(exact) = exact.filter(|_| coarse_nanos > 0) {
            let ahead = exact.saturating_sub(now_nanos());
            if ahead == 0 {
                wait_nanos = 0;
            } else if ahead < coarse_nanos && self.armed_for != Some(exact) {
                let value = timespec(exact);
                let once = Itimerspec { it_interval: timespec(0), it_value: value };
                timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
                self.armed_for = Some(exact);
            }
        }
        match epoll::wait(&self.epoll, self.events.as_mut_slice(), Some(&timespec(wait_nanos))) {
            Err(Errno::INTR) => Ok(0),
            ready => ready,
        }
    }

    /// One of those that the last wait returned.
    pub(crate) fn ready(&self, number: usize) -> Option<Ready> {
        let event = self.events.get(number)?;
        let token = { event.data }.u64();
        (token != TIMER).then_some(Ready { token, flags: event.flags })
    }
}

fn timespec(nanos: u64) -> Timespec {
    Timespec { tv_sec: (nanos / NANOS_PER_SECOND) as i64, tv_nsec: (nanos % NANOS_PER_SECOND) as _ }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_until_a_moment_between_milliseconds() {
        let mut poller = Poller::new().unwrap();
        for _ in 0..3 {
            let exact = now_nanos() + 300_000;
            while now_nanos() < exact {
                assert_eq!(poller.wait(Some(exact), 1_000_000_000).unwrap().min(1), usize::from(now_nanos() >= exact));
            }
        }
        let before = now_nanos();
        assert_eq!(poller.wait(Some(before - 1), 1_000_000_000).unwrap(), 0);
        assert!(now_nanos() - before < 500_000_000, "a moment that has passed is not waited for");
    }
}
