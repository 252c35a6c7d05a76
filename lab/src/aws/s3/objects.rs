//! Calls about objects.

use std::sync::Arc;

use cloudsim::s3::{About, Action, Body, Checksum, Deleted, Found, GetObject, ObjectCall, ObjectId, PutObject, Stored};
use cloudsim::{Call, Outcome, SimError};
use http::header::{ACCEPT_RANGES, CONTENT_LENGTH, CONTENT_RANGE, ETAG};
use http::{HeaderName, HeaderValue};
use serde::Serialize;

use super::headers::{expected_owner, kept, text};
use super::payload::{Payload, read, read_checked};
use super::reading::{self, Delete};
use super::route::place;
use super::writing::{checksum, document, header, nothing, of_object, quoted, version};
use super::{carry_out, not_implemented, store};
use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::rest::Answer;

pub(super) fn put(exchange: Exchange<'_>) -> Outcome<Sent> {
    let headers = exchange.request.headers;
    let (bucket, key) = place(exchange.request)?;
    if headers.contains_key("if-match") {
        return Err(not_implemented("If-Match of a write"));
    }
    let only_new = match text(headers, "if-none-match").as_deref() {
        None => false,
        Some("*") => true,
        Some(_) => return Err(not_implemented("If-None-Match of a write, but for *")),
    };
    let Payload { bytes, claims } = read(exchange.request)?;
    let body = Body::new(&bytes, &claims, exchange.served.objects.keep(&bytes)?);
    let call = Call::about(About::object(Action::PutObject, &bucket, &key));
    let (expected_owner, headers) = (expected_owner(headers), kept(headers));
    let request = PutObject { bucket, key, body, claims, only_new, expected_owner, headers };
    carry_out(exchange, call, move |sim, now| sim.s3(now).put_object(request), stored)
}

fn stored(stored: Stored) -> Outcome<Answer> {
    let mut answer = nothing(200);
    answer.headers.push(header(ETAG, &quoted(&stored.etag))?);
    answer.headers.extend(version(stored.version_id.as_deref())?);
    answer.headers.extend(of_checksum(stored.checksum.as_ref())?);
    Ok(answer)
}

/// A digest is one of the whole object, because nothing is written in parts here.
fn of_checksum(claimed: Option<&Checksum>) -> Outcome<Vec<(HeaderName, HeaderValue)>> {
    let Some(claimed) = claimed else { return Ok(Vec::new()) };
    Ok(vec![checksum(claimed)?, header("x-amz-checksum-type", "FULL_OBJECT")?])
}

pub(super) fn get(exchange: Exchange<'_>) -> Outcome<Sent> {
    fetch(exchange, Action::GetObject, |found| store::bytes(&found.object.body, found.range))
}

pub(super) fn head(exchange: Exchange<'_>) -> Outcome<Sent> {
    fetch(exchange, Action::HeadObject, |_| Ok(bytes::Bytes::new()))
}

fn fetch(
    mut exchange: Exchange<'_>,
    action: Action,
    content: impl FnOnce(&Found) -> Outcome<bytes::Bytes>,
) -> Outcome<Sent> {
    let headers = exchange.request.headers;
    if let Some(name) = ["if-none-match", "if-modified-since", "if-unmodified-since"]
        .into_iter()
        .find(|name| headers.contains_key(*name))
    {
        return Err(not_implemented(name));
    }
    let wants_checksum = text(headers, "x-amz-checksum-mode").is_some_and(|mode| mode == "ENABLED");
    let (bucket, key) = place(exchange.request)?;
    let request = GetObject {
        bucket,
        key,
        version_id: exchange.params.text("versionId"),
        range: text(headers, "range"),
        if_match: text(headers, "if-match"),
        expected_owner: expected_owner(headers),
    };
    let call = Call::about(About::Object(ObjectCall {
        action,
        bucket: request.bucket.clone(),
        key: request.key.clone(),
        of_version: request.version_id.is_some(),
    }));
    let shape = move |found: Found| {
        let size = found.object.body.size();
        let mut headers = of_object(&found.object, found.version_id.as_deref())?;
        headers.push((ACCEPT_RANGES, HeaderValue::from_static("bytes")));
        if wants_checksum && found.range.is_none() {
            headers.extend(of_checksum(found.object.checksum.as_ref())?);
        }
        let length = found.range.map_or(size, |(first, last)| last - first + 1);
        if let Some((first, last)) = found.range {
            headers.push(header(CONTENT_RANGE, &format!("bytes {first}-{last}/{size}"))?);
        }
        let body = content(&found)?;
        // What was asked for is what is told of, also where only the head is.
        if body.is_empty() {
            headers.push((CONTENT_LENGTH, HeaderValue::from(length)));
        }
        Ok(Answer { status: if found.range.is_some() { 206 } else { 200 }, headers, body })
    };
    carry_out(exchange, call, move |sim, now| sim.s3(now).get_object(&request), shape)
}

pub(super) fn delete(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let (bucket, key) = place(exchange.request)?;
    let owner = expected_owner(exchange.request.headers);
    let id = ObjectId { key, version_id: exchange.params.text("versionId") };
    let call = Call::about(About::Object(ObjectCall {
        action: Action::DeleteObject,
        bucket: bucket.clone(),
        key: id.key.clone(),
        of_version: id.version_id.is_some(),
    }));
    let shape = |deleted: Deleted| {
        let mut answer = nothing(204);
        answer.headers.extend(version(deleted.version_id.as_deref())?);
        if deleted.is_marker {
            answer.headers.push(header("x-amz-delete-marker", "true")?);
        }
        Ok(answer)
    };
    carry_out(exchange, call, move |sim, now| sim.s3(now).delete_object(&bucket, &id, owner.as_deref()), shape)
}

#[derive(Debug, Serialize)]
struct DeleteResult {
    #[serde(rename = "Deleted")]
    deleted: Vec<DeletedObject>,
    #[serde(rename = "Error")]
    errors: Vec<DeleteError>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeletedObject {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_marker: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delete_marker_version_id: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct DeleteError {
    key: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    code: String,
    message: String,
}

pub(super) fn delete_many(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (bucket, _) = place(exchange.request)?;
    let owner = expected_owner(exchange.request.headers);
    let mut read: Delete = reading::document(&read_checked(exchange.request)?)?;
    let (ids, is_quiet): (Arc<[ObjectId]>, bool) = (read.ids().into(), read.quiet);
    let call = Call::about(About::Objects(bucket.clone(), ids.clone()));
    let shape = move |results: Vec<(ObjectId, Outcome<Deleted>)>| {
        let mut result = DeleteResult { deleted: Vec::new(), errors: Vec::new() };
        for (id, came) in results {
            match came {
                Ok(deleted) if !is_quiet => result.deleted.push(deleted_object(id, deleted)),
                Ok(_) => (),
                Err(SimError { code, message, .. }) => {
                    result.errors.push(DeleteError { key: id.key, version_id: id.version_id, code, message });
                }
            }
        }
        document("DeleteResult", &result)
    };
    carry_out(exchange, call, move |sim, now| sim.s3(now).delete_objects(&bucket, &ids, owner.as_deref()), shape)
}

/// API reference, DeletedObject: the id of a marker that was made, or that was deleted, is told apart.
fn deleted_object(id: ObjectId, deleted: Deleted) -> DeletedObject {
    DeletedObject {
        key: id.key,
        version_id: id.version_id,
        delete_marker: deleted.is_marker.then_some(true),
        delete_marker_version_id: deleted.version_id.filter(|_| deleted.is_marker),
    }
}
