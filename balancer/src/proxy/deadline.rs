//! The deadline of whatever a connection waits for.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep};

/// One timer for all the time limits of a connection, one after the other. Setting it is free in the usual case, that
/// of a limit further away than the timer's own: it then only turns out to have been early.
#[derive(Debug)]
pub(crate) struct Deadline {
    until: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Deadline {
    pub(crate) fn new(limit: Duration) -> Self {
        Self { until: Instant::now() + limit, timer: None }
    }

    /// Puts the deadline `limit` from now.
    pub(crate) fn set(&mut self, limit: Duration) {
        self.until = Instant::now() + limit;
    }

    /// Puts the deadline `limit` from now, unless it is earlier already.
    pub(crate) fn shorten(&mut self, limit: Duration) {
        self.until = self.until.min(Instant::now() + limit);
    }

    /// Ready when the deadline has passed.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let until = self.until;
        let timer = self.timer.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until)));
        if timer.deadline() > until {
            timer.as_mut().reset(until);
        }
        loop {
            ready!(timer.as_mut().poll(context));
            if Instant::now() >= until {
                return Poll::Ready(());
            }
            timer.as_mut().reset(until);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_last_limit_counts_whatever_the_timer_was_set_to() {
        let mut deadline = Deadline::new(Duration::from_secs(75));
        let short = Duration::from_millis(1);
        assert!(tokio::time::timeout(short, poll_fn(|context| deadline.poll(context))).await.is_err());
        let start = Instant::now();
        deadline.set(Duration::from_secs(1));
        assert!(tokio::time::timeout(short, poll_fn(|context| deadline.poll(context))).await.is_err());
        deadline.set(Duration::from_secs(5));
        deadline.shorten(Duration::from_secs(9));
        poll_fn(|context| deadline.poll(context)).await;
        assert_eq!(start.elapsed().as_secs(), 5);
        deadline.set(Duration::from_secs(9));
        deadline.shorten(Duration::from_secs(2));
        poll_fn(|context| deadline.poll(context)).await;
        assert_eq!(start.elapsed().as_secs(), 7);
    }
}
