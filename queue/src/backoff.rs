//! Repetition of calls that failed: pauses that double, with chance in them, so that those who failed together do not come
//! again together.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use crate::ports::Failed;

/// Before the first repetition, at most.
const FIRST: Duration = Duration::from_millis(100);
/// Longest pause.
const LONGEST: Duration = Duration::from_secs(5);

/// Pause before the repetition of this number, from 0. `chance` is between 0 and 1.
pub(crate) fn pause(number: u32, chance: f64) -> Duration {
    let most = FIRST.saturating_mul(1 << number.min(10)).min(LONGEST);
    most.mul_f64(0.5 + chance.clamp(0.0, 1.0) / 2.0)
}

/// Pause before the repetition of this number, with chance of its own.
pub(crate) fn drawn(number: u32) -> Duration {
    pause(number, rand::random())
}

/// Makes a call until it succeeds, or `until` is past: a call that is on then is given up, and its outcome is not known.
///
/// # Errors
/// The last failure, or that there was no answer.
pub(crate) async fn persist<T, F>(until: Instant, call: impl FnMut() -> F) -> Result<T, Failed>
where
    F: Future<Output = Result<T, Failed>>,
{
    persist_unless(|_| false, until, call).await
}

/// The same, but for failures that the next call would meet as well.
///
/// # Errors
/// The first failure that is final, the last one, or that there was no answer.
pub(crate) async fn persist_unless<T, F>(
    is_final: impl Fn(&Failed) -> bool,
    until: Instant,
    mut call: impl FnMut() -> F,
) -> Result<T, Failed>
where
    F: Future<Output = Result<T, Failed>>,
{
    let (mut number, mut last) = (0, Failed { call: "a call of AWS", why: "no answer in time".to_owned() });
    loop {
        match timeout_at(until, call()).await {
            Ok(Ok(done)) => return Ok(done),
            Ok(Err(failed)) if is_final(&failed) => return Err(failed),
            Ok(Err(failed)) => last = failed,
            Err(_) => return Err(last),
        }
        let pause = drawn(number);
        if Instant::now() + pause > until {
            return Err(last);
        }
        tracing::debug!(failed = %last, ?pause, "again");
        sleep(pause).await;
        number += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_half_of_each_is_chance() {
        let millis = |number, chance| pause(number, chance).as_millis();
        assert_eq!((millis(0, 0.0), millis(0, 1.0), millis(1, 1.0), millis(3, 0.0)), (50, 100, 200, 400));
        assert_eq!((millis(60, 1.0), millis(60, 0.0)), (5_000, 2_500));
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_is_repeated_until_it_succeeds_or_time_is_up() {
        let failed = || Failed { call: "Send", why: "throttled".into() };
        let mut left = 4;
        let succeeds = persist(Instant::now() + Duration::from_secs(10), || {
            left -= 1;
            std::future::ready(if left == 0 { Ok(()) } else { Err(failed()) })
        });
        assert_eq!(succeeds.await, Ok(()));
        let begun = Instant::now();
        let in_vain = persist(begun + Duration::from_secs(10), || std::future::ready(Err::<(), _>(failed())));
        assert_eq!(in_vain.await, Err(failed()));
        assert!((4..=10).contains(&begun.elapsed().as_secs()));
        let begun = Instant::now();
        let hangs = persist(begun + Duration::from_secs(10), std::future::pending::<Result<(), Failed>>);
        assert_eq!(hangs.await.unwrap_err().why, "no answer in time");
        assert_eq!(begun.elapsed().as_secs(), 10);
    }
}
