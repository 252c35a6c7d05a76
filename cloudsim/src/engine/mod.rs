//! State and rules that every simulated service shares. Nothing here knows a service.
//!
//! [`Engine`] is the clock, the random streams, the lists that were begun, and the audit of one region. A service keeps
//! its own state and its own [`agenda::Agenda`] beside it, and the two are joined in [`crate::Sim`].

pub(crate) mod agenda;
pub(crate) mod audit;
pub(crate) mod call;
pub(crate) mod error;
pub(crate) mod fault;
pub(crate) mod index;
pub(crate) mod network;
pub(crate) mod pages;
pub(crate) mod query;
pub(crate) mod random;
pub(crate) mod span;
pub(crate) mod throttle;
pub(crate) mod visibility;

use jiff::Timestamp;
use rand::RngExt;
use rand::seq::SliceRandom;

use audit::{Origin, Record};
use error::Outcome;
use pages::{OpenLists, PageRules};
use query::{Page, Query};
use random::Streams;
use visibility::{Lag, Path, ReadView, StaleReads, earlier};

/// Clock, random streams, open lists and audit of one region.
#[derive(Debug)]
pub(crate) struct Engine {
    /// The account that everything in the region is of.
    home: String,
    now: Timestamp,
    /// Number of the newest entry of any agenda: entries of one moment happen in the order in which they were made.
    entries: u64,
    pub(crate) random: Streams,
    lists: OpenLists,
    /// How far the replica that answers the call is behind, in milliseconds, where a fault says it.
    pub(crate) stale_by: Option<u64>,
    pub(crate) record: Record,
}

impl Engine {
    pub(crate) fn new(seed: u64, home: String) -> Self {
        Self {
            home,
            now: Timestamp::MIN,
            entries: 0,
            random: Streams::new(seed),
            lists: OpenLists::default(),
            stale_by: None,
            record: Record::default(),
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// The clock never goes back.
    pub(crate) fn pass_to(&mut self, moment: Timestamp) {
        self.now = self.now.max(moment);
    }

    /// Number of the next entry of an agenda.
    pub(crate) fn next_entry(&mut self) -> u64 {
        self.entries += 1;
        self.entries
    }

    /// Whether calls with credentials of this account are in another one, in which nothing is.
    pub(crate) fn is_elsewhere(&self, account: &str) -> bool {
        self.home != account
    }

    pub(crate) fn tell(&mut self, what: String) {
        self.record.tell(self.now, what);
    }

    pub(crate) fn count(&mut self, kind: &'static str) {
        self.record.count(kind);
    }

    /// Notes a change that a call makes to something of others.
    pub(crate) fn touch(&mut self, origin: Origin, what: impl FnOnce() -> String) {
        self.record.touch(self.now, origin, what);
    }

    /// A new id, such as `i-0123456789abcdef0`.
    pub(crate) fn new_id(&mut self, prefix: &str) -> String {
        let number: u64 = self.random.ids.random();
        format!("{prefix}-0{number:016x}")
    }

    /// Draws how long a change that is made now stays unseen, by path.
    pub(crate) fn draw_lag(&mut self, lag: Lag) -> [u64; 3] {
        let random = &mut self.random.lags;
        [lag.id.draw(random), lag.tag.draw(random), lag.token.draw(random)]
    }

    /// The moment as of which one call reads: now, or a while ago.
    pub(crate) fn read_view(&mut self, path: Path, stale: StaleReads) -> ReadView {
        if let Some(millis) = self.stale_by {
            return ReadView { path, at: earlier(self.now, millis) };
        }
        let rate = [stale.id, stale.tag, stale.token][path as usize];
        let is_stale = rate > 0 && self.random.stale_reads.random_range(0..1000) < rate;
        if !is_stale {
            return ReadView { path, at: self.now };
        }
        self.count("stale read");
        ReadView { path, at: earlier(self.now, stale.by.draw(&mut self.random.stale_reads)) }
    }

    /// Before this moment no read looks, however stale it is.
    pub(crate) fn forgotten_at(&self, stale: StaleReads) -> Timestamp {
        earlier(self.now, stale.by.most())
    }

    /// The rest of the list that the query's token continues; `None` for a query that begins one.
    pub(crate) fn continued<T: Clone + Send + 'static>(
        &self,
        query: &Query,
        sizes: std::ops::RangeInclusive<usize>,
    ) -> Outcome<Option<Vec<T>>> {
        query.page.check_size(sizes)?;
        query.page.token().map(|token| self.lists.resume(token)).transpose()
    }

    /// A whole list in no order, as AWS gives it.
    pub(crate) fn shuffled<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        items.shuffle(&mut self.random.order);
        items
    }

    /// One page of what is left of a list.
    pub(crate) fn page<T: Clone + Send + 'static>(
        &mut self,
        query: &Query,
        items: Vec<T>,
        rules: PageRules,
    ) -> Page<T> {
        let page = self.lists.page(items, rules.size_for(query));
        let rate = rules.repeated_per_mille;
        if let Some(token) = query.page.token()
            && rate > 0
            && self.random.order.random_range(0..1000) < rate
        {
            self.count("repeated page");
            return Page { next_token: Some(token.to_owned()), ..page };
        }
        page
    }
}
