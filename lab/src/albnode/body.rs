//! Bodies on their way through: nothing is held back, and their silence is measured.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::connection::Connection;
use super::table::Ticket;

pub(super) type Error = Box<dyn std::error::Error + Send + Sync>;

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

/// The body of a target's answer. With its end the target has one request less, and the connection is free.
pub(super) struct ResponseBody {
    inner: Incoming,
    idle: Duration,
    silence: Pin<Box<Sleep>>,
    held: Option<Held>,
}

/// What a request holds until its answer has ended.
pub(super) struct Held {
    pub(super) ticket: Ticket,
    pub(super) connection: Connection,
    pub(super) progress: Progress,
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

impl ResponseBody {
    pub(super) fn new(inner: Incoming, idle: Duration, held: Held) -> Self {
        let mut body = Self { inner, idle, silence: Box::pin(sleep(idle)), held: Some(held) };
        if body.inner.is_end_stream() {
            body.finish();
        }
        body
    }

    fn finish(&mut self) {
        let Some(Held { ticket, connection, progress }) = self.held.take() else { return };
        // A target that answered before it had read everything still has the rest to come.
        if progress.is_done() {
            ticket.target().keep(connection);
        }
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let Poll::Ready(polled) = Pin::new(&mut self.inner).poll_frame(context) else {
            ready!(self.silence.as_mut().poll(context));
            return Poll::Ready(Some(Err("the target was silent for too long in the middle of its answer".into())));
        };
        if self.held.as_ref().is_some_and(|held| held.connection.is_cut()) {
            return Poll::Ready(Some(Err("the target is no longer registered".into())));
        }
        match &polled {
            Some(Ok(_)) => {
                let later = Instant::now() + self.idle;
                self.silence.as_mut().reset(later);
                if self.inner.is_end_stream() {
                    self.finish();
                }
            }
            None => self.finish(),
            Some(Err(_)) => {}
        }
        Poll::Ready(polled.map(|frame| frame.map_err(Into::into)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
