//! Local replies: responses of the balancer itself, which no member gave. Mostly a status and `{"error": ...}`.

use http1::RequestError;
use serde_json::{Value, json};

use super::forward::decimal;

/// A reply that stands in for a member's response.
#[derive(Debug, PartialEq)]
pub(crate) struct LocalReply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    /// The connection ends with it: what follows on it could not be told apart, or is not wanted.
    pub(crate) closes: bool,
}

impl LocalReply {
    pub(crate) fn new(status: u16, error: impl Into<String>) -> Self {
        Self { status, body: json!({ "error": error.into() }), closes: false }
    }

    pub(crate) fn closing(status: u16, error: impl Into<String>) -> Self {
        Self { closes: true, ..Self::new(status, error) }
    }

    pub(crate) fn content(&self) -> String {
        format!("{}\n", self.body)
    }

    pub(crate) fn message<'a>(&self, content: &'a str) -> Reply<'a> {
        Reply { status: self.status, content_type: Some("application/json"), content: content.as_bytes() }
    }
}

impl From<RequestError> for LocalReply {
    fn from(refused: RequestError) -> Self {
        Self::closing(refused.status(), refused.to_string())
    }
}

/// One response in the balancer's own name.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reply<'a> {
    pub(crate) status: u16,
    pub(crate) content_type: Option<&'static str>,
    pub(crate) content: &'a [u8],
}

impl Reply<'_> {
    /// Writes the whole response. The one to a HEAD announces its content and has none.
    pub(crate) fn write(&self, out: &mut Vec<u8>, date: &[u8], persists: bool, is_to_head: bool, is_to_http_11: bool) {
        out.extend_from_slice(b"HTTP/1.1 ");
        decimal(out, u64::from(self.status));
        out.push(b' ');
        out.extend_from_slice(reason(self.status).as_bytes());
        if let Some(content_type) = self.content_type {
            out.extend_from_slice(b"\r\ncontent-type: ");
            out.extend_from_slice(content_type.as_bytes());
        }
        out.extend_from_slice(b"\r\ndate: ");
        out.extend_from_slice(date);
        out.extend_from_slice(b"\r\ncontent-length: ");
        decimal(out, self.content.len() as u64);
        out.extend_from_slice(match (persists, is_to_http_11) {
            (true, true) => b"\r\n\r\n",
            (true, false) => b"\r\nconnection: keep-alive\r\n\r\n",
            (false, _) => b"\r\nconnection: close\r\n\r\n",
        });
        if !is_to_head {
            out.extend_from_slice(self.content);
        }
    }
}

fn reason(status: u16) -> &'static str {
    http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or("")
}
