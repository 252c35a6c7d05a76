//! Finds requests whose extent is open to interpretation, so that they can be refused before anyone interprets them.
//!
//! Two programs that disagree about where a request ends can be made to see different requests: that is request
//! smuggling. hyper is lenient where it hurts here: it takes `Transfer-Encoding` together with `Content-Length` and
//! drops one, it collapses equal duplicates of `Content-Length`, and it takes a bare line feed for a line end; none
//! of that can be seen in the parsed request any more. So the bytes are judged first. The rules are those of
//! RFC 9112 without any of its licences to repair.

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Ambiguous {
    #[error("a line does not end with CR LF, or holds a bare CR")]
    LineEnd,
    #[error("the request line is not `METHOD target HTTP/1.x`")]
    RequestLine,
    #[error("a header continues on a second line")]
    Folded,
    #[error("a header line has no name, or white space in or after it")]
    HeaderName,
    #[error("Content-Length is not a plain number, or given twice")]
    ContentLength,
    #[error("Transfer-Encoding is not exactly `chunked`, given once, in HTTP/1.1")]
    TransferEncoding,
    #[error("both Transfer-Encoding and Content-Length are given")]
    TwoLengths,
    #[error("Host is missing, given twice, or not a host name with an optional port")]
    Host,
    #[error("a chunk's size is not a hexadecimal number on a line of its own")]
    ChunkSize,
    #[error("a chunk is not followed by a line end, or the trailer section does not end")]
    ChunkEnd,
    #[error("the head is longer than {HEAD_LIMIT_BYTES} bytes")]
    TooLong,
}

/// Longest head that is looked at. hyper refuses earlier, with 431; this only bounds the copy kept here.
const HEAD_LIMIT_BYTES: usize = 64 * 1024;
/// Longest line with a chunk's size, extensions included. Nobody sends extensions; an endless one would be read for ever.
const CHUNK_LINE_LIMIT_BYTES: usize = 1024;
/// Longest trailer section.
const TRAILER_LIMIT_BYTES: usize = 8 * 1024;

/// Follows the requests of one connection, byte by byte, in whatever pieces they arrive.
#[derive(Debug, Default)]
pub(crate) struct Framing {
    state: State,
    /// The line or head being received, when it did not arrive in one piece.
    partial: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    #[default]
    Head,
    /// So many bytes of a sized body are missing.
    Body(u64),
    ChunkSize,
    /// So many bytes of a chunk and its line end are missing.
    Chunk(u64),
    Trailer,
}

/// The body that a head announces.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announced {
    /// There was no head: a line break before a request line is allowed, and some clients send one after a body.
    Nothing,
    Sized(u64),
    Chunked,
}

impl Framing {
    /// Whether a head has begun and not ended.
    pub(crate) fn is_inside_head(&self) -> bool {
        matches!(self.state, State::Head) && !self.partial.is_empty()
    }

    /// Takes the next bytes of the connection.
    ///
    /// # Errors
    /// The first violation and how many of `bytes` come before it: with only these the receiver does not yet have a
    /// complete request.
    pub(crate) fn receive(&mut self, bytes: &[u8]) -> Result<(), (usize, Ambiguous)> {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            at += match self.state {
                State::Head => self.head(rest),
                State::Body(missing) => Ok(self.skip(rest, missing, State::Body, State::Head)),
                State::ChunkSize => self.chunk_size(rest),
                State::Chunk(missing) => self.chunk(rest, missing),
                State::Trailer => self.trailer(rest),
            }
            .map_err(|(offset, violation)| (at + offset, violation))?;
        }
        Ok(())
    }

    fn skip(&mut self, rest: &[u8], missing: u64, more: fn(u64) -> State, done: State) -> usize {
        let skipped = usize::try_from(missing).unwrap_or(usize::MAX).min(rest.len());
        let missing = missing - skipped as u64;
        self.state = if missing == 0 { done } else { more(missing) };
        skipped
    }

    fn head(&mut self, rest: &[u8]) -> Result<usize, (usize, Ambiguous)> {
        match end_of_head(&self.partial, rest) {
            Some(end) => {
                // The last byte is held back: without it no head is complete.
                let judged = if self.partial.is_empty() {
                    judge(&rest[..end])
                } else {
                    self.partial.extend_from_slice(&rest[..end]);
                    judge(&self.partial)
                };
                self.partial.clear();
                self.state = match judged.map_err(|violation| (end - 1, violation))? {
                    Announced::Nothing | Announced::Sized(0) => State::Head,
                    Announced::Sized(length) => State::Body(length),
                    Announced::Chunked => State::ChunkSize,
                };
                Ok(end)
            }
            None if self.partial.len() + rest.len() > HEAD_LIMIT_BYTES => Err((0, Ambiguous::TooLong)),
            None => {
                self.partial.extend_from_slice(rest);
                Ok(rest.len())
            }
        }
    }

    fn chunk_size(&mut self, rest: &[u8]) -> Result<usize, (usize, Ambiguous)> {
        let Some(line) = self.line(rest, CHUNK_LINE_LIMIT_BYTES).map_err(|_| (0, Ambiguous::ChunkSize))? else {
            return Ok(rest.len());
        };
        let size = chunk_size(&self.partial).ok_or((line - 1, Ambiguous::ChunkSize))?;
        self.partial.clear();
        self.state = if size == 0 { State::Trailer } else { State::Chunk(size + 2) };
        Ok(line)
    }

    fn chunk(&mut self, rest: &[u8], missing: u64) -> Result<usize, (usize, Ambiguous)> {
        if missing > 2 {
            let skipped = self.skip(rest, missing - 2, |missing| State::Chunk(missing + 2), State::Chunk(2));
            return Ok(skipped);
        }
        let expected = if missing == 2 { b'\r' } else { b'\n' };
        if rest.first() != Some(&expected) {
            return Err((0, Ambiguous::ChunkEnd));
        }
        self.state = if missing == 2 { State::Chunk(1) } else { State::ChunkSize };
        Ok(1)
    }

    fn trailer(&mut self, rest: &[u8]) -> Result<usize, (usize, Ambiguous)> {
        let Some(line) = self.line(rest, TRAILER_LIMIT_BYTES).map_err(|_| (0, Ambiguous::ChunkEnd))? else {
            return Ok(rest.len());
        };
        let ends = self.partial == b"\r\n";
        if !ends && (!self.partial.ends_with(b"\r\n") || !self.partial.contains(&b':')) {
            return Err((line - 1, Ambiguous::ChunkEnd));
        }
        self.partial.clear();
        if ends {
            self.state = State::Head;
        }
        Ok(line)
    }

    /// Adds to `partial` up to and including the next line feed and returns how much that was.
    fn line(&mut self, rest: &[u8], limit: usize) -> Result<Option<usize>, ()> {
        let end = rest.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let piece = &rest[..end.unwrap_or(rest.len())];
        if self.partial.len() + piece.len() > limit {
            return Err(());
        }
        self.partial.extend_from_slice(piece);
        Ok(end)
    }
}

/// How many bytes of `rest` belong to the head that began with `partial`: up to an empty line, or what some parser
/// would take for one.
fn end_of_head(partial: &[u8], rest: &[u8]) -> Option<usize> {
    let before = |back: usize, at: usize| {
        if at >= back { Some(rest[at - back]) } else { (partial.len() + at).checked_sub(back).map(|at| partial[at]) }
    };
    let mut from = 0;
    while let Some(found) = rest[from..].iter().position(|byte| *byte == b'\n') {
        let at = from + found;
        let previous = before(1, at);
        if previous == Some(b'\n') || (previous == Some(b'\r') && matches!(before(2, at), Some(b'\n') | None)) {
            return Some(at + 1);
        }
        from = at + 1;
    }
    None
}

/// `size[;extension] CR LF`
fn chunk_size(line: &[u8]) -> Option<u64> {
    let line = line.strip_suffix(b"\r\n")?;
    if line.contains(&b'\r') {
        return None;
    }
    let digits = line.iter().position(|byte| *byte == b';').map_or(line, |at| &line[..at]);
    // 15 digits: far above any body, and no sum with it can overflow.
    if digits.is_empty() || digits.len() > 15 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Judges a whole head, its empty line included.
fn judge(head: &[u8]) -> Result<Announced, Ambiguous> {
    if head == b"\r\n" {
        return Ok(Announced::Nothing);
    }
    let head = head.strip_suffix(b"\r\n\r\n").ok_or(Ambiguous::LineEnd)?;
    let mut lines = head.split(|byte| *byte == b'\n').peekable();
    let mut next_line = || -> Result<Option<&[u8]>, Ambiguous> {
        let Some(line) = lines.next() else { return Ok(None) };
        // The last line lost its CR above.
        let line = if lines.peek().is_some() { line.strip_suffix(b"\r").ok_or(Ambiguous::LineEnd)? } else { line };
        if line.contains(&b'\r') { Err(Ambiguous::LineEnd) } else { Ok(Some(line)) }
    };
    let is_http_11 = request_line(next_line()?.unwrap_or_default())?;
    let (mut length, mut chunked, mut hosts) = (None, false, 0);
    while let Some(line) = next_line()? {
        let (name, value) = header(line)?;
        if name.eq_ignore_ascii_case(b"content-length") {
            let parsed = content_length(value).ok_or(Ambiguous::ContentLength)?;
            if length.replace(parsed).is_some() {
                return Err(Ambiguous::ContentLength);
            }
        } else if name.eq_ignore_ascii_case(b"transfer-encoding") {
            if chunked || !is_http_11 || !value.eq_ignore_ascii_case(b"chunked") {
                return Err(Ambiguous::TransferEncoding);
            }
            chunked = true;
        } else if name.eq_ignore_ascii_case(b"host") {
            hosts += 1;
            if hosts > 1 || !is_host(value) {
                return Err(Ambiguous::Host);
            }
        }
    }
    match (length, chunked) {
        _ if is_http_11 && hosts == 0 => Err(Ambiguous::Host),
        (Some(_), true) => Err(Ambiguous::TwoLengths),
        (None, true) => Ok(Announced::Chunked),
        (length, false) => Ok(Announced::Sized(length.unwrap_or(0))),
    }
}

/// Whether the version is 1.1.
fn request_line(line: &[u8]) -> Result<bool, Ambiguous> {
    let mut words = line.split(|byte| *byte == b' ');
    match (words.next(), words.next(), words.next(), words.next()) {
        (Some(method), Some(target), Some(version), None) if !method.is_empty() && !target.is_empty() => {
            match version {
                b"HTTP/1.1" => Ok(true),
                b"HTTP/1.0" => Ok(false),
                _ => Err(Ambiguous::RequestLine),
            }
        }
        _ => Err(Ambiguous::RequestLine),
    }
}

fn header(line: &[u8]) -> Result<(&[u8], &[u8]), Ambiguous> {
    if line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t')) {
        return Err(Ambiguous::Folded);
    }
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Ambiguous::HeaderName)?;
    let (name, value) = (&line[..colon], &line[colon + 1..]);
    if name.is_empty() || name.iter().any(u8::is_ascii_whitespace) {
        return Err(Ambiguous::HeaderName);
    }
    Ok((name, value.trim_ascii()))
}

fn content_length(value: &[u8]) -> Option<u64> {
    let plain = !value.is_empty() && value.len() <= 18 && value.iter().all(u8::is_ascii_digit);
    if plain { std::str::from_utf8(value).ok()?.parse().ok() } else { None }
}

/// `name`, `name:port`, `[address]:port`, or empty as RFC 9110 allows where there is no authority.
fn is_host(value: &[u8]) -> bool {
    value.iter().all(|byte| byte.is_ascii_alphanumeric() || b".-_~:[]%!$&'()*+;=".contains(byte))
}

#[cfg(test)]
mod tests;
