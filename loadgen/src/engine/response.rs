//! Reads HTTP/1.1 answers (RFC 9112), strictly: what is ambiguous is broken, and is never guessed at. Pure.
//!
//! Stricter than what it is tested against (`httparse`, which hyper uses): whatever is accepted here is accepted there
//! with the same meaning.

/// Longest head that is read; servers refuse heads of a fraction of it.
pub(crate) const HEAD_LIMIT_BYTES: usize = 64 * 1024;

/// Why bytes are no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotHttp;

/// The part of an answer before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) status: u16,
    pub(crate) body: Body,
    /// Whether the connection may be used again afterwards.
    pub(crate) is_kept: bool,
    pub(crate) backend: &'a [u8],
    pub(crate) boot: Option<&'a [u8]>,
    /// Bytes of the head, the empty line included.
    pub(crate) length: usize,
}

/// What is left of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Body {
    Length(u64),
    Chunked(Chunk),
    /// It ends with the connection.
    UntilClose,
}

/// The place within a chunked body (RFC 9112, 7.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Chunk {
    /// In the digits of a size; the number of digits so far.
    Size(u64, u8),
    /// White space that is no good but parsed and dropped before an extension (RFC 9112, 7.1.1).
    Blank(u64),
    Extension(u64),
    SizeLineFeed(u64),
    Data(u64),
    DataReturn,
    DataLineFeed,
    /// At the beginning of a line after the last chunk.
    TrailerLine,
    Trailer,
    TrailerLineFeed,
    LastLineFeed,
    Done,
}

/// How far bytes bring a body: how many belonged to it, and whether it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Eaten {
    pub(crate) bytes: usize,
    pub(crate) is_whole: bool,
}

/// Reads a head; `None` while it is not whole. Interim answers (1xx) are heads with a body of length 0.
pub(crate) fn head(bytes: &[u8], of_head_request: bool) -> Result<Option<Head<'_>>, NotHttp> {
    let Some((status, http_minor, mut at)) = status_line(bytes)? else { return Ok(None) };
    let mut found = Headers::default();
    loop {
        let Some(first) = bytes.get(at) else { return Ok(None) };
        if *first == b'\r' {
            match bytes.get(at + 1) {
                None => return Ok(None),
                Some(b'\n') => break,
                Some(_) => return Err(NotHttp),
            }
        }
        let Some((name, value, next)) = header_line(bytes, at)? else { return Ok(None) };
        found.take(name, value)?;
        at = next;
    }
    let body = match (found.length, found.is_chunked) {
        // Both together are how answers are smuggled (RFC 9112, 6.3).
        (Some(_), true) => return Err(NotHttp),
        _ if of_head_request || status < 200 || matches!(status, 204 | 304) => Body::Length(0),
        (Some(length), false) => Body::Length(length),
        (None, true) if http_minor == 1 => Body::Chunked(Chunk::Size(0, 0)),
        (None, true) => return Err(NotHttp),
        (None, false) => Body::UntilClose,
    };
    Ok(Some(Head {
        status,
        body,
        // RFC 9112, 9.3: HTTP/1.0 keeps a connection only where it says so.
        is_kept: !found.says_close && (http_minor == 1 || found.says_keep_alive) && body != Body::UntilClose,
        backend: found.backend.unwrap_or_default(),
        boot: found.boot,
        length: at + 2,
    }))
}

#[derive(Default)]
struct Headers<'a> {
    length: Option<u64>,
    is_chunked: bool,
    says_close: bool,
    says_keep_alive: bool,
    backend: Option<&'a [u8]>,
    boot: Option<&'a [u8]>,
}

impl<'a> Headers<'a> {
    /// The few headers that matter are told apart by their length first.
    fn take(&mut self, name: &'a [u8], value: &'a [u8]) -> Result<(), NotHttp> {
        match name.len() {
            6 if name.eq_ignore_ascii_case(b"x-boot") => self.boot = self.boot.or(Some(value)),
            9 if name.eq_ignore_ascii_case(b"x-backend") => self.backend = self.backend.or(Some(value)),
            10 if name.eq_ignore_ascii_case(b"connection") => {
                for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    self.says_close |= option.eq_ignore_ascii_case(b"close");
                    self.says_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => {
                if self.length.is_some() {
                    return Err(NotHttp);
                }
                self.length = Some(number(value).ok_or(NotHttp)?);
            }
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => {
                if self.is_chunked || !value.eq_ignore_ascii_case(b"chunked") {
                    return Err(NotHttp);
                }
                self.is_chunked = true;
            }
            _ => {}
        }
        Ok(())
    }
}

/// `HTTP/1.1 200 OK`: status, minor version, where the next line begins.
fn status_line(bytes: &[u8]) -> Result<Option<(u16, u8, usize)>, NotHttp> {
    const START: &[u8] = b"HTTP/1.";
    let known = bytes.len().min(START.len());
    if bytes[..known] != START[..known] {
        return Err(NotHttp);
    }
    // Byte by byte, so that a wrong one is refused as soon as it is there.
    let is_right = |(at, byte): (usize, &u8)| match at {
        0 => matches!(byte, b'0' | b'1'),
        1 => *byte == b' ',
        2..=4 => byte.is_ascii_digit(),
        // RFC 9112, 4: the space belongs there even without a reason; some servers leave it out.
        _ => matches!(byte, b' ' | b'\r'),
    };
    if !bytes.iter().skip(START.len()).take(6).enumerate().all(is_right) {
        return Err(NotHttp);
    }
    let [_, _, _, _, _, _, _, minor, _, a, b, c, _, ..] = bytes else { return Ok(None) };
    let digit = |byte: &u8| u16::from(byte - b'0');
    let status = digit(a) * 100 + digit(b) * 10 + digit(c);
    // RFC 9110, 15: three digits, the first 1 to 5.
    if !(100..600).contains(&status) {
        return Err(NotHttp);
    }
    let Some(end) = line_end(bytes, 12)? else { return Ok(None) };
    Ok(Some((status, minor - b'0', end + 2)))
}

/// Name, value without the spaces around it, and where the next line begins.
type Line<'a> = (&'a [u8], &'a [u8], usize);

fn header_line(bytes: &[u8], start: usize) -> Result<Option<Line<'_>>, NotHttp> {
    let mut colon = start;
    loop {
        match bytes.get(colon) {
            None => return Ok(None),
            Some(b':') if colon > start => break,
            Some(byte) if is_token(*byte) => colon += 1,
            // Also a space before the colon, and a line that continues the one before.
            Some(_) => return Err(NotHttp),
        }
    }
    let Some(end) = line_end(bytes, colon + 1)? else { return Ok(None) };
    Ok(Some((&bytes[start..colon], bytes[colon + 1..end].trim_ascii(), end + 2)))
}

/// Where the line that `start` lies in ends; an error at a byte that no line may hold.
fn line_end(bytes: &[u8], start: usize) -> Result<Option<usize>, NotHttp> {
    let rest = bytes.get(start..).unwrap_or_default();
    let Some(length) = rest.iter().position(|byte| (*byte < 0x20 && *byte != b'\t') || *byte == 0x7f) else {
        return Ok(None);
    };
    match (rest[length], rest.get(length + 1)) {
        (b'\r', Some(b'\n')) => Ok(Some(start + length)),
        (b'\r', None) => Ok(None),
        _ => Err(NotHttp),
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |number, digit| {
        if !digit.is_ascii_digit() {
            return None;
        }
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })
}

impl Body {
    /// Takes what belongs to the body off the front of `bytes`, and gives its content to `content`.
    pub(crate) fn eat(&mut self, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Result<Eaten, NotHttp> {
        match self {
            Self::Length(left) => {
                let taken = bytes.len().min(usize::try_from(*left).unwrap_or(usize::MAX));
                content(&bytes[..taken]);
                *left -= taken as u64;
                Ok(Eaten { bytes: taken, is_whole: *left == 0 })
            }
            Self::UntilClose => {
                content(bytes);
                Ok(Eaten { bytes: bytes.len(), is_whole: false })
            }
            Self::Chunked(chunk) => {
                let mut at = 0;
                while *chunk != Chunk::Done {
                    let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) else { break };
                    if let Chunk::Data(left) = *chunk {
                        let taken = rest.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                        content(&rest[..taken]);
                        at += taken;
                        *chunk =
                            if left == taken as u64 { Chunk::DataReturn } else { Chunk::Data(left - taken as u64) };
                    } else {
                        *chunk = chunk.after(rest[0])?;
                        at += 1;
                    }
                }
                Ok(Eaten { bytes: at, is_whole: *chunk == Chunk::Done })
            }
        }
    }
}

/// Sizes of more hexadecimal digits would not fit into 64 bits.
const MOST_DIGITS: u8 = 16;

impl Chunk {
    /// One byte on, outside of the data.
    fn after(self, byte: u8) -> Result<Self, NotHttp> {
        let is_text = byte >= 0x20 && byte != 0x7f || byte == b'\t';
        match (self, byte) {
            (Self::Size(size, digits), b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') if digits < MOST_DIGITS => {
                let digit = (byte as char).to_digit(16).unwrap_or_default();
                Ok(Self::Size(size * 16 + u64::from(digit), digits + 1))
            }
            (Self::Size(size, 1..), b'\r') | (Self::Extension(size), b'\r') => Ok(Self::SizeLineFeed(size)),
            (Self::Size(size, 1..) | Self::Blank(size), b';') => Ok(Self::Extension(size)),
            (Self::Size(size, 1..) | Self::Blank(size), b' ' | b'\t') => Ok(Self::Blank(size)),
            (Self::Extension(size), _) if is_text => Ok(Self::Extension(size)),
            (Self::SizeLineFeed(0), b'\n') => Ok(Self::TrailerLine),
            (Self::SizeLineFeed(size), b'\n') => Ok(Self::Data(size)),
            (Self::DataReturn, b'\r') => Ok(Self::DataLineFeed),
            (Self::DataLineFeed, b'\n') => Ok(Self::Size(0, 0)),
            (Self::TrailerLine, b'\r') => Ok(Self::LastLineFeed),
            (Self::TrailerLine, _) if is_token(byte) => Ok(Self::Trailer),
            (Self::Trailer, b'\r') => Ok(Self::TrailerLineFeed),
            (Self::Trailer, _) if is_text => Ok(Self::Trailer),
            (Self::TrailerLineFeed, b'\n') => Ok(Self::TrailerLine),
            (Self::LastLineFeed, b'\n') => Ok(Self::Done),
            _ => Err(NotHttp),
        }
    }
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
