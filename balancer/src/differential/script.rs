//! The other end of a connection: what it says is known beforehand.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Says one piece after the other, each when one more head was written to it, the first at once if it `speaks_first`;
/// then it closes. Nobody reads what is written.
pub(super) struct Script {
    pieces: Vec<Vec<u8>>,
    /// Piece and position.
    at: (usize, usize),
    released: usize,
    written: Vec<u8>,
    waker: Option<Waker>,
}

impl Script {
    pub(super) fn new(pieces: Vec<Vec<u8>>, speaks_first: bool) -> Self {
        Self { pieces, at: (0, 0), released: usize::from(speaks_first), written: Vec::new(), waker: None }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (piece, position) = self.at;
        let Some(rest) = self.pieces.get(piece).map(|piece| &piece[position..]) else { return Poll::Ready(Ok(())) };
        if piece >= self.released {
            self.waker = Some(context.waker().clone());
            return Poll::Pending;
        }
        let length = buffer.remaining().min(rest.len());
        buffer.put_slice(&rest[..length]);
        let is_last = length == rest.len();
        self.at = if is_last { (piece + 1, 0) } else { (piece, position + length) };
        // An empty read is an end: only the end may be one.
        if length == 0 { self.poll_read(context, buffer) } else { Poll::Ready(Ok(())) }
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.written.extend_from_slice(bytes);
        while let Some(end) = self.written.windows(4).position(|window| window == b"\r\n\r\n") {
            self.written.drain(..end + 4);
            self.released += 1;
        }
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
