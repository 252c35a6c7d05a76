//! The chunked transfer coding (RFC 9112, section 7.1), decoded in place.

use super::fields::{self, FIELDS_LIMIT, Kind};

/// Longest line with a chunk's size, extensions included. Nobody sends extensions; an endless one would be read for
/// ever.
const SIZE_LINE_LIMIT_BYTES: usize = 1024;
/// Longest trailer section.
const TRAILER_LIMIT_BYTES: usize = 8 * 1024;
/// Longest size: far above any body, and no sum with it can overflow.
const SIZE_DIGITS: usize = 15;
/// The most framing of a chunk without an extension: a size and two line ends. It is free, however small the chunk is.
const PLAIN_BYTES: u64 = SIZE_DIGITS as u64 + 4;
/// How much more framing than data a whole body may have, beside what is free. Many tiny chunks with long extensions are
/// work for nothing; Go's net/http bounds them so as well (CVE-2023-39326).
const OVERHEAD_LIMIT_BYTES: u64 = 16 * 1024;

/// Why something is not a chunked body.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
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

/// Follows one body, in whatever pieces it arrives.
#[derive(Debug, Default)]
pub(crate) struct Chunked {
    state: State,
    /// Size of the chunk whose line is being read.
    size: u64,
    /// Bytes of the line so far.
    line: usize,
    /// Framing so far that is not free, and that no data has made up for.
    overhead: u64,
    /// Trailer fields, validated, with their line ends; and the line being received.
    trailer: Vec<u8>,
    trailer_line: usize,
    /// Those that were dropped included.
    trailer_fields: usize,
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
    Trailer,
    Done,
}

/// What one piece held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Decoded {
    /// Bytes of the body, now at the front of the piece.
    pub(crate) data: usize,
    /// Bytes of the piece that belong to the body's coding; what follows belongs to the next message.
    pub(crate) consumed: usize,
    pub(crate) is_done: bool,
}

impl Chunked {
    /// Decodes `bytes`, moving the body's bytes to the front.
    ///
    /// # Errors
    /// At the first byte that does not belong there; the body is useless then.
    pub(crate) fn decode(&mut self, bytes: &mut [u8]) -> Result<Decoded, Malformed> {
        let (mut data, mut at) = (0, 0);
        while at < bytes.len() && self.state != State::Done {
            if let State::Data(missing) = self.state {
                let length = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len() - at);
                bytes.copy_within(at..at + length, data);
                (data, at) = (data + length, at + length);
                let missing = missing - length as u64;
                self.state = if missing == 0 { State::DataEnd } else { State::Data(missing) };
            } else {
                self.state = self.next(bytes[at])?;
                at += 1;
            }
        }
        Ok(Decoded { data, consumed: at, is_done: self.state == State::Done })
    }

    /// The validated trailer fields, each with its line end.
    pub(crate) fn trailer(&self) -> &[u8] {
        &self.trailer
    }

    fn next(&mut self, byte: u8) -> Result<State, Malformed> {
        Ok(match (self.state, byte) {
            (State::Size, b'\r') if self.line > 0 => State::SizeEnd,
            (State::Size | State::Blank, b';') if self.line > 0 => State::Extension,
            (State::Size | State::Blank, b' ' | b'\t') if self.line > 0 => {
                self.line += 1;
                if self.line > SIZE_LINE_LIMIT_BYTES { return Err(Malformed::Size) } else { State::Blank }
            }
            (State::Blank, _) => return Err(Malformed::Size),
            (State::Size, _) => {
                let digit = char::from(byte).to_digit(16).filter(|_| self.line < SIZE_DIGITS).ok_or(Malformed::Size)?;
                self.size = self.size * 16 + u64::from(digit);
                self.line += 1;
                State::Size
            }
            (State::Extension, b'\r') => State::SizeEnd,
            (State::Extension, _) => {
                self.line += 1;
                if self.line > SIZE_LINE_LIMIT_BYTES || (byte < b' ' && byte != b'\t') || byte == 127 {
                    return Err(Malformed::Size);
                }
                State::Extension
            }
            (State::SizeEnd, b'\n') => self.sized()?,
            (State::SizeEnd, _) => return Err(Malformed::Size),
            (State::DataEnd, b'\r') => State::DataLineFeed,
            (State::DataLineFeed, b'\n') => State::Size,
            (State::DataEnd | State::DataLineFeed, _) => return Err(Malformed::End),
            (State::Trailer, _) => self.trailer_byte(byte)?,
            (State::Data(_) | State::Done, _) => self.state,
        })
    }

    /// The line of a chunk is read.
    fn sized(&mut self) -> Result<State, Malformed> {
        let (size, line) = (std::mem::take(&mut self.size), std::mem::take(&mut self.line));
        let framing = self.overhead + line as u64 + 4;
        self.overhead = framing.saturating_sub(PLAIN_BYTES + size);
        match size {
            _ if self.overhead > OVERHEAD_LIMIT_BYTES => Err(Malformed::Overhead),
            0 => Ok(State::Trailer),
            size => Ok(State::Data(size)),
        }
    }

    fn trailer_byte(&mut self, byte: u8) -> Result<State, Malformed> {
        self.trailer.push(byte);
        if self.trailer.len() > TRAILER_LIMIT_BYTES {
            return Err(Malformed::End);
        }
        if byte != b'\n' {
            return Ok(State::Trailer);
        }
        let line = &self.trailer[self.trailer_line..];
        let line = line.strip_suffix(b"\r\n").ok_or(Malformed::End)?;
        if line.is_empty() {
            self.trailer.truncate(self.trailer_line);
            return Ok(State::Done);
        }
        self.trailer_fields += 1;
        if self.trailer_fields > FIELDS_LIMIT {
            return Err(Malformed::TooManyFields);
        }
        let field = fields::field(line, self.trailer_line, false).map_err(|_| Malformed::Trailer)?;
        // What a proxy reads or writes must be known before the body and is no trailer field (RFC 9110, 6.5.1): it is
        // dropped. A time that something took may come after it.
        if !matches!(field.kind, Kind::Other | Kind::ServerTiming) {
            self.trailer.truncate(self.trailer_line);
        }
        self.trailer_line = self.trailer.len();
        Ok(State::Trailer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Decodes in one piece and cut in two at every place; all must agree.
    fn decode(body: &str) -> Result<(String, String, usize), Malformed> {
        let in_pieces = |cut: usize| {
            let (mut chunked, mut decoded, mut consumed) = (Chunked::default(), Vec::new(), 0);
            for piece in [&body[..cut], &body[cut..]] {
                let mut bytes = piece.as_bytes().to_vec();
                let Decoded { data, consumed: used, is_done } = chunked.decode(&mut bytes)?;
                decoded.extend_from_slice(&bytes[..data]);
                consumed += used;
                if is_done {
                    break;
                }
            }
            let is_done = chunked.state == State::Done;
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            Ok((text(&decoded), text(chunked.trailer()), if is_done { consumed } else { 0 }))
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
            assert_eq!(decode(body), Err(Malformed::Size), "{body:?}");
        }
        for body in ["3\r\nabcX\r\n", "3\r\nabc\n0\r\n\r\n", "3\r\nabc\r0\r\n\r\n", "0\r\nX: y\n\r\n", "0\r\n\n"] {
            assert_eq!(decode(body), Err(Malformed::End), "{body:?}");
        }
        for body in ["0\r\nGET / HTTP/1.1\r\n\r\n", "0\r\nX : y\r\n\r\n", "0\r\n X: y\r\n\r\n", "0\r\nX: a\rb\r\n\r\n"]
        {
            assert_eq!(decode(body), Err(Malformed::Trailer), "{body:?}");
        }
    }

    #[test]
    fn framing_is_bounded_by_a_share_of_the_data_over_the_whole_body() {
        let body = |chunks: usize, size: usize, extension: usize| {
            let chunk = format!("{size:x};{}\r\n{}\r\n", "x".repeat(extension), "a".repeat(size));
            Chunked::default().decode(&mut (chunk.repeat(chunks) + "0\r\n\r\n").into_bytes())
        };
        for (chunks, size, extension, expected) in [
            (100_000, 1, 0, Ok(100_000)),
            (10_000, 100, 100, Ok(1_000_000)),
            (16, 1, 1_000, Ok(16)),
            (17, 1, 1_000, Err(Malformed::Overhead)),
            (10_000, 1, 100, Err(Malformed::Overhead)),
            (10_000, 100, 200, Err(Malformed::Overhead)),
        ] {
            let decoded = body(chunks, size, extension).map(|decoded| decoded.data);
            assert_eq!(decoded, expected, "{chunks} chunks of {size} with {extension}");
        }
        let padded = "000000000000001\r\na\r\n".repeat(10_000);
        assert_eq!(Chunked::default().decode(&mut padded.into_bytes()).map(|decoded| decoded.data), Ok(10_000));
    }

    #[test]
    fn endless_lines_and_trailers_are_refused() {
        let extension = format!("1;{}", "x".repeat(2_000));
        assert_eq!(Chunked::default().decode(&mut extension.into_bytes()), Err(Malformed::Size));
        let blanks = format!("1{}", " ".repeat(2_000));
        assert_eq!(Chunked::default().decode(&mut blanks.into_bytes()), Err(Malformed::Size));
        let trailer = format!("0\r\nX: {}", "x".repeat(9_000));
        assert_eq!(Chunked::default().decode(&mut trailer.into_bytes()), Err(Malformed::End));
        // Also of fields that are dropped: they take no memory, but no end would come either.
        for (fields, expected) in [(100, Ok(true)), (101, Err(Malformed::TooManyFields))] {
            let trailer = format!("0\r\n{}\r\n", "Host: y\r\n".repeat(fields));
            assert_eq!(Chunked::default().decode(&mut trailer.into_bytes()).map(|decoded| decoded.is_done), expected);
        }
    }
}
