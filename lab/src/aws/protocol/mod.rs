//! Protocols: how a request names its action and parameters, and how answers and errors are written.
//!
//! The names are Smithy's. The protocol that a service speaks is said by [`super::api::of`].

pub(super) mod query;
pub(super) mod rest;
pub(super) mod rpc;

use cloudsim::{Outcome, SimError};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use query::Params;
use rpc::Value;

/// A request as it came.
pub(crate) struct Request<'a> {
    pub(crate) method: &'a Method,
    pub(crate) path: &'a str,
    pub(crate) query: &'a str,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) body: &'a [u8],
}

/// What a request asks for: parameters of the Query protocols, or a document of the others.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) action: String,
    pub(crate) params: Params,
    pub(crate) document: Value,
}

/// What an action answers, before it is written.
#[derive(Debug)]
pub(crate) enum Content {
    /// The elements inside the answer's root.
    Xml(String),
    Document(Value),
    /// All of the answer, of a REST protocol.
    Rest(rest::Answer),
}

/// A protocol of AWS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// `ec2Query`: the Query protocol as only EC2 speaks it.
    Ec2Query,
    /// `awsQuery`: the Query protocol of all others.
    AwsQuery,
    /// `rpcv2Cbor`: Smithy's own, in CBOR.
    Cbor,
    /// `awsJson1_0`.
    Json,
    /// `awsJson1_1`, of services that never spoke Query.
    Json11,
    /// `restXml`, in which the service's own routes name the action.
    RestXml,
}

/// The interface of a service: protocol, version, and the namespace of its answers. RPC protocols name the service by its
/// version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Api {
    pub(crate) protocol: Protocol,
    pub(crate) version: &'static str,
    pub(crate) namespace: &'static str,
}

impl Api {
    /// The action's name and its parameters.
    ///
    /// *Errors*: a request for another version of the API, or one that cannot be read.
    pub(super) fn read(&self, request: &Request<'_>) -> Outcome<Asked> {
        let document = |(action, document)| Asked { action, params: Params::default(), document };
        match self.protocol {
            Protocol::Ec2Query | Protocol::AwsQuery => {
                let (action, params) = query::read(request, self.version)?;
                Ok(Asked { action, params, document: Value::Null })
            }
            Protocol::Cbor => rpc::read_cbor(request, self.version).map(document),
            Protocol::Json | Protocol::Json11 => rpc::read_json(request, self.version).map(document),
            Protocol::RestXml => Err(SimError::new("InvalidAction", "the routes of this service are its own")),
        }
    }

    /// The whole answer of an action that gave `content`.
    pub(super) fn write_answer(&self, request: &Request<'_>, content: &Content, request_id: &str) -> Vec<u8> {
        match (content, self.protocol) {
            (Content::Xml(content), protocol) => {
                let action = query::action_name(request);
                let text = match protocol {
                    Protocol::Ec2Query => query::ec2_answer(self.namespace, &action, content, request_id),
                    _ => query::aws_answer(self.namespace, &action, content, request_id),
                };
                text.into_bytes()
            }
            (Content::Document(document), protocol) => write_document(protocol, document),
            (Content::Rest(answer), _) => answer.body.to_vec(),
        }
    }

    /// The whole answer to a call that failed.
    pub(super) fn write_error(&self, error: &SimError, request_id: &str) -> Vec<u8> {
        match self.protocol {
            Protocol::Ec2Query => query::ec2_error(error, request_id).into_bytes(),
            Protocol::AwsQuery => query::aws_error(self.namespace, error, request_id).into_bytes(),
            Protocol::RestXml => rest::error(error, request_id).into_bytes(),
            protocol => write_document(protocol, &rpc::error(error)),
        }
    }

    /// The header that tells the id of a request.
    pub(super) fn request_id_header(&self) -> &'static str {
        if self.protocol == Protocol::RestXml { "x-amz-request-id" } else { "x-amzn-requestid" }
    }

    /// Headers that tell how the answer is written.
    pub(super) fn headers(&self, error: Option<&SimError>) -> Vec<(HeaderName, HeaderValue)> {
        if self.protocol == Protocol::RestXml && error.is_none() {
            return Vec::new();
        }
        let content_type = match self.protocol {
            Protocol::Ec2Query | Protocol::AwsQuery => "text/xml;charset=UTF-8",
            Protocol::RestXml => "application/xml",
            Protocol::Cbor => "application/cbor",
            Protocol::Json => "application/x-amz-json-1.0",
            Protocol::Json11 => "application/x-amz-json-1.1",
        };
        let mut headers = vec![(http::header::CONTENT_TYPE, HeaderValue::from_static(content_type))];
        if self.protocol == Protocol::Cbor {
            let name = HeaderName::from_static(rpc::SMITHY_PROTOCOL);
            headers.push((name, HeaderValue::from_static(rpc::CBOR)));
        }
        if let (Protocol::Cbor | Protocol::Json, Some(error)) = (self.protocol, error) {
            let value = HeaderValue::from_str(&rpc::query_error(error)).ok();
            headers.extend(value.map(|value| (HeaderName::from_static(rpc::QUERY_ERROR), value)));
        }
        headers
    }
}

fn write_document(protocol: Protocol, document: &Value) -> Vec<u8> {
    if protocol == Protocol::Cbor { rpc::cbor_answer(document) } else { rpc::json_answer(document) }
}
