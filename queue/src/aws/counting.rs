//! Attempts of calls, counted where the SDK sends them: its own repetitions are among them, and a call that never left, because
//! nobody knew credentials for it, is not. An attempt to which no connection could be made counts as well.

use aws_sdk_sqs::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_sqs::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_sqs::error::BoxError;
use wire::QueueCalls;

use crate::tally::Tally;

/// Counts each attempt of one call. The SDKs of SQS and S3 are built on the same traits.
#[derive(Debug)]
pub(super) struct Attempts {
    tally: Tally,
    each: QueueCalls,
}

impl Attempts {
    /// A call of SQS that is charged as so many requests.
    pub(super) fn sqs(tally: &Tally, requests: u64) -> Self {
        Self { tally: tally.clone(), each: QueueCalls { sqs: requests, ..QueueCalls::default() } }
    }

    /// A PUT to S3.
    pub(super) fn s3_put(tally: &Tally) -> Self {
        Self { tally: tally.clone(), each: QueueCalls { s3_puts: 1, ..QueueCalls::default() } }
    }

    /// A GET to S3.
    pub(super) fn s3_get(tally: &Tally) -> Self {
        Self { tally: tally.clone(), each: QueueCalls { s3_gets: 1, ..QueueCalls::default() } }
    }
}

impl Intercept for Attempts {
    fn name(&self) -> &'static str {
        "Attempts"
    }

    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        self.tally.add(self.each);
        Ok(())
    }
}
