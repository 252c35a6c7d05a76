//! The head of a member's answer. A member is ours, but what it says is judged as strictly: an answer whose end is
//! not certain would be read as the answer to the next request.

use std::ops::Range;

use super::fields::{self, BadLine, FIELDS_LIMIT, Field, Kind, has_token, tokens};
use super::request::{HEAD_LIMIT_BYTES, Lines, WEBSOCKET, content_length};

/// Why an answer is not passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Broken {
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

impl From<BadLine> for Broken {
    fn from(bad: BadLine) -> Self {
        match bad {
            BadLine::Folded => Self::Folded,
            BadLine::Name => Self::FieldName,
            BadLine::Value => Self::FieldValue,
        }
    }
}

/// How the answer's body ends (RFC 9112, section 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AnswerBody {
    None,
    /// Never zero.
    Sized(u64),
    Chunked,
    UntilClose,
}

/// A judged head; positions are those of its bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ResponseHead {
    pub(crate) status: u16,
    /// Status code and reason, as they came.
    pub(crate) status_text: Range<usize>,
    /// As it came: `1.1`, for one.
    pub(crate) version: Range<usize>,
    /// It is HTTP/1.1, or a later 1.x, which is read as that.
    pub(crate) is_http_11: bool,
    pub(crate) body: AnswerBody,
    /// The member keeps the connection open after this answer.
    pub(crate) persists: bool,
    /// WebSocket is among the protocols that it names in Upgrade.
    pub(crate) names_websocket: bool,
    /// How many these are; none when Connection does not name Upgrade.
    protocols: usize,
}

impl ResponseHead {
    /// Judges a whole head, its empty line included; its fields go into `list`. `is_to_head` says that the request
    /// was a HEAD, whose answer has no body whatever it announces.
    ///
    /// # Errors
    /// At the first rule that it breaks.
    pub(crate) fn judge(head: &[u8], is_to_head: bool, list: &mut Vec<Field>) -> Result<Self, Broken> {
        list.clear();
        let mut lines = Lines { head, at: 0 };
        let line = lines.next().map_err(|_| Broken::LineEnd)?;
        let mut response = status_line(&head[line.clone()], line.start)?;
        let (mut length, mut is_chunked, mut closes, mut keeps, mut upgrades) = (None, false, false, false, false);
        loop {
            let line = lines.next().map_err(|_| Broken::LineEnd)?;
            if line.is_empty() {
                break;
            }
            // White space before the colon must be taken out of an answer (RFC 9112, 5.1); a request with it is refused.
            let field = fields::field(&head[line.clone()], line.start, true)?;
            if list.len() == FIELDS_LIMIT {
                return Err(Broken::TooManyFields);
            }
            let value = &head[field.value.clone()];
            match field.kind {
                Kind::ContentLength => {
                    let given = content_length(value).ok_or(Broken::ContentLength)?;
                    if length.replace(given).is_some() {
                        return Err(Broken::ContentLength);
                    }
                }
                Kind::TransferEncoding => {
                    if is_chunked || !response.is_http_11 || !value.eq_ignore_ascii_case(b"chunked") {
                        return Err(Broken::TransferEncoding);
                    }
                    is_chunked = true;
                }
                Kind::Connection => {
                    closes |= has_token(value, b"close");
                    keeps |= has_token(value, b"keep-alive");
                    upgrades |= has_token(value, b"upgrade");
                }
                Kind::Upgrade => {
                    response.names_websocket |= has_token(value, WEBSOCKET);
                    response.protocols += tokens(value).count();
                }
                _ => {}
            }
            list.push(field);
        }
        if lines.at != head.len() {
            return Err(Broken::LineEnd);
        }
        let has_no_body = is_to_head || matches!(response.status, 100..=199 | 204 | 304);
        response.body = match (length, is_chunked) {
            (Some(_), true) => return Err(Broken::TwoLengths),
            _ if has_no_body => AnswerBody::None,
            (None, true) => AnswerBody::Chunked,
            (Some(0), false) => AnswerBody::None,
            (Some(length), false) => AnswerBody::Sized(length),
            (None, false) => AnswerBody::UntilClose,
        };
        response.persists = !closes && (response.is_http_11 || keeps) && response.body != AnswerBody::UntilClose;
        if !upgrades {
            (response.names_websocket, response.protocols) = (false, 0);
        }
        Ok(response)
    }

    /// A 101 that says exactly what was offered. With two protocols it would be one inside the other (RFC 9110, 7.8).
    pub(crate) fn switches_to_websocket(&self) -> bool {
        self.status == 101 && self.is_http_11 && self.names_websocket && self.protocols == 1
    }
}

fn status_line(line: &[u8], at: usize) -> Result<ResponseHead, Broken> {
    let is_http_11 = match line.get(..9) {
        Some([b'H', b'T', b'T', b'P', b'/', b'1', b'.', minor, b' ']) if minor.is_ascii_digit() => *minor != b'0',
        _ => return Err(Broken::StatusLine),
    };
    let code = line.get(9..12).filter(|code| code.iter().all(u8::is_ascii_digit)).ok_or(Broken::StatusLine)?;
    let status = code.iter().fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    // The reason may be missing, and the space before it, which servers forget, as well.
    let is_separated = matches!(line.get(12), None | Some(b' '));
    if !(100..=599).contains(&status) || !is_separated || !line.iter().all(|byte| fields::is_value(*byte)) {
        return Err(Broken::StatusLine);
    }
    Ok(ResponseHead {
        status,
        status_text: at + 9..at + line.len(),
        version: at + 5..at + 8,
        is_http_11,
        body: AnswerBody::None,
        persists: false,
        names_websocket: false,
        protocols: 0,
    })
}

#[cfg(test)]
mod tests;
