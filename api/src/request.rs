//! Form of a request of the load, and of the right answer to it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// What every request looks like, and what a right answer is. Any other answer is a failure.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("self.method != 'CONNECT'").message("request: CONNECT asks for a tunnel, use another method"), validation = Rule::new("self.method != 'TRACE' || !has(self.body) || self.body == ''").message("request: TRACE has no body, remove it or use another method"))]
pub struct Request {
    /// Method, such as GET or POST.
    #[serde(default = "get")]
    #[schemars(length(max = 16))]
    #[x_kube(validation = rules::method())]
    pub method: String,
    /// Headers besides Host, User-Agent, Content-Length and ours.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    #[x_kube(merge_strategy = ListMerge::Atomic, validation = Rule::new("self.all(h, !(h.name.lowerAscii() in ['content-length', 'transfer-encoding', 'connection', 'expect', 'upgrade', 'x-clusterbench-seed']))").message("headers: content-length, transfer-encoding, connection, expect, upgrade and x-clusterbench-seed are set by the generator, remove them"), validation = Rule::new("self.all(h, h.name.lowerAscii() != 'max-forwards')").message("headers: with max-forwards the balancer would answer in a member's place, remove it"))]
    pub headers: Vec<Header>,
    /// Body, as text.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    #[schemars(length(max = 65_536))]
    pub body: String,
    /// Kept: connections are used again. PerRequest: each request has one of its own.
    #[serde(default)]
    pub connections: Connections,
    /// Status of a right answer. Default: any below 400.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 200, max = 599))]
    pub expect_status: Option<i32>,
    /// The whole body of a right answer. Default: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 65_536))]
    pub expect_body: Option<String>,
}

fn get() -> String {
    "GET".to_owned()
}

impl Default for Request {
    fn default() -> Self {
        let (connections, headers, body) = (Connections::default(), Vec::new(), String::new());
        Self { method: get(), headers, body, connections, expect_status: None, expect_body: None }
    }
}

impl Request {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One header of a request.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Header {
    /// Name.
    #[schemars(length(min = 1, max = 128))]
    #[x_kube(validation = rules::header_name())]
    pub name: String,
    /// Value, printable ASCII.
    #[schemars(length(max = 4096))]
    #[x_kube(validation = rules::header_value())]
    pub value: String,
}

/// Whether connections are used again.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema)]
#[allow(missing_docs, reason = "documented variants would make the CRD a oneOf: the type says what each is")]
pub enum Connections {
    #[default]
    Kept,
    PerRequest,
}
