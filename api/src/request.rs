//! Form of a request of the load, and of the right answer to it.

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules;

/// What every request looks like, and what a right answer is. Any other answer is a failure.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
#[x_kube(validation = Rule::new("!has(self.corpus) || (self.method == 'POST' || self.method == 'PUT')").message("request.corpus: files are sent with method POST or PUT, set request.method"), validation = Rule::new("!has(self.corpus) || (!has(self.body) && !has(self.expectBody))").message("request.corpus: its files are the bodies and its table the right answers, remove body and expectBody"), validation = Rule::new("self.method != 'CONNECT'").message("request: CONNECT asks for a tunnel, use another method"), validation = Rule::new("self.method != 'TRACE' || !has(self.body) || self.body == ''").message("request: TRACE has no body, remove it or use another method"))]
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
    /// Files that are sent in turn, one in each request, and the right answer to each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub corpus: Option<Corpus>,
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
        Self { method: get(), headers, body, corpus: None, connections, expect_status: None, expect_body: None }
    }
}

impl Request {
    pub(crate) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Files with their right answers: a tar archive of the files and of `expected.csv`, a table with a header whose first column
/// is the name of a file, with or without its suffix, and whose second is the right answer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Corpus {
    /// URL of the archive.
    #[schemars(length(max = 1024))]
    #[x_kube(validation = rules::corpus_url())]
    pub url: String,
    /// SHA-256 of the archive, 64 lower-case hexadecimal digits; it is not used when it differs.
    #[schemars(length(max = 64))]
    #[x_kube(validation = rules::corpus_sha256())]
    pub sha256: String,
    /// Name of the form's field that the file is uploaded in (multipart/form-data). Default: the file is the body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 64))]
    #[x_kube(validation = rules::form_field())]
    pub field: Option<String>,
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
