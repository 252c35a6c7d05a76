//! The Query protocols: parameters in a form or a query string, answers in XML. EC2 has other envelopes than all others.

mod params;
pub(in crate::aws) mod xml;

use std::borrow::Cow;

use cloudsim::{Outcome, SimError};
use http::Method;

use super::Request;

pub(in crate::aws) use params::{Params, missing};

pub(in crate::aws) const DECLARATION: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

/// Parameters of the signature in a presigned URL (IAM user guide, "Elements of an AWS API request signature").
pub(in crate::aws) const OF_SIGNATURE: [&str; 7] = [
    "X-Amz-Algorithm",
    "X-Amz-Credential",
    "X-Amz-Date",
    "X-Amz-Expires",
    "X-Amz-SignedHeaders",
    "X-Amz-Security-Token",
    "X-Amz-Signature",
];

/// A form in the body, or in the query of a GET.
fn form<'a>(request: &'a Request<'_>) -> &'a [u8] {
    if *request.method == Method::GET { request.query.as_bytes() } else { request.body }
}

/// The action's name, empty without one.
pub(super) fn action_name(request: &Request<'_>) -> String {
    Params::parse(form(request)).text("Action").unwrap_or_default()
}

pub(super) fn read(request: &Request<'_>, version: &str) -> Outcome<(String, Params)> {
    let mut params = Params::parse(form(request));
    let name = params.text("Action").unwrap_or_default();
    let asked = params.need("Version")?;
    if asked != version {
        let message = format!("The requested version ({asked}) of service is not valid: use {version}");
        return Err(SimError::new("NoSuchVersion", message));
    }
    for name in OF_SIGNATURE {
        params.text(name);
    }
    Ok((name, params))
}

pub(super) fn ec2_answer(namespace: &str, action: &str, content: &str, request_id: &str) -> String {
    format!(
        "{DECLARATION}<{action}Response xmlns=\"{namespace}\"><requestId>{request_id}</requestId>{content}</{action}Response>"
    )
}

pub(super) fn aws_answer(namespace: &str, action: &str, content: &str, request_id: &str) -> String {
    format!(
        "{DECLARATION}<{action}Response xmlns=\"{namespace}\"><{action}Result>{content}</{action}Result>\
         <ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"
    )
}

pub(super) fn ec2_error(error: &SimError, request_id: &str) -> String {
    let (code, message) = escaped(error);
    format!(
        "{DECLARATION}<Response><Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>\
         <RequestID>{request_id}</RequestID></Response>"
    )
}

pub(super) fn aws_error(namespace: &str, error: &SimError, request_id: &str) -> String {
    let (code, message) = escaped(error);
    let party = if error.status >= 500 { "Receiver" } else { "Sender" };
    format!(
        "{DECLARATION}<ErrorResponse xmlns=\"{namespace}\"><Error><Type>{party}</Type><Code>{code}</Code>\
         <Message>{message}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
    )
}

fn escaped(error: &SimError) -> (Cow<'_, str>, Cow<'_, str>) {
    (quick_xml::escape::escape(&error.code), quick_xml::escape::escape(&error.message))
}
