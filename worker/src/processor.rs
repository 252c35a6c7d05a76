//! CPU time: how it is burnt, and how much was used.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// The kernel counts /proc/stat in USER_HZ, which is 100 on every Linux architecture we build for.
const TICKS_PER_SECOND: u64 = 100;

/// Uses up `demand` of CPU time on this thread. Time in which the thread was not running does not count: a worker
/// on half a processor takes twice as long.
pub(crate) fn burn(demand: Duration) {
    let end = cpu_time(ClockId::ThreadCPUTime) + demand;
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    while cpu_time(ClockId::ThreadCPUTime) < end {
        // A reading of the thread's clock is a system call of some 300 ns; the arithmetic between two readings
        // keeps most of the demand in user space, as an application would have it, at a grain of about 1 us.
        for _ in 0..512 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
        std::hint::black_box(state);
    }
}

/// CPU time of the whole process, user and system.
pub(crate) fn process_cpu_time() -> Duration {
    cpu_time(ClockId::ProcessCPUTime)
}

/// Time in which this guest wanted to run and the hypervisor did not let it, over all processors since boot.
/// `None` where /proc/stat cannot be read.
pub(crate) fn steal_time() -> Option<Duration> {
    steal_of(&std::fs::read_to_string("/proc/stat").ok()?)
}

fn steal_of(stat: &str) -> Option<Duration> {
    // cpu user nice system idle iowait irq softirq steal ...
    let total = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: u64 = total.split_whitespace().nth(7)?.parse().ok()?;
    Some(Duration::from_millis(ticks * 1_000 / TICKS_PER_SECOND))
}

fn cpu_time(clock: ClockId) -> Duration {
    let time = clock_gettime(clock);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn burning_uses_the_demanded_cpu_time() {
        let before = cpu_time(ClockId::ThreadCPUTime);
        burn(Duration::from_millis(5));
        let used = cpu_time(ClockId::ThreadCPUTime) - before;
        // Never less; the upper bound only catches an endless loop, it says nothing of this machine's speed.
        assert!(used >= Duration::from_millis(5) && used < Duration::from_secs(1), "{used:?}");
    }

    #[test]
    fn steal_is_the_eighth_number_of_the_total_line() {
        let stat = "cpu  10 20 30 40 50 60 70 123 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        assert_eq!(steal_of(stat), Some(Duration::from_millis(1_230)));
        assert_eq!(steal_of("intr 1 2 3\n"), None);
    }
}
