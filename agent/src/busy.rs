//! CPU time of this process, of all that it may use.

use std::num::NonZero;
use std::sync::{Mutex, PoisonError};
use std::thread::available_parallelism;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};

/// The least time that is looked at: CPU time is counted in ticks of up to 10 ms.
const LEAST: Duration = Duration::from_secs(1);

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug)]
struct Reading {
    wall: Instant,
    cpu: Duration,
}

/// CPU time of this process over the last second, or since it was asked for before where that is longer ago.
#[derive(Debug)]
pub struct Busy {
    /// An earlier reading, and the last one; each at least [`LEAST`] after the one before.
    readings: Mutex<[Reading; 2]>,
    parallelism: usize,
}

impl Default for Busy {
    fn default() -> Self {
        let parallelism = available_parallelism().map_or(1, NonZero::get);
        Self { readings: Mutex::new([Reading::now(); 2]), parallelism }
    }
}

impl Busy {
    /// Thousandths of what all processors give that it may use. `None`: it has only begun to count.
    pub fn per_mille(&self) -> Option<u32> {
        let mut readings = self.readings.lock().unwrap_or_else(PoisonError::into_inner);
        busy(&mut readings, Reading::now(), self.parallelism)
    }
}

fn busy(readings: &mut [Reading; 2], now: Reading, parallelism: usize) -> Option<u32> {
    let [_, last] = *readings;
    if now.wall.duration_since(last.wall) >= LEAST {
        *readings = [last, now];
    }
    let [since, _] = *readings;
    let (wall, cpu) = (now.wall.duration_since(since.wall), now.cpu.saturating_sub(since.cpu));
    if wall < LEAST {
        return None;
    }
    let allowed = wall.as_nanos() * parallelism as u128;
    u32::try_from((cpu.as_nanos() * 1000).checked_div(allowed)?).ok()
}

impl Reading {
    fn now() -> Self {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let cpu = Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0));
        Self { wall: Instant::now(), cpu }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_of_the_last_second_or_so_however_often_somebody_asks() {
        let begin = Reading { wall: Instant::now(), cpu: Duration::ZERO };
        let at = |millis, busy| Reading {
            wall: begin.wall + Duration::from_millis(millis),
            cpu: Duration::from_millis(busy),
        };
        let mut readings = [begin; 2];
        assert_eq!(busy(&mut readings, at(500, 500), 2), None);
        assert_eq!(busy(&mut readings, at(1_000, 1_000), 2), Some(500));
        assert_eq!(
            busy(&mut readings, at(1_500, 2_000), 2),
            Some(666),
            "since the begin: the last reading is too near"
        );
        assert_eq!(busy(&mut readings, at(2_000, 3_000), 2), Some(1_000));
        assert_eq!(busy(&mut readings, at(2_100, 3_000), 2), Some(909));
        assert_eq!(busy(&mut readings, at(3_000, 3_000), 2), Some(0));
    }

    #[test]
    fn this_process_counts() {
        let reading = Reading::now();
        let mut sum = 0_u64;
        while Reading::now().cpu <= reading.cpu {
            sum = sum.wrapping_add(1);
        }
        assert!(sum < u64::MAX);
    }
}
