//! Answers: documents, and headers of objects.

use bytes::Bytes;
use cloudsim::s3::{Checksum, Object};
use cloudsim::{Outcome, SimError};
use data_encoding::BASE64;
use http::header::{CONTENT_TYPE, ETAG, LAST_MODIFIED};
use http::{HeaderName, HeaderValue};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;
use planner::owner::Tags;
use serde::Serialize;

use super::API;
use crate::aws::protocol::query::{DECLARATION, xml};
use crate::aws::protocol::rest::Answer;

/// A document with this root.
pub(super) fn document(root: &str, shape: &impl Serialize) -> Outcome<Answer> {
    Ok(text_document(root, &xml::content(shape)?))
}

/// A document whose root holds this, which is XML already.
pub(super) fn text_document(root: &str, content: &str) -> Answer {
    let text = format!("{DECLARATION}<{root} xmlns=\"{}\">{content}</{root}>", API.namespace);
    let xml = (CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    Answer { status: 200, headers: vec![xml], body: Bytes::from(text) }
}

/// An answer without a body.
pub(super) fn nothing(status: u16) -> Answer {
    Answer { status, headers: Vec::new(), body: Bytes::new() }
}

/// The elements `Tag` of a set of tags.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tagging {
    tag_set: TagSet,
}

#[derive(Debug, Serialize)]
struct TagSet {
    #[serde(rename = "Tag")]
    tags: Vec<Tag>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    value: String,
}

impl Tagging {
    pub(super) fn of(tags: Tags) -> Self {
        let tags = tags.into_iter().map(|(key, value)| Tag { key, value }).collect();
        Self { tag_set: TagSet { tags } }
    }
}

/// A time in a document.
pub(super) fn time(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// An entity tag as HTTP writes it.
pub(super) fn quoted(etag: &str) -> String {
    format!("\"{etag}\"")
}

/// A header whose value is made of what a request said.
pub(super) fn header(name: impl TryInto<HeaderName>, value: &str) -> Outcome<(HeaderName, HeaderValue)> {
    let named = name.try_into().ok().zip(HeaderValue::from_str(value).ok());
    named.ok_or_else(|| SimError::new("InternalError", "the lab cannot write a header of its answer"))
}

/// The header of a digest.
pub(super) fn checksum(checksum: &Checksum) -> Outcome<(HeaderName, HeaderValue)> {
    let name = format!("x-amz-checksum-{}", checksum.algorithm.name().to_ascii_lowercase());
    header(name, &BASE64.encode(&checksum.value))
}

/// Headers that tell what an object is.
pub(super) fn of_object(object: &Object, version_id: Option<&str>) -> Outcome<Vec<(HeaderName, HeaderValue)>> {
    let unprintable = |_| SimError::new("InternalError", "the lab cannot write a date");
    let modified = DateTimePrinter::new().timestamp_to_rfc9110_string(&object.modified_at).map_err(unprintable)?;
    let mut headers = vec![header(LAST_MODIFIED, &modified)?, header(ETAG, &quoted(&object.body.etag()))?];
    headers.extend(version(version_id)?);
    for (name, value) in &object.headers {
        headers.push(header(name.clone(), value)?);
    }
    Ok(headers)
}

/// The header of a version, where versions are kept.
pub(super) fn version(id: Option<&str>) -> Outcome<Option<(HeaderName, HeaderValue)>> {
    id.map(|id| header("x-amz-version-id", id)).transpose()
}
