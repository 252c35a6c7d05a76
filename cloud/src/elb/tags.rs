//! Tags to and from the SDK.

use std::collections::BTreeMap;

use aws_sdk_elasticloadbalancingv2::types::{Tag, TagDescription};
use planner::owner::Tags;
use planner::ports::Answer;

use crate::sdk::failure::{incomplete, need};

/// Tags that a create call writes on what it creates, in the order of their keys. An empty list is not taken (API
/// reference, CreateLoadBalancer: at least 1 item).
pub(super) fn on(tags: &Tags) -> Option<Vec<Tag>> {
    let tags = tags.iter().map(|(key, value)| Tag::builder().key(key).value(value).build()).collect::<Vec<_>>();
    (!tags.is_empty()).then_some(tags)
}

/// The tags of each that was asked for: without its tags it would look like somebody else's.
pub(super) fn of_each(asked: &[String], told: Vec<TagDescription>) -> Answer<BTreeMap<String, Tags>> {
    let mut all = BTreeMap::new();
    for from in told {
        let arn = need(from.resource_arn, "ARN", "tags")?;
        let tags = from.tags.unwrap_or_default().into_iter();
        let tags = tags.map(|tag| Ok((need(tag.key, "key", "a tag")?, tag.value.unwrap_or_default())));
        all.insert(arn, tags.collect::<Answer<Tags>>()?);
    }
    match asked.iter().find(|arn| !all.contains_key(*arn)) {
        Some(arn) => Err(incomplete(format_args!("no tags of {arn}"))),
        None => Ok(all),
    }
}
