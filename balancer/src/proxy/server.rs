//! The data path's listener: one acceptor, and a thread for each core that serves what it is handed.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::Poll;
use std::time::Duration;

use agent::Drain;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Handle};
use tokio::sync::oneshot;

use super::client::Client;
use super::connection::Connection;
use super::connections::Connections;
use super::dates;
use super::gathering::Gathering;
use super::local_reply::LocalReply;
use super::upstream::is_local;
use crate::balancer::Balancer;

/// Pause after a failed accept: with no file descriptors left, an immediate retry would spin. A few idle connections to
/// members give theirs away; for a client that was gone before it was accepted (accept(2)) they need not.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A thread that serves connections on a runtime of its own. Whatever is handed to it stays with it: its sockets, its
/// buffers and its connections to members are never touched by another thread.
struct Shard {
    runtime: Handle,
    open: Arc<AtomicUsize>,
    /// Dropped: the thread ends, and every connection with it.
    _stop: oneshot::Sender<()>,
}

impl Shard {
    fn start(number: usize, gathering: Gathering) -> io::Result<Self> {
        let mut builder = Builder::new_current_thread();
        let runtime = builder.enable_all().on_thread_park(move || gathering.before_waiting()).build()?;
        let handle = runtime.handle().clone();
        let (stop, stopped) = oneshot::channel::<()>();
        std::thread::Builder::new().name(format!("shard-{number}")).spawn(move || {
            gathering.prepare();
            // An error is what it waits for: the sender is gone.
            let _ = runtime.block_on(stopped);
            runtime.shutdown_background();
        })?;
        Ok(Self { runtime: handle, open: Arc::default(), _stop: stop })
    }
}

/// Proxies what comes in on `listener` until `shutdown` resolves, then stops accepting and gives the requests in
/// flight `drain` to finish.
///
/// # Errors
/// When no thread can be started.
///
/// # Cancellation
/// Dropping the future closes the listener and cuts every connection.
pub async fn serve(
    listener: TcpListener,
    balancer: Arc<Balancer>,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) -> io::Result<Drain> {
    let connections = balancer.connections();
    let gathering = balancer.settings().gathering;
    let shards = 0..balancer.settings().shards.max(1);
    let shards = shards.map(|number| Shard::start(number, gathering)).collect::<io::Result<Vec<_>>>()?;
    let limit = balancer.settings().max_connections;
    let (mut shutdown, mut number) = (pin!(shutdown), 0);
    loop {
        tokio::select! {
            () = &mut shutdown => break,
            accepted = listener.accept() => match accepted.and_then(|(stream, client)| Ok((stream.into_std()?, client))) {
                Ok((stream, client)) => {
                    number += 1;
                    if connections.open.load(Relaxed) >= limit {
                        connections.turned_away.fetch_add(1, Relaxed);
                        turn_away(&stream, limit);
                    } else {
                        hand_over(&connections, &shards, stream, client, number);
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "accept failed");
                    if is_local(&error) {
                        balancer.drop_idle();
                    }
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    connections.drain();
    match tokio::time::timeout(drain, connections.is_empty()).await {
        Ok(()) => Ok(Drain::Complete),
        Err(_) => Ok(Drain::DeadlinePassed),
    }
}

/// Gives a connection to the shard with the fewest. The kernel's own distribution over several listeners goes by hash:
/// of 64 connections, two threads get 32 +- 4 each, and keep them for as long as clients keep them open.
fn hand_over(
    connections: &Arc<Connections>,
    shards: &[Shard],
    stream: std::net::TcpStream,
    client: SocketAddr,
    number: u64,
) {
    let Some((index, shard)) = shards.iter().enumerate().min_by_key(|(_, shard)| shard.open.load(Relaxed)) else {
        return;
    };
    let held = Held::new(connections, shard, number);
    let connections = Arc::clone(connections);
    shard.runtime.spawn(async move {
        // Moved here: it is counted as open until this task is gone, however it ends.
        let held = held;
        // Registered here, with the reactor of this shard's thread.
        let Ok(stream) = TcpStream::from_std(stream) else { return };
        // Responses are written whole: waiting to fill a packet would only add delay.
        let _ = stream.set_nodelay(true);
        poll_fn(|context| {
            held.connections.enter(held.number, context.waker().clone());
            Poll::Ready(())
        })
        .await;
        let client = Client::new(stream, client.ip(), connections.timeouts().idle);
        Connection::new(connections, client, index).run().await;
    });
}

/// Counts a connection as open.
struct Held {
    connections: Arc<Connections>,
    shard: Arc<AtomicUsize>,
    number: u64,
}

impl Held {
    fn new(connections: &Arc<Connections>, shard: &Shard, number: u64) -> Self {
        connections.open.fetch_add(1, Relaxed);
        shard.open.fetch_add(1, Relaxed);
        Self { connections: Arc::clone(connections), shard: Arc::clone(&shard.open), number }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.shard.fetch_sub(1, Relaxed);
        self.connections.leave(self.number);
    }
}

/// Tells a client that there are too many. It fits into the empty buffer of a new socket, so nothing waits.
fn turn_away(stream: &std::net::TcpStream, limit: usize) {
    let error = format!("the balancer serves {limit} connections already: try again later");
    let (reply, mut out) = (LocalReply::closing(503, error), Vec::new());
    dates::with(|date| reply.message(&reply.content()).write(&mut out, date, false, false, true));
    let _ = io::Write::write(&mut &*stream, &out);
    let _ = stream.shutdown(std::net::Shutdown::Write);
}
