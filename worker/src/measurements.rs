//! Measurements of the worker by itself, as Prometheus text.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use crate::processor::{process_cpu_time, ticks};
use crate::slots::Served;

/// Upper bounds of the histogram's buckets: from below the cheapest answer to beyond a useful one, three to a decade.
const BOUNDS_MICROS: [u64; 16] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000, 2_000_000,
    5_000_000, 10_000_000,
];

/// Counters of one process. All of them only grow, except the gauges.
#[derive(Default)]
pub struct Measurements {
    answered: AtomicU64,
    not_found: AtomicU64,
    refused: AtomicU64,
    in_flight: AtomicUsize,
    buckets: [AtomicU64; BOUNDS_MICROS.len() + 1],
    service_nanos: AtomicU64,
    queued_nanos: AtomicU64,
}

/// The end of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Answered(Served),
    NotFound,
    Refused,
}

impl Measurements {
    pub(crate) fn enter(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Relaxed);
        InFlight(self)
    }

    pub(crate) fn ended(&self, how: Ended) {
        match how {
            Ended::Answered(served) => self.answered(served),
            Ended::NotFound => drop(self.not_found.fetch_add(1, Relaxed)),
            Ended::Refused => drop(self.refused.fetch_add(1, Relaxed)),
        }
    }

    fn answered(&self, served: Served) {
        self.answered.fetch_add(1, Relaxed);
        self.buckets[bucket_of(served.service)].fetch_add(1, Relaxed);
        self.service_nanos.fetch_add(nanos(served.service), Relaxed);
        self.queued_nanos.fetch_add(nanos(served.queued), Relaxed);
    }

    /// The text exposition format, version 0.0.4.
    pub(crate) fn text(&self, slots: usize, queue_length: usize) -> String {
        let mut out = String::with_capacity(3_000);
        let requests = "worker_requests_total";
        describe(&mut out, requests, "counter", "Requests answered, by result");
        for (result, count) in
            [("answered", &self.answered), ("not_found", &self.not_found), ("refused", &self.refused)]
        {
            line(&mut out, &format!("{requests}{{result=\"{result}\"}}"), &count.load(Relaxed).to_string());
        }
        let gauges = [
            ("worker_requests_in_flight", "Requests received and not answered yet", self.in_flight.load(Relaxed)),
            ("worker_queue_length", "Requests that wait for a slot", queue_length),
            ("worker_slots", "Requests served at the same time at most", slots),
        ];
        for (name, help, value) in gauges {
            describe(&mut out, name, "gauge", help);
            line(&mut out, name, &value.to_string());
        }
        self.histogram(&mut out);
        let name = "worker_queued_seconds_total";
        describe(&mut out, name, "counter", "Time that answered requests waited for a slot");
        line(&mut out, name, &seconds(Duration::from_nanos(self.queued_nanos.load(Relaxed))));
        let name = "process_cpu_seconds_total";
        describe(&mut out, name, "counter", "CPU time of this process, user and system");
        line(&mut out, name, &seconds(process_cpu_time()));
        if let Some(ticks) = ticks() {
            let name = "worker_steal_seconds_total";
            describe(&mut out, name, "counter", "CPU time the hypervisor kept from this instance since boot");
            line(&mut out, name, &seconds(Duration::from_millis(ticks.stolen_millis)));
        }
        out
    }

    fn histogram(&self, out: &mut String) {
        let name = "worker_service_seconds";
        describe(out, name, "histogram", "Time in a slot, without the wait for it");
        let mut total = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            total += bucket.load(Relaxed);
            let bound = BOUNDS_MICROS.get(index).map(|micros| seconds(Duration::from_micros(*micros)));
            let bound = bound.unwrap_or_else(|| "+Inf".to_owned());
            line(out, &format!("{name}_bucket{{le=\"{bound}\"}}"), &total.to_string());
        }
        let sum = Duration::from_nanos(self.service_nanos.load(Relaxed));
        line(out, &format!("{name}_sum"), &seconds(sum));
        // The count is the last bucket's value, also while requests are being counted.
        line(out, &format!("{name}_count"), &total.to_string());
    }
}

/// Counts a request as in flight until dropped, which also happens when its client goes away.
pub(crate) struct InFlight<'a>(&'a Measurements);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

fn bucket_of(service: Duration) -> usize {
    BOUNDS_MICROS.partition_point(|bound| Duration::from_micros(*bound) < service)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn seconds(duration: Duration) -> String {
    format!("{}", duration.as_secs_f64())
}

fn describe(out: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a String cannot fail.
    let _ = writeln!(out, "# HELP {name} {help}.\n# TYPE {name} {kind}");
}

fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{name} {value}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_histogram_is_cumulative_and_adds_up() {
        let measurements = Measurements::default();
        for micros in [50, 100, 101, 3_000, 60_000_000] {
            measurements.ended(Ended::Answered(Served {
                queued: Duration::from_micros(10),
                service: Duration::from_micros(micros),
            }));
        }
        measurements.ended(Ended::NotFound);
        let text = measurements.text(2, 0);
        for line in [
            "worker_requests_total{result=\"answered\"} 5",
            "worker_requests_total{result=\"not_found\"} 1",
            "worker_service_seconds_bucket{le=\"0.0001\"} 2",
            "worker_service_seconds_bucket{le=\"0.0002\"} 3",
            "worker_service_seconds_bucket{le=\"10\"} 4",
            "worker_service_seconds_bucket{le=\"+Inf\"} 5",
            "worker_service_seconds_count 5",
            "worker_queued_seconds_total 0.00005",
            "worker_slots 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
        }
    }
}
