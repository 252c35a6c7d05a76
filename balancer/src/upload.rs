//! A client's request body on its way to a member: streamed frame by frame, so that a slow member slows the client
//! and nothing piles up.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

/// The body of a request to a member.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// None: there is no body.
    incoming: Option<Incoming>,
    progress: Progress,
}

/// How far an upload is; shared with whoever waits for the answer. Nothing for a request without a body.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Option<Arc<Shared>>);

#[derive(Debug, Default)]
struct Shared {
    state: AtomicU8,
    frames: AtomicU64,
}

/// The member has not asked for more than it was given.
const GIVEN: u8 = 0;
/// The member asked for more than the client has sent so far.
const AWAITED: u8 = 1;
const COMPLETE: u8 = 2;
const BROKEN: u8 = 3;

impl Progress {
    /// Nothing of the request is still to be sent: only then may its connection be used again.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.as_ref().is_none_or(|shared| shared.state.load(Relaxed) == COMPLETE)
    }

    /// The client did not send what it announced.
    pub(crate) fn is_broken(&self) -> bool {
        self.is(BROKEN)
    }

    /// It is the client who is waited for.
    pub(crate) fn is_awaited(&self) -> bool {
        self.is(AWAITED)
    }

    /// Grows with everything that was passed on.
    pub(crate) fn frames(&self) -> u64 {
        self.0.as_ref().map_or(0, |shared| shared.frames.load(Relaxed))
    }

    fn is(&self, state: u8) -> bool {
        self.0.as_ref().is_some_and(|shared| shared.state.load(Relaxed) == state)
    }

    fn set(&self, state: u8) {
        if let Some(shared) = &self.0 {
            shared.state.store(state, Relaxed);
            shared.frames.fetch_add(u64::from(state != AWAITED), Relaxed);
        }
    }
}

impl Upload {
    pub(crate) fn new(incoming: Incoming) -> Self {
        if incoming.is_end_stream() {
            return Self::default();
        }
        Self { incoming: Some(incoming), progress: Progress(Some(Arc::default())) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.incoming.is_none()
    }

    pub(crate) fn progress(&self) -> Progress {
        self.progress.clone()
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let Some(incoming) = &mut self.incoming else { return Poll::Ready(None) };
        let frame = Pin::new(&mut *incoming).poll_frame(context);
        let state = match &frame {
            Poll::Pending => AWAITED,
            Poll::Ready(Some(Err(_))) => BROKEN,
            Poll::Ready(None) => COMPLETE,
            Poll::Ready(Some(Ok(_))) if incoming.is_end_stream() => COMPLETE,
            Poll::Ready(Some(Ok(_))) => GIVEN,
        };
        self.progress.set(state);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
