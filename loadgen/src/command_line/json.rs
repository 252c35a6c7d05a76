//! Result as one JSON object, for scripts.

use std::io;

use loadgen::Measurement;
use serde::Serialize;
use wire::{Failures, MemberShare, Report};

/// One object: totals over all clusters at the top, then the whole report.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Surface {
    requests: u64,
    failed: u64,
    /// Answers that were right; absent where each request has no right answer of its own. Wrong ones are in `failures`.
    #[serde(skip_serializing_if = "Option::is_none")]
    right: Option<u64>,
    requests_per_second: u64,
    /// Over all requests, a failure counting as infinitely slow: `null` when so many failed that there is none.
    p50_micros: Option<u64>,
    p90_micros: Option<u64>,
    p99_micros: Option<u64>,
    p999_micros: Option<u64>,
    failures: Failures,
    members: Vec<MemberShare>,
    #[serde(flatten)]
    report: Report,
}

/// The JSON of `loadgen run --json`.
///
/// # Errors
/// None that can happen with a measurement of ours.
pub(crate) fn json(measurement: &Measurement, report: &Report) -> io::Result<String> {
    let all = measurement.all().map_err(io::Error::other)?;
    let surface = serde_json::to_string_pretty(&Surface {
        requests: all.requests,
        failed: all.failures.total(),
        right: all.right,
        requests_per_second: all.requests_per_second,
        p50_micros: all.latency.p50_micros,
        p90_micros: all.latency.p90_micros,
        p99_micros: all.latency.p99_micros,
        p999_micros: all.latency.p999_micros,
        failures: all.failures,
        members: all.members,
        report: report.clone(),
    });
    Ok(surface?)
}
