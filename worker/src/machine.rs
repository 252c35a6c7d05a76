//! The machine that this worker runs on, for whoever measures it: a benchmark of instances must know whether they were
//! what their type says.

use std::fs;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::AcqRel, Ordering::Release};
use std::time::{Duration, Instant};

use serde::Serialize;

use crate::processor::{Ticks, ticks};

/// Steps of a calibration: a quarter of a second of a processor of 3 GHz.
const STEPS: u64 = 125_000_000;

/// The answer to `GET /machine`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu_model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel: Option<String>,
    /// Boot of the kernel: who shares it shares the machine.
    #[serde(skip_serializing_if = "Option::is_none")]
    kernel_boot: Option<String>,
    /// CPU time of all processors since boot. Absent: `/proc/stat` cannot be read.
    #[serde(flatten)]
    ticks: Option<Ticks>,
}

impl Machine {
    pub(crate) fn read() -> Self {
        let text = |path: &str| fs::read_to_string(path).ok();
        Self {
            cpu_model: text("/proc/cpuinfo").and_then(|text| cpu_model(&text)),
            kernel: text("/proc/sys/kernel/osrelease").map(|text| text.trim().to_owned()),
            kernel_boot: text("/proc/sys/kernel/random/boot_id").map(|text| text.trim().to_owned()),
            ticks: ticks(),
        }
    }
}

/// `model name` on x86; ARM kernels give numbers only.
fn cpu_model(cpuinfo: &str) -> Option<String> {
    let value = |key: &str| {
        let mut pairs = cpuinfo.lines().filter_map(|line| line.split_once(':'));
        pairs.find(|(name, _)| name.trim() == key).map(|(_, value)| value.trim().to_owned())
    };
    value("model name").or_else(|| value("CPU part").map(|part| format!("ARM part {part}")))
}

/// The answer to `GET /calibration`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Calibration {
    /// Time that a fixed amount of work on one processor takes here, about a quarter of a second: without the time in
    /// which other programs of this machine ran, and with that in which the hypervisor let nobody run.
    micros: u64,
}

/// One calibration at a time: two would measure each other.
#[derive(Debug, Default)]
pub(crate) struct Calibrator {
    is_busy: AtomicBool,
}

impl Calibrator {
    /// Burns about a quarter of a second of CPU time. `None`: another calibration is on.
    ///
    /// *Cancellation*: the time being burnt is burnt to the end, and until then nobody else is served.
    pub(crate) async fn calibrate(self: &Arc<Self>) -> Option<Calibration> {
        if self.is_busy.swap(true, AcqRel) {
            return None;
        }
        let calibrator = Arc::clone(self);
        let calibrated = tokio::task::spawn_blocking(move || {
            let took = work();
            calibrator.is_busy.store(false, Release);
            took
        });
        // It ends in an error only when the runtime is going down.
        let took = calibrated.await.ok()?;
        Some(Calibration { micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX) })
    }
}

/// A chain of operations, each of which needs the one before: no processor can do two at a time.
fn work() -> Duration {
    let (start, waited) = (Instant::now(), run_queue_wait());
    let mut state = black_box(0x9E37_79B9_7F4A_7C15_u64);
    for _ in 0..STEPS {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
    }
    black_box(state);
    let others = run_queue_wait().zip(waited).map(|(now, before)| now.saturating_sub(before));
    start.elapsed().saturating_sub(others.unwrap_or_default())
}

/// Time for which this thread has waited for a processor that another one had. `None`: the kernel does not count it.
fn run_queue_wait() -> Option<Duration> {
    // Nanoseconds run, nanoseconds waited, and how often (kernel documentation, "Scheduler Statistics").
    let schedstat = fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    Some(Duration::from_nanos(schedstat.split_whitespace().nth(1)?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_model() {
        assert_eq!(cpu_model("processor : 0\nmodel name\t: A CPU @ 2 GHz\n").as_deref(), Some("A CPU @ 2 GHz"));
        assert_eq!(cpu_model("CPU part\t: 0xd40\n").as_deref(), Some("ARM part 0xd40"));
        assert_eq!(cpu_model(""), None);
    }

    #[tokio::test]
    async fn one_calibration_at_a_time() {
        let calibrator = Arc::new(Calibrator::default());
        let (one, other) = tokio::join!(calibrator.calibrate(), calibrator.calibrate());
        assert!(other.is_none());
        // Work is done: a hundredth of what any machine of this century needs for it.
        assert!(one.is_some_and(|one| one.micros > 10_000));
        assert!(calibrator.calibrate().await.is_some(), "the next one may");
    }
}
