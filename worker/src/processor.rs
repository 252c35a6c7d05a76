//! CPU time: a demand of it is burnt, and its use is read.

use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

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

/// Time of all processors of this machine since boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Ticks {
    /// Time in which something ran.
    pub(crate) busy_millis: u64,
    /// Time in which something wanted to run and the hypervisor did not let it.
    pub(crate) stolen_millis: u64,
    /// All time: these two, and that in which nothing wanted to run.
    pub(crate) total_millis: u64,
}

/// `None` where `/proc/stat` cannot be read.
pub(crate) fn ticks() -> Option<Ticks> {
    ticks_of(&std::fs::read_to_string("/proc/stat").ok()?)
}

fn ticks_of(stat: &str) -> Option<Ticks> {
    // cpu user nice system idle iowait irq softirq steal; guest times, which follow, are in user already.
    let total = stat.lines().find_map(|line| line.strip_prefix("cpu "))?;
    let ticks: Vec<u64> = total.split_whitespace().take(8).map(str::parse).collect::<Result<_, _>>().ok()?;
    let millis = |ticks: u64| ticks * 1_000 / TICKS_PER_SECOND;
    let (all, stolen) = (ticks.iter().sum::<u64>(), *ticks.get(7)?);
    Some(Ticks {
        busy_millis: millis(all - stolen - ticks[3] - ticks[4]),
        stolen_millis: millis(stolen),
        total_millis: millis(all),
    })
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
    fn what_runs_and_what_waits_for_the_hypervisor_is_told_apart() {
        let stat = "cpu  10 20 30 40 50 60 70 123 9 9\ncpu0 1 2 3 4 5 6 7 8 9 10\n";
        let ticks = Ticks { busy_millis: 1_900, stolen_millis: 1_230, total_millis: 4_030 };
        assert_eq!(ticks_of(stat), Some(ticks));
        assert_eq!((ticks_of("intr 1 2 3\n"), ticks_of("cpu  1 2 3\n")), (None, None));
    }
}
