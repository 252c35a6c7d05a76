//! Objects, and requests for them.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::body::{Body, Checksum};

/// One version of an object.
#[derive(Clone, Debug)]
pub struct Object {
    pub body: Body,
    /// The digest that came with it, which S3 keeps and shows; MD5 aside.
    pub checksum: Option<Checksum>,
    pub modified_at: Timestamp,
    /// Headers that are kept and given back, such as `content-type` and `x-amz-meta-*`, in lower case.
    pub headers: BTreeMap<String, String>,
}

/// Names an object, or one of its versions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ObjectId {
    pub key: String,
    pub version_id: Option<String>,
}

/// A PutObject call.
#[derive(Clone, Debug)]
pub struct PutObject {
    pub bucket: String,
    pub key: String,
    pub body: Body,
    /// Digests that the request says its body has.
    pub claims: Vec<Checksum>,
    /// `If-None-Match: *`: only if there is none of this key.
    pub only_new: bool,
    pub expected_owner: Option<String>,
    /// See [`Object::headers`].
    pub headers: BTreeMap<String, String>,
}

/// The answer to a PutObject call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    pub etag: String,
    /// Only a bucket with versions gives one.
    pub version_id: Option<String>,
    pub checksum: Option<Checksum>,
}

/// A GetObject or HeadObject call.
#[derive(Clone, Debug, Default)]
pub struct GetObject {
    pub bucket: String,
    pub key: String,
    pub version_id: Option<String>,
    /// The header `Range`.
    pub range: Option<String>,
    /// The header `If-Match`, with or without quotes.
    pub if_match: Option<String>,
    pub expected_owner: Option<String>,
}

/// The answer to a GetObject call.
#[derive(Clone, Debug)]
pub struct Found {
    pub object: Arc<Object>,
    pub version_id: Option<String>,
    /// First and last byte that were asked for; `None`: all of them.
    pub range: Option<(u64, u64)>,
}

/// The answer to a DeleteObject call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deleted {
    /// The delete marker that was made, or the version that is gone.
    pub version_id: Option<String>,
    /// A delete marker was made, or one is gone.
    pub is_marker: bool,
}

/// The bytes that a header `Range` asks for of an object of this size. `Ok(None)`: all; one that cannot be read is ignored
/// (RFC 9110, 14.2). `Err`: none of them is there.
pub(super) fn range_of(header: &str, size: u64) -> Result<Option<(u64, u64)>, ()> {
    let Some((from, to)) = header.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Ok(None);
    };
    let last = size.checked_sub(1);
    let range = match (from.parse::<u64>().ok(), to.parse::<u64>().ok()) {
        (Some(from), Some(to)) if from <= to => (from, to),
        (Some(from), None) if to.is_empty() => (from, u64::MAX),
        (None, Some(count)) if from.is_empty() && count > 0 => (size.saturating_sub(count), u64::MAX),
        (None, Some(0)) if from.is_empty() => return Err(()),
        _ => return Ok(None),
    };
    let last = last.filter(|last| range.0 <= *last).ok_or(())?;
    Ok(Some((range.0, range.1.min(last))))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9110, 14.1.2.
    #[test]
    fn ranges_are_read_as_http_says() {
        let rows = [
            ("bytes=0-4", Ok(Some((0, 4)))),
            ("bytes=5-", Ok(Some((5, 9)))),
            ("bytes=-3", Ok(Some((7, 9)))),
            ("bytes=-30", Ok(Some((0, 9)))),
            ("bytes=8-30", Ok(Some((8, 9)))),
            ("bytes=10-", Err(())),
            ("bytes=-0", Err(())),
            ("bytes=4-2", Ok(None)),
            ("bytes=0-1,3-4", Ok(None)),
            ("lines=1-2", Ok(None)),
            ("bytes=x-", Ok(None)),
        ];
        for (header, expected) in rows {
            assert_eq!(range_of(header, 10), expected, "{header}");
        }
        assert_eq!(range_of("bytes=0-", 0), Err(()), "an empty object has no byte");
    }
}
