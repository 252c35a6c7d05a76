//! The threads that send: one per processor, each with its own runtime and connections, sharing one counter.

use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::task::LocalSet;

use crate::drive::{Idle, Load, drive};
use crate::recording::Recording;

/// A driver thread ended: a defect of the generator, never of what it measures.
#[derive(Debug, thiserror::Error)]
pub enum DriverLost {
    #[error("a driver thread could not be started: {0}")]
    NotStarted(#[from] io::Error),
    #[error("a driver thread ended by a panic; its message is in the log")]
    Panicked,
}

/// Threads that carry out one stretch of load after the other. Connections live as long as this value.
#[derive(Debug)]
pub(crate) struct Drivers {
    threads: Vec<Driver>,
}

#[derive(Debug)]
struct Driver {
    /// `None` only while dropping.
    orders: Option<mpsc::UnboundedSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

struct Order {
    load: Arc<Load>,
    users: u32,
    reply: oneshot::Sender<Recording>,
}

/// One stretch of load, measured.
pub(crate) struct Driven {
    pub(crate) recording: Recording,
    /// From the order to send until the end of the last request.
    pub(crate) took: Duration,
}

impl Drivers {
    pub(crate) fn start(threads: usize) -> Result<Self, DriverLost> {
        let threads = (0..threads.max(1)).map(Driver::start).collect::<Result<_, _>>()?;
        Ok(Self { threads })
    }

    /// Keeps `concurrency` requests open until `load` is sent and answered.
    ///
    /// # Cancellation
    /// Dropping the future ends the load at once; open requests are cut and counted nowhere.
    pub(crate) async fn drive(&self, load: Arc<Load>, concurrency: u32) -> Result<Driven, DriverLost> {
        let started = Instant::now();
        let replies: Vec<_> = self
            .threads
            .iter()
            .zip(split(concurrency, self.threads.len() as u32))
            .filter(|(_, users)| *users > 0)
            .map(|(driver, users)| driver.order(&load, users))
            .collect();
        let mut recording = Recording::default();
        for reply in replies {
            recording.merge(reply.await.map_err(|_| DriverLost::Panicked)?);
        }
        let took = recording.ended.map_or(Duration::ZERO, |ended| ended - started);
        Ok(Driven { recording, took })
    }
}

impl Driver {
    fn start(number: usize) -> Result<Self, DriverLost> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (orders, received) = mpsc::unbounded_channel();
        let thread = thread::Builder::new().name(format!("driver-{number}")).spawn(move || work(&runtime, received))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    fn order(&self, load: &Arc<Load>, users: u32) -> oneshot::Receiver<Recording> {
        let (reply, answer) = oneshot::channel();
        // A thread that is gone drops the order, which its receiver notices.
        if let Some(orders) = &self.orders {
            let _gone = orders.send(Order { load: load.clone(), users, reply });
        }
        answer
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // It ends as soon as it sees that nobody waits for its answer. A panic was reported already.
            let _panicked = thread.join();
        }
    }
}

fn work(runtime: &Runtime, mut orders: mpsc::UnboundedReceiver<Order>) {
    LocalSet::new().block_on(runtime, async {
        let idle: Idle = Rc::default();
        while let Some(mut order) = orders.recv().await {
            let ended = tokio::select! {
                ended = drive(order.load, order.users, idle.clone()) => ended,
                () = order.reply.closed() => continue,
            };
            let Some(recording) = ended else { return };
            // Not received: the run was aborted in this very moment.
            let _aborted = order.reply.send(recording);
        }
    });
}

/// Users per thread: as equal as whole users can be.
fn split(concurrency: u32, threads: u32) -> impl Iterator<Item = u32> {
    (0..threads).map(move |thread| concurrency / threads + u32::from(thread < concurrency % threads))
}

/// A counter for a new round.
pub(crate) fn from_zero() -> Arc<AtomicU64> {
    Arc::new(AtomicU64::new(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_split_evenly() {
        assert_eq!(split(100, 3).collect::<Vec<_>>(), [34, 33, 33]);
        assert_eq!(split(1, 4).collect::<Vec<_>>(), [1, 0, 0, 0]);
        assert_eq!(split(8, 4).sum::<u32>(), 8);
    }
}
