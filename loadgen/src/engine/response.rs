//! Responses as the generator reads them: the parser of `http1`, and what this crate wants to know of a head. Pure.

use http1::{BodyReader, ChunkError, Kind, Part, ResponseError, ResponseHead, ResponseRules};

/// Longest head that is read; servers refuse heads of a fraction of it.
pub(crate) const HEAD_LIMIT_BYTES: usize = 64 * 1024;

/// The field by which an answer is found again in the logs of whoever gave it.
const REQUEST_ID: &[u8] = b"x-request-id";

/// The error of bytes that are no response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NotHttp;

impl From<ResponseError> for NotHttp {
    fn from(_: ResponseError) -> Self {
        Self
    }
}

impl From<ChunkError> for NotHttp {
    fn from(_: ChunkError) -> Self {
        Self
    }
}

/// The part of a response before its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head<'a> {
    pub(crate) status: u16,
    pub(crate) body: BodyReader,
    /// Whether the connection may be used again afterwards.
    pub(crate) is_kept: bool,
    pub(crate) backend: &'a [u8],
    pub(crate) boot: Option<&'a [u8]>,
    /// Value of `x-request-id`; empty where it is not there.
    pub(crate) request_id: &'a [u8],
    /// Bytes of the head, the empty line included.
    pub(crate) length: usize,
}

/// Reads a head; `None` while it is not whole. Interim responses (1xx) are heads without a body.
pub(crate) fn head(bytes: &[u8], of_head_request: bool) -> Result<Option<Head<'_>>, NotHttp> {
    let (mut backend, mut boot, mut request_id) = (None, None, None);
    let parsed =
        ResponseHead::parse_partial(bytes, of_head_request, ResponseRules::CLIENT, |field| match field.kind {
            Kind::Backend => backend = backend.take().or(Some(field.value)),
            Kind::Boot => boot = boot.take().or(Some(field.value)),
            Kind::Other if bytes[field.name.clone()].eq_ignore_ascii_case(REQUEST_ID) => {
                request_id = request_id.take().or(Some(field.value));
            }
            _ => {}
        })?;
    Ok(parsed.map(|head| Head {
        status: head.status,
        body: BodyReader::from(head.body),
        is_kept: head.persists,
        backend: backend.map(|value| &bytes[value]).unwrap_or_default(),
        boot: boot.map(|value| &bytes[value]),
        request_id: request_id.map(|value| &bytes[value]).unwrap_or_default(),
        length: head.length,
    }))
}

/// How far bytes bring a body: how many belonged to it, and whether it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Eaten {
    pub(crate) bytes: usize,
    pub(crate) is_whole: bool,
}

/// Takes the bytes that belong to `body` off the front of `bytes`, and gives its content to `content`.
pub(crate) fn eat(body: &mut BodyReader, bytes: &[u8], mut content: impl FnMut(&[u8])) -> Result<Eaten, NotHttp> {
    let mut at = 0;
    while let Some(part) = body.next(&bytes[at..])? {
        at += match part {
            Part::Data(length) => {
                content(&bytes[at..at + length]);
                length
            }
            Part::Framing(length) | Part::Trailer(length) => length,
        };
    }
    Ok(Eaten { bytes: at, is_whole: body.is_done() })
}

#[cfg(test)]
#[path = "response_tests.rs"]
mod tests;
