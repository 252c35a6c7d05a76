//! HTTP/1.1 as bytes: heads, lengths and chunks, judged strictly. Pure: no sockets, no clock.
//!
//! Two programs that disagree about where a message ends can be made to see different messages: that is request
//! smuggling. So nothing is repaired here. What RFC 9112 lets a recipient tolerate (a bare line feed, a folded line,
//! equal lengths given twice, a length beside chunks) is refused, and what is passed on is written anew from what was
//! understood, in one canonical form.

mod chunked;
mod fields;
mod request;
mod response;
mod target;

pub(crate) use chunked::{Chunked, Decoded, Malformed};
pub(crate) use fields::{Field, Kind, tokens};
pub(crate) use request::{HEAD_LIMIT_BYTES, Method, Refused, RequestBody, RequestHead, end_of_head};
pub(crate) use response::{AnswerBody, Broken, ResponseHead};
