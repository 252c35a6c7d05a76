//! Parts that the client of every service needs: settings, whole answers, whole lists, failures, counts.

pub(crate) mod complete;
pub(crate) mod config;
pub(crate) mod counting;
pub(crate) mod failure;
pub(crate) mod pages;

use std::error::Error;
use std::pin::Pin;

use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use planner::Failure;
use planner::ports::Answer;

/// Sends a call.
///
/// Futures of the SDK have tens of kilobytes. In a box they do not add up in the futures that wait for them, which would
/// overflow a worker's stack in a build without optimisation.
pub(crate) fn sent<'a, T, E>(
    call: impl Future<Output = Result<T, SdkError<E>>> + Send + 'a,
) -> Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>
where
    T: 'a,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    Box::pin(async move { call.await.map_err(failure::failed) })
}

/// Sends a RunInstances, as [`sent`] does.
pub(crate) fn sent_launch<'a, T, E>(
    call: impl Future<Output = Result<T, SdkError<E>>> + Send + 'a,
) -> Pin<Box<dyn Future<Output = Answer<T>> + Send + 'a>>
where
    T: 'a,
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    Box::pin(async move { call.await.map_err(failure::failed_launch) })
}

/// What is there to be deleted, and is not there, is deleted.
pub(crate) fn gone<T>(outcome: Answer<T>) -> Answer<()> {
    match outcome {
        Err(error) if error.failure == Failure::NotFound => Ok(()),
        outcome => outcome.map(drop),
    }
}
