//! Slots: exactly c requests are served at a time, with one FIFO queue in front of them.

use std::future::Future;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Times for which one request waited and was served.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Served {
    pub queued: Duration,
    pub service: Duration,
}

/// The slots of one worker.
pub struct Slots {
    // Tokio's semaphore is fair: permits go to waiters in the order in which they asked.
    free: Semaphore,
    count: usize,
    waiting: AtomicUsize,
}

impl Slots {
    pub fn new(count: usize) -> Self {
        Self { free: Semaphore::new(count), count, waiting: AtomicUsize::new(0) }
    }

    pub fn count(&self) -> usize {
        self.count
    }

    /// Requests that wait for a slot now.
    pub fn queue_length(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Runs `work` in a slot, after all that asked before.
    ///
    /// *Cancellation*: dropped while waiting, it leaves the queue; dropped while served, it frees the slot.
    pub async fn serve(&self, work: impl Future<Output = ()>) -> Served {
        let asked = Instant::now();
        let permit = {
            let _waiting = Waiting::enter(&self.waiting);
            // The semaphore is never closed; were it, the work would be done without a slot.
            self.free.acquire().await.ok()
        };
        let started = Instant::now();
        work.await;
        drop(permit);
        Served { queued: started - asked, service: started.elapsed() }
    }
}

/// Counts a request as waiting, however its wait ends.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn enter(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use futures::FutureExt as _;
    use tokio::time::sleep;

    use super::*;

    const DEMAND: Duration = Duration::from_millis(10);

    #[tokio::test(start_paused = true)]
    async fn c_slots_serve_exactly_c_at_once_in_order_of_arrival() {
        let slots = Arc::new(Slots::new(3));
        let (busy, most, order) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)), Arc::new(Mutex::new(Vec::new())));
        let start = Instant::now();
        let requests = (0..10).map(|number| {
            let (slots, busy, most, order) = (slots.clone(), busy.clone(), most.clone(), order.clone());
            async move {
                slots
                    .serve(async {
                        {
                            let (mut busy, mut most) = (busy.lock().expect("busy"), most.lock().expect("most"));
                            *busy += 1;
                            *most = busy.max(*most);
                        }
                        order.lock().expect("order").push(number);
                        sleep(DEMAND).await;
                        *busy.lock().expect("busy") -= 1;
                    })
                    .await
            }
        });
        let served = futures::future::join_all(requests).await;
        assert_eq!(*most.lock().expect("most"), 3);
        assert_eq!(*order.lock().expect("order"), (0..10).collect::<Vec<_>>());
        // 10 requests on 3 slots are 4 waves.
        assert_eq!(start.elapsed(), DEMAND * 4);
        for (number, served) in served.iter().enumerate() {
            assert_eq!(served.service, DEMAND);
            assert_eq!(served.queued, DEMAND * (number as u32 / 3), "request {number}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_request_that_gives_up_leaves_queue_and_slot() {
        let slots = Slots::new(1);
        let mut first = Box::pin(slots.serve(sleep(DEMAND)));
        assert!(first.as_mut().now_or_never().is_none());
        let mut second = Box::pin(slots.serve(sleep(DEMAND)));
        assert!(second.as_mut().now_or_never().is_none());
        assert_eq!(slots.queue_length(), 1);
        drop(second);
        assert_eq!(slots.queue_length(), 0);
        drop(first);
        assert_eq!(slots.serve(sleep(DEMAND)).await, Served { queued: Duration::ZERO, service: DEMAND });
    }
}
