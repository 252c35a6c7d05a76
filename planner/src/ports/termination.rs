//! Termination of many instances of which some may be refused, the same over every cloud.

use std::collections::BTreeSet;

use super::{Answer, Refused};
use crate::failure::{CloudError, Failure};

/// Ids of one request. EC2 takes a thousand; fewer keep one bad id from slowing down many.
const IDS: usize = 200;

/// The ids of each request: every id once, in order.
pub(super) fn requests(ids: &[String]) -> Vec<Vec<String>> {
    let ids: BTreeSet<&String> = ids.iter().collect();
    let ids: Vec<String> = ids.into_iter().cloned().collect();
    ids.chunks(IDS).map(<[String]>::to_vec).collect()
}

/// Terminates all of `ids`, each once. What is refused for one of a request keeps none of the others alive: each is asked
/// for alone then. `together` is one request, and `is_about_instances` tells such a refusal from any other failure.
///
/// *Guarantees*: every id was sent at least once, unless the cloud throttles or does not take our credentials.
/// *Errors*: a failure with which any outcome is unknown, the last one; `Throttled` at once, because whoever is throttled
/// must not go on asking.
/// *Cancellation*: some may be terminated and others not; it can be repeated.
pub async fn terminate_each<F, R>(
    ids: &[String],
    is_about_instances: impl Fn(&CloudError) -> bool + Send + Sync,
    together: F,
) -> Answer<Vec<Refused>>
where
    F: Fn(Vec<String>) -> R + Send + Sync,
    R: Future<Output = Answer<()>> + Send,
{
    let (mut refused, mut unknown) = (Vec::new(), None);
    for chunk in requests(ids) {
        match together(chunk.clone()).await {
            Ok(()) => continue,
            Err(error) if !is_about_instances(&error) => {
                unknown = Some(error);
                continue;
            }
            Err(error) if chunk.len() == 1 => {
                refused.push(Refused { id: chunk[0].clone(), error });
                continue;
            }
            Err(_) => {}
        }
        for id in chunk {
            match together(vec![id.clone()]).await {
                Ok(()) => {}
                Err(error) if is_about_instances(&error) => refused.push(Refused { id: id.clone(), error }),
                Err(error) if error.failure == Failure::Throttled => return Err(error),
                Err(error) => unknown = Some(error),
            }
        }
    }
    unknown.map_or(Ok(refused), Err)
}

/// Whether a termination was refused because of the instances that it names, so that each alone may fare better: not
/// because of who asks or how often, and not without an answer.
pub fn is_about_instances(error: &CloudError) -> bool {
    !matches!(error.failure, Failure::Throttled | Failure::CredentialsExpired | Failure::TooLate | Failure::Unreachable)
}
