//! Starts and stops of many instances of which some may be refused, the same over every cloud.

use super::Answer;
use super::termination::requests;
use crate::failure::{CloudError, Failure};

/// Starts or stops all of `ids`. What is refused because of some of a request keeps none of the others back: no page of AWS
/// says what was done for these, so each is asked for alone then, which changes nothing for one that is there already. Want of
/// capacity or quota ends that: nobody else would fare better. `together` is one request, and `is_about_instances` tells such a
/// refusal from any other failure.
///
/// *Errors*: the first refusal, when all were asked for that may fare better; any other failure at once, because whoever is
/// throttled must not go on asking, and what is not known has to be looked at first. Others may have been started or stopped
/// all the same: lists tell.
/// *Cancellation*: some may be started or stopped and others not; it can be repeated.
pub async fn start_or_stop_each<F, R>(
    ids: &[String],
    is_about_instances: impl Fn(&CloudError) -> bool + Send + Sync,
    together: F,
) -> Answer<()>
where
    F: Fn(Vec<String>) -> R + Send + Sync,
    R: Future<Output = Answer<()>> + Send,
{
    let mut refused = None;
    for chunk in requests(ids) {
        match together(chunk.clone()).await {
            Ok(()) => continue,
            Err(error) if is_about_instances(&error) && chunk.len() > 1 => {}
            Err(error) if is_about_instances(&error) => {
                refused.get_or_insert(error);
                continue;
            }
            Err(error) => return Err(error),
        }
        for id in chunk {
            match together(vec![id.clone()]).await {
                Ok(()) => {}
                Err(error) if matches!(error.failure, Failure::NoCapacity | Failure::QuotaReached) => {
                    return Err(error);
                }
                Err(error) if is_about_instances(&error) => {
                    refused.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
    }
    refused.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Mutex;
    use std::task::{Context, Poll, Waker};

    use super::*;
    use crate::failure::codes::failure_of;
    use crate::ports::is_about_instances;

    /// What is asked for of four instances, when each request is answered with a code or with none.
    fn asked(answer: impl Fn(&[String]) -> Option<&'static str> + Send + Sync) -> (Vec<String>, Option<String>) {
        let sent = Mutex::new(Vec::new());
        let ids = ["b", "a", "d", "c", "a"].map(str::to_owned);
        let together = |ids: Vec<String>| {
            sent.lock().unwrap().push(ids.join(" "));
            let code = answer(&ids);
            std::future::ready(code.map_or(Ok(()), |code| Err(CloudError::new(failure_of(code), code, ""))))
        };
        let all = pin!(start_or_stop_each(&ids, is_about_instances, together));
        let Poll::Ready(outcome) = all.poll(&mut Context::from_waker(Waker::noop())) else {
            panic!("nothing is waited for")
        };
        (sent.lock().unwrap().clone(), outcome.err().map(|error| error.code))
    }

    #[test]
    fn all_are_asked_for_at_once() {
        assert_eq!(asked(|_| None), (vec!["a b c d".to_owned()], None));
    }

    #[test]
    fn what_is_refused_for_some_keeps_no_other_back() {
        let bad = |ids: &[String]| ids.iter().any(|id| id == "b").then_some("IncorrectInstanceState");
        let (sent, error) = asked(bad);
        assert_eq!(sent, ["a b c d", "a", "b", "c", "d"]);
        assert_eq!(error.as_deref(), Some("IncorrectInstanceState"));
    }

    #[test]
    fn who_finds_no_capacity_is_the_last_to_ask() {
        let (sent, error) = asked(|ids| (ids != ["a"]).then_some("InsufficientInstanceCapacity"));
        assert_eq!(sent, ["a b c d", "a", "b"]);
        assert_eq!(error.as_deref(), Some("InsufficientInstanceCapacity"));
    }

    #[test]
    fn nobody_asks_on_after_any_other_failure() {
        for code in ["RequestLimitExceeded", "ExpiredToken", "InternalError"] {
            assert_eq!(asked(|_| Some(code)), (vec!["a b c d".to_owned()], Some(code.to_owned())));
        }
    }
}
