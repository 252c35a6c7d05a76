//! Lists of the objects of a bucket, in the order of their keys' bytes (API reference, ListObjectsV2).

use std::ops::Bound;
use std::sync::Arc;

use super::S3;
use super::buckets::{read_token, token};
use super::object::Object;
use crate::engine::error::Outcome;
use crate::engine::query::PageRequest;

/// Largest page; more may be asked for and is not given.
pub(super) const KEYS: usize = 1000;

/// A ListObjectsV2 call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListObjects {
    pub bucket: String,
    pub prefix: String,
    /// What comes after it in a key, after the prefix, is rolled up.
    pub delimiter: Option<String>,
    pub start_after: Option<String>,
    /// MaxKeys, of which 0 is allowed, and ContinuationToken.
    pub page: PageRequest,
    pub expected_owner: Option<String>,
}

/// An object in a list.
#[derive(Clone, Debug)]
pub struct Listed {
    pub key: String,
    pub object: Arc<Object>,
}

/// One page of a list. Complete when there is no `next_token`.
#[derive(Clone, Debug, Default)]
pub struct ObjectPage {
    pub objects: Vec<Listed>,
    /// CommonPrefixes.
    pub prefixes: Vec<String>,
    pub next_token: Option<String>,
}

/// The place where a page ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    Key(String),
    /// All keys that begin so are behind it.
    Prefix(String),
}

impl S3<'_> {
    /// ListObjectsV2.
    pub fn list_objects(&mut self, request: &ListObjects) -> Outcome<ObjectPage> {
        self.slow_down()?;
        self.bucket_with_objects(&request.bucket, request.expected_owner.as_deref())?;
        let most = self.page_size(request.page.max_results, KEYS);
        let asked = request.page.token();
        let mut place = match asked {
            Some(token) => Some(Place::read(token)?),
            None => request.start_after.clone().map(Place::Key),
        };
        let mut page = ObjectPage::default();
        let objects = &self.record(&request.bucket)?.objects;
        let from = match &place {
            Some(Place::Key(after) | Place::Prefix(after)) if *after >= request.prefix => {
                Bound::Excluded(after.clone())
            }
            _ => Bound::Included(request.prefix.clone()),
        };
        let mut next = None;
        for (key, entry) in objects.range((from, Bound::Unbounded)) {
            if !key.starts_with(&request.prefix) {
                break;
            }
            let is_behind = matches!(&place, Some(Place::Prefix(prefix)) if key.starts_with(prefix));
            let Some(object) = entry.current().filter(|_| !is_behind) else { continue };
            if page.objects.len() + page.prefixes.len() == most {
                next = place.as_ref().filter(|_| most > 0).map(Place::token);
                break;
            }
            match rolled_up(key, &request.prefix, request.delimiter.as_deref()) {
                Some(prefix) => {
                    page.prefixes.push(prefix.clone());
                    place = Some(Place::Prefix(prefix));
                }
                None => {
                    page.objects.push(Listed { key: key.clone(), object: object.clone() });
                    place = Some(Place::Key(key.clone()));
                }
            }
        }
        page.next_token = self.repeated(asked, next);
        Ok(page)
    }
}

/// The common prefix under which a key is listed.
fn rolled_up(key: &str, prefix: &str, delimiter: Option<&str>) -> Option<String> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let at = key.strip_prefix(prefix)?.find(delimiter)?;
    Some(key[..prefix.len() + at + delimiter.len()].to_owned())
}

impl Place {
    fn token(&self) -> String {
        match self {
            Self::Key(key) => token(&format!("k{key}")),
            Self::Prefix(prefix) => token(&format!("p{prefix}")),
        }
    }

    fn read(token: &str) -> Outcome<Self> {
        let place = read_token(token)?;
        match place.strip_prefix('p') {
            Some(prefix) => Ok(Self::Prefix(prefix.to_owned())),
            None => Ok(Self::Key(place.strip_prefix('k').unwrap_or_default().to_owned())),
        }
    }
}
