//! The head of a request: request line and fields, parsed before anything is done with it.

use std::ops::Range;

use crate::body::{Framing, RequestBody};
use crate::fields::{self, Field, Kind, has_token};
use crate::head::{BadLine, FIELDS_LIMIT, HEAD_LIMIT_BYTES, Line, SpaceBeforeColon, first_line, line};
use crate::target::{is_host, split_target};

/// The one protocol that is let through after a 101. Every other one would be a way past this proxy: HTTP/2 (`h2c`) and
/// TLS (RFC 2817) carry requests that nobody here would see.
pub(crate) const WEBSOCKET: &[u8] = b"websocket";

/// The rule that a head breaks, so that it is no request that may be served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    #[error("a line does not end with CR LF, or holds a bare CR")]
    LineEnd,
    #[error("the request line is not `METHOD target HTTP/1.x`")]
    RequestLine,
    #[error("the request's target is neither a path nor an http URL, or holds what a URL may not hold")]
    Target,
    #[error("a header continues on a second line")]
    Folded,
    #[error("a header line has no name, or white space in or after it")]
    FieldName,
    #[error("a header's value holds a control character")]
    FieldValue,
    #[error("Content-Length is not a plain number, or given twice")]
    ContentLength,
    #[error("Transfer-Encoding is not exactly `chunked`, given once, in HTTP/1.1")]
    TransferEncoding,
    #[error("both Transfer-Encoding and Content-Length are given")]
    TwoLengths,
    #[error("Host is missing, given twice, or not a host name with an optional port")]
    Host,
    #[error("the target leaves no room for the headers: together they may have {HEAD_LIMIT_BYTES} bytes")]
    TargetTooLong,
    #[error("no method is that long")]
    MethodTooLong,
    #[error("the head is longer than {HEAD_LIMIT_BYTES} bytes")]
    TooLong,
    #[error("the head has more than {FIELDS_LIMIT} fields")]
    TooManyFields,
    #[error("only HTTP/1.1 and HTTP/1.0 are spoken")]
    Version,
    #[error("Expect asks for something other than 100-continue")]
    Expect,
    #[error("Max-Forwards of TRACE or OPTIONS is not a plain number, or given twice")]
    MaxForwards,
    #[error("TRACE is given a body, which it cannot have")]
    TraceBody,
    #[error("CONNECT is not offered: this is not a forward proxy")]
    Connect,
}

impl RequestError {
    /// The error of a head that is too long, or of the beginning of one: the part that takes more than half of the room
    /// is named (RFC 9112, 3; RFC 6585, 5).
    pub fn too_long(head: &[u8]) -> Self {
        let line = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
        let method = head[..line].iter().position(|byte| *byte == b' ').unwrap_or(line);
        match HEAD_LIMIT_BYTES / 2 {
            half if line <= half => Self::TooLong,
            half if method <= half => Self::TargetTooLong,
            _ => Self::MethodTooLong,
        }
    }

    /// The status to respond with.
    pub fn status(self) -> u16 {
        match self {
            Self::TargetTooLong => 414,
            Self::TooLong | Self::TooManyFields => 431,
            Self::Version => 505,
            Self::Expect => 417,
            Self::Connect | Self::MethodTooLong => 501,
            _ => 400,
        }
    }
}

impl From<BadLine> for RequestError {
    fn from(bad: BadLine) -> Self {
        match bad {
            BadLine::End => Self::LineEnd,
            BadLine::Folded => Self::Folded,
            BadLine::Name => Self::FieldName,
            BadLine::Value => Self::FieldValue,
        }
    }
}

/// Methods as far as a proxy must tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Head,
    Options,
    Trace,
    /// Doing it twice is like doing it once (RFC 9110, 9.2.2): as with those above.
    Idempotent,
    Other,
}

impl Method {
    fn of(name: &[u8]) -> Self {
        match name {
            b"HEAD" => Self::Head,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"GET" | b"PUT" | b"DELETE" => Self::Idempotent,
            _ => Self::Other,
        }
    }

    pub fn is_idempotent(self) -> bool {
        self != Self::Other
    }
}

/// A parsed head; positions are those of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub method: Method,
    pub method_name: Range<usize>,
    /// The target without scheme and authority: path and query, or `*`.
    pub target: Range<usize>,
    /// The path alone.
    pub path: Range<usize>,
    /// The target's authority when it has one, else the value of Host.
    pub host: Option<Range<usize>>,
    /// Version as it came: `1.1`, for one.
    pub version: Range<usize>,
    /// It is HTTP/1.1, or a later 1.x, which is served as that.
    pub is_http_11: bool,
    pub body: RequestBody,
    /// A length of zero was given explicitly: it is passed on, as POST should have it.
    pub has_zero_length: bool,
    /// The client keeps the connection open after the response.
    pub persists: bool,
    pub expects_continue: bool,
    pub takes_trailers: bool,
    /// WebSocket is asked for, the one protocol that is let through.
    pub asks_websocket: bool,
    /// Number of proxies that a TRACE or OPTIONS may still go over.
    pub max_forwards: Option<u32>,
}

impl RequestHead {
    /// Parses a whole head, its empty line included; its fields go into `fields`.
    ///
    /// # Errors
    /// At the first rule that it breaks.
    pub fn parse(head: &[u8], fields: &mut Vec<Field>) -> Result<Self, RequestError> {
        fields.clear();
        let (first, mut at) = first_line(head)?;
        let mut request = request_line(&head[first])?;
        let mut given = Given::default();
        let end = loop {
            match line(head, at, SpaceBeforeColon::Refused)? {
                Line::Field(field, next) => {
                    if fields.len() == FIELDS_LIMIT {
                        return Err(RequestError::TooManyFields);
                    }
                    if field.kind != Kind::Other {
                        given.note(&mut request, &field, &head[field.value.clone()])?;
                    }
                    fields.push(field);
                    at = next;
                }
                Line::Empty(end) => break end,
                Line::Partial => return Err(RequestError::LineEnd),
            }
        };
        if end != head.len() {
            return Err(RequestError::LineEnd);
        }
        given.conclude(request)
    }

    /// True for a request that may go no further: the server that has it now responds (RFC 9110, 7.6.2).
    pub fn ends_here(&self) -> bool {
        self.max_forwards == Some(0)
    }
}

/// Words of the fields that are judged together, once all of them are parsed.
#[derive(Default)]
struct Given {
    framing: Framing,
    has_host: bool,
    closes: bool,
    keeps: bool,
    wants_upgrade: bool,
    names_te: bool,
    has_trailers_te: bool,
}

impl Given {
    fn note(&mut self, request: &mut RequestHead, field: &Field, value: &[u8]) -> Result<(), RequestError> {
        match field.kind {
            Kind::ContentLength if !self.framing.takes_length(value) => return Err(RequestError::ContentLength),
            Kind::TransferEncoding if !self.framing.takes_coding(value, request.is_http_11) => {
                return Err(RequestError::TransferEncoding);
            }
            Kind::Host => {
                // Empty is what a target without an authority has (RFC 9110, 7.2).
                if self.has_host || !(value.is_empty() || is_host(value)) {
                    return Err(RequestError::Host);
                }
                self.has_host = true;
                // The target's authority is the host, whatever Host says (RFC 9112, 3.2.2).
                request.host.get_or_insert(field.value.clone());
            }
            Kind::Connection => {
                self.closes |= has_token(value, b"close");
                self.keeps |= has_token(value, b"keep-alive");
                self.wants_upgrade |= has_token(value, b"upgrade");
                self.names_te |= has_token(value, b"te");
            }
            Kind::Te => self.has_trailers_te |= has_token(value, b"trailers"),
            Kind::Expect if request.is_http_11 => {
                if !value.eq_ignore_ascii_case(b"100-continue") {
                    return Err(RequestError::Expect);
                }
                request.expects_continue = true;
            }
            // Whatever else is offered beside it may be ignored (RFC 9110, 7.8), and clients expect that.
            Kind::Upgrade => request.asks_websocket |= has_token(value, WEBSOCKET),
            Kind::MaxForwards if matches!(request.method, Method::Options | Method::Trace) => {
                let most = number(value).ok_or(RequestError::MaxForwards)?;
                if request.max_forwards.replace(most).is_some() {
                    return Err(RequestError::MaxForwards);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn conclude(self, mut request: RequestHead) -> Result<RequestHead, RequestError> {
        request.body = match (self.framing.length, self.framing.is_chunked) {
            _ if request.is_http_11 && !self.has_host => return Err(RequestError::Host),
            (Some(_), true) => return Err(RequestError::TwoLengths),
            (None, true) => RequestBody::Chunked,
            (None | Some(0), false) => RequestBody::None,
            (Some(length), false) => RequestBody::Sized(length),
        };
        request.has_zero_length = self.framing.length == Some(0);
        request.persists = !self.closes && (request.is_http_11 || self.keeps);
        request.takes_trailers = request.is_http_11 && self.names_te && self.has_trailers_te;
        // A protocol begins where the request ends: one with a body only asks, and is answered as if it had not.
        request.asks_websocket &= self.wants_upgrade && request.is_http_11 && request.body == RequestBody::None;
        if request.method == Method::Trace && request.body != RequestBody::None {
            return Err(RequestError::TraceBody);
        }
        request.expects_continue &= request.body != RequestBody::None;
        Ok(request)
    }
}

/// Length of a version: `1.1`, for one.
const VERSION_BYTES: usize = 3;

/// Parses the first line, which begins where the head does.
fn request_line(line: &[u8]) -> Result<RequestHead, RequestError> {
    let first = line.iter().position(|byte| *byte == b' ').ok_or(RequestError::RequestLine)?;
    let last =
        line.iter().rposition(|byte| *byte == b' ').filter(|last| *last > first).ok_or(RequestError::RequestLine)?;
    let (method, target, version) = (&line[..first], &line[first + 1..last], &line[last + 1..]);
    if !fields::is_token(method) || target.is_empty() || target.contains(&b' ') {
        return Err(RequestError::RequestLine);
    }
    let is_http_11 = match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            // A later minor version is read as the highest that is known (RFC 9110, 2.5).
            if *major == b'1' { *minor != b'0' } else { return Err(RequestError::Version) }
        }
        _ => return Err(RequestError::RequestLine),
    };
    if method == b"CONNECT" {
        return Err(RequestError::Connect);
    }
    let (authority, start) = split_target(target, method).ok_or(RequestError::Target)?;
    let start = first + 1 + start;
    let path_end = line[start..last].iter().position(|byte| *byte == b'?').map_or(last, |query| start + query);
    Ok(RequestHead {
        method: Method::of(method),
        method_name: 0..first,
        target: start..last,
        path: start..path_end,
        host: authority.map(|range| first + 1 + range.start..first + 1 + range.end),
        version: line.len() - VERSION_BYTES..line.len(),
        is_http_11,
        body: RequestBody::None,
        has_zero_length: false,
        persists: false,
        expects_continue: false,
        takes_trailers: false,
        asks_websocket: false,
        max_forwards: None,
    })
}

/// The value of Max-Forwards: 1*DIGIT (RFC 9110, 7.6.2); one that is too large is the largest.
fn number(value: &[u8]) -> Option<u32> {
    let digit = |number: u32, digit: &u8| number.saturating_mul(10).saturating_add(u32::from(*digit - b'0'));
    let is_plain = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    is_plain.then(|| value.iter().fold(0, digit))
}

#[cfg(test)]
mod tests;
