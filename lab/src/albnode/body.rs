//! Bodies of answers on their way through: nothing is held back, and their silence is measured.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Instant, Sleep, sleep};

use super::connection::Connection;
use super::table::Ticket;
use super::upload::Progress;

pub(super) type Error = Box<dyn std::error::Error + Send + Sync>;

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
