//! Calls, counted where they are sent: each attempt under the action's own name, with its failure.
//!
//! So every page of a list counts, every repetition that the SDK makes, and every call that fails before an answer: without
//! credentials, without a connection, or in time that ran out.

use std::fmt;
use std::sync::Arc;

use aws_sdk_ec2::config::interceptors::FinalizerInterceptorContextRef;
use aws_sdk_ec2::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_ec2::error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::Metadata;
use planner::Failure;

use super::failure;

/// Told of each call: the action's name, and the failure if there was one.
pub(crate) type CountCall = Arc<dyn Fn(&str, Option<Failure>) + Send + Sync>;

/// Tells of the calls of a client.
#[derive(Clone)]
pub(crate) struct Counting(CountCall);

impl Counting {
    pub(crate) fn new(count: impl Fn(&str, Option<Failure>) + Send + Sync + 'static) -> Self {
        Self(Arc::new(count))
    }

    /// Nobody wants to know.
    pub(crate) fn off() -> Self {
        Self::new(|_, _| {})
    }
}

impl fmt::Debug for Counting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Counting")
    }
}

impl Intercept for Counting {
    fn name(&self) -> &'static str {
        "Counting"
    }

    /// Runs once for each attempt, also for one that was cancelled because its time was over.
    fn read_after_attempt(
        &self,
        context: &FinalizerInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(action) = config.load::<Metadata>().map(Metadata::name) else { return Ok(()) };
        let failure = match context.output_or_error() {
            Some(Ok(_)) => None,
            Some(Err(error)) => failure::of_attempt(error, action, context.response()),
            // Cancelled before there was either.
            None => Some(Failure::Unreachable),
        };
        (self.0)(action, failure);
        Ok(())
    }
}
