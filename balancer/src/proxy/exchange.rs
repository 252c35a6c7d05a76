//! An exchange: one request and its response on two sockets, in one task: nothing is handed from task to task, and what
//! one side does not take, the other is not asked for.

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http1::ChunkError;
use tokio::net::TcpStream;

use super::client::{Client, Request, poll_read};
use super::connections::Connections;
use super::relay::Relay;
use super::response::{self, ResponseSummary, Stage};
use super::scratch::{self, Scratch};
use super::upstream::{Broke, Failed};
use super::write_buffer::WriteBuffer;
use crate::cluster::{Cluster, InFlight};
use crate::settings::Timeouts;

/// Pieces moved before other connections get their turn: each is at most one read.
const MOVES_PER_TURN: u32 = 16;

/// The terms of an exchange, beside the request.
#[derive(Clone, Copy)]
pub(crate) struct Terms<'a> {
    pub(crate) timeouts: &'a Timeouts,
    /// The cluster to ask again when the response says that the member cannot (5xx); none when it is to be passed on.
    pub(crate) retry: Option<&'a Arc<Cluster>>,
    /// Asked, when the response begins, whether this connection is to take another request.
    pub(crate) connections: &'a Connections,
    pub(crate) is_reused: bool,
    pub(crate) queue_micros: u64,
}

/// The part of a response that the client has got of an attempt.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Seen {
    #[default]
    Nothing,
    Interim,
}

/// The end of an exchange.
pub(crate) enum Ended {
    /// The client has its response.
    Answered(ResponseSummary),
    /// Both sides speak another protocol from now on; what the member has said in it already is in the write buffer.
    Switched(TcpStream),
    /// There is no response yet; or only interim ones, which the client has seen.
    Failed(Failed, Seen),
    /// The member's response was that it cannot (5xx); nothing of it was passed on, and another one is to be asked.
    Instead(u16, InFlight),
    /// It has not accepted a connection for so long, and another one is to be asked.
    Late(Duration, InFlight),
    /// The response ended in the middle.
    Broke(ResponseSummary, Broke),
    /// The client went away.
    Gone,
}

/// The state of one attempt.
pub(crate) struct Exchange<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) request: &'a Request,
    pub(crate) terms: Terms<'a>,
    /// Gone when the response is read to its end: then the member is free.
    pub(crate) in_flight: &'a mut Option<InFlight>,
    pub(crate) member: Option<TcpStream>,
    pub(crate) shard: usize,
    upload: Relay,
    /// The member takes no more of the request. It may answer all the same.
    is_upload_given_up: bool,
    to_member: WriteBuffer,
    pub(crate) stage: Stage,
    pub(crate) seen: Seen,
    is_client_watched: bool,
    /// Something got somewhere since the deadline was set.
    has_moved: bool,
}

impl<'a> Exchange<'a> {
    pub(crate) fn new(
        client: &'a mut Client,
        request: &'a Request,
        terms: Terms<'a>,
        in_flight: &'a mut Option<InFlight>,
        member: TcpStream,
        shard: usize,
    ) -> Self {
        Self {
            client,
            request,
            terms,
            in_flight,
            member: Some(member),
            shard,
            upload: Relay::request(request.body),
            is_upload_given_up: false,
            to_member: WriteBuffer::default(),
            stage: Stage::default(),
            seen: Seen::Nothing,
            is_client_watched: true,
            has_moved: true,
        }
    }

    /// Sends the request and passes the response on.
    ///
    /// # Cancellation
    /// Dropping the future closes the member's connection; the request counts as abandoned.
    pub(crate) async fn run(mut self) -> Ended {
        let mut is_begun = false;
        poll_fn(|context| {
            scratch::with(|scratch| {
                if !std::mem::replace(&mut is_begun, true) {
                    self.begin(context, scratch);
                }
                self.poll(context, scratch)
            })
        })
        .await
    }

    fn begin(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) {
        let Some(member) = &mut self.member else { return };
        scratch.head.clear();
        scratch.head.extend_from_slice(&self.request.bytes);
        let sent = self.to_member.send(member, context, &mut scratch.head, &[], &[]);
        self.is_upload_given_up = sent.is_err();
        scratch.head.clear();
    }

    fn poll(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) -> Poll<Ended> {
        for _ in 0..MOVES_PER_TURN {
            let uploaded = match self.poll_upload(context, scratch) {
                Ok(uploaded) => uploaded,
                Err(ended) => return Poll::Ready(ended),
            };
            match response::poll(self, context, scratch) {
                Poll::Ready(Ok(())) => self.has_moved = true,
                Poll::Ready(Err(ended)) => return Poll::Ready(ended),
                Poll::Pending if uploaded => self.has_moved = true,
                Poll::Pending => return self.poll_deadline(context),
            }
        }
        // There is more to do; the others first.
        context.waker().wake_by_ref();
        Poll::Pending
    }

    pub(crate) fn failed(&self, failed: Failed) -> Ended {
        Ended::Failed(failed, self.seen)
    }

    /// Nothing of the request is still to be sent: only then can its connections be used again.
    pub(crate) fn is_uploaded(&self) -> bool {
        self.upload.is_done() && self.to_member.is_empty() && !self.is_upload_given_up
    }

    /// Moves one piece of the request's body. True when it did.
    fn poll_upload(&mut self, context: &mut Context<'_>, scratch: &mut Scratch) -> Result<bool, Ended> {
        let Some(member) = &mut self.member else { return Ok(false) };
        if self.is_upload_given_up {
            return Ok(false);
        }
        if !self.to_member.is_empty() {
            let before = self.to_member.written();
            match self.to_member.poll_flush(member, context) {
                Poll::Ready(Ok(())) => {}
                Poll::Ready(Err(_)) => {
                    self.is_upload_given_up = true;
                    return Ok(false);
                }
                Poll::Pending => return Ok(self.to_member.written() > before),
            }
        }
        if self.upload.is_done() {
            return Ok(false);
        }
        let (mut bytes, length) = match self.client.read_buffer.len() {
            0 => {
                let mut bytes = std::mem::take(&mut scratch.bytes);
                let read = poll_read(&mut self.client.stream, context, &mut bytes);
                match read {
                    Poll::Ready(Ok(length @ 1..)) => (bytes, length),
                    ended => {
                        scratch.bytes = bytes;
                        return if ended.is_pending() { Ok(false) } else { Err(Ended::Gone) };
                    }
                }
            }
            length => (std::mem::take(&mut self.client.read_buffer), length),
        };
        let sent = self.pass_on(context, scratch, &mut bytes[..length]);
        if scratch.bytes.is_empty() {
            scratch.bytes = bytes;
        }
        sent.map(|()| true).map_err(|malformed| self.failed(Failed::Upload(malformed)))
    }

    /// Frames a piece of the request's body for the member; what does not belong to it is the client's next request.
    fn pass_on(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut Scratch,
        piece: &mut [u8],
    ) -> Result<(), ChunkError> {
        let taken = self.upload.take(piece, &mut scratch.head, &mut scratch.tail)?;
        self.client.read_buffer.extend_from_slice(&piece[taken.used..]);
        if let Some(member) = &mut self.member {
            let sent = self.to_member.send(member, context, &mut scratch.head, &piece[..taken.data], &scratch.tail);
            self.is_upload_given_up = sent.is_err();
        }
        scratch.head.clear();
        scratch.tail.clear();
        Ok(())
    }

    fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Ended> {
        let timeouts = self.terms.timeouts;
        let is_uploading = !self.upload.is_done() && !self.is_upload_given_up;
        let waits_for_client = is_uploading && self.to_member.is_empty();
        let is_head = matches!(self.stage, Stage::Head { .. });
        let limit = if is_head && !waits_for_client { timeouts.answer } else { timeouts.body };
        if std::mem::take(&mut self.has_moved) {
            self.client.deadline.set(limit);
        }
        if is_head && !is_uploading && self.is_client_watched {
            match self.client.poll_gone(context) {
                Poll::Ready(true) => return Poll::Ready(Ended::Gone),
                // It has sent its next request already, and is there.
                Poll::Ready(false) => self.is_client_watched = false,
                Poll::Pending => {}
            }
        }
        ready!(self.client.deadline.poll(context));
        Poll::Ready(match &self.stage {
            Stage::Head { .. } if waits_for_client => self.failed(Failed::UploadStalled(limit)),
            Stage::Head { .. } => self.failed(Failed::Silent(limit)),
            // The member has long given what the client does not take.
            Stage::Read(_) => Ended::Gone,
            Stage::Body(..) if !self.client.write_buffer.is_empty() => Ended::Gone,
            Stage::Body(_, answered) => Ended::Broke(*answered, Broke::Stalled(limit)),
        })
    }
}
