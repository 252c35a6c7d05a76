//! The body of a message on its way through: decoded from how it came, framed anew for where it goes. Pure: no sockets.

use http1::{ChunkError, Decoded, Decoder, RequestBody, ResponseBody};

/// One body.
#[derive(Debug)]
pub(crate) struct Relay {
    source: Decoder,
    /// The end was read, and written if it has to be.
    is_done: bool,
    /// The body goes out in chunks: wherever its length is not known beforehand and the receiver can take them.
    is_chunked: bool,
    takes_trailers: bool,
    bytes: u64,
}

/// The part of a received piece that belongs to the body.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes to pass on, at the front of the piece.
    pub(crate) data: usize,
    /// Bytes of the piece that belonged to this body.
    pub(crate) used: usize,
}

impl Relay {
    /// The relay of a request's body, to a member.
    pub(crate) fn request(body: RequestBody) -> Self {
        Self::new(Decoder::new(body), body == RequestBody::Chunked, true)
    }

    /// The relay of a response's body, to a client.
    pub(crate) fn response(body: ResponseBody, is_to_http_11: bool, takes_trailers: bool) -> Self {
        let has_length = matches!(body, ResponseBody::None | ResponseBody::Sized(_));
        Self::new(Decoder::new(body), !has_length && is_to_http_11, takes_trailers)
    }

    fn new(source: Decoder, is_chunked: bool, takes_trailers: bool) -> Self {
        Self { is_done: source.is_done(), source, is_chunked, takes_trailers, bytes: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        self.is_done
    }

    /// Bytes of the body so far, without any framing.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes a received piece. `head` and `tail` are to be written before and after the piece's data.
    ///
    /// # Errors
    /// When it is not a body of its kind.
    pub(crate) fn take(
        &mut self,
        piece: &mut [u8],
        head: &mut Vec<u8>,
        tail: &mut Vec<u8>,
    ) -> Result<Taken, ChunkError> {
        if self.is_done {
            return Ok(Taken::default());
        }
        let Decoded { data, consumed, is_done } = self.source.decode(piece)?;
        self.frame(data, head, tail);
        if is_done {
            self.finish(tail);
        }
        self.bytes += data as u64;
        Ok(Taken { data, used: consumed })
    }

    /// The sender closed its connection. True when that is how this body ends.
    pub(crate) fn end(&mut self, tail: &mut Vec<u8>) -> bool {
        if self.source.is_until_close() && !self.is_done {
            self.finish(tail);
        }
        self.is_done
    }

    /// Frames the data of a piece as one chunk, however many it came in.
    fn frame(&self, data: usize, head: &mut Vec<u8>, tail: &mut Vec<u8>) {
        if self.is_chunked && data > 0 {
            hexadecimal(head, data);
            head.extend_from_slice(b"\r\n");
            tail.extend_from_slice(b"\r\n");
        }
    }

    fn finish(&mut self, tail: &mut Vec<u8>) {
        if self.is_chunked {
            tail.extend_from_slice(b"0\r\n");
            if self.takes_trailers {
                self.source.write_trailer(tail);
            }
            tail.extend_from_slice(b"\r\n");
        }
        self.is_done = true;
    }
}

fn hexadecimal(out: &mut Vec<u8>, number: usize) {
    let digits = (usize::BITS - number.leading_zeros()).div_ceil(4).max(1);
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(number >> (4 * place)) & 15]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Bytes that go out for pieces that come in.
    fn relayed(mut relay: Relay, pieces: &[&str], closes: bool) -> (String, bool, u64) {
        let mut out = Vec::new();
        for piece in pieces {
            let (mut piece, mut head, mut tail) = (piece.as_bytes().to_vec(), Vec::new(), Vec::new());
            let taken = relay.take(&mut piece, &mut head, &mut tail).unwrap();
            out.extend([head, piece[..taken.data].to_vec(), tail].concat());
        }
        if closes {
            relay.end(&mut out);
        }
        (String::from_utf8(out).unwrap(), relay.is_done(), relay.bytes())
    }

    #[test]
    fn answers_are_framed_for_who_takes_them() {
        let chunked = ["4\r\nab", "cd\r\n1\r\ne\r\n", "0\r\nX: y\r\n\r\n"];
        for (body, is_11, trailers, pieces, closes, expected) in [
            (ResponseBody::Sized(5), true, false, &["ab", "cdeXX"][..], false, ("abcde", true, 5)),
            (ResponseBody::Sized(5), true, false, &["ab"], true, ("ab", false, 2)),
            (ResponseBody::Chunked, true, false, &chunked, false, ("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", true, 5)),
            (ResponseBody::Chunked, true, true, &chunked, false, ("2\r\nab\r\n3\r\ncde\r\n0\r\nX: y\r\n\r\n", true, 5)),
            (ResponseBody::Chunked, false, true, &chunked, false, ("abcde", true, 5)),
            (ResponseBody::Chunked, true, false, &chunked[..2], true, ("2\r\nab\r\n3\r\ncde\r\n", false, 5)),
            (ResponseBody::UntilClose, true, false, &["ab", "c"], true, ("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", true, 3)),
            (ResponseBody::UntilClose, false, false, &["ab", "c"], true, ("abc", true, 3)),
            (ResponseBody::None, true, false, &["ab"], false, ("", true, 0)),
        ] {
            let (text, is_done, bytes) = relayed(Relay::response(body, is_11, trailers), pieces, closes);
            assert_eq!((text.as_str(), is_done, bytes), expected, "{body:?} {is_11} {trailers} {pieces:?} {closes}");
        }
    }

    #[test]
    fn uploads_keep_their_framing_and_leave_the_next_request() {
        let mut relay = Relay::request(RequestBody::Chunked);
        let (mut piece, mut head, mut tail) = (b"3\r\nabc\r\n0\r\nX: y\r\n\r\nGET".to_vec(), Vec::new(), Vec::new());
        assert_eq!(relay.take(&mut piece, &mut head, &mut tail), Ok(Taken { data: 3, used: 19 }));
        assert_eq!((&head[..], &piece[..3], &tail[..]), (&b"3\r\n"[..], &b"abc"[..], &b"\r\n0\r\nX: y\r\n\r\n"[..]));
        let mut relay = Relay::request(RequestBody::Sized(2));
        assert_eq!(relay.take(&mut b"abGET".to_vec(), &mut head, &mut tail), Ok(Taken { data: 2, used: 2 }));
        assert!(relay.is_done());
    }

    #[test]
    fn sizes_are_hexadecimal() {
        for number in [1, 9, 10, 15, 16, 255, 256, 65_536, usize::MAX] {
            let mut out = Vec::new();
            hexadecimal(&mut out, number);
            assert_eq!(String::from_utf8(out).unwrap(), format!("{number:x}"));
        }
    }
}
