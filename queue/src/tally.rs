//! The tally of one cluster: its calls of SQS and S3, counted as they are sent.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use wire::QueueCalls;

/// Bytes of a call that SQS charges as one request (SQS pricing: "Each 64 KB chunk of a payload is billed as 1 request").
const CHUNK_BYTES: usize = 64 * 1024;

/// Counts that only grow. Clones count together.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    sqs: AtomicU64,
    s3_puts: AtomicU64,
    s3_gets: AtomicU64,
}

/// Requests that SQS charges for a call with so many bytes of messages.
pub fn sqs_requests(bytes: usize) -> u64 {
    bytes.div_ceil(CHUNK_BYTES).max(1) as u64
}

impl Tally {
    /// Counts these.
    pub fn add(&self, calls: QueueCalls) {
        self.0.sqs.fetch_add(calls.sqs, Relaxed);
        self.0.s3_puts.fetch_add(calls.s3_puts, Relaxed);
        self.0.s3_gets.fetch_add(calls.s3_gets, Relaxed);
    }

    /// Counts requests to SQS.
    pub fn sqs(&self, requests: u64) {
        self.0.sqs.fetch_add(requests, Relaxed);
    }

    /// Counts one PUT to S3.
    pub fn s3_put(&self) {
        self.0.s3_puts.fetch_add(1, Relaxed);
    }

    /// Counts one GET to S3.
    pub fn s3_get(&self) {
        self.0.s3_gets.fetch_add(1, Relaxed);
    }

    /// Everything that was counted until now.
    pub fn calls(&self) -> QueueCalls {
        let load = |count: &AtomicU64| count.load(Relaxed);
        QueueCalls { sqs: load(&self.0.sqs), s3_puts: load(&self.0.s3_puts), s3_gets: load(&self.0.s3_gets) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sqs_charges_by_64_kib_and_once_at_least() {
        assert_eq!([0, 1, 65_536, 65_537, 262_144].map(sqs_requests), [1, 1, 1, 2, 4]);
    }

    #[test]
    fn clones_count_together() {
        let tally = Tally::default();
        let other = tally.clone();
        other.sqs(2);
        other.s3_put();
        tally.s3_get();
        tally.add(QueueCalls { sqs: 1, s3_puts: 4, s3_gets: 0 });
        assert_eq!(tally.calls(), QueueCalls { sqs: 3, s3_puts: 5, s3_gets: 1 });
    }
}
