//! The access log: a sample of the requests, one JSON object a line, on standard output. Off by default.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::mpsc::{SyncSender, sync_channel};

use http1::RequestHead;
use jiff::Timestamp;
use rand::RngExt;
use serde_json::json;

use crate::policy::Nanos;

/// Lines that wait to be written. When the reader of the log is slower than that, lines are dropped and counted: no
/// request ever waits for its log.
const WAITING_LINES: usize = 1_024;

/// The words of a sampled request.
#[derive(Debug)]
pub(crate) struct Logged {
    method: String,
    target: String,
}

pub(crate) struct AccessLog {
    per_mille: u32,
    lines: Option<SyncSender<String>>,
    dropped: AtomicU64,
}

/// The end of a request, for the log.
pub(crate) struct Line<'a> {
    pub(crate) logged: Logged,
    pub(crate) client: &'a str,
    pub(crate) status: u16,
    pub(crate) cluster: &'a str,
    /// Empty when there was none.
    pub(crate) member: &'a str,
    pub(crate) attempts: u32,
    pub(crate) body_bytes: u64,
    pub(crate) upstream_micros: u64,
    pub(crate) took: Nanos,
}

impl AccessLog {
    /// A log of `per_mille` of a thousand requests to `out`, written by a thread of its own; none at 0.
    pub(crate) fn new(per_mille: u32, out: impl Write + Send + 'static) -> Self {
        let lines = (per_mille > 0).then(|| {
            let (lines, waiting) = sync_channel::<String>(WAITING_LINES);
            std::thread::spawn(move || {
                let mut out = out;
                for line in waiting {
                    // A reader that is gone, as with `| head`, ends the log and nothing else.
                    if writeln!(out, "{line}").and_then(|()| out.flush()).is_err() {
                        return;
                    }
                }
            });
            lines
        });
        Self { per_mille, lines, dropped: AtomicU64::new(0) }
    }

    /// Notes a request, if it falls into the sample.
    pub(crate) fn sample(&self, head: &[u8], request: &RequestHead) -> Option<Box<Logged>> {
        if self.per_mille == 0 || rand::rng().random_range(0..1_000) >= self.per_mille {
            return None;
        }
        let text = |range: &std::ops::Range<usize>| String::from_utf8_lossy(&head[range.clone()]).into_owned();
        Some(Box::new(Logged { method: text(&request.method_name), target: text(&request.target) }))
    }

    pub(crate) fn write(&self, line: Line<'_>) {
        let Some(lines) = &self.lines else { return };
        let text = json!({
            "time": Timestamp::now().to_string(),
            "client": line.client,
            "method": line.logged.method,
            "target": line.logged.target,
            "status": line.status,
            "cluster": line.cluster,
            "member": line.member,
            "attempts": line.attempts,
            "bodyBytes": line.body_bytes,
            "upstreamMicros": line.upstream_micros,
            "micros": line.took.micros(),
        });
        if lines.try_send(text.to_string()).is_err() {
            self.dropped.fetch_add(1, Relaxed);
        }
    }

    /// Lines that were not written because the log's reader was too slow.
    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Relaxed)
    }
}
