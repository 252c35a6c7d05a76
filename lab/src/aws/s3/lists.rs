//! Lists: of buckets, of objects, of versions.

use std::sync::Arc;

use cloudsim::s3::{
    About, Action, Bucket, ListBuckets, ListObjects, ListVersions, ListedVersion, Object, ObjectPage, VersionPage,
};
use cloudsim::{Call, Outcome, Page, PageRequest, SimError};
use serde::Serialize;

use super::headers::expected_owner;
use super::route::place;
use super::writing::{document, quoted, time};
use super::{carry_out, not_implemented};
use crate::aws::exchange::{Exchange, Sent};
use crate::aws::protocol::query::Params;

/// Keys of a page where nothing else is said.
const KEYS: usize = 1000;

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct BucketList {
    buckets: Buckets,
    owner: Owner,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    prefix: Option<String>,
}

#[derive(Debug, Serialize)]
struct Buckets {
    #[serde(rename = "Bucket")]
    buckets: Vec<ShownBucket>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownBucket {
    name: String,
    creation_date: String,
    bucket_region: String,
    bucket_arn: String,
}

#[derive(Debug, Serialize)]
struct Owner {
    #[serde(rename = "ID")]
    id: String,
}

impl Owner {
    /// The canonical id of an account: 64 hexadecimal digits.
    fn of(account: &str) -> Self {
        Self { id: format!("{account:0>64}") }
    }
}

pub(super) fn buckets(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let params = &mut exchange.params;
    let request = ListBuckets {
        prefix: params.text("prefix"),
        region: params.text("bucket-region"),
        page: PageRequest {
            max_results: number(params, "max-buckets")?,
            next_token: params.text("continuation-token"),
        },
    };
    let region = exchange.served.sim.lock().settings().region.clone();
    let (owner, prefix) = (Owner::of(&exchange.account), request.prefix.clone());
    let call = Call::new(Action::ListBuckets);
    let shape = move |page: Page<Arc<Bucket>>| {
        let shown = |bucket: Arc<Bucket>| ShownBucket {
            name: bucket.name.clone(),
            creation_date: time(bucket.created_at),
            bucket_region: region.clone(),
            bucket_arn: format!("arn:aws:s3:::{}", bucket.name),
        };
        let buckets = Buckets { buckets: page.items.into_iter().map(shown).collect() };
        let list = BucketList { buckets, owner, continuation_token: page.next_token, prefix };
        document("ListAllMyBucketsResult", &list)
    };
    carry_out(exchange, call, move |sim, now| sim.s3(now).list_buckets(&request), shape)
}

/// Writes keys as the request wants them (API reference, ListObjectsV2: EncodingType).
#[derive(Clone, Copy, Debug)]
struct Encoding {
    is_url: bool,
}

impl Encoding {
    fn take(params: &mut Params) -> Outcome<Self> {
        match params.text("encoding-type").as_deref() {
            None => Ok(Self { is_url: false }),
            Some("url") => Ok(Self { is_url: true }),
            Some(_) => Err(SimError::new("InvalidArgument", "Invalid Encoding Method specified in Request")),
        }
    }

    fn name(self) -> Option<&'static str> {
        self.is_url.then_some("url")
    }

    fn key(self, text: &str) -> String {
        if !self.is_url {
            return text.to_owned();
        }
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.*/".contains(&byte);
        let encoded = |byte: u8| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
        text.bytes().map(encoded).collect()
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ObjectList {
    name: String,
    prefix: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_after: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    continuation_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_continuation_token: Option<String>,
    key_count: usize,
    max_keys: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    delimiter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_type: Option<&'static str>,
    is_truncated: bool,
    contents: Vec<ShownObject>,
    common_prefixes: Vec<CommonPrefix>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownObject {
    key: String,
    last_modified: String,
    #[serde(rename = "ETag")]
    etag: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    checksum_algorithm: Option<&'static str>,
    size: u64,
    storage_class: &'static str,
}

fn checksum_of(object: &Object) -> Option<&'static str> {
    object.checksum.as_ref().map(|checksum| checksum.algorithm.name())
}

pub(super) fn objects(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let (bucket, _) = place(exchange.request)?;
    let params = &mut exchange.params;
    let encoding = Encoding::take(params)?;
    if params.is_set("fetch-owner")? {
        return Err(not_implemented("fetch-owner"));
    }
    let request = ListObjects {
        bucket,
        prefix: params.text("prefix").unwrap_or_default(),
        delimiter: params.text("delimiter"),
        start_after: params.text("start-after"),
        page: PageRequest { max_results: number(params, "max-keys")?, next_token: params.text("continuation-token") },
        expected_owner: expected_owner(exchange.request.headers),
    };
    let call = Call::about(About::list(Action::ListObjectsV2, &request.bucket, &request.prefix));
    let asked = request.clone();
    let shape = move |page: ObjectPage| {
        let key = |text: &str| encoding.key(text);
        let contents: Vec<_> = page.objects.iter().map(|listed| shown(&listed.object, key(&listed.key))).collect();
        let prefixes = page.prefixes.iter().map(|prefix| CommonPrefix { prefix: key(prefix) });
        let list = ObjectList {
            name: asked.bucket,
            prefix: key(&asked.prefix),
            start_after: asked.start_after.as_deref().map(key),
            continuation_token: asked.page.next_token,
            is_truncated: page.next_token.is_some(),
            next_continuation_token: page.next_token,
            key_count: page.objects.len() + page.prefixes.len(),
            max_keys: asked.page.max_results.unwrap_or(KEYS).min(KEYS),
            delimiter: asked.delimiter.as_deref().map(key),
            encoding_type: encoding.name(),
            contents,
            common_prefixes: prefixes.collect(),
        };
        document("ListBucketResult", &list)
    };
    carry_out(exchange, call, move |sim, now| sim.s3(now).list_objects(&request), shape)
}

fn shown(object: &Object, key: String) -> ShownObject {
    ShownObject {
        key,
        last_modified: time(object.modified_at),
        etag: quoted(&object.body.etag()),
        checksum_algorithm: checksum_of(object),
        size: object.body.size(),
        storage_class: "STANDARD",
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct VersionList {
    name: String,
    prefix: String,
    key_marker: String,
    version_id_marker: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_key_marker: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_version_id_marker: Option<String>,
    max_keys: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding_type: Option<&'static str>,
    is_truncated: bool,
    version: Vec<ShownVersion>,
    delete_marker: Vec<ShownMarker>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownVersion {
    key: String,
    version_id: String,
    is_latest: bool,
    last_modified: String,
    #[serde(rename = "ETag")]
    etag: String,
    size: u64,
    storage_class: &'static str,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct ShownMarker {
    key: String,
    version_id: String,
    is_latest: bool,
    last_modified: String,
}

pub(super) fn versions(mut exchange: Exchange<'_>) -> Outcome<Sent> {
    let (bucket, _) = place(exchange.request)?;
    let params = &mut exchange.params;
    let encoding = Encoding::take(params)?;
    let request = ListVersions {
        bucket,
        prefix: params.text("prefix").unwrap_or_default(),
        key_marker: params.text("key-marker"),
        version_marker: params.text("version-id-marker"),
        max_keys: number(params, "max-keys")?,
        expected_owner: expected_owner(exchange.request.headers),
    };
    let call = Call::about(About::list(Action::ListObjectVersions, &request.bucket, &request.prefix));
    let asked = request.clone();
    let shape = move |page: VersionPage| {
        let (next_key_marker, next_version_id_marker) =
            page.next.map_or((None, None), |next| (Some(encoding.key(&next.key)), next.version_id));
        let mut list = VersionList {
            name: asked.bucket,
            prefix: encoding.key(&asked.prefix),
            key_marker: encoding.key(&asked.key_marker.unwrap_or_default()),
            version_id_marker: asked.version_marker.unwrap_or_default(),
            is_truncated: next_key_marker.is_some(),
            next_key_marker,
            next_version_id_marker,
            max_keys: asked.max_keys.unwrap_or(KEYS).min(KEYS),
            encoding_type: encoding.name(),
            version: Vec::new(),
            delete_marker: Vec::new(),
        };
        for version in page.versions {
            list.add(version, encoding);
        }
        document("ListVersionsResult", &list)
    };
    carry_out(exchange, call, move |sim, now| sim.s3(now).list_object_versions(&request), shape)
}

impl VersionList {
    fn add(&mut self, listed: ListedVersion, encoding: Encoding) {
        let ListedVersion { key, version_id, at, is_latest, object } = listed;
        let (key, last_modified) = (encoding.key(&key), time(at));
        match object {
            Some(object) => self.version.push(ShownVersion {
                key,
                version_id,
                is_latest,
                last_modified,
                etag: quoted(&object.body.etag()),
                size: object.body.size(),
                storage_class: "STANDARD",
            }),
            None => self.delete_marker.push(ShownMarker { key, version_id, is_latest, last_modified }),
        }
    }
}

/// Takes a number of the query.
fn number(params: &mut Params, name: &str) -> Outcome<Option<usize>> {
    let invalid =
        |_| SimError::new("InvalidArgument", format!("Provided {name} not an integer or within integer range"));
    params.value(name).map_err(invalid)
}
