//! The response's half of an exchange: heads, then a body, from the member to the client.

use std::io;
use std::task::{Context, Poll};

use http1::{HEAD_LIMIT_BYTES, Kind, Method, ResponseBody, ResponseError, ResponseHead, end_of_head};

use super::client::poll_read;
use super::dates;
use super::exchange::{Ended, Exchange, Seen};
use super::forward::{self, ResponseContext};
use super::relay::Relay;
use super::scratch::Scratch;
use super::upstream::{Broke, Failed};

/// Most interim responses (1xx) before a final one: more is a member that never comes to the point.
const INTERIM_LIMIT: u32 = 32;

/// The stage that a response has reached.
#[derive(Debug)]
pub(crate) enum Stage {
    Head {
        /// The beginning of a head that did not come in one piece.
        partial: Vec<u8>,
        interims: u32,
    },
    Body(Relay, ResponseSummary),
    /// Read to its end. The client may still have to take some of it.
    Read(ResponseSummary),
}

impl Default for Stage {
    fn default() -> Self {
        Self::Head { partial: Vec::new(), interims: 0 }
    }
}

/// Summary of a response that was passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ResponseSummary {
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    pub(crate) upstream_micros: u64,
    /// The client's connection can take the next request.
    pub(crate) persists: bool,
    /// The member keeps its connection open.
    member_persists: bool,
}

/// Moves one piece of the response; ready when it did.
pub(crate) fn poll(
    exchange: &mut Exchange<'_>,
    context: &mut Context<'_>,
    scratch: &mut Scratch,
) -> Poll<Result<(), Ended>> {
    let client = &mut *exchange.client;
    if !client.write_buffer.is_empty() {
        let before = client.write_buffer.written();
        match client.write_buffer.poll_flush(&mut client.stream, context) {
            Poll::Ready(Ok(())) => {}
            Poll::Ready(Err(_)) => return Poll::Ready(Err(Ended::Gone)),
            Poll::Pending if client.write_buffer.written() > before => return Poll::Ready(Ok(())),
            Poll::Pending => return Poll::Pending,
        }
    }
    if let Stage::Read(answered) = exchange.stage {
        return Poll::Ready(Err(Ended::Answered(answered)));
    }
    let Some(member) = &mut exchange.member else { return Poll::Pending };
    let mut bytes = std::mem::take(&mut scratch.bytes);
    let read = poll_read(member, context, &mut bytes);
    let moved = match read {
        Poll::Pending => Poll::Pending,
        Poll::Ready(read) => Poll::Ready(received(exchange, context, scratch, read.map(|length| &mut bytes[..length]))),
    };
    scratch.bytes = bytes;
    moved
}

fn received(
    exchange: &mut Exchange<'_>,
    context: &mut Context<'_>,
    scratch: &mut Scratch,
    read: io::Result<&mut [u8]>,
) -> Result<(), Ended> {
    match (&mut exchange.stage, read) {
        (Stage::Head { .. }, Err(error)) => Err(exchange.failed(lost(exchange.terms.is_reused, Some(error)))),
        (Stage::Head { .. }, Ok([])) => Err(exchange.failed(lost(exchange.terms.is_reused, None))),
        (Stage::Head { partial, .. }, Ok(piece)) if partial.is_empty() => heads(exchange, context, scratch, piece),
        (Stage::Head { partial, .. }, Ok(piece)) => {
            let mut all = std::mem::take(partial);
            all.extend_from_slice(piece);
            heads(exchange, context, scratch, &mut all)
        }
        (Stage::Body(_, answered), Err(error)) => Err(Ended::Broke(*answered, Broke::Off(error))),
        (Stage::Body(relay, answered), Ok([])) => {
            if !relay.end(&mut scratch.tail) {
                return Err(Ended::Broke(*answered, Broke::Early));
            }
            body(exchange, context, scratch, &mut [])
        }
        (Stage::Body(..), Ok(piece)) => body(exchange, context, scratch, piece),
        (Stage::Read(_), _) => Ok(()),
    }
}

/// The connection ended before the head did.
fn lost(is_reused: bool, error: Option<io::Error>) -> Failed {
    match (is_reused, error) {
        (true, Some(error)) if error.kind() == io::ErrorKind::ConnectionReset => Failed::Reset,
        (true, _) => Failed::Stale,
        (false, Some(error)) => Failed::Broken(error),
        (false, None) => Failed::Closed,
    }
}

/// Everything up to the final head, and the beginning of the body behind it.
fn heads(
    exchange: &mut Exchange<'_>,
    context: &mut Context<'_>,
    scratch: &mut Scratch,
    mut bytes: &mut [u8],
) -> Result<(), Ended> {
    loop {
        let end = end_of_head(bytes, 0);
        if end.unwrap_or(bytes.len()) > HEAD_LIMIT_BYTES {
            return Err(exchange.failed(ResponseError::TooLong.into()));
        }
        let Some(end) = end else {
            if let Stage::Head { partial, .. } = &mut exchange.stage {
                partial.extend_from_slice(bytes);
            }
            return Ok(());
        };
        let (text, rest) = std::mem::take(&mut bytes).split_at_mut(end);
        bytes = rest;
        let is_to_head = exchange.request.head.method == Method::Head;
        let head = ResponseHead::parse(text, is_to_head, &mut scratch.fields)
            .map_err(|broken| exchange.failed(broken.into()))?;
        match head.status {
            101 => return Err(switched(exchange, context, scratch, text, &head, bytes)),
            100..=199 => interim(exchange, context, scratch, text, &head)?,
            _ => return final_head(exchange, context, scratch, text, &head, bytes),
        }
    }
}

/// Interim responses are passed on to who understands them (RFC 9110, 15.2).
fn interim(
    exchange: &mut Exchange<'_>,
    context: &mut Context<'_>,
    scratch: &mut Scratch,
    text: &[u8],
    head: &ResponseHead,
) -> Result<(), Ended> {
    let Stage::Head { interims, .. } = &mut exchange.stage else { return Ok(()) };
    *interims += 1;
    if *interims > INTERIM_LIMIT {
        return Err(exchange.failed(Failed::Interim));
    }
    if !exchange.request.head.is_http_11 {
        return Ok(());
    }
    (exchange.seen, exchange.terms.retry) = (Seen::Interim, None);
    forward::interim(&mut scratch.head, text, &scratch.fields, head);
    let client = &mut *exchange.client;
    client.write_buffer.send(&mut client.stream, context, &mut scratch.head, &[], &[]).map_err(|_| Ended::Gone)
}

/// Only a response that was asked for, and switches to what was offered, opens the tunnel.
fn switched(
    exchange: &mut Exchange<'_>,
    context: &mut Context<'_>,
    scratch: &mut Scratch,
    text: &[u8],
    head: &ResponseHead,
    rest: &[u8],
) -> Ended {
    if !(exchange.request.head.asks_websocket && head.switches_to_websocket()) {
        return exchange.failed(Failed::Switched);
    }
    forward::interim(&mut scratch.head, text, &scratch.fields, head);
    if let Some(in_flight) = exchange.in_flight.as_mut() {
        let now = in_flight.now();
        in_flight.answered(head.status, now);
    }
    let client = &mut *exchange.client;
    let sent = client.write_buffer.send(&mut client.stream, context, &mut scratch.head, rest, &[]);
    match (sent, exchange.member.take()) {
        (Ok(()), Some(member)) => Ended::Switched(member),
        _ => Ended::Gone,
    }
}

fn final_head(
    exchange: &mut Exchange<'_>,
    context: &mut Context<'_>,
    scratch: &mut Scratch,
    text: &[u8],
    head: &ResponseHead,
    rest: &mut [u8],
) -> Result<(), Ended> {
    let is_uploaded = exchange.is_uploaded();
    let request = &exchange.request.head;
    let Some(in_flight) = exchange.in_flight.as_mut() else { return Err(Ended::Gone) };
    let now = in_flight.now();
    in_flight.answered(head.status, now);
    let member = in_flight.member();
    if matches!(head.status, 500 | 502 | 503 | 504)
        && let Some(cluster) = exchange.terms.retry
        && let Some(other) = cluster.retry(member.key, false)
    {
        return Err(Ended::Instead(head.status, other));
    }
    in_flight.passed_on(head.status);
    for field in &scratch.fields {
        match field.kind {
            Kind::Boot => member.record.learn_boot(&text[field.value.clone()]),
            Kind::Slots => member.record.learn_slots(&text[field.value.clone()]),
            _ => {}
        }
    }
    // Without a length and without chunks, only the end of the connection ends the response.
    let is_delimited = request.is_http_11 || !matches!(head.body, ResponseBody::Chunked | ResponseBody::UntilClose);
    let answered = ResponseSummary {
        status: head.status,
        body_bytes: 0,
        upstream_micros: now.since(in_flight.started()).micros(),
        persists: !exchange.terms.connections.is_draining() && request.persists && is_delimited && is_uploaded,
        member_persists: head.persists && is_uploaded,
    };
    dates::with(|date| {
        let how = ResponseContext {
            backend: Some(member.id.as_bytes()).filter(|_| member.is_id_printable),
            date,
            is_to_http_11: request.is_http_11,
            persists: answered.persists,
            queue_micros: exchange.terms.queue_micros,
            upstream_micros: answered.upstream_micros,
        };
        forward::response(&mut scratch.head, text, &scratch.fields, head, &how);
    });
    let relay = Relay::response(head.body, request.is_http_11, request.takes_trailers);
    exchange.stage = Stage::Body(relay, answered);
    body(exchange, context, scratch, rest)
}

/// Passes a piece of the body on, behind what is in `scratch.head`, and lets the member go when it was the last.
fn body(
    exchange: &mut Exchange<'_>,
    context: &mut Context<'_>,
    scratch: &mut Scratch,
    piece: &mut [u8],
) -> Result<(), Ended> {
    let Stage::Body(relay, answered) = &mut exchange.stage else { return Ok(()) };
    let taken = match relay.take(piece, &mut scratch.head, &mut scratch.tail) {
        Ok(taken) => taken,
        Err(malformed) => {
            scratch.head.clear();
            scratch.tail.clear();
            return Err(Ended::Broke(*answered, Broke::Malformed(malformed)));
        }
    };
    answered.body_bytes = relay.bytes();
    if relay.is_done() {
        let (answered, has_more) = (*answered, taken.used < piece.len());
        exchange.stage = Stage::Read(answered);
        release(exchange, answered.member_persists && !has_more);
    }
    let client = &mut *exchange.client;
    let sent =
        client.write_buffer.send(&mut client.stream, context, &mut scratch.head, &piece[..taken.data], &scratch.tail);
    scratch.head.clear();
    scratch.tail.clear();
    sent.map_err(|_| Ended::Gone)
}

/// The member is free. Its connection is used again only when this response ended exactly where it should: bytes behind
/// it would be taken for the response to the next request.
fn release(exchange: &mut Exchange<'_>, is_reusable: bool) {
    let Some(in_flight) = exchange.in_flight.take() else { return };
    if let Some(connection) = exchange.member.take().filter(|_| is_reusable) {
        in_flight.member().pool.put(exchange.shard, connection, in_flight.now());
    }
}
