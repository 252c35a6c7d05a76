//! The chunked transfer coding (RFC 9112, section 7.1), read byte by byte and without a buffer.

use crate::fields::{is_token_byte, is_value};
use crate::head::FIELDS_LIMIT;

/// Longest line with a chunk's size, extensions included. Nobody sends extensions; an endless one would be read for
/// ever.
const SIZE_LINE_LIMIT_BYTES: u32 = 1024;
/// Longest trailer section.
const TRAILER_LIMIT_BYTES: u32 = 8 * 1024;
/// Longest size: far above any body, and no sum with it can overflow.
const SIZE_DIGITS: u32 = 15;
/// Most framing of a chunk without an extension: a size and two line ends. It is free, however small the chunk is.
const PLAIN_BYTES: u64 = SIZE_DIGITS as u64 + 4;
/// Bytes of framing that a whole body may have beyond its data, beside what is free. Many tiny chunks with long
/// extensions are work for nothing; Go's net/http bounds them so as well (CVE-2023-39326).
const OVERHEAD_LIMIT_BYTES: u64 = 16 * 1024;

/// The next bytes of a body: their kind and number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// Content.
    Data(usize),
    /// Framing: sizes, extensions, line ends.
    Framing(usize),
    /// The trailer section.
    Trailer(usize),
}

/// The rule that bytes break, so that they are no chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChunkError {
    #[error("a chunk's size is not a hexadecimal number on a line of its own")]
    Size,
    #[error("the chunks have more framing than data")]
    Overhead,
    #[error("a chunk is not followed by a line end, or the trailer section does not end")]
    End,
    #[error("a trailer field is malformed")]
    Trailer,
    #[error("the trailer section has more than {FIELDS_LIMIT} fields")]
    TooManyFields,
}

/// The place within one chunked body, in whatever pieces it arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chunked {
    state: State,
    /// Size of the chunk whose line is being read.
    size: u64,
    /// Framing so far that is not free, and that no data has made up for.
    overhead: u64,
    /// Bytes of the size's line so far.
    line: u32,
    /// Bytes of the trailer section so far.
    trailer: u32,
    trailer_fields: u32,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Size,
    /// White space that is no good but allowed before an extension (RFC 9112, 7.1.1); within one it stays unread.
    Blank,
    Extension,
    SizeEnd,
    Data(u64),
    DataEnd,
    DataLineFeed,
    /// The beginning of a line after the last chunk.
    TrailerLine,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

impl State {
    fn is_trailer(self) -> bool {
        use State::{LastLineFeed, TrailerLine, TrailerLineFeed, TrailerName, TrailerValue};
        matches!(self, TrailerLine | TrailerName | TrailerValue | TrailerLineFeed | LastLineFeed)
    }
}

impl Chunked {
    /// The part of the body that `bytes` begin with; `None` when there are none, or the body is whole.
    ///
    /// # Errors
    /// At the first byte that does not belong there; the body is useless then.
    #[inline]
    pub(crate) fn next(&mut self, bytes: &[u8]) -> Result<Option<Part>, ChunkError> {
        if bytes.is_empty() || self.is_done() {
            return Ok(None);
        }
        if let State::Data(missing) = self.state {
            let length = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len());
            let missing = missing - length as u64;
            self.state = if missing == 0 { State::DataEnd } else { State::Data(missing) };
            return Ok(Some(Part::Data(length)));
        }
        let mut at = 0;
        if self.state.is_trailer() {
            while at < bytes.len() && self.state != State::Done {
                self.state = self.after_in_trailer(bytes[at])?;
                at += 1;
            }
            return Ok(Some(Part::Trailer(at)));
        }
        while at < bytes.len() && !matches!(self.state, State::Data(_) | State::TrailerLine) {
            self.state = self.after(bytes[at])?;
            at += 1;
        }
        Ok(Some(Part::Framing(at)))
    }

    pub(crate) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// The state behind one more byte of framing.
    #[inline]
    fn after(&mut self, byte: u8) -> Result<State, ChunkError> {
        Ok(match (self.state, byte) {
            (State::Size, b'\r') if self.line > 0 => State::SizeEnd,
            (State::Size | State::Blank, b';') if self.line > 0 => State::Extension,
            (State::Size | State::Blank, b' ' | b'\t') if self.line > 0 => {
                self.line += 1;
                if self.line > SIZE_LINE_LIMIT_BYTES { return Err(ChunkError::Size) } else { State::Blank }
            }
            (State::Blank, _) => return Err(ChunkError::Size),
            (State::Size, _) => {
                let digit = char::from(byte).to_digit(16).filter(|_| self.line < SIZE_DIGITS);
                self.size = self.size * 16 + u64::from(digit.ok_or(ChunkError::Size)?);
                self.line += 1;
                State::Size
            }
            (State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, _) => {
                self.line += 1;
                if self.line > SIZE_LINE_LIMIT_BYTES || !is_value(byte) {
                    return Err(ChunkError::Size);
                }
                State::Extension
            }
            (State::SizeEnd, b'\n') => self.sized()?,
            (State::SizeEnd, _) => return Err(ChunkError::Size),
            (State::DataEnd, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Size,
            (State::DataEnd | State::DataLineFeed, _) => return Err(ChunkError::End),
            (state, _) => state,
        })
    }

    /// The state behind the line with a chunk's size.
    fn sized(&mut self) -> Result<State, ChunkError> {
        let (size, line) = (std::mem::take(&mut self.size), std::mem::take(&mut self.line));
        let framing = self.overhead + u64::from(line) + 4;
        self.overhead = framing.saturating_sub(PLAIN_BYTES + size);
        match size {
            _ if self.overhead > OVERHEAD_LIMIT_BYTES => Err(ChunkError::Overhead),
            0 => Ok(State::TrailerLine),
            size => Ok(State::Data(size)),
        }
    }

    fn after_in_trailer(&mut self, byte: u8) -> Result<State, ChunkError> {
        self.trailer += 1;
        if self.trailer > TRAILER_LIMIT_BYTES {
            return Err(ChunkError::End);
        }
        Ok(match (self.state, byte) {
            (State::TrailerLine, b'\r') => State::LastLineFeed,
            (State::LastLineFeed, b'\n') => State::Done,
            (State::TrailerLineFeed, b'\n') => {
                self.trailer_fields += 1;
                if self.trailer_fields > FIELDS_LIMIT as u32 {
                    return Err(ChunkError::TooManyFields);
                }
                State::TrailerLine
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerLine | State::TrailerName, _) if is_token_byte(byte) => State::TrailerName,
            (State::TrailerValue, b'\r') => State::TrailerLineFeed,
            (State::TrailerValue, _) if is_value(byte) => State::TrailerValue,
            // A line that ends with a bare line feed ends where some parser would see it and another one not.
            (State::TrailerLine | State::TrailerValue, b'\n') => return Err(ChunkError::End),
            (State::LastLineFeed, _) => return Err(ChunkError::End),
            _ => return Err(ChunkError::Trailer),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::body::{Decoded, Decoder, ResponseBody};

    fn decoder() -> Decoder {
        Decoder::new(ResponseBody::Chunked)
    }

    /// Decodes in one piece and cut in two at every place; all must agree.
    fn decode(body: &str) -> Result<(String, String, usize), ChunkError> {
        let in_pieces = |cut: usize| {
            let (mut chunked, mut decoded, mut consumed) = (decoder(), Vec::new(), 0);
            for piece in [&body[..cut], &body[cut..]] {
                let mut bytes = piece.as_bytes().to_vec();
                let Decoded { data, consumed: used, is_done } = chunked.decode(&mut bytes)?;
                decoded.extend_from_slice(&bytes[..data]);
                consumed += used;
                if is_done {
                    break;
                }
            }
            let (is_done, mut trailer) = (chunked.is_done(), Vec::new());
            chunked.write_trailer(&mut trailer);
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            Ok((text(&decoded), text(&trailer), if is_done { consumed } else { 0 }))
        };
        let whole = in_pieces(0);
        (1..body.len()).for_each(|cut| assert_eq!(in_pieces(cut), whole, "{body:?} cut at {cut}"));
        whole
    }

    #[test]
    fn bodies_are_decoded_to_their_end() {
        for (body, data, trailer, rest) in [
            ("0\r\n\r\n", "", "", 0),
            ("3\r\nabc\r\n0\r\n\r\nGET", "abc", "", 3),
            ("3\r\nabc\r\nA;x=\"y\"\r\n0123456789\r\n000\r\n\r\n", "abc0123456789", "", 0),
            // White space around an extension is parsed and dropped (RFC 9112, 7.1.1).
            ("3 ;x=y\r\nabc\r\n0\r\n\r\n", "abc", "", 0),
            ("3\t ; x \t= \"y z\" ; w \r\nabc\r\n0 ;x\r\n\r\n", "abc", "", 0),
            ("1\r\n\n\r\n0\r\nA: b\r\nContent-Length: 3\r\nc: d\r\n\r\n", "\n", "A: b\r\nc: d\r\n", 0),
            ("0\r\nX-Forwarded-For: x\r\nVia: x\r\nX-Backend: x\r\nExpect: x\r\nDate: x\r\n\r\n", "", "", 0),
            ("0\r\nServer-Timing: db;dur=1\r\n\r\n", "", "Server-Timing: db;dur=1\r\n", 0),
        ] {
            assert_eq!(decode(body), Ok((data.into(), trailer.into(), body.len() - rest)), "{body:?}");
        }
        assert_eq!(decode("5\r\nab"), Ok(("ab".into(), String::new(), 0)), "unfinished");
    }

    #[test]
    fn ambiguous_chunks_are_refused() {
        for body in [
            "3\nabc\r\n",
            "0x3\r\nabc\r\n",
            "-3\r\nabc\r\n",
            "+3\r\nabc\r\n",
            "\r\n",
            " 3\r\nabc\r\n",
            "3 \r\nabc\r\n",
            "3 4;x\r\nabc\r\n",
            "3 x\r\nabc\r\n",
            "3\u{b};x\r\nabc\r\n",
            " ;x\r\nabc\r\n",
            "3\r\r\nabc",
            ";x\r\n",
            "fffffffffffffffff\r\n",
            "3;a\nabc\r\n",
            "3;\0\r\nabc\r\n",
        ] {
            assert_eq!(decode(body), Err(ChunkError::Size), "{body:?}");
        }
        for body in ["3\r\nabcX\r\n", "3\r\nabc\n0\r\n\r\n", "3\r\nabc\r0\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\n\n"] {
            assert_eq!(decode(body), Err(ChunkError::End), "{body:?}");
        }
        for body in ["0\r\nGET / HTTP/1.1\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX: a\rb\r\n\r\n"]
        {
            assert_eq!(decode(body), Err(ChunkError::Trailer), "{body:?}");
        }
    }

    #[test]
    fn framing_is_bounded_by_a_share_of_the_data_over_the_whole_body() {
        let body = |chunks: usize, size: usize, extension: usize| {
            let chunk = format!("{size:x};{}\r\n{}\r\n", "x".repeat(extension), "a".repeat(size));
            decoder().decode(&mut (chunk.repeat(chunks) + "0\r\n\r\n").into_bytes())
        };
        for (chunks, size, extension, expected) in [
            (100_000, 1, 0, Ok(100_000)),
            (10_000, 100, 100, Ok(1_000_000)),
            (16, 1, 1_000, Ok(16)),
            (17, 1, 1_000, Err(ChunkError::Overhead)),
            (10_000, 1, 100, Err(ChunkError::Overhead)),
            (10_000, 100, 200, Err(ChunkError::Overhead)),
        ] {
            let decoded = body(chunks, size, extension).map(|decoded| decoded.data);
            assert_eq!(decoded, expected, "{chunks} chunks of {size} with {extension}");
        }
        let padded = "000000000000001\r\na\r\n".repeat(10_000);
        assert_eq!(decoder().decode(&mut padded.into_bytes()).map(|decoded| decoded.data), Ok(10_000));
    }

    #[test]
    fn endless_lines_and_trailers_are_refused() {
        let extension = format!("1;{}", "x".repeat(2_000));
        assert_eq!(decoder().decode(&mut extension.into_bytes()), Err(ChunkError::Size));
        let blanks = format!("1{}", " ".repeat(2_000));
        assert_eq!(decoder().decode(&mut blanks.into_bytes()), Err(ChunkError::Size));
        let trailer = format!("0\r\nX: {}", "x".repeat(9_000));
        assert_eq!(decoder().decode(&mut trailer.into_bytes()), Err(ChunkError::End));
        // Also of fields that are dropped: they take no memory, but no end would come either.
        for (fields, expected) in [(100, Ok(true)), (101, Err(ChunkError::TooManyFields))] {
            let trailer = format!("0\r\n{}\r\n", "Host: y\r\n".repeat(fields));
            assert_eq!(decoder().decode(&mut trailer.into_bytes()).map(|decoded| decoded.is_done), expected);
        }
    }
}
