//! CloudWatch on the wire: CBOR, which the SDK for Rust speaks, and JSON, which the command line and boto3 speak.

mod data;
mod metrics;

use std::collections::BTreeMap;

use cloudsim::cloudwatch::Action;
use cloudsim::{Outcome, SimError};

use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::rpc::{Fields, Value, is_cbor, is_json};
use crate::aws::protocol::{Api, Protocol, Request};

/// The service as RPC protocols name it.
const SERVICE: &str = "GraniteServiceVersion20100801";
/// For older clients, which speak Query: they are told so in their own protocol.
const QUERY: Api = Api {
    protocol: Protocol::AwsQuery,
    version: "2010-08-01",
    namespace: "http://monitoring.amazonaws.com/doc/2010-08-01/",
};

/// The protocol that a request is in.
pub(super) fn api(request: &Request<'_>) -> Api {
    let rpc = |protocol| Api { protocol, version: SERVICE, ..QUERY };
    match (is_cbor(request), is_json(request)) {
        (true, _) => rpc(Protocol::Cbor),
        (false, true) => rpc(Protocol::Json),
        (false, false) => QUERY,
    }
}

pub(super) fn answer(action: Action, mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let document = std::mem::replace(&mut exchange.document, Value::Null);
    if document == Value::Null {
        let message = "the lab speaks CBOR and JSON for CloudWatch, not Query: use a newer client";
        return Err(SimError::new("UnsupportedProtocol", message));
    }
    let fields = Fields::of(document)?;
    match action {
        Action::GetMetricData => data::get(exchange, fields),
        Action::ListMetrics => metrics::list(exchange, fields),
    }
}

fn dimensions(of: &BTreeMap<String, String>) -> Value {
    let one =
        |(name, value): (&String, &String)| Value::map([("Name", Value::text(name)), ("Value", Value::text(value))]);
    Value::list(of.iter().map(one))
}
