//! Elements that many answers of EC2 share.

use cloudsim::ec2::GroupName;
use planner::owner::Tags;
use serde::Serialize;

/// EC2 writes lists as `<item>`s.
#[derive(Debug, Serialize)]
pub(crate) struct Items<T> {
    pub(crate) item: Vec<T>,
}

impl<T> Items<T> {
    pub(crate) fn of<S>(all: impl IntoIterator<Item = S>, shape: impl FnMut(S) -> T) -> Self {
        Self { item: all.into_iter().map(shape).collect() }
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct Tag {
    key: String,
    value: String,
}

pub(crate) fn tags(tags: &Tags) -> Items<Tag> {
    Items::of(tags, |(key, value)| Tag { key: key.clone(), value: value.clone() })
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct GroupItem {
    group_id: String,
    group_name: String,
}

pub(crate) fn groups(groups: &[GroupName]) -> Items<GroupItem> {
    Items::of(groups, |group| GroupItem { group_id: group.id.clone(), group_name: group.name.clone() })
}

/// `true` of actions that answer nothing else.
#[derive(Debug, Serialize)]
pub(crate) struct Return {
    #[serde(rename = "return")]
    pub(crate) value: bool,
}

/// A time as EC2 writes it.
pub(crate) fn time(at: jiff::Timestamp) -> String {
    format!("{at:.3}")
}
