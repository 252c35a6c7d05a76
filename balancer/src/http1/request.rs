//! A request's head, judged before anything is done with it.

use std::ops::Range;

use super::fields::{self, BadLine, FIELDS_LIMIT, Field, Kind, has_token};
use super::target::{is_host, split_target};

/// Longest head: request line and fields. A cookie jar fits; nginx allows 32 KiB as well.
pub(crate) const HEAD_LIMIT_BYTES: usize = 32 * 1024;

/// The one protocol that is let through after a 101. Every other one would be a way past this proxy: HTTP/2 (`h2c`) and
/// TLS (RFC 2817) carry requests that nobody here would see.
pub(super) const WEBSOCKET: &[u8] = b"websocket";

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
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

impl Refused {
    /// What is too long in a head that is, or in the beginning of one: whatever takes more than half of the room
    /// (RFC 9112, 3; RFC 6585, 5).
    pub(crate) fn too_long(head: &[u8]) -> Self {
        let line = head.iter().position(|byte| *byte == b'\n').unwrap_or(head.len());
        let method = head[..line].iter().position(|byte| *byte == b' ').unwrap_or(line);
        match HEAD_LIMIT_BYTES / 2 {
            half if line <= half => Self::TooLong,
            half if method <= half => Self::TargetTooLong,
            _ => Self::MethodTooLong,
        }
    }

    /// The status to answer with.
    pub(crate) fn status(self) -> u16 {
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

impl From<BadLine> for Refused {
    fn from(bad: BadLine) -> Self {
        match bad {
            BadLine::Folded => Self::Folded,
            BadLine::Name => Self::FieldName,
            BadLine::Value => Self::FieldValue,
        }
    }
}

/// What the proxy must know of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
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

    pub(crate) fn is_idempotent(self) -> bool {
        self != Self::Other
    }
}

/// The body that a head announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestBody {
    None,
    /// Never zero.
    Sized(u64),
    Chunked,
}

/// A judged head; positions are those of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    pub(crate) method_name: Range<usize>,
    /// What is asked for, without scheme and authority: path and query, or `*`.
    pub(crate) target: Range<usize>,
    /// The path alone.
    pub(crate) path: Range<usize>,
    /// Of the target's authority when it has one, else of Host.
    pub(crate) host: Option<Range<usize>>,
    /// As it came: `1.1`, for one.
    pub(crate) version: Range<usize>,
    /// It is HTTP/1.1, or a later 1.x, which is served as that.
    pub(crate) is_http_11: bool,
    pub(crate) body: RequestBody,
    /// A zero was given explicitly: it is passed on, as POST should have it.
    pub(crate) has_zero_length: bool,
    /// The client keeps the connection open after the answer.
    pub(crate) persists: bool,
    pub(crate) expects_continue: bool,
    pub(crate) takes_trailers: bool,
    /// WebSocket is asked for, the one protocol that is let through.
    pub(crate) asks_websocket: bool,
    /// Over how many proxies a TRACE or OPTIONS may still go.
    pub(crate) max_forwards: Option<u32>,
}

/// How many of `bytes` belong to the first head: up to an empty line, or what some parser would take for one.
/// `from` is where to begin to look: everything before was looked at.
pub(crate) fn end_of_head(bytes: &[u8], from: usize) -> Option<usize> {
    let mut from = from;
    while let Some(found) = bytes.get(from..)?.iter().position(|byte| *byte == b'\n') {
        let at = from + found;
        let previous = at.checked_sub(1).map(|at| bytes[at]);
        let one_before = at.checked_sub(2).map(|at| bytes[at]);
        if previous == Some(b'\n') || (previous == Some(b'\r') && one_before == Some(b'\n')) {
            return Some(at + 1);
        }
        from = at + 1;
    }
    None
}

impl RequestHead {
    /// Judges a whole head, its empty line included; its fields go into `list`.
    ///
    /// # Errors
    /// At the first rule that it breaks.
    pub(crate) fn judge(head: &[u8], list: &mut Vec<Field>) -> Result<Self, Refused> {
        list.clear();
        let mut lines = Lines { head, at: 0 };
        let line = lines.next()?;
        let mut request = request_line(&head[line.clone()], line.start)?;
        let mut given = Given::default();
        loop {
            let line = lines.next()?;
            if line.is_empty() {
                break;
            }
            let field = fields::field(&head[line.clone()], line.start, false)?;
            if list.len() == FIELDS_LIMIT {
                return Err(Refused::TooManyFields);
            }
            if field.kind != Kind::Other {
                given.note(&mut request, &field, &head[field.value.clone()])?;
            }
            list.push(field);
        }
        if lines.at != head.len() {
            return Err(Refused::LineEnd);
        }
        given.conclude(request)
    }

    /// It is for whoever has it now, and goes to no member (RFC 9110, 7.6.2).
    pub(crate) fn ends_here(&self) -> bool {
        self.max_forwards == Some(0)
    }
}

/// What the fields said, until all are seen.
#[derive(Default)]
struct Given {
    length: Option<u64>,
    is_chunked: bool,
    has_host: bool,
    closes: bool,
    keeps: bool,
    wants_upgrade: bool,
    names_te: bool,
    has_trailers_te: bool,
}

impl Given {
    fn note(&mut self, request: &mut RequestHead, field: &Field, value: &[u8]) -> Result<(), Refused> {
        match field.kind {
            Kind::ContentLength => {
                let length = content_length(value).ok_or(Refused::ContentLength)?;
                if self.length.replace(length).is_some() {
                    return Err(Refused::ContentLength);
                }
            }
            Kind::TransferEncoding => {
                if self.is_chunked || !request.is_http_11 || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(Refused::TransferEncoding);
                }
                self.is_chunked = true;
            }
            Kind::Host => {
                // Empty is what a target without an authority has (RFC 9110, 7.2).
                if self.has_host || !(value.is_empty() || is_host(value)) {
                    return Err(Refused::Host);
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
                    return Err(Refused::Expect);
                }
                request.expects_continue = true;
            }
            // Whatever else is offered beside it may be ignored (RFC 9110, 7.8), and clients expect that.
            Kind::Upgrade => request.asks_websocket |= has_token(value, WEBSOCKET),
            Kind::MaxForwards if matches!(request.method, Method::Options | Method::Trace) => {
                let most = number(value).ok_or(Refused::MaxForwards)?;
                if request.max_forwards.replace(most).is_some() {
                    return Err(Refused::MaxForwards);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn conclude(self, mut request: RequestHead) -> Result<RequestHead, Refused> {
        request.body = match (self.length, self.is_chunked) {
            _ if request.is_http_11 && !self.has_host => return Err(Refused::Host),
            (Some(_), true) => return Err(Refused::TwoLengths),
            (None, true) => RequestBody::Chunked,
            (None | Some(0), false) => RequestBody::None,
            (Some(length), false) => RequestBody::Sized(length),
        };
        request.has_zero_length = self.length == Some(0);
        request.persists = !self.closes && (request.is_http_11 || self.keeps);
        request.takes_trailers = request.is_http_11 && self.names_te && self.has_trailers_te;
        // A protocol begins where the request ends: one with a body only asks, and is answered as if it had not.
        request.asks_websocket &= self.wants_upgrade && request.is_http_11 && request.body == RequestBody::None;
        if request.method == Method::Trace && request.body != RequestBody::None {
            return Err(Refused::TraceBody);
        }
        request.expects_continue &= request.body != RequestBody::None;
        Ok(request)
    }
}

/// The lines of a head, each ended by CR LF.
pub(super) struct Lines<'a> {
    pub(super) head: &'a [u8],
    pub(super) at: usize,
}

impl Lines<'_> {
    /// The next line without its end.
    pub(super) fn next(&mut self) -> Result<Range<usize>, Refused> {
        let rest = &self.head[self.at..];
        let feed = rest.iter().position(|byte| *byte == b'\n').ok_or(Refused::LineEnd)?;
        let line = rest[..feed].strip_suffix(b"\r").ok_or(Refused::LineEnd)?;
        if line.contains(&b'\r') {
            return Err(Refused::LineEnd);
        }
        let found = self.at..self.at + line.len();
        self.at += feed + 1;
        Ok(found)
    }
}

/// Of `1.1`.
const VERSION_BYTES: usize = 3;

fn request_line(line: &[u8], at: usize) -> Result<RequestHead, Refused> {
    let first = line.iter().position(|byte| *byte == b' ').ok_or(Refused::RequestLine)?;
    let last = line.iter().rposition(|byte| *byte == b' ').filter(|last| *last > first).ok_or(Refused::RequestLine)?;
    let (method, target, version) = (&line[..first], &line[first + 1..last], &line[last + 1..]);
    if !fields::is_token(method) || target.is_empty() || target.contains(&b' ') {
        return Err(Refused::RequestLine);
    }
    let is_http_11 = match version {
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            // A later minor version is read as the highest that is known (RFC 9110, 2.5).
            if *major == b'1' { *minor != b'0' } else { return Err(Refused::Version) }
        }
        _ => return Err(Refused::RequestLine),
    };
    if method == b"CONNECT" {
        return Err(Refused::Connect);
    }
    let (authority, start) = split_target(target, method)?;
    let target_end = at + last;
    let start = at + first + 1 + start;
    let path = &line[start - at..last];
    let path_end = path.iter().position(|byte| *byte == b'?').map_or(target_end, |query| start + query);
    Ok(RequestHead {
        method: Method::of(method),
        method_name: at..at + first,
        target: start..target_end,
        path: start..path_end,
        host: authority.map(|range| at + first + 1 + range.start..at + first + 1 + range.end),
        version: at + line.len() - VERSION_BYTES..at + line.len(),
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

/// 1*DIGIT (RFC 9110, 7.6.2); one that is too large is the largest.
fn number(value: &[u8]) -> Option<u32> {
    let digit = |number: u32, digit: &u8| number.saturating_mul(10).saturating_add(u32::from(*digit - b'0'));
    let is_plain = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    is_plain.then(|| value.iter().fold(0, digit))
}

/// 1*DIGIT (RFC 9110, 8.6), short enough to be a number.
pub(super) fn content_length(value: &[u8]) -> Option<u64> {
    let is_plain = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    if is_plain { std::str::from_utf8(value).ok()?.parse().ok() } else { None }
}

#[cfg(test)]
mod tests;
