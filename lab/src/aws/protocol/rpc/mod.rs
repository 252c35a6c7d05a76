//! The RPC protocols whose bodies are documents: Smithy RPC v2 in CBOR (`rpcv2Cbor`) and `awsJson1_0`. Both say the same.
//!
//! An answer to a client that once spoke Query carries the error code of old in a header (Smithy, "AWS Query compatible").

mod cbor;
mod fields;
mod json;
mod shapes;
mod value;

use cloudsim::{Outcome, SimError};

use super::Request;

pub(in crate::aws) use fields::Fields;
pub(crate) use value::Value;

/// Header that says code and party of an error in the words of the Query protocol.
pub(super) const QUERY_ERROR: &str = "x-amzn-query-error";
/// Header that names the protocol of a request and of its answer (Smithy RPC v2 CBOR, "Requests").
pub(super) const SMITHY_PROTOCOL: &str = "smithy-protocol";
/// Its value.
pub(super) const CBOR: &str = "rpc-v2-cbor";
/// Header that names the action in JSON (Smithy, awsJson1_0).
pub(super) const TARGET: &str = "x-amz-target";

/// Whether a request is one of `rpcv2Cbor`.
pub(in crate::aws) fn is_cbor(request: &Request<'_>) -> bool {
    request.headers.get(SMITHY_PROTOCOL).is_some_and(|value| value == CBOR)
}

/// Whether a request is one of `awsJson1_0`.
pub(in crate::aws) fn is_json(request: &Request<'_>) -> bool {
    request.headers.contains_key(TARGET)
}

/// `POST /service/SERVICE/operation/ACTION`
pub(super) fn read_cbor(request: &Request<'_>, service: &str) -> Outcome<(String, Value)> {
    let action = request.path.strip_prefix("/service/").and_then(|rest| rest.split_once("/operation/"));
    let Some((_, action)) = action.filter(|(named, _)| *named == service) else {
        return Err(unknown(&format!("The path {} names no operation of {service}", request.path)));
    };
    let body = if request.body.is_empty() { Ok(Value::Map(Vec::new())) } else { cbor::read(request.body) };
    Ok((action.to_owned(), body.map_err(unreadable)?))
}

/// `X-Amz-Target: SERVICE.ACTION`
pub(super) fn read_json(request: &Request<'_>, service: &str) -> Outcome<(String, Value)> {
    let target = request.headers.get(TARGET).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some((_, action)) = target.split_once('.').filter(|(named, _)| *named == service) else {
        return Err(unknown(&format!("The target {target} names no operation of {service}")));
    };
    Ok((action.to_owned(), json::read(request.body).map_err(unreadable)?))
}

pub(super) fn cbor_answer(value: &Value) -> Vec<u8> {
    cbor::write(value)
}

pub(super) fn json_answer(value: &Value) -> Vec<u8> {
    json::write(value)
}

/// What an error says in its body, in either.
pub(super) fn error(error: &SimError) -> Value {
    Value::map([("__type", Value::Text(shapes::of(&error.code))), ("message", Value::text(&error.message))])
}

/// What it says in the header.
pub(super) fn query_error(error: &SimError) -> String {
    format!("{};{}", error.code, if error.status >= 500 { "Receiver" } else { "Sender" })
}

fn unknown(message: &str) -> SimError {
    SimError::new("UnknownOperationException", message)
}

fn unreadable(why: String) -> SimError {
    SimError::new("SerializationException", format!("The body of the request cannot be read: {why}"))
}
