//! Lists that are handed out page by page.

use std::any::Any;
use std::collections::BTreeMap;

use super::error::{Outcome, SimError};
use super::query::{Page, Query};

/// The largest page, and the rate of pages that come with the token they were asked for with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PageRules {
    /// 0 = as large as was asked for.
    pub(crate) most: usize,
    /// Pages but the first, per thousand.
    pub(crate) repeated_per_mille: u32,
}

impl PageRules {
    /// A list by ids is never cut.
    pub(crate) fn size_for(self, query: &Query) -> usize {
        let asked = query.page.max_results.unwrap_or(usize::MAX);
        let allowed = if self.most == 0 { usize::MAX } else { self.most };
        if query.ids.is_empty() { asked.min(allowed) } else { usize::MAX }
    }
}

/// Lists that were begun and not finished: the rest of each, by token. A token may be used again.
#[derive(Debug, Default)]
pub(crate) struct OpenLists {
    count: u64,
    rest: BTreeMap<u64, Box<dyn Any + Send>>,
}

/// More open lists than any test needs; the oldest is forgotten.
const OPEN_LISTS: usize = 1000;

impl OpenLists {
    /// The rest of a list that was begun.
    pub(crate) fn resume<T: Clone + Send + 'static>(&self, token: &str) -> Outcome<Vec<T>> {
        token
            .strip_prefix("page-")
            .and_then(|number| self.rest.get(&number.parse().ok()?))
            .and_then(|rest| rest.downcast_ref::<Vec<T>>())
            .cloned()
            .ok_or_else(|| SimError::new("InvalidNextToken", format!("The token '{token}' is not valid")))
    }

    /// The first `size` items as a page, the others kept for the next call.
    pub(crate) fn page<T: Clone + Send + 'static>(&mut self, mut items: Vec<T>, size: usize) -> Page<T> {
        if items.len() <= size {
            return Page { items, next_token: None };
        }
        let rest = items.split_off(size);
        self.count += 1;
        self.rest.insert(self.count, Box::new(rest));
        if self.rest.len() > OPEN_LISTS {
            self.rest.pop_first();
        }
        Page { items, next_token: Some(format!("page-{}", self.count)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_token_is_good_for_its_own_list_only() {
        let mut lists = OpenLists::default();
        let first = lists.page(vec![1, 2, 3], 2);
        assert_eq!(first.items, [1, 2]);
        let token = first.next_token.unwrap();
        assert_eq!(lists.resume::<i32>(&token), Ok(vec![3]));
        assert!(lists.resume::<String>(&token).is_err());
        assert_eq!(lists.resume::<i32>("page-9").unwrap_err().code, "InvalidNextToken");
        assert_eq!(lists.page(vec![1, 2], 2).next_token, None);
    }
}
