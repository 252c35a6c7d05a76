//! A client's connection: its next request is read, and bytes are written back.

use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http1::{HEAD_LIMIT_BYTES, RequestBody, RequestError, RequestHead, end_of_head};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::TcpStream;

use super::deadline::Deadline;
use super::forward::{self, RequestContext};
use super::gathering;
use super::last_hop;
use super::scratch::Scratch;
use super::write_buffer::WriteBuffer;
use crate::settings::Timeouts;

/// A body up to this size that came with its head goes to the member in the same write, and can be sent again to
/// another one.
const SMALL_BODY_BYTES: usize = 16 * 1024;
/// A buffer that grew beyond this is given back between requests.
const KEPT_BYTES: usize = 4 * 1024;

/// A client's connection.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) stream: TcpStream,
    /// Received and not used yet. Nothing more is read while something is here that belongs to a later request.
    pub(crate) read_buffer: Vec<u8>,
    /// So much of the read buffer holds no end of a head.
    searched: usize,
    pub(crate) write_buffer: WriteBuffer,
    pub(crate) deadline: Deadline,
    address: String,
    /// The address that it connected to; asked for when a request names no host.
    local_address: Option<String>,
}

/// A request, ready to be sent to a member.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) head: RequestHead,
    /// The head for the member, and the body when it was small and there; or the content of the response, when it is for
    /// this proxy.
    pub(crate) bytes: Vec<u8>,
    /// The body that is still to come.
    pub(crate) body: RequestBody,
}

/// The next word of a client.
pub(crate) enum Heard {
    Request(Request),
    Refused(RequestError),
    /// It began a request and did not finish it in time.
    TooSlow,
    /// It is gone, or has been silent for too long.
    End,
}

impl Client {
    pub(crate) fn new(stream: TcpStream, address: IpAddr, idle: Duration) -> Self {
        Self {
            stream,
            read_buffer: Vec::new(),
            searched: 0,
            write_buffer: WriteBuffer::default(),
            deadline: Deadline::new(idle),
            address: address.to_canonical().to_string(),
            local_address: None,
        }
    }

    /// Nothing of a request is here: at most the empty line that some clients send after a body.
    pub(crate) fn is_between_requests(&self) -> bool {
        matches!(&self.read_buffer[..], b"" | b"\r" | b"\r\n")
    }

    /// Its address as text.
    pub(crate) fn address(&self) -> &str {
        &self.address
    }

    /// Waits for the next request. `seen` is shown its head while it is there; `bytes` is memory to be used again.
    pub(crate) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
        scratch: &mut Scratch,
        timeouts: &Timeouts,
        bytes: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8], &RequestHead),
    ) -> Poll<Heard> {
        loop {
            if let Some(heard) = self.whole_head(scratch, bytes, seen) {
                return Poll::Ready(heard);
            }
            let read = match poll_read(&mut self.stream, context, &mut scratch.bytes) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Heard::End),
                Poll::Ready(Ok(read)) => read,
                Poll::Pending => {
                    ready!(self.deadline.poll(context));
                    return Poll::Ready(if self.is_between_requests() { Heard::End } else { Heard::TooSlow });
                }
            };
            if self.read_buffer.is_empty()
                && let Some(end) = end_of_head(&scratch.bytes[..read], 0)
            {
                // The usual case: one read, one whole request, no copy.
                let received = std::mem::take(&mut scratch.bytes);
                let used = self.request(&received[..read], end, scratch, bytes, seen);
                self.read_buffer.extend_from_slice(used.as_ref().map_or(&[], |(_, used)| &received[*used..read]));
                scratch.bytes = received;
                return Poll::Ready(used.map_or_else(Heard::Refused, |(request, _)| Heard::Request(request)));
            }
            if self.read_buffer.is_empty() {
                self.searched = 0;
            }
            let begins = self.is_between_requests();
            self.read_buffer.extend_from_slice(&scratch.bytes[..read]);
            if begins && !self.is_between_requests() {
                self.deadline.set(timeouts.header);
            }
        }
    }

    /// A request whose head is in the read buffer, or the certainty that there is none.
    fn whole_head(
        &mut self,
        scratch: &mut Scratch,
        bytes: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8], &RequestHead),
    ) -> Option<Heard> {
        let first = self.read_buffer.first()?;
        if let Some(end) = end_of_head(&self.read_buffer, self.searched) {
            let received = std::mem::take(&mut self.read_buffer);
            self.searched = 0;
            return Some(match self.request(&received, end, scratch, bytes, seen) {
                Ok((request, used)) => {
                    self.read_buffer = received;
                    self.read_buffer.drain(..used);
                    Heard::Request(request)
                }
                Err(refused) => Heard::Refused(refused),
            });
        }
        // No method begins so: a TLS handshake, for one, need not be waited out.
        if !first.is_ascii_graphic() && *first != b'\r' {
            return Some(Heard::Refused(RequestError::RequestLine));
        }
        if self.read_buffer.len() > HEAD_LIMIT_BYTES {
            return Some(Heard::Refused(RequestError::too_long(&self.read_buffer[blank(&self.read_buffer)..])));
        }
        self.searched = self.read_buffer.len();
        None
    }

    /// Judges the head that ends at `end`, and makes of it what goes to the member. Also says how many bytes are used.
    fn request(
        &mut self,
        received: &[u8],
        end: usize,
        scratch: &mut Scratch,
        bytes: &mut Vec<u8>,
        seen: &mut dyn FnMut(&[u8], &RequestHead),
    ) -> Result<(Request, usize), RequestError> {
        let text = &received[blank(received)..end];
        if text.len() > HEAD_LIMIT_BYTES {
            return Err(RequestError::too_long(text));
        }
        let head = RequestHead::parse(text, &mut scratch.fields)?;
        seen(text, &head);
        let mut bytes = std::mem::take(bytes);
        bytes.clear();
        bytes.shrink_to(KEPT_BYTES);
        if head.ends_here() {
            last_hop::content(&mut bytes, text, &scratch.fields, &head);
            return Ok((Request { body: head.body, head, bytes }, end));
        }
        let how = RequestContext {
            client: &self.address,
            fallback_host: host_of(&self.stream, &head, &mut self.local_address),
        };
        forward::request(&mut bytes, text, &scratch.fields, &head, &how);
        let (mut body, mut used) = (head.body, end);
        if let RequestBody::Sized(length) = body
            && let Ok(length) = usize::try_from(length)
            && length <= SMALL_BODY_BYTES.min(received.len() - end)
        {
            bytes.extend_from_slice(&received[end..end + length]);
            (body, used) = (RequestBody::None, end + length);
        }
        Ok((Request { head, bytes, body }, used))
    }

    /// Ready when something came from the client: true when it is gone, false when it sent more.
    pub(crate) fn poll_gone(&mut self, context: &mut Context<'_>) -> Poll<bool> {
        let mut byte = [0];
        let peeked = ready!(self.stream.poll_peek(context, &mut ReadBuf::new(&mut byte)));
        Poll::Ready(!matches!(peeked, Ok(1..)))
    }
}

/// One empty line may come before a request: some clients send one after a body (RFC 9112, 2.2).
fn blank(received: &[u8]) -> usize {
    if received.starts_with(b"\r\n") { 2 } else { 0 }
}

/// The authority for a request without one: the address that it came to.
fn host_of<'a>(stream: &TcpStream, head: &RequestHead, known: &'a mut Option<String>) -> &'a str {
    if head.host.is_some() {
        return "";
    }
    known.get_or_insert_with(|| stream.local_addr().map_or_else(|_| "localhost".to_owned(), |at| at.to_string()))
}

/// Reads what there is.
pub(crate) fn poll_read(
    stream: &mut TcpStream,
    context: &mut Context<'_>,
    buffer: &mut [u8],
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(buffer);
    ready!(Pin::new(stream).poll_read(context, &mut buffer))?;
    gathering::note_read();
    Poll::Ready(Ok(buffer.filled().len()))
}
