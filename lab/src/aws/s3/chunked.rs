//! Bodies that come in chunks of S3's own, with headers behind them (S3 API reference, "Signature calculations for the
//! Authorization header: Transferring payload in multiple chunks", "... including trailing headers").

use cloudsim::{Outcome, SimError};

/// A body as it was before it was cut, and the headers behind it, with their names in lower case.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) bytes: Vec<u8>,
    pub(super) trailer: Vec<(String, String)>,
}

/// Characters of a chunk's signature.
const SIGNATURE: usize = 64;

/// Puts a body together again. `is_signed`: each chunk has a signature, which is not verified.
pub(super) fn decode(mut rest: &[u8], is_signed: bool) -> Outcome<Decoded> {
    let mut bytes = Vec::with_capacity(rest.len());
    loop {
        let head = line(&mut rest)?;
        let (size, extension) = head.split_once(';').unwrap_or((head, ""));
        let size = usize::from_str_radix(size, 16).map_err(|_| incomplete("a chunk without a size"))?;
        let signature = extension.strip_prefix("chunk-signature=");
        if is_signed && signature.is_none_or(|signature| signature.len() != SIGNATURE) {
            return Err(SimError {
                status: 403,
                ..SimError::new("SignatureDoesNotMatch", "A chunk of the body has no signature.")
            });
        }
        if size == 0 {
            break;
        }
        let chunk = rest.split_at_checked(size).ok_or_else(|| incomplete("a chunk that is cut off"))?;
        bytes.extend_from_slice(chunk.0);
        rest = chunk.1.strip_prefix(b"\r\n").ok_or_else(|| incomplete("a chunk that does not end where it says"))?;
    }
    let mut trailer = Vec::new();
    while !rest.is_empty() {
        let text = line(&mut rest)?;
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':').ok_or_else(|| malformed_trailer("a line without a colon"))?;
        trailer.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    }
    Ok(Decoded { bytes, trailer })
}

/// The next line without its end.
fn line<'a>(rest: &mut &'a [u8]) -> Outcome<&'a str> {
    let end = rest.windows(2).position(|pair| pair == b"\r\n").ok_or_else(|| incomplete("it ends within a line"))?;
    let (line, after) = (&rest[..end], &rest[end + 2..]);
    *rest = after;
    std::str::from_utf8(line).map_err(|_| incomplete("a line that is no text"))
}

pub(super) fn incomplete(why: &str) -> SimError {
    let message = format!("The request body terminated unexpectedly: {why}");
    SimError::new("IncompleteBody", message)
}

pub(super) fn malformed_trailer(why: &str) -> SimError {
    let message = format!("The request contained trailing data that was not well-formed: {why}");
    SimError::new("MalformedTrailerError", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(body: &[u8], is_signed: bool) -> String {
        decode(body, is_signed).unwrap_err().code
    }

    #[test]
    fn chunks_become_a_body_and_its_trailer() {
        let body = b"4\r\nWiki\r\nA\r\npedia in c\r\n0\r\nx-amz-checksum-crc32: AAAAAA==\r\n\r\n";
        let decoded = decode(body, false).unwrap();
        assert_eq!(decoded.bytes, b"Wikipedia in c");
        assert_eq!(decoded.trailer, [("x-amz-checksum-crc32".to_owned(), "AAAAAA==".to_owned())]);
        assert_eq!(decode(b"0\r\n\r\n", false).unwrap(), Decoded { bytes: Vec::new(), trailer: Vec::new() });
    }

    #[test]
    fn chunks_that_must_be_signed_are() {
        let signature = "0".repeat(64);
        let body = format!("3;chunk-signature={signature}\r\nabc\r\n0;chunk-signature={signature}\r\n\r\n");
        assert_eq!(decode(body.as_bytes(), true).unwrap().bytes, b"abc");
        assert_eq!(code(b"3\r\nabc\r\n0\r\n\r\n", true), "SignatureDoesNotMatch");
        assert_eq!(code(b"3;chunk-signature=00\r\nabc\r\n0\r\n\r\n", true), "SignatureDoesNotMatch");
    }

    #[test]
    fn what_is_cut_or_wrong_is_refused() {
        for wrong in ["", "3", "3\r\nab", "3\r\nabcd\r\n0\r\n\r\n", "x\r\nabc\r\n0\r\n\r\n", "3\r\nabc\r\n", "-1\r\n"] {
            assert_eq!(code(wrong.as_bytes(), false), "IncompleteBody", "{wrong:?}");
        }
        assert_eq!(code(b"0\r\nno colon\r\n\r\n", false), "MalformedTrailerError");
    }
}
