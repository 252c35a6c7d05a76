//! Differential tests: our reading of messages against hyper's. Strictness may differ, the reading must not: what we
//! take, hyper takes too and sees the same message in it; and what we write of it for the other side is to hyper that
//! message, whole, with the next one right behind it. Used by tests with generated messages and by the fuzz targets of
//! `http1`.

mod request;
mod response;
mod script;

pub use request::compare as requests;
pub use response::compare as responses;

use bytes::Bytes;
use http::HeaderMap;
use http_body_util::Full;
use http1::Field;

/// Compares the responses that a fuzzer makes: the first byte, `H` or any other, says whether a HEAD or a GET was asked.
///
/// # Errors
/// The errors of [`responses`].
pub fn fuzzed_response(bytes: &[u8]) -> Result<bool, String> {
    bytes.split_first().map_or(Ok(false), |(first, bytes)| responses(bytes, *first == b'H'))
}

/// Fields that a head may have to hyper: what we add must not be too much for it.
const MAX_FIELDS: usize = 200;

/// Name in lower case and value, sorted by both.
type Fields = Vec<(String, Vec<u8>)>;

fn our_fields(text: &[u8], fields: &[Field]) -> Fields {
    let field = |field: &Field| {
        let name = String::from_utf8_lossy(&text[field.name.clone()]).to_lowercase();
        (name, text[field.value.clone()].to_vec())
    };
    let mut fields: Fields = fields.iter().map(field).collect();
    fields.sort();
    fields
}

fn their_fields(map: &HeaderMap) -> Fields {
    let mut fields: Fields =
        map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect();
    fields.sort();
    fields
}

fn text(bytes: &[u8]) -> Full<Bytes> {
    Full::new(Bytes::copy_from_slice(bytes))
}

/// Runs what hyper does with a connection: no clock, no socket.
fn block_on<F: Future>(future: F) -> F::Output {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap_or_else(|error| panic!("a runtime without clock and sockets: {error}")).block_on(future)
}

#[cfg(test)]
mod tests;
