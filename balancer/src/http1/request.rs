//! A request's head, judged before anything is done with it.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::fields::{self, BadLine, FIELDS_LIMIT, Field, Kind, has_token, tokens};

/// Longest head: request line and fields. A cookie jar fits; nginx allows 32 KiB as well.
pub(crate) const HEAD_LIMIT_BYTES: usize = 32 * 1024;

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
    #[error("the head is longer than {HEAD_LIMIT_BYTES} bytes")]
    TooLong,
    #[error("the head has more than {FIELDS_LIMIT} fields")]
    TooManyFields,
    #[error("only HTTP/1.1 and HTTP/1.0 are spoken")]
    Version,
    #[error("Expect asks for something other than 100-continue")]
    Expect,
    #[error("CONNECT is not offered: this is not a forward proxy")]
    Connect,
}

impl Refused {
    /// The status to answer with.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::TooLong | Self::TooManyFields => 431,
            Self::Version => 505,
            Self::Expect => 417,
            Self::Connect => 501,
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
    /// Doing it twice is like doing it once (RFC 9110, 9.2.2).
    Idempotent,
    Other,
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
    pub(crate) is_http_11: bool,
    pub(crate) body: RequestBody,
    /// A zero was given explicitly: it is passed on, as POST should have it.
    pub(crate) has_zero_length: bool,
    /// The client keeps the connection open after the answer.
    pub(crate) persists: bool,
    pub(crate) expects_continue: bool,
    pub(crate) takes_trailers: bool,
    /// Another protocol is asked for, by value of `Upgrade`.
    pub(crate) upgrade: Option<Range<usize>>,
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
            Kind::Upgrade => {
                // An offer to change to HTTP/2 may be ignored, and clients that make it expect that.
                let is_wanted = |protocol: &&[u8]| !protocol.eq_ignore_ascii_case(b"h2c");
                if request.upgrade.is_none() && tokens(value).any(|protocol| is_wanted(&protocol)) {
                    request.upgrade = Some(field.value.clone());
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
        if !(self.wants_upgrade && request.is_http_11 && request.body == RequestBody::None) {
            request.upgrade = None;
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

fn request_line(line: &[u8], at: usize) -> Result<RequestHead, Refused> {
    let first = line.iter().position(|byte| *byte == b' ').ok_or(Refused::RequestLine)?;
    let last = line.iter().rposition(|byte| *byte == b' ').filter(|last| *last > first).ok_or(Refused::RequestLine)?;
    let (method, target, version) = (&line[..first], &line[first + 1..last], &line[last + 1..]);
    if !fields::is_token(method) || target.is_empty() || target.contains(&b' ') {
        return Err(Refused::RequestLine);
    }
    let is_http_11 = match version {
        b"HTTP/1.1" => true,
        b"HTTP/1.0" => false,
        [b'H', b'T', b'T', b'P', b'/', major, b'.', minor] if major.is_ascii_digit() && minor.is_ascii_digit() => {
            return Err(Refused::Version);
        }
        _ => return Err(Refused::RequestLine),
    };
    if method == b"CONNECT" {
        return Err(Refused::Connect);
    }
    if !target.iter().all(|byte| is_of_target(*byte)) {
        return Err(Refused::Target);
    }
    let (authority, start) = split_target(target, method)?;
    let target_end = at + last;
    let start = at + first + 1 + start;
    let path = &line[start - at..last];
    let path_end = path.iter().position(|byte| *byte == b'?').map_or(target_end, |query| start + query);
    Ok(RequestHead {
        method: match method {
            b"HEAD" => Method::Head,
            b"GET" | b"PUT" | b"DELETE" | b"OPTIONS" | b"TRACE" => Method::Idempotent,
            _ => Method::Other,
        },
        method_name: at..at + first,
        target: start..target_end,
        path: start..path_end,
        host: authority.map(|range| at + first + 1 + range.start..at + first + 1 + range.end),
        is_http_11,
        body: RequestBody::None,
        has_zero_length: false,
        persists: false,
        expects_continue: false,
        takes_trailers: false,
        upgrade: None,
    })
}

/// The authority of an absolute target, and where path and query begin. An absolute target without a path has an empty
/// one, which is sent as `/`.
fn split_target(target: &[u8], method: &[u8]) -> Result<(Option<Range<usize>>, usize), Refused> {
    if target[0] == b'/' || (target == b"*" && method == b"OPTIONS") {
        return Ok((None, 0));
    }
    let scheme = [&b"http://"[..], b"https://"]
        .into_iter()
        .find(|scheme| target.len() > scheme.len() && target[..scheme.len()].eq_ignore_ascii_case(scheme))
        .ok_or(Refused::Target)?
        .len();
    let length = target[scheme..].iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(target.len() - scheme);
    let authority = scheme..scheme + length;
    if !is_host(&target[authority.clone()]) {
        return Err(Refused::Target);
    }
    let start = authority.end;
    Ok((Some(authority), start))
}

/// 1*DIGIT (RFC 9110, 8.6), short enough to be a number.
pub(super) fn content_length(value: &[u8]) -> Option<u64> {
    let is_plain = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    if is_plain { std::str::from_utf8(value).ok()?.parse().ok() } else { None }
}

/// What RFC 3986 allows, and `^ { | }` beside it, which browsers send as they are. The others that it does not allow are
/// read differently by different programs: to some a backslash is a slash.
fn is_of_target(byte: u8) -> bool {
    matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'#' | b'<' | b'>' | b'\\' | b'`')
}

/// `name`, `name:port`, `[IPv6 address]` or `[IPv6 address]:port` (RFC 3986, 3.2.2). No list and nothing encoded: a name
/// with `,` or `%` in it is none.
fn is_host(value: &[u8]) -> bool {
    let (is_name, rest) = match value.iter().position(|byte| *byte == b']') {
        Some(end) => (is_ip_literal(&value[..end]), &value[end + 1..]),
        None => {
            let end = value.iter().position(|byte| *byte == b':').unwrap_or(value.len());
            (end > 0 && value[..end].iter().all(|byte| is_of_name(*byte)), &value[end..])
        }
    };
    is_name && rest.split_first().is_none_or(|(colon, port)| *colon == b':' && port.iter().all(u8::is_ascii_digit))
}

/// Judges what is before the closing bracket.
fn is_ip_literal(value: &[u8]) -> bool {
    let address = value.strip_prefix(b"[").and_then(|address| std::str::from_utf8(address).ok());
    address.is_some_and(|address| address.parse::<Ipv6Addr>().is_ok())
}

fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+;=".contains(&byte)
}

#[cfg(test)]
mod tests;
