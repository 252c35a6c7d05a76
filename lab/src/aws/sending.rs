//! The body of an answer, whole or not.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

use super::Lost;

/// A body on its way: all of it, or the beginning, and then the connection ends.
#[derive(Debug)]
pub(crate) struct Sending {
    rest: Option<Bytes>,
    /// The length that the head promises.
    promised: usize,
    is_cut: bool,
}

impl Sending {
    pub(crate) fn whole(bytes: Bytes) -> Self {
        Self { promised: bytes.len(), rest: Some(bytes), is_cut: false }
    }

    /// Ends it where `place` says, given its length, while its head promises all of it.
    pub(crate) fn cut(self, place: impl FnOnce(usize) -> usize) -> Self {
        let kept = self.rest.map(|bytes| bytes.slice(..place(bytes.len()).min(bytes.len())));
        Self { rest: kept, is_cut: true, ..self }
    }
}

impl Body for Sending {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        Poll::Ready(match self.rest.take().filter(|bytes| !bytes.is_empty()) {
            Some(bytes) => Some(Ok(Frame::data(bytes))),
            None if self.is_cut => Some(Err(Lost)),
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.rest.as_ref().is_none_or(Bytes::is_empty) && !self.is_cut
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.promised as u64)
    }
}
