//! Versions of a thing, and which of them a reader sees.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::span::Span;

/// Index through which a read finds a thing. Each has its own lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Id,
    Tag,
    Token,
}

/// The index and the moment that one call reads by: a call that a replica serves which is behind reads the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ReadView {
    pub(crate) path: Path,
    pub(crate) at: Timestamp,
}

/// The time after a change in which a read still sees what was before. AWS gives no bound; EC2's advice is to keep
/// looking for five minutes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Lag {
    /// Reads that name ids.
    pub id: Span,
    /// Lists by tag, state, group and the like.
    pub tag: Span,
    /// Lists by client token.
    pub token: Span,
}

impl Lag {
    /// The same for every index.
    pub const fn up_to(span: Span) -> Self {
        Self { id: span, tag: span, token: span }
    }

    /// The longest of all of them.
    pub fn most(self) -> u64 {
        self.id.most().max(self.tag.most()).max(self.token.most())
    }
}

/// Reads that are not monotonic: a call is answered by a replica that is behind, so that it shows an earlier state than
/// a call before it, down to "there is no such id" for an instance that runs.
///
/// EC2 developer guide, "Eventual consistency": `InvalidInstanceID.NotFound` does not mean that the instance is gone;
/// it can still run. hashicorp/terraform-provider-aws#8029, kubernetes-sigs/cluster-api-provider-aws#1351.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct StaleReads {
    /// Calls that name ids, per thousand; those that change something look up what they name like this too.
    pub id: u32,
    /// Lists by tag, state, group and the like, per thousand.
    pub tag: u32,
    /// Lists by client token, per thousand.
    pub token: u32,
    /// The age of the state that they show.
    pub by: Span,
}

impl StaleReads {
    /// The age of the oldest state that any read can show, on top of its lag.
    pub const fn most(self) -> u64 {
        if self.id | self.tag | self.token == 0 { 0 } else { self.by.most() }
    }
}

/// The history of one thing, newest last. `None` = it was deleted.
#[derive(Clone, Debug)]
pub(crate) struct Versions<T> {
    list: Vec<Version<T>>,
}

#[derive(Clone, Debug)]
struct Version<T> {
    value: Option<Arc<T>>,
    /// The moment from which each [`Path`] shows it.
    seen_from: [Timestamp; 3],
}

impl<T> Versions<T> {
    pub(crate) fn new(value: T, now: Timestamp, lag_millis: [u64; 3]) -> Self {
        let mut versions = Self { list: Vec::new() };
        versions.push(Some(value), now, lag_millis);
        versions
    }

    /// Adds a version. All are kept: a stale read may see any of them.
    pub(crate) fn push(&mut self, value: Option<T>, now: Timestamp, lag_millis: [u64; 3]) {
        let seen_from = lag_millis.map(|millis| later(now, millis));
        self.list.push(Version { value: value.map(Arc::new), seen_from });
    }

    /// The newest version, whatever readers see.
    pub(crate) fn truth(&self) -> Option<&Arc<T>> {
        self.list.last().and_then(|version| version.value.as_ref())
    }

    /// The version that a read sees.
    pub(crate) fn seen(&self, view: ReadView) -> Option<&Arc<T>> {
        let newest = self.list.iter().rev().find(|version| version.seen_from[view.path as usize] <= view.at)?;
        newest.value.as_ref()
    }

    /// Deleted, and nobody sees it any more.
    pub(crate) fn is_forgotten(&self, now: Timestamp) -> bool {
        self.list
            .last()
            .is_none_or(|version| version.value.is_none() && version.seen_from.iter().all(|from| *from <= now))
    }
}

/// `millis` before `now`.
pub(crate) fn earlier(now: Timestamp, millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    now.checked_sub(SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MIN)
}

/// `millis` after `now`; the end of time where there is no such moment.
pub(crate) fn later(now: Timestamp, millis: u64) -> Timestamp {
    let millis = i64::try_from(millis).unwrap_or(i64::MAX);
    now.checked_add(SignedDuration::from_millis(millis)).unwrap_or(Timestamp::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(path: Path, second: i64) -> ReadView {
        ReadView { path, at: at(second) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn every_path_has_its_own_lag() {
        let mut versions = Versions::new("first", at(0), [0, 5_000, 10_000]);
        assert_eq!(versions.seen(view(Path::Id, 0)).map(|value| **value), Some("first"));
        assert_eq!(versions.seen(view(Path::Tag, 4)), None);
        assert_eq!(versions.seen(view(Path::Token, 10)).map(|value| **value), Some("first"));
        versions.push(Some("second"), at(10), [1_000, 0, 0]);
        assert_eq!(versions.seen(view(Path::Id, 10)).map(|value| **value), Some("first"));
        assert_eq!(versions.seen(view(Path::Tag, 10)).map(|value| **value), Some("second"));
        versions.push(None, at(20), [0, 0, 3_000]);
        assert_eq!(versions.truth(), None);
        assert_eq!(versions.seen(view(Path::Token, 22)).map(|value| **value), Some("second"));
        assert!(!versions.is_forgotten(at(22)) && versions.is_forgotten(at(23)));
    }
}
