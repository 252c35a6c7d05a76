//! Bodies: their end (RFC 9112, section 6), and their content without its framing.

use crate::chunked::{ChunkError, Chunked, Part};
use crate::head::{Line, SpaceBeforeColon, line};

/// The end of a request's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestBody {
    None,
    /// Never zero.
    Sized(u64),
    Chunked,
}

/// The end of a response's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ResponseBody {
    None,
    /// Never zero.
    Sized(u64),
    Chunked,
    /// It ends with the connection.
    UntilClose,
}

/// The value of Content-Length: 1*DIGIT (RFC 9110, 8.6), short enough to be a number.
fn content_length(value: &[u8]) -> Option<u64> {
    let is_plain = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    is_plain.then(|| value.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

/// The words of a head that say where its body ends: the same rules for requests and responses, or two programs could see
/// different messages.
#[derive(Default)]
pub(crate) struct Framing {
    pub(crate) length: Option<u64>,
    pub(crate) is_chunked: bool,
}

impl Framing {
    /// False for a Content-Length that is not a plain number, or given twice.
    pub(crate) fn takes_length(&mut self, value: &[u8]) -> bool {
        content_length(value).is_some_and(|length| self.length.replace(length).is_none())
    }

    /// False for a Transfer-Encoding that is not exactly `chunked`, given once, in HTTP/1.1.
    pub(crate) fn takes_coding(&mut self, value: &[u8], is_http_11: bool) -> bool {
        let is_first = !std::mem::replace(&mut self.is_chunked, true);
        is_first && is_http_11 && value.eq_ignore_ascii_case(b"chunked")
    }
}

/// The place within one body, in whatever pieces it arrives. It holds no bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyReader(State);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Done,
    /// So many bytes are missing.
    Sized(u64),
    Chunked(Chunked),
    UntilClose,
}

impl From<ResponseBody> for BodyReader {
    fn from(body: ResponseBody) -> Self {
        Self(match body {
            ResponseBody::None | ResponseBody::Sized(0) => State::Done,
            ResponseBody::Sized(length) => State::Sized(length),
            ResponseBody::Chunked => State::Chunked(Chunked::default()),
            ResponseBody::UntilClose => State::UntilClose,
        })
    }
}

impl From<RequestBody> for ResponseBody {
    fn from(body: RequestBody) -> Self {
        match body {
            RequestBody::None => Self::None,
            RequestBody::Sized(length) => Self::Sized(length),
            RequestBody::Chunked => Self::Chunked,
        }
    }
}

impl BodyReader {
    /// The part of the body that `bytes` begin with; `None` when there are none, or the body is whole. Whoever calls it
    /// goes on behind that part.
    ///
    /// # Errors
    /// At the first byte that is no chunked body; the body is useless then.
    #[inline]
    pub fn next(&mut self, bytes: &[u8]) -> Result<Option<Part>, ChunkError> {
        match &mut self.0 {
            State::Done => Ok(None),
            _ if bytes.is_empty() => Ok(None),
            State::Sized(missing) => {
                let length = usize::try_from(*missing).unwrap_or(usize::MAX).min(bytes.len());
                *missing -= length as u64;
                if *missing == 0 {
                    self.0 = State::Done;
                }
                Ok(Some(Part::Data(length)))
            }
            State::Chunked(chunked) => chunked.next(bytes),
            State::UntilClose => Ok(Some(Part::Data(bytes.len()))),
        }
    }

    /// True when all of the body was read. The end of one that ends with the connection is not known here.
    pub fn is_done(&self) -> bool {
        match &self.0 {
            State::Done => true,
            State::Chunked(chunked) => chunked.is_done(),
            State::Sized(_) | State::UntilClose => false,
        }
    }

    /// True when the body ends with the connection.
    pub fn is_until_close(&self) -> bool {
        self.0 == State::UntilClose
    }
}

/// A body whose content is moved to the front of each piece, and whose trailer section is kept.
#[derive(Debug)]
pub struct Decoder {
    reader: BodyReader,
    trailer: Vec<u8>,
}

/// The content of one piece.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Decoded {
    /// Bytes of content, now at the front of the piece.
    pub data: usize,
    /// Bytes of the piece that belong to the body; what follows belongs to the next message.
    pub consumed: usize,
    pub is_done: bool,
}

impl Decoder {
    /// A decoder of a body that ends so. It allocates only for a trailer section.
    pub fn new(body: impl Into<ResponseBody>) -> Self {
        Self { reader: BodyReader::from(body.into()), trailer: Vec::new() }
    }

    /// Decodes `bytes`, moving the content to the front.
    ///
    /// # Errors
    /// At the first byte that does not belong there; the body is useless then.
    pub fn decode(&mut self, bytes: &mut [u8]) -> Result<Decoded, ChunkError> {
        let (mut data, mut at) = (0, 0);
        while let Some(part) = self.reader.next(&bytes[at..])? {
            match part {
                Part::Data(length) => {
                    if at != data {
                        bytes.copy_within(at..at + length, data);
                    }
                    (data, at) = (data + length, at + length);
                }
                Part::Framing(length) => at += length,
                Part::Trailer(length) => {
                    self.trailer.extend_from_slice(&bytes[at..at + length]);
                    at += length;
                }
            }
        }
        Ok(Decoded { data, consumed: at, is_done: self.is_done() })
    }

    /// True when all of the body was read.
    pub fn is_done(&self) -> bool {
        self.reader.is_done()
    }

    /// True when the body ends with the connection.
    pub fn is_until_close(&self) -> bool {
        self.reader.is_until_close()
    }

    /// Writes the trailer fields that may be passed on, each with its line end. A field that a proxy reads or writes is
    /// no trailer field, and is dropped.
    pub fn write_trailer(&self, out: &mut Vec<u8>) {
        let mut at = 0;
        while let Ok(Line::Field(field, next)) = line(&self.trailer, at, SpaceBeforeColon::Refused) {
            if field.kind.may_be_trailer() {
                out.extend_from_slice(&self.trailer[at..next]);
            }
            at = next;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(body: ResponseBody, pieces: &[&str]) -> (String, bool) {
        let (mut decoder, mut content) = (Decoder::new(body), Vec::new());
        for piece in pieces {
            let mut bytes = piece.as_bytes().to_vec();
            let decoded = decoder.decode(&mut bytes).unwrap();
            content.extend_from_slice(&bytes[..decoded.data]);
        }
        (String::from_utf8(content).unwrap(), decoder.is_done())
    }

    #[test]
    fn bodies_end_as_they_say() {
        for (body, pieces, content, is_done) in [
            (ResponseBody::None, &["ab"][..], "", true),
            (ResponseBody::Sized(3), &["ab"], "ab", false),
            (ResponseBody::Sized(3), &["ab", "cde"], "abc", true),
            (ResponseBody::Chunked, &["3\r\na", "bc\r\n0\r\n", "\r\nX"], "abc", true),
            (ResponseBody::UntilClose, &["ab", "c"], "abc", false),
        ] {
            assert_eq!(decoded(body, pieces), (content.into(), is_done), "{body:?} {pieces:?}");
        }
        assert!(BodyReader::from(ResponseBody::UntilClose).is_until_close());
    }

    #[test]
    fn lengths_are_plain_numbers() {
        for (value, length) in [("0", Some(0)), ("007", Some(7)), ("999999999999999999", Some(999_999_999_999_999_999))]
        {
            assert_eq!(content_length(value.as_bytes()), length);
        }
        for value in ["", "+1", "-1", "1, 1", "1 ", "0x1", "1000000000000000000"] {
            assert_eq!(content_length(value.as_bytes()), None, "{value:?}");
        }
    }
}
