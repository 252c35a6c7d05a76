//! Bytes that are still to be written to a socket.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::TcpStream;

/// Pieces up to this size are copied into one buffer and written at once: a vectored write of several pieces costs
/// more than copying so little.
const COPIED_BYTES: usize = 8 * 1024;
/// A buffer that grew beyond this is given back when it is empty: an idle connection must not hold it.
const KEPT_BYTES: usize = 4 * 1024;

/// The rest of what a socket did not take. Bounded by its users, who read nothing more while there is a rest.
#[derive(Debug, Default)]
pub(crate) struct WriteBuffer {
    rest: Vec<u8>,
    at: usize,
    written: u64,
}

impl WriteBuffer {
    pub(crate) fn is_empty(&self) -> bool {
        self.at == self.rest.len()
    }

    /// Bytes written so far: grows while the other side reads.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Writes `head`, `body` and `tail` as far as the socket takes them now, and keeps the rest. `head` is used up.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn send(
        &mut self,
        stream: &mut TcpStream,
        context: &mut Context<'_>,
        head: &mut Vec<u8>,
        body: &[u8],
        tail: &[u8],
    ) -> io::Result<()> {
        let is_vectored = self.is_empty() && body.len() > COPIED_BYTES;
        if !is_vectored {
            head.extend_from_slice(body);
            head.extend_from_slice(tail);
        }
        let all = head.len() + if is_vectored { body.len() + tail.len() } else { 0 };
        let written = match Pin::new(stream) {
            _ if !self.is_empty() || all == 0 => 0,
            stream if is_vectored => {
                let pieces = [IoSlice::new(head), IoSlice::new(body), IoSlice::new(tail)];
                taken(stream.poll_write_vectored(context, &pieces))?
            }
            stream => taken(stream.poll_write(context, head))?,
        };
        self.written += written as u64;
        if written < all {
            if is_vectored {
                head.extend_from_slice(body);
                head.extend_from_slice(tail);
            }
            self.rest.extend_from_slice(&head[written..]);
        }
        head.clear();
        Ok(())
    }

    /// Ready when everything is written.
    ///
    /// # Errors
    /// When the connection is broken.
    pub(crate) fn poll_flush(&mut self, stream: &mut TcpStream, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.rest.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while !self.is_empty() {
            match ready!(Pin::new(&mut *stream).poll_write(context, &self.rest[self.at..]))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => (self.at, self.written) = (self.at + written, self.written + written as u64),
            }
        }
        self.at = 0;
        self.rest.clear();
        self.rest.shrink_to(KEPT_BYTES);
        Poll::Ready(Ok(()))
    }
}

/// Number of bytes that a socket took; none when it is full.
fn taken(written: Poll<io::Result<usize>>) -> io::Result<usize> {
    match written {
        Poll::Ready(written) => written,
        Poll::Pending => Ok(0),
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn everything_arrives_in_order_however_full_the_socket_is() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (mut reader, _) = listener.accept().await.unwrap();
        let piece = |number: u8| vec![number; 1_000 * (1 + usize::from(number) % 20)];
        let expected: Vec<u8> = (0..200).flat_map(|n| [&b"h"[..], &piece(n), b"t"].concat()).collect();
        let mut write_buffer = WriteBuffer::default();
        // Nobody reads: after some hundred KiB the socket is full and the rest stays here.
        for number in 0..200 {
            let send = |context: &mut Context<'_>| {
                Poll::Ready(write_buffer.send(&mut stream, context, &mut b"h".to_vec(), &piece(number), b"t"))
            };
            poll_fn(send).await.unwrap();
        }
        let reading = tokio::spawn(async move {
            let mut read = Vec::new();
            reader.read_to_end(&mut read).await.unwrap();
            read
        });
        poll_fn(|context| write_buffer.poll_flush(&mut stream, context)).await.unwrap();
        assert!(write_buffer.is_empty() && write_buffer.written() == expected.len() as u64);
        drop(stream);
        assert!(reading.await.unwrap() == expected);
    }
}
