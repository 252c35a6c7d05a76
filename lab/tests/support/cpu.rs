//! CPU time of a test, and of the region that it holds.

use std::time::Duration;

/// The time that this thread has computed, which is the region's too: all tasks of a test share its thread.
pub(crate) fn cpu() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap(), time.tv_nsec.try_into().unwrap())
}
