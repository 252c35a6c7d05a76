//! Tags to and from the SDK.

use aws_sdk_ec2::types::{ResourceType, Tag, TagSpecification};
use planner::owner::Tags;

/// Tags that a create call writes on what it creates, in the order of their keys.
pub(crate) fn on(resource: ResourceType, tags: &Tags) -> TagSpecification {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect();
    TagSpecification::builder().resource_type(resource).set_tags(Some(tags)).build()
}

pub(crate) fn of(tags: Option<Vec<Tag>>) -> Tags {
    tags.unwrap_or_default().into_iter().filter_map(|tag| Some((tag.key?, tag.value.unwrap_or_default()))).collect()
}
