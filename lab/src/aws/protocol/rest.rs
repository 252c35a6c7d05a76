//! `restXml`: the action is in method and path, the parameters anywhere, and errors are in XML.

use bytes::Bytes;
use cloudsim::SimError;
use http::{HeaderName, HeaderValue};

use super::query::DECLARATION;

/// An answer of which everything is the action's own.
#[derive(Debug)]
pub(in crate::aws) struct Answer {
    pub(in crate::aws) status: u16,
    pub(in crate::aws) headers: Vec<(HeaderName, HeaderValue)>,
    pub(in crate::aws) body: Bytes,
}

/// An error as S3 writes it, without a namespace (S3 API reference, "Error responses").
pub(super) fn error(error: &SimError, request_id: &str) -> String {
    let (code, message) = (quick_xml::escape::escape(&error.code), quick_xml::escape::escape(&error.message));
    format!(
        "{DECLARATION}<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
    )
}
