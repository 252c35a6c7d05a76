//! What a reader sees of a thing that changed a moment ago.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

/// How somebody looks for a thing. Each way has its own lag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Path {
    Id,
    Tag,
    Token,
}

/// How somebody looks, and as of when: a reader that is served by a replica that is behind looks into the past.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    pub(crate) path: Path,
    pub(crate) at: Timestamp,
}

/// The history of one thing, newest last. `None` = it was deleted.
#[derive(Clone, Debug)]
pub(crate) struct Versions<T> {
    list: Vec<Version<T>>,
}

#[derive(Clone, Debug)]
struct Version<T> {
    value: Option<Arc<T>>,
    /// By [`Path`].
    seen_from: [Timestamp; 3],
}

impl<T> Versions<T> {
    pub(crate) fn new(value: T, now: Timestamp, lag_millis: [u64; 3]) -> Self {
        let mut versions = Self { list: Vec::new() };
        versions.push(Some(value), now, lag_millis);
        versions
    }

    /// All of them are kept: a reader may fall back to any.
    pub(crate) fn push(&mut self, value: Option<T>, now: Timestamp, lag_millis: [u64; 3]) {
        let seen_from = lag_millis.map(|millis| later(now, millis));
        self.list.push(Version { value: value.map(Arc::new), seen_from });
    }

    /// What really is.
    pub(crate) fn truth(&self) -> Option<&Arc<T>> {
        self.list.last().and_then(|version| version.value.as_ref())
    }

    /// What a reader sees.
    pub(crate) fn seen(&self, look: Look) -> Option<&Arc<T>> {
        let newest = self.list.iter().rev().find(|version| version.seen_from[look.path as usize] <= look.at)?;
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

    fn look(path: Path, second: i64) -> Look {
        Look { path, at: at(second) }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn every_path_has_its_own_lag() {
        let mut versions = Versions::new("first", at(0), [0, 5_000, 10_000]);
        assert_eq!(versions.seen(look(Path::Id, 0)).map(|value| **value), Some("first"));
        assert_eq!(versions.seen(look(Path::Tag, 4)), None);
        assert_eq!(versions.seen(look(Path::Token, 10)).map(|value| **value), Some("first"));
        versions.push(Some("second"), at(10), [1_000, 0, 0]);
        assert_eq!(versions.seen(look(Path::Id, 10)).map(|value| **value), Some("first"));
        assert_eq!(versions.seen(look(Path::Tag, 10)).map(|value| **value), Some("second"));
        versions.push(None, at(20), [0, 0, 3_000]);
        assert_eq!(versions.truth(), None);
        assert_eq!(versions.seen(look(Path::Token, 22)).map(|value| **value), Some("second"));
        assert!(!versions.is_forgotten(at(22)) && versions.is_forgotten(at(23)));
    }
}
