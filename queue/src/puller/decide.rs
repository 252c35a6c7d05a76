//! Decisions about one message. Pure.

use std::time::Duration;

use bytes::Bytes;

use crate::message::Id;
use crate::ports::{Answer, Outcome};

/// Longest time for which a request is hidden after a failure.
const LONGEST: Duration = Duration::from_secs(256);

/// What follows the program's answer, in this order. Any other one loses requests or answers one of them differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The output becomes an object, unless there is one: then that one is the answer.
    Store,
    /// The answer goes into its queue.
    Tell,
    /// The request is deleted from its queue.
    Forget,
}

/// The order of the product.
pub const ORDER: [Effect; 3] = [Effect::Store, Effect::Tell, Effect::Forget];

/// What is done with a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum First {
    /// The program gets it.
    Run,
    /// It was taken too often: perhaps it kills whoever takes it.
    Exhausted,
}

/// Decides from how often a message was received, this time included.
pub(crate) fn first(count: u32, attempts: u32) -> First {
    if count > attempts { First::Exhausted } else { First::Run }
}

/// What the program's work comes to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// This is the answer.
    Answer(Answer),
    /// There is none: somebody may try again in so long.
    Again { after: Duration, why: String },
}

/// Every status below 500 is an answer. A 5xx may be one of the instance's, and another one may do better.
pub(crate) fn judge(outcome: Outcome, count: u32) -> Verdict {
    let why = match outcome {
        Outcome::Answer(answer) if answer.status < 500 => return Verdict::Answer(answer),
        Outcome::Answer(answer) => format!("the program answered {}", answer.status),
        Outcome::Failed(sick) => sick.to_string(),
    };
    Verdict::Again { after: again_after(count), why }
}

/// 2, 4, 8, .. seconds after the first, second, third, .. attempt.
pub(crate) fn again_after(count: u32) -> Duration {
    Duration::from_secs(1 << count.clamp(1, 8)).min(LONGEST)
}

/// The answer to a request that was taken too often; `last` is why a request failed last on this instance, if one did.
pub(crate) fn exhausted(id: Id, attempts: u32, last: Option<&str>) -> Answer {
    let last = last.map(|why| format!("; the last failure on this instance: {why}")).unwrap_or_default();
    let error = format!(
        "request {id} was taken {attempts} times (balancer.queue.attempts) without an answer of the program below 500{last}"
    );
    let body = format!("{}\n", serde_json::json!({ "error": error }));
    Answer { status: 502, content_type: Some("application/json".to_owned()), body: Bytes::from(body), boot: None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::Sick;

    fn answered(status: u16) -> Outcome {
        Outcome::Answer(Answer { status, content_type: None, body: Bytes::new(), boot: None })
    }

    #[test]
    fn everything_below_500_is_an_answer() {
        for status in [200, 204, 302, 400, 404, 429, 499] {
            assert!(matches!(judge(answered(status), 1), Verdict::Answer(answer) if answer.status == status));
        }
        for status in [500, 502, 503, 504, 599] {
            let Verdict::Again { after, why } = judge(answered(status), 3) else { panic!("{status} is no answer") };
            assert_eq!((after.as_secs(), why), (8, format!("the program answered {status}")));
        }
        let refused = judge(Outcome::Failed(Sick::Refused), 1);
        assert!(matches!(refused, Verdict::Again { after, .. } if after.as_secs() == 2));
    }

    #[test]
    fn pauses_double_and_have_an_end() {
        let seconds = [0, 1, 2, 3, 8, 9, 1_000].map(|count| again_after(count).as_secs());
        assert_eq!(seconds, [2, 2, 4, 8, 256, 256, 256]);
    }

    #[test]
    fn what_was_taken_more_often_than_allowed_is_not_run() {
        assert_eq!([1, 3, 4].map(|count| first(count, 3)), [First::Run, First::Run, First::Exhausted]);
        let answer = exhausted(1.into(), 3, Some("the program answered 500"));
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(answer.status == 502 && text.contains("was taken 3 times (balancer.queue.attempts)"), "{text}");
        assert!(text.contains("the last failure on this instance: the program answered 500"), "{text}");
    }
}
