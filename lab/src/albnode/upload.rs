//! Bodies of requests on their way through, and how far each has come.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::Instant;

/// How far a request's body has come.
#[derive(Clone, Debug)]
pub(super) struct Progress(Arc<Mutex<Upload>>);

#[derive(Debug)]
struct Upload {
    last: Instant,
    /// The target would take more, and the client has sent nothing.
    is_awaited: bool,
    is_done: bool,
    /// What came was no HTTP, or the client is gone.
    is_broken: bool,
}

/// The body of a request.
pub(super) struct RequestBody {
    inner: Incoming,
    progress: Progress,
}

impl Progress {
    pub(super) fn last(&self) -> Instant {
        self.change(|upload| upload.last)
    }

    pub(super) fn is_done(&self) -> bool {
        self.change(|upload| upload.is_done)
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.change(|upload| upload.is_awaited)
    }

    pub(super) fn is_broken(&self) -> bool {
        self.change(|upload| upload.is_broken)
    }

    /// The time counts from now on.
    pub(super) fn begin(&self) {
        self.change(|upload| upload.last = Instant::now());
    }

    fn change<T>(&self, change: impl FnOnce(&mut Upload) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl RequestBody {
    pub(super) fn new(inner: Incoming) -> (Self, Progress) {
        let upload =
            Upload { last: Instant::now(), is_awaited: false, is_done: inner.is_end_stream(), is_broken: false };
        let progress = Progress(Arc::new(Mutex::new(upload)));
        (Self { inner, progress: progress.clone() }, progress)
    }
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let polled = Pin::new(&mut self.inner).poll_frame(context);
        let is_done = matches!(polled, Poll::Ready(None)) || self.inner.is_end_stream();
        self.progress.change(|upload| {
            upload.is_awaited = polled.is_pending();
            upload.is_done = is_done;
            upload.is_broken |= matches!(polled, Poll::Ready(Some(Err(_))));
            if polled.is_ready() {
                upload.last = Instant::now();
            }
        });
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
