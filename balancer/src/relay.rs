//! A body on its way through: decoded from how it came, framed anew for where it goes. Pure: no sockets.

use crate::http1::{AnswerBody, Chunked, Decoded, Malformed, RequestBody};

/// One body.
#[derive(Debug)]
pub(crate) struct Relay {
    source: Source,
    /// Whether it goes out in chunks: wherever its length is not known beforehand and the receiver can take them.
    is_chunked: bool,
    takes_trailers: bool,
    bytes: u64,
}

#[derive(Debug)]
enum Source {
    Done,
    Sized(u64),
    Chunked(Chunked),
    UntilClose,
}

/// What became of a piece that was received.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    /// Bytes to pass on, at the front of the piece.
    pub(crate) data: usize,
    /// Bytes of the piece that belonged to this body.
    pub(crate) used: usize,
}

impl Relay {
    /// Of a request, to a member.
    pub(crate) fn upload(body: RequestBody) -> Self {
        let (source, is_chunked) = match body {
            RequestBody::None => (Source::Done, false),
            RequestBody::Sized(length) => (Source::Sized(length), false),
            RequestBody::Chunked => (Source::Chunked(Chunked::default()), true),
        };
        Self { source, is_chunked, takes_trailers: true, bytes: 0 }
    }

    /// Of an answer, to a client.
    pub(crate) fn answer(body: AnswerBody, is_to_http_11: bool, takes_trailers: bool) -> Self {
        let (source, is_sized) = match body {
            AnswerBody::None => (Source::Done, true),
            AnswerBody::Sized(length) => (Source::Sized(length), true),
            AnswerBody::Chunked => (Source::Chunked(Chunked::default()), false),
            AnswerBody::UntilClose => (Source::UntilClose, false),
        };
        Self { source, is_chunked: !is_sized && is_to_http_11, takes_trailers, bytes: 0 }
    }

    pub(crate) fn is_done(&self) -> bool {
        matches!(self.source, Source::Done)
    }

    /// Bytes of the body so far, without any framing.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Takes what was received. `head` and `tail` are what is to be written before and after the piece's data.
    ///
    /// # Errors
    /// When it is not a body of its kind.
    pub(crate) fn take(
        &mut self,
        piece: &mut [u8],
        head: &mut Vec<u8>,
        tail: &mut Vec<u8>,
    ) -> Result<Taken, Malformed> {
        let taken = match &mut self.source {
            Source::Done => Taken::default(),
            Source::UntilClose => Taken { data: piece.len(), used: piece.len() },
            Source::Sized(missing) => {
                let data = usize::try_from(*missing).unwrap_or(usize::MAX).min(piece.len());
                *missing -= data as u64;
                if *missing == 0 {
                    self.source = Source::Done;
                }
                Taken { data, used: data }
            }
            Source::Chunked(chunked) => {
                let Decoded { data, consumed, is_done } = chunked.decode(piece)?;
                self.frame(data, head, tail);
                if is_done {
                    self.finish(tail);
                }
                Taken { data, used: consumed }
            }
        };
        if matches!(self.source, Source::UntilClose) {
            self.frame(taken.data, head, tail);
        }
        self.bytes += taken.data as u64;
        Ok(taken)
    }

    /// The sender closed its connection. True when that is how this body ends.
    pub(crate) fn end(&mut self, tail: &mut Vec<u8>) -> bool {
        let is_end = matches!(self.source, Source::UntilClose);
        if is_end {
            self.finish(tail);
        }
        is_end || self.is_done()
    }

    /// One chunk, however many it came in.
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
            if let Source::Chunked(chunked) = &self.source
                && self.takes_trailers
            {
                tail.extend_from_slice(chunked.trailer());
            }
            tail.extend_from_slice(b"\r\n");
        }
        self.source = Source::Done;
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

    /// What goes out for pieces that come in.
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
            (AnswerBody::Sized(5), true, false, &["ab", "cdeXX"][..], false, ("abcde", true, 5)),
            (AnswerBody::Sized(5), true, false, &["ab"], true, ("ab", false, 2)),
            (AnswerBody::Chunked, true, false, &chunked, false, ("2\r\nab\r\n3\r\ncde\r\n0\r\n\r\n", true, 5)),
            (AnswerBody::Chunked, true, true, &chunked, false, ("2\r\nab\r\n3\r\ncde\r\n0\r\nX: y\r\n\r\n", true, 5)),
            (AnswerBody::Chunked, false, true, &chunked, false, ("abcde", true, 5)),
            (AnswerBody::Chunked, true, false, &chunked[..2], true, ("2\r\nab\r\n3\r\ncde\r\n", false, 5)),
            (AnswerBody::UntilClose, true, false, &["ab", "c"], true, ("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", true, 3)),
            (AnswerBody::UntilClose, false, false, &["ab", "c"], true, ("abc", true, 3)),
            (AnswerBody::None, true, false, &["ab"], false, ("", true, 0)),
        ] {
            let (text, is_done, bytes) = relayed(Relay::answer(body, is_11, trailers), pieces, closes);
            assert_eq!((text.as_str(), is_done, bytes), expected, "{body:?} {is_11} {trailers} {pieces:?} {closes}");
        }
    }

    #[test]
    fn uploads_keep_their_framing_and_leave_the_next_request() {
        let mut relay = Relay::upload(RequestBody::Chunked);
        let (mut piece, mut head, mut tail) = (b"3\r\nabc\r\n0\r\nX: y\r\n\r\nGET".to_vec(), Vec::new(), Vec::new());
        assert_eq!(relay.take(&mut piece, &mut head, &mut tail), Ok(Taken { data: 3, used: 19 }));
        assert_eq!((&head[..], &piece[..3], &tail[..]), (&b"3\r\n"[..], &b"abc"[..], &b"\r\n0\r\nX: y\r\n\r\n"[..]));
        let mut relay = Relay::upload(RequestBody::Sized(2));
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
