//! An answer's body on its way to the client: streamed frame by frame, so that a slow client slows the member and
//! nothing piles up.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use tokio::time::Sleep;

use crate::cluster::InFlight;
use crate::upload::{Progress, Upload};

/// The body of an answer to a client.
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

/// Why a member's answer ended in the middle. The client sees its connection end before the answer does.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Broke {
    #[error(transparent)]
    Off(hyper::Error),
    #[error("nothing came for {} ms", .0.as_millis())]
    Stalled(Duration),
}

/// A member's answer. When its end has been read, the request is finished and the connection free.
pub(crate) struct Relay {
    incoming: Incoming,
    open: Option<Open>,
    /// How long the member may pause inside the body, and the end of the pause it is in.
    patience: Duration,
    pause: Option<Pin<Box<Sleep>>>,
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
        patience: Duration,
    ) -> Self {
        let open = Some(Open { in_flight, connection, upload });
        let mut relay = Self { incoming, open, patience, pause: None };
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

    fn broke(&mut self, broke: Broke) -> Broke {
        if let Some(mut open) = self.open.take() {
            open.in_flight.broke(&broke);
        }
        broke
    }

    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<Broke> {
        let patience = self.patience;
        let pause = self.pause.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        pause.as_mut().poll(context).map(|()| Broke::Stalled(patience))
    }
}

impl Body for Relay {
    type Data = Bytes;
    type Error = Broke;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broke>>> {
        let frame = match Pin::new(&mut self.incoming).poll_frame(context) {
            Poll::Ready(frame) => frame,
            Poll::Pending => {
                let stalled = std::task::ready!(self.poll_pause(context));
                return Poll::Ready(Some(Err(self.broke(stalled))));
            }
        };
        self.pause = None;
        Poll::Ready(match frame {
            Some(Err(error)) => Some(Err(self.broke(Broke::Off(error)))),
            Some(Ok(frame)) => {
                if self.incoming.is_end_stream() {
                    self.finish();
                }
                Some(Ok(frame))
            }
            None => {
                self.finish();
                None
            }
        })
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
    type Error = Broke;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broke>>> {
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
