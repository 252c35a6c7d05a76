//! The head of a response. Members are ours, but their responses are parsed as strictly as requests: a response whose
//! end is not certain would be read as the response to the next request.

use std::ops::Range;

use crate::body::{Framing, ResponseBody};
use crate::fields::{Field, Kind, has_token, tokens};
use crate::head::{BadLine, FIELDS_LIMIT, HEAD_LIMIT_BYTES, Line, SpaceBeforeColon, line, line_end};
use crate::request::WEBSOCKET;

/// The rule that a head breaks, so that it is no response that may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    #[error("a line does not end with CR LF, or holds a bare CR")]
    LineEnd,
    #[error("the status line is not `HTTP/1.x 200 reason`")]
    StatusLine,
    #[error("a header continues on a second line")]
    Folded,
    #[error("a header line has no name, or white space in it")]
    FieldName,
    #[error("a header's value holds a control character")]
    FieldValue,
    #[error("Content-Length is not a plain number, or given twice")]
    ContentLength,
    #[error("Transfer-Encoding is not exactly `chunked`, given once, in HTTP/1.1")]
    TransferEncoding,
    #[error("both Transfer-Encoding and Content-Length are given")]
    TwoLengths,
    #[error("the head is longer than {HEAD_LIMIT_BYTES} bytes")]
    TooLong,
    #[error("the head has more than {FIELDS_LIMIT} fields")]
    TooManyFields,
}

impl From<BadLine> for ResponseError {
    fn from(bad: BadLine) -> Self {
        match bad {
            BadLine::End => Self::LineEnd,
            BadLine::Folded => Self::Folded,
            BadLine::Name => Self::FieldName,
            BadLine::Value => Self::FieldValue,
        }
    }
}

/// The points at which a proxy and a client that measures read responses differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseRules {
    /// White space between a field's name and its colon is dropped, as a proxy must (RFC 9112, 5.1), and not refused.
    pub drops_space_before_colon: bool,
    /// HTTP/1.2 to HTTP/1.9 are read as HTTP/1.1, as RFC 9110, 2.5 wants it, and not refused.
    pub takes_later_versions: bool,
    /// Most fields of a head.
    pub fields_limit: usize,
}

impl ResponseRules {
    /// The balancer's: members are programs of whatever kind, and what is read is written anew.
    pub const PROXY: Self =
        Self { drops_space_before_colon: true, takes_later_versions: true, fields_limit: FIELDS_LIMIT };
    /// The load generator's: whatever it accepts, `httparse`, which hyper uses, accepts with the same meaning. It keeps
    /// no list of the fields and so needs no limit beside that of the head.
    pub const CLIENT: Self =
        Self { drops_space_before_colon: false, takes_later_versions: false, fields_limit: usize::MAX };
}

/// A parsed head; positions are those of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    pub status: u16,
    /// Status code and reason, as they came.
    pub status_text: Range<usize>,
    /// Version as it came: `1.1`, for one.
    pub version: Range<usize>,
    /// It is HTTP/1.1, or a later 1.x, which is read as that.
    pub is_http_11: bool,
    pub body: ResponseBody,
    /// The server keeps the connection open after this response.
    pub persists: bool,
    /// WebSocket is among the protocols that Upgrade names.
    pub names_websocket: bool,
    /// Number of these protocols; none when Connection does not name Upgrade.
    protocols: usize,
    /// Bytes of the head, its empty line included.
    pub length: usize,
}

impl ResponseHead {
    /// Parses a whole head, its empty line included, as a proxy; its fields go into `fields`. `is_to_head` says that the
    /// request was a HEAD, whose response has no body whatever it announces.
    ///
    /// # Errors
    /// At the first rule that it breaks.
    pub fn parse(head: &[u8], is_to_head: bool, fields: &mut Vec<Field>) -> Result<Self, ResponseError> {
        fields.clear();
        match Self::parse_partial(head, is_to_head, ResponseRules::PROXY, |field| fields.push(field))? {
            Some(response) if response.length == head.len() => Ok(response),
            _ => Err(ResponseError::LineEnd),
        }
    }

    /// Parses the head that `bytes` begin with, and shows `each` its fields; `None` while not all of it is here. Interim
    /// responses (1xx) are heads without a body.
    ///
    /// # Errors
    /// At the first rule that it breaks, as soon as the byte that breaks it is here.
    #[inline]
    pub fn parse_partial(
        bytes: &[u8],
        is_to_head: bool,
        rules: ResponseRules,
        mut each: impl FnMut(Field),
    ) -> Result<Option<Self>, ResponseError> {
        let Some((mut response, mut at)) = status_line(bytes, rules)? else { return Ok(None) };
        let space = if rules.drops_space_before_colon { SpaceBeforeColon::Dropped } else { SpaceBeforeColon::Refused };
        let (mut given, mut count) = (Given::default(), 0);
        loop {
            let (field, next) = match line(bytes, at, space)? {
                Line::Field(field, next) => (field, next),
                Line::Empty(end) => {
                    response.length = end;
                    return given.conclude(response, is_to_head).map(Some);
                }
                Line::Partial => return Ok(None),
            };
            if count == rules.fields_limit {
                return Err(ResponseError::TooManyFields);
            }
            if field.kind != Kind::Other {
                given.note(&mut response, field.kind, &bytes[field.value.clone()])?;
            }
            each(field);
            (at, count) = (next, count + 1);
        }
    }

    /// True for a 101 that says exactly what was offered. With two protocols it would be one inside the other
    /// (RFC 9110, 7.8).
    pub fn switches_to_websocket(&self) -> bool {
        self.status == 101 && self.is_http_11 && self.names_websocket && self.protocols == 1
    }
}

/// Words of the fields that are judged together, once all of them are parsed.
#[derive(Default)]
struct Given {
    framing: Framing,
    closes: bool,
    keeps: bool,
    upgrades: bool,
}

impl Given {
    fn note(&mut self, response: &mut ResponseHead, kind: Kind, value: &[u8]) -> Result<(), ResponseError> {
        match kind {
            Kind::ContentLength if !self.framing.takes_length(value) => return Err(ResponseError::ContentLength),
            Kind::TransferEncoding if !self.framing.takes_coding(value, response.is_http_11) => {
                return Err(ResponseError::TransferEncoding);
            }
            Kind::Connection => {
                self.closes |= has_token(value, b"close");
                self.keeps |= has_token(value, b"keep-alive");
                self.upgrades |= has_token(value, b"upgrade");
            }
            Kind::Upgrade => {
                response.names_websocket |= has_token(value, WEBSOCKET);
                response.protocols += tokens(value).count();
            }
            _ => {}
        }
        Ok(())
    }

    fn conclude(self, mut response: ResponseHead, is_to_head: bool) -> Result<ResponseHead, ResponseError> {
        let has_no_body = is_to_head || matches!(response.status, 100..=199 | 204 | 304);
        response.body = match (self.framing.length, self.framing.is_chunked) {
            // Both together are how responses are smuggled (RFC 9112, 6.3).
            (Some(_), true) => return Err(ResponseError::TwoLengths),
            _ if has_no_body => ResponseBody::None,
            (None, true) => ResponseBody::Chunked,
            (Some(0), false) => ResponseBody::None,
            (Some(length), false) => ResponseBody::Sized(length),
            (None, false) => ResponseBody::UntilClose,
        };
        // HTTP/1.0 keeps a connection only where it says so (RFC 9112, 9.3).
        let is_kept = !self.closes && (response.is_http_11 || self.keeps);
        response.persists = is_kept && response.body != ResponseBody::UntilClose;
        if !self.upgrades {
            (response.names_websocket, response.protocols) = (false, 0);
        }
        Ok(response)
    }
}

const VERSION_START: &[u8] = b"HTTP/1.";
/// Position behind the status code.
const CODE_END: usize = 12;

/// Parses `HTTP/1.1 200 OK`, and says where the next line begins. A wrong byte is an error as soon as it is here: other
/// protocols need not be waited out.
fn status_line(bytes: &[u8], rules: ResponseRules) -> Result<Option<(ResponseHead, usize)>, ResponseError> {
    let known = bytes.len().min(VERSION_START.len());
    let is_right = |(at, byte): (usize, &u8)| match at {
        0 if rules.takes_later_versions => byte.is_ascii_digit(),
        0 => matches!(byte, b'0' | b'1'),
        1 => *byte == b' ',
        2..=4 => byte.is_ascii_digit(),
        // The space belongs there even without a reason (RFC 9112, 4); some servers leave it out.
        _ => matches!(byte, b' ' | b'\r'),
    };
    let rest = bytes[known..].iter().take(CODE_END + 1 - VERSION_START.len());
    if bytes[..known] != VERSION_START[..known] || !rest.enumerate().all(is_right) {
        return Err(ResponseError::StatusLine);
    }
    let [_, _, _, _, _, _, _, minor, _, code @ .., _] = bytes.get(..=CODE_END).unwrap_or_default() else {
        return Ok(None);
    };
    let status = code.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    // The first digit is 1 to 5 (RFC 9110, 15).
    if !(100..=599).contains(&status) {
        return Err(ResponseError::StatusLine);
    }
    let end = line_end(bytes, CODE_END, BadLine::Value).map_err(|bad| match bad {
        BadLine::End => ResponseError::LineEnd,
        _ => ResponseError::StatusLine,
    })?;
    let Some(end) = end else { return Ok(None) };
    let head = ResponseHead {
        status,
        status_text: 9..end,
        version: 5..8,
        is_http_11: *minor != b'0',
        body: ResponseBody::None,
        persists: false,
        names_websocket: false,
        protocols: 0,
        length: 0,
    };
    Ok(Some((head, end + 2)))
}

#[cfg(test)]
mod against_httparse;
#[cfg(test)]
mod tests;
