//! A client connection whose bytes are judged by [`Framing`] on their way to hyper.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::Sleep;

use crate::framing::Framing;

/// How long a request's head may take from its first to its last byte. Heads fit in one or two packets, so this is
/// several retransmissions; a client that dribbles longer only holds a connection open.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);

/// What hyper is given in place of the byte that would have completed an ambiguous request: no HTTP parser takes a
/// NUL anywhere in a head or a chunk line, so it answers 400 and closes, after the requests before this one.
const POISON: u8 = 0;

/// The connection; read by hyper in place of the socket.
pub(crate) struct Inspected {
    stream: TcpStream,
    framing: Framing,
    is_refused: bool,
    head_deadline: Option<Pin<Box<Sleep>>>,
}

impl Inspected {
    pub(crate) fn new(stream: TcpStream) -> Self {
        Self { stream, framing: Framing::default(), is_refused: false, head_deadline: None }
    }

    fn check_head_deadline(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if !self.framing.is_inside_head() {
            self.head_deadline = None;
            return Poll::Pending;
        }
        let deadline = self.head_deadline.get_or_insert_with(|| Box::pin(tokio::time::sleep(HEAD_TIMEOUT)));
        deadline.as_mut().poll(context).map(|()| io::Error::from(io::ErrorKind::TimedOut))
    }
}

impl AsyncRead for Inspected {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_refused {
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => return self.check_head_deadline(context).map(Err),
        }
        if let Err((good, violation)) = self.framing.receive(&buffer.filled()[before..]) {
            tracing::debug!(%violation, "request refused");
            self.is_refused = true;
            // There is room: at least the offending byte was there.
            buffer.set_filled(before + good);
            buffer.put_slice(&[POISON]);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Inspected {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    async fn pair() -> (TcpStream, Inspected) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        (client, Inspected::new(listener.accept().await.unwrap().0))
    }

    #[tokio::test(start_paused = true)]
    async fn a_head_that_never_ends_times_out_and_an_idle_connection_does_not() {
        let (mut client, mut inspected) = pair().await;
        let mut buffer = [0; 64];
        let idle = tokio::time::timeout(HEAD_TIMEOUT * 3, inspected.read(&mut buffer)).await;
        assert!(idle.is_err());
        client.write_all(b"GET / HT").await.unwrap();
        assert_eq!(inspected.read(&mut buffer).await.unwrap(), 8);
        assert_eq!(inspected.read(&mut buffer).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn what_follows_a_violation_is_not_read() {
        let (mut client, mut inspected) = pair().await;
        client.write_all(b"GET / HTTP/1.0\n\nGET / HTTP/1.0\r\n\r\n").await.unwrap();
        drop(client);
        let mut read = Vec::new();
        inspected.read_to_end(&mut read).await.unwrap();
        assert_eq!(read, b"GET / HTTP/1.0\n\0");
    }
}
