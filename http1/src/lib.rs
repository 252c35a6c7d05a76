//! HTTP/1.1 as bytes: heads, lengths and chunks, parsed strictly. No sockets, no clock, and no memory of its own: fields
//! are positions in the caller's bytes.
//!
//! Two programs that disagree about where a message ends can be made to see different messages: that is request
//! smuggling. So nothing is repaired here. What RFC 9112 lets a recipient tolerate (a bare line feed, a folded line,
//! equal lengths given twice, a length beside chunks) is an error, and a proxy writes what it passes on anew from what
//! was understood, in one canonical form.
//!
//! The balancer reads requests ([`RequestHead`]) and the responses of its members ([`ResponseHead::parse`]); the load
//! generator reads responses as they arrive ([`ResponseHead::parse_partial`]). Where these two readers of responses
//! differ is said by [`ResponseRules`]. A body's end is found by [`BodyReader`], and [`Decoder`] decodes in place.

mod body;
mod chunked;
mod fields;
mod head;
mod request;
mod response;
mod target;

pub use body::{BodyReader, Decoded, Decoder, RequestBody, ResponseBody};
pub use chunked::{ChunkError, Part};
pub use fields::{Field, Kind, tokens};
pub use head::{HEAD_LIMIT_BYTES, end_of_head};
pub use request::{Method, RequestError, RequestHead};
pub use response::{ResponseError, ResponseHead, ResponseRules};
