//! Bodies on their way through: streamed frame by frame, so that a slow receiver slows the sender and nothing piles up.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;

use crate::cluster::InFlight;

/// A client's request body, sent to a member.
#[derive(Debug, Default)]
pub(crate) struct Upload {
    /// None: there is no body.
    incoming: Option<Incoming>,
    progress: Progress,
}

/// How far an upload is; shared with whoever waits for the answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Progress(Option<Arc<AtomicU8>>);

const STREAMING: u8 = 0;
const COMPLETE: u8 = 1;
const BROKEN: u8 = 2;

impl Progress {
    /// Nothing of the request is still to be sent: only then may its connection be used again.
    pub(crate) fn is_complete(&self) -> bool {
        self.0.as_ref().is_none_or(|state| state.load(Relaxed) == COMPLETE)
    }

    /// The client did not send what it announced.
    pub(crate) fn is_broken(&self) -> bool {
        self.0.as_ref().is_some_and(|state| state.load(Relaxed) == BROKEN)
    }

    fn set(&self, state: u8) {
        if let Some(shared) = &self.0 {
            shared.store(state, Relaxed);
        }
    }
}

impl Upload {
    pub(crate) fn new(incoming: Incoming) -> Self {
        if incoming.is_end_stream() {
            return Self::default();
        }
        Self { incoming: Some(incoming), progress: Progress(Some(Arc::new(AtomicU8::new(STREAMING)))) }
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
        let frame = std::task::ready!(Pin::new(&mut *incoming).poll_frame(context));
        let state = match &frame {
            Some(Err(_)) => BROKEN,
            None => COMPLETE,
            Some(Ok(_)) if incoming.is_end_stream() => COMPLETE,
            Some(Ok(_)) => STREAMING,
        };
        self.progress.set(state);
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}

/// An answer's body, sent to the client.
pub(crate) enum Answer {
    /// Of the balancer itself.
    Own(Full<Bytes>),
    /// Of a member.
    Relayed(Relay),
}

impl Answer {
    pub(crate) fn own(text: String) -> Self {
        Self::Own(Full::new(Bytes::from(text)))
    }
}

/// A member's answer. When its end has been read, the request is finished and the connection free.
pub(crate) struct Relay {
    incoming: Incoming,
    open: Option<Open>,
}

struct Open {
    in_flight: InFlight,
    connection: SendRequest<Upload>,
    upload: Progress,
}

impl Relay {
    pub(crate) fn new(
        incoming: Incoming,
        in_flight: InFlight,
        connection: SendRequest<Upload>,
        upload: Progress,
    ) -> Self {
        let mut relay = Self { incoming, open: Some(Open { in_flight, connection, upload }) };
        if relay.incoming.is_end_stream() {
            relay.finish();
        }
        relay
    }

    fn finish(&mut self) {
        if let Some(Open { in_flight, connection, upload }) = self.open.take()
            && upload.is_complete()
        {
            in_flight.member().pool.put(connection, in_flight.now());
        }
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let frame = std::task::ready!(Pin::new(&mut self.incoming).poll_frame(context));
        match &frame {
            Some(Err(error)) => {
                if let Some(mut open) = self.open.take() {
                    open.in_flight.broke(error);
                }
            }
            Some(Ok(_)) if !self.incoming.is_end_stream() => {}
            Some(Ok(_)) | None => self.finish(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
    }
}

impl Body for Answer {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        match self.get_mut() {
            Self::Own(text) => Pin::new(text).poll_frame(context).map_err(|never: Infallible| match never {}),
            Self::Relayed(relay) => Pin::new(relay).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Own(text) => text.is_end_stream(),
            Self::Relayed(relay) => relay.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Own(text) => text.size_hint(),
            Self::Relayed(relay) => relay.size_hint(),
        }
    }
}
