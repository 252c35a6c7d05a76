//! Ids of the things that have certain tags or tokens, so that a list looks at those only.
//!
//! It knows every tag that a thing ever had, because a reader may see any of its states; what does not carry the tag for
//! this reader is left out by the filters afterwards.

use std::collections::{BTreeMap, BTreeSet};

use planner::owner::Tags;

use super::query::Filter;

#[derive(Debug, Default)]
pub(crate) struct Index {
    /// Ids by key and value.
    tags: BTreeMap<String, BTreeMap<String, BTreeSet<String>>>,
    tokens: BTreeMap<String, BTreeSet<String>>,
}

impl Index {
    pub(crate) fn add_tags(&mut self, id: &str, tags: &Tags) {
        for (key, value) in tags {
            self.tags.entry(key.clone()).or_default().entry(value.clone()).or_default().insert(id.to_owned());
        }
    }

    pub(crate) fn add_token(&mut self, id: &str, token: &str) {
        self.tokens.entry(token.to_owned()).or_default().insert(id.to_owned());
    }

    /// Ids of all that these filters can accept, in their order; `None`: anything. `id_filter` is the filter by id.
    pub(crate) fn candidates<'a>(&'a self, filters: &'a [Filter], id_filter: &str) -> Option<Vec<&'a str>> {
        let of = |filter: &'a Filter| self.of(filter, id_filter);
        let mut fewest = filters.iter().filter_map(of).min_by_key(Vec::len)?;
        fewest.sort_unstable();
        fewest.dedup();
        Some(fewest)
    }

    fn of<'a>(&'a self, filter: &'a Filter, id_filter: &str) -> Option<Vec<&'a str>> {
        if filter.name == id_filter {
            return Some(filter.literals()?.iter().map(String::as_str).collect());
        }
        if filter.name == "client-token" {
            return Some(filter.literals()?.iter().flat_map(|token| ids(self.tokens.get(token))).collect());
        }
        let by_value = self.tags.get(filter.name.strip_prefix("tag:")?);
        let of = |value: &String| ids(by_value.and_then(|values| values.get(value)));
        Some(filter.literals()?.iter().flat_map(of).collect())
    }
}

fn ids(set: Option<&BTreeSet<String>>) -> impl Iterator<Item = &str> {
    set.into_iter().flatten().map(String::as_str)
}
