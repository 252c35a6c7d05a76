//! Calls about buckets.

use std::sync::Arc;

use cloudsim::s3::{About, Action, CreateBucket, Namespace, Versioning};
use cloudsim::{Call, Outcome, SimError};
use http::HeaderMap;

use super::headers::{expected_owner, text};
use super::payload::{read_checked, read_document};
use super::reading::{self, BucketConfiguration, VersioningConfiguration};
use super::route::place;
use super::writing::{Tagging, document, header, nothing, text_document};
use super::{carry_out, not_implemented};
use crate::aws::exchange::{Exchange, Sent};

pub(super) fn create(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (name, _) = place(exchange.request)?;
    let namespace = namespace(exchange.request.headers)?;
    let body = read_document(exchange.request)?;
    let configuration: BucketConfiguration =
        if body.is_empty() { BucketConfiguration::default() } else { reading::document(&body)? };
    if configuration.location.is_some() || configuration.bucket.is_some() {
        return Err(not_implemented("directory buckets"));
    }
    let location = configuration.location_constraint;
    let request = Arc::new(CreateBucket { name, location, namespace, tags: configuration.tags.tags()? });
    let path = format!("/{}", request.name);
    let call = Call::about(About::NewBucket(request.clone()));
    let shape = move |()| {
        let mut answer = nothing(200);
        answer.headers.push(header(http::header::LOCATION, &path)?);
        Ok(answer)
    };
    carry_out(exchange, call, move |sim, now| sim.s3(now).create_bucket(&request), shape)
}

fn namespace(headers: &HeaderMap) -> Outcome<Namespace> {
    let Some(named) = text(headers, "x-amz-bucket-namespace") else { return Ok(Namespace::Global) };
    let invalid = || SimError::new("InvalidArgument", format!("x-amz-bucket-namespace: {named} is no namespace"));
    Namespace::parse(&named).ok_or_else(invalid)
}

/// A call about the bucket of this request, with its name and the owner that it should have.
fn about(exchange: &Exchange<'_>, action: Action) -> Outcome<(Call, String, Option<String>)> {
    let (name, _) = place(exchange.request)?;
    let call = Call::about(About::bucket(action, &name));
    Ok((call, name, expected_owner(exchange.request.headers)))
}

pub(super) fn head(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (call, name, owner) = about(&exchange, Action::HeadBucket)?;
    let shape = |region: String| {
        let mut answer = nothing(200);
        answer.headers.push(header("x-amz-bucket-region", &region)?);
        Ok(answer)
    };
    carry_out(exchange, call, move |sim, now| sim.s3(now).head_bucket(&name, owner.as_deref()), shape)
}

pub(super) fn location(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (call, name, owner) = about(&exchange, Action::GetBucketLocation)?;
    let operation = move |sim: &mut cloudsim::Sim, now| sim.s3(now).get_bucket_location(&name, owner.as_deref());
    let shape = |constraint: Option<String>| {
        Ok(text_document("LocationConstraint", &quick_xml::escape::escape(constraint.unwrap_or_default())))
    };
    carry_out(exchange, call, operation, shape)
}

pub(super) fn tagging(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (call, name, owner) = about(&exchange, Action::GetBucketTagging)?;
    let operation = move |sim: &mut cloudsim::Sim, now| sim.s3(now).get_bucket_tagging(&name, owner.as_deref());
    carry_out(exchange, call, operation, |tags| document("Tagging", &Tagging::of(tags)))
}

pub(super) fn put_tagging(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (call, name, owner) = about(&exchange, Action::PutBucketTagging)?;
    let read: reading::Tagging = reading::document(&read_checked(exchange.request)?)?;
    let tags = read.tag_set.tags()?;
    let operation = move |sim: &mut cloudsim::Sim, now| sim.s3(now).put_bucket_tagging(&name, &tags, owner.as_deref());
    carry_out(exchange, call, operation, |()| Ok(nothing(204)))
}

pub(super) fn versioning(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (call, name, owner) = about(&exchange, Action::GetBucketVersioning)?;
    let operation = move |sim: &mut cloudsim::Sim, now| sim.s3(now).get_bucket_versioning(&name, owner.as_deref());
    let shape = |versioning: Versioning| {
        let status = versioning.name().map(|name| format!("<Status>{name}</Status>"));
        Ok(text_document("VersioningConfiguration", &status.unwrap_or_default()))
    };
    carry_out(exchange, call, operation, shape)
}

pub(super) fn put_versioning(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (call, name, owner) = about(&exchange, Action::PutBucketVersioning)?;
    let read: VersioningConfiguration = reading::document(&read_checked(exchange.request)?)?;
    if read.mfa_delete.is_some_and(|state| state != "Disabled") {
        return Err(not_implemented("MfaDelete"));
    }
    let invalid =
        || SimError::new("IllegalVersioningConfigurationException", "The Versioning element must be specified");
    let versioning = read.status.as_deref().and_then(Versioning::parse).ok_or_else(invalid)?;
    let operation =
        move |sim: &mut cloudsim::Sim, now| sim.s3(now).put_bucket_versioning(&name, versioning, owner.as_deref());
    carry_out(exchange, call, operation, |()| Ok(nothing(200)))
}

pub(super) fn delete(exchange: Exchange<'_>) -> Outcome<Sent> {
    let (call, name, owner) = about(&exchange, Action::DeleteBucket)?;
    let operation = move |sim: &mut cloudsim::Sim, now| sim.s3(now).delete_bucket(&name, owner.as_deref());
    carry_out(exchange, call, operation, |()| Ok(nothing(204)))
}
