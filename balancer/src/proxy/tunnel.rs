//! A tunnel: two connections that speak another protocol, and bytes from each to the other until one side ends.

use std::future::poll_fn;
use std::io;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::net::TcpStream;

use super::client::{Client, poll_read};
use super::connections::Connections;
use super::scratch;
use super::write_buffer::WriteBuffer;

/// Time for which a tunnel may be silent: HAProxy's usual `timeout tunnel`. Who needs longer sends pings.
const SILENCE: Duration = Duration::from_secs(3_600);

/// One direction.
#[derive(Default)]
struct Way {
    is_ended: bool,
    is_shut: bool,
}

/// Passes bytes until both directions have ended, one breaks, or nothing comes for an hour.
pub(crate) async fn run(connections: &Connections, client: &mut Client, mut member: TcpStream) {
    connections.tunnels.fetch_add(1, Relaxed);
    let _open = scopeguard(connections);
    let mut to_member = WriteBuffer::default();
    let (mut up, mut down) = (Way::default(), Way::default());
    let early = std::mem::take(&mut client.read_buffer);
    let mut early = Some(early).filter(|early| !early.is_empty());
    client.deadline.set(SILENCE);
    let ended: io::Result<()> = poll_fn(|context| {
        loop {
            if let Some(mut early) = early.take() {
                to_member.send(&mut member, context, &mut early, &[], &[])?;
            }
            let up_moved = pass(context, &mut client.stream, &mut member, &mut to_member, &mut up)?;
            let down_moved = pass(context, &mut member, &mut client.stream, &mut client.write_buffer, &mut down)?;
            if up.is_shut && down.is_shut {
                return Poll::Ready(Ok(()));
            }
            if !up_moved && !down_moved {
                return client.deadline.poll(context).map(|()| Err(io::ErrorKind::TimedOut.into()));
            }
            client.deadline.set(SILENCE);
        }
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a tunnel ended");
    }
}

/// Moves what there is from one to the other. True when anything moved.
fn pass(
    context: &mut Context<'_>,
    from: &mut TcpStream,
    to: &mut TcpStream,
    write_buffer: &mut WriteBuffer,
    way: &mut Way,
) -> io::Result<bool> {
    let before = write_buffer.written();
    if write_buffer.poll_flush(to, context)?.is_pending() {
        return Ok(write_buffer.written() > before);
    }
    if way.is_shut {
        return Ok(false);
    }
    if way.is_ended {
        // What was sent before the end has been written: now the other side is told.
        way.is_shut = true;
        rustix::net::shutdown(&*to, rustix::net::Shutdown::Write)?;
        return Ok(true);
    }
    scratch::with(|scratch| match poll_read(from, context, &mut scratch.bytes) {
        Poll::Pending => Ok(write_buffer.written() > before),
        Poll::Ready(Err(error)) => Err(error),
        Poll::Ready(Ok(0)) => {
            way.is_ended = true;
            Ok(true)
        }
        Poll::Ready(Ok(length)) => {
            write_buffer.send(to, context, &mut scratch.head, &scratch.bytes[..length], &[])?;
            Ok(true)
        }
    })
}

/// Counts the tunnel as open until it is dropped.
fn scopeguard(connections: &Connections) -> impl Drop + '_ {
    struct Open<'a>(&'a Connections);
    impl Drop for Open<'_> {
        fn drop(&mut self) {
            self.0.tunnels.fetch_sub(1, Relaxed);
        }
    }
    Open(connections)
}
