//! Documents of requests.

use cloudsim::s3::ObjectId;
use cloudsim::{Outcome, SimError};
use planner::owner::Tags;
use serde::Deserialize;
use serde::de::DeserializeOwned;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct BucketConfiguration {
    pub(super) location_constraint: Option<String>,
    pub(super) tags: TagSet,
    /// Directory buckets have these two.
    pub(super) location: Option<serde::de::IgnoredAny>,
    pub(super) bucket: Option<serde::de::IgnoredAny>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Tagging {
    pub(super) tag_set: TagSet,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct TagSet {
    #[serde(rename = "Tag")]
    tags: Vec<Tag>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

impl TagSet {
    /// *Errors*: a key that comes twice (S3 user guide, "Using cost allocation S3 bucket tags").
    pub(super) fn tags(self) -> Outcome<Tags> {
        let mut tags = Tags::new();
        for Tag { key, value } in self.tags {
            if tags.insert(key, value).is_some() {
                return Err(SimError::new("InvalidTag", "Cannot provide multiple Tags with the same key"));
            }
        }
        Ok(tags)
    }
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct VersioningConfiguration {
    pub(super) status: Option<String>,
    pub(super) mfa_delete: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Delete {
    #[serde(rename = "Object")]
    objects: Vec<Object>,
    /// Only what could not be deleted is answered.
    pub(super) quiet: bool,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Object {
    key: String,
    version_id: Option<String>,
}

impl Delete {
    pub(super) fn ids(&mut self) -> Vec<ObjectId> {
        let id = |object: Object| ObjectId { key: object.key, version_id: object.version_id };
        std::mem::take(&mut self.objects).into_iter().map(id).collect()
    }
}

/// Reads a document; an empty body is an empty one where the action allows it, which its type says by its defaults.
pub(super) fn document<T: DeserializeOwned>(bytes: &[u8]) -> Outcome<T> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed())?;
    quick_xml::de::from_str(text).map_err(|_| malformed())
}

fn malformed() -> SimError {
    let message = "The XML you provided was not well-formed or did not validate against our published schema";
    SimError::new("MalformedXML", message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_read_as_sdks_write_them() {
        let text = "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><LocationConstraint>\
                    eu-west-1</LocationConstraint><Tags><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>b</Key><Value/>\
                    </Tag></Tags></CreateBucketConfiguration>";
        let read: BucketConfiguration = document(text.as_bytes()).unwrap();
        let expected = [("a", "1"), ("b", "")].map(|(key, value)| (key.to_owned(), value.to_owned()));
        assert_eq!((read.location_constraint.as_deref(), read.tags.tags()), (Some("eu-west-1"), Ok(expected.into())));
        let text = "<Delete xmlns=\"x\"><Object><Key>a b</Key></Object><Object><Key>c&amp;d</Key><VersionId>v</VersionId>\
                    </Object><Quiet>true</Quiet></Delete>";
        let mut read: Delete = document(text.as_bytes()).unwrap();
        let keys: Vec<_> = read.ids().into_iter().map(|id| (id.key, id.version_id)).collect();
        assert_eq!(keys, [("a b".to_owned(), None), ("c&d".to_owned(), Some("v".to_owned()))]);
        assert!(read.quiet);
    }

    #[test]
    fn tags_that_come_twice_and_text_that_is_no_xml_are_refused() {
        let twice = "<Tagging><TagSet><Tag><Key>a</Key></Tag><Tag><Key>a</Key></Tag></TagSet></Tagging>";
        let read: Tagging = document(twice.as_bytes()).unwrap();
        assert_eq!(read.tag_set.tags().unwrap_err().code, "InvalidTag");
        for wrong in [&b"<Tagging>"[..], b"\xff"] {
            assert_eq!(document::<Tagging>(wrong).unwrap_err().code, "MalformedXML");
        }
    }
}
