//! Headers of requests: those that the lab knows, and what objects keep of them.

use std::collections::BTreeMap;

use cloudsim::Outcome;
use http::HeaderMap;

use super::not_implemented;

/// Headers `x-amz-*` that are acted on, or that change nothing here.
const KNOWN: [&str; 13] = [
    "x-amz-bucket-namespace",
    "x-amz-checksum-mode",
    "x-amz-content-sha256",
    "x-amz-date",
    "x-amz-decoded-content-length",
    "x-amz-expected-bucket-owner",
    "x-amz-sdk-checksum-algorithm",
    "x-amz-security-token",
    "x-amz-trailer",
    "x-amz-user-agent",
    "x-amz-copy-source",
    "x-amz-checksum-type",
    "x-amz-request-payer",
];

/// Headers that an object gives back as they came (API reference, PutObject, "Request syntax").
const KEPT: [&str; 6] =
    ["content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires"];

/// The type of objects that came without one (API reference, GetObject).
const BYTES: &str = "binary/octet-stream";

/// Begins the names of what users keep with an object.
const OF_USER: &str = "x-amz-meta-";
/// Begins the names of checksums, which [`super::payload`] reads.
pub(super) const CHECKSUM: &str = "x-amz-checksum-";

/// Refuses what the lab does not simulate, by its name.
pub(super) fn check(headers: &HeaderMap) -> Outcome<()> {
    let ours = headers.keys().map(http::HeaderName::as_str).filter(|name| name.starts_with("x-amz-"));
    let is_known = |name: &str| KNOWN.contains(&name) || name.starts_with(OF_USER) || name.starts_with(CHECKSUM);
    match ours.into_iter().find(|name| !is_known(name)) {
        Some(unknown) => Err(not_implemented(unknown)),
        None => Ok(()),
    }
}

pub(super) fn text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
}

pub(super) fn expected_owner(headers: &HeaderMap) -> Option<String> {
    text(headers, "x-amz-expected-bucket-owner")
}

/// What an object keeps. The encoding of the request itself is none of the object's.
pub(super) fn kept(headers: &HeaderMap) -> BTreeMap<String, String> {
    let is_kept = |name: &str| KEPT.contains(&name) || name.starts_with(OF_USER);
    let all = headers.iter().filter(|(name, _)| is_kept(name.as_str()));
    let mut kept: BTreeMap<String, String> = all
        .filter_map(|(name, value)| Some((name.as_str().to_owned(), value.to_str().ok()?.to_owned())))
        .filter_map(|(name, value)| Some((name.clone(), own(&name, value)?)))
        .collect();
    kept.entry("content-type".to_owned()).or_insert_with(|| BYTES.to_owned());
    kept
}

fn own(name: &str, value: String) -> Option<String> {
    if name != "content-encoding" {
        return Some(value);
    }
    let encodings = value.split(',').map(str::trim).filter(|encoding| *encoding != "aws-chunked");
    let rest = encodings.collect::<Vec<_>>().join(",");
    (!rest.is_empty()).then_some(rest)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let named = |(name, value): &(&'static str, &'static str)| {
            (http::HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        all.iter().map(named).collect()
    }

    #[test]
    fn objects_keep_their_headers_and_not_those_of_the_transfer() {
        let all = headers(&[
            ("content-encoding", "aws-chunked, gzip"),
            ("x-amz-meta-owner", "us"),
            ("x-amz-date", "now"),
            ("content-length", "7"),
        ]);
        let expected = [("content-encoding", "gzip"), ("content-type", BYTES), ("x-amz-meta-owner", "us")];
        assert_eq!(kept(&all), expected.map(|(name, value)| (name.to_owned(), value.to_owned())).into());
        let only = headers(&[("content-encoding", "aws-chunked"), ("content-type", "text/plain")]);
        assert_eq!(kept(&only), [("content-type".to_owned(), "text/plain".to_owned())].into());
    }

    #[test]
    fn what_is_not_simulated_is_named() {
        assert_eq!(check(&headers(&[("x-amz-checksum-crc32", ""), ("x-amz-meta-a", ""), ("range", "")])), Ok(()));
        let refusal = check(&headers(&[("x-amz-object-lock-mode", "GOVERNANCE")])).unwrap_err();
        assert!(refusal.code == "NotImplemented" && refusal.message.contains("x-amz-object-lock-mode"));
    }
}
