//! Counts and times of the requests of one load segment, on one thread or on all.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use stats::{Handshakes, Latencies};
use wire::{FailedStatus, Failures, GeneratorLimit, LimitHits, WRONG_ANSWERS, WrongAnswer};

use super::zones::Zones;

/// Members are told apart up to this number; answers of any more count as unnamed. A backend that invents a new name
/// for every answer must not fill the generator's memory.
const MOST_BACKENDS: usize = 1024;

/// Why a request has no good answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    Connect,
    Reset,
    Timeout,
    Broken,
    ClientError,
    ServerError,
    WrongAnswer,
}

/// Counts of requests and their times, in microseconds. Merged by adding.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Answered requests, from their planned start to the end of the answer.
    pub(crate) response: Latencies,
    /// The same from the first byte sent.
    pub(crate) service: Latencies,
    /// From the planned start to when the generator acted on it.
    pub(crate) send_lag: Latencies,
    /// How old the requests were that were still open at the end.
    pub(crate) open: Latencies,
    /// Requests that were not answered in time, where a load says what that is.
    pub(crate) slow: u64,
    pub(crate) failures: Failures,
    /// Status of answers that are failures.
    pub(crate) failed_status: FailedStatus,
    /// The first wrong answers to files; all of a second where each is written down.
    pub(crate) wrong: Vec<WrongAnswer>,
    /// Requests of a schedule; a closed loop plans none.
    pub(crate) planned: u64,
    pub(crate) sent: u64,
    /// Requests that found no connection idle and none allowed.
    pub(crate) waited: u64,
    /// Connections that were opened.
    pub(crate) connections: u64,
    /// Answers that announced the end of a connection which would have been kept.
    pub(crate) announced_ends: u64,
    /// Requests that a limit of the generator kept from being sent, or kept waiting.
    pub(crate) limits: BTreeMap<GeneratorLimit, u64>,
    /// Nothing is allocated before the first.
    pub(crate) handshakes: Option<Handshakes>,
}

/// A TLS handshake that succeeded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handshake {
    /// From when the connection was there to when requests could be sent.
    pub(crate) nanos: u64,
    pub(crate) is_resumed: bool,
    /// Version and cipher suite.
    pub(crate) protocol: String,
}

impl Tally {
    pub(crate) fn failed(&mut self, failure: Failure) {
        let count = match failure {
            Failure::Connect => &mut self.failures.connect,
            Failure::Reset => &mut self.failures.reset,
            Failure::Timeout => &mut self.failures.timeout,
            Failure::Broken => &mut self.failures.broken,
            Failure::ClientError => &mut self.failures.client_error,
            Failure::ServerError => &mut self.failures.server_error,
            Failure::WrongAnswer => &mut self.failures.wrong_answer,
        };
        *count += 1;
    }

    pub(crate) fn limited(&mut self, limit: GeneratorLimit) {
        *self.limits.entry(limit).or_default() += 1;
    }

    pub(crate) fn limit_hits(&self) -> Vec<LimitHits> {
        self.limits.iter().map(|(limit, requests)| LimitHits { limit: *limit, requests: *requests }).collect()
    }

    pub(crate) fn shook_hands(&mut self, handshake: &Handshake) {
        let Handshake { nanos, is_resumed, protocol } = handshake;
        self.handshakes.get_or_insert_default().record(micros(*nanos), *is_resumed, protocol);
    }

    /// An answer came, and it is not a good one.
    pub(crate) fn answered_badly(&mut self, failure: Failure, status: u16) {
        self.failed(failure);
        self.failed_status = self.failed_status.and(FailedStatus::Each(status));
    }

    /// Requests that count: answered, failed, or open at the end.
    pub(crate) fn requests(&self) -> u64 {
        self.response.count() + self.failures.total() + self.open.count()
    }

    /// Requests that the generator did its part for: sent, or without anybody to send them to.
    pub(crate) fn acted(&self) -> u64 {
        let connect = if self.planned > 0 { self.failures.connect } else { 0 };
        self.sent + connect
    }

    /// Whether anything is counted.
    pub(crate) fn is_empty(&self) -> bool {
        !self.has_times()
            && self.planned + self.sent + self.waited + self.failures.total() == 0
            && self.limits.is_empty()
    }

    /// Whether any request was sent, answered or cut.
    pub(crate) fn has_times(&self) -> bool {
        [&self.response, &self.service, &self.send_lag, &self.open].iter().any(|latencies| latencies.count() > 0)
    }

    /// Connections that did not end without a word: the other side announced it, or the generator waited no longer.
    pub(crate) fn explained_ends(&self) -> u64 {
        self.announced_ends + self.failures.timeout
    }

    pub(crate) fn merge(&mut self, other: &Self) {
        self.response.merge(&other.response);
        self.service.merge(&other.service);
        self.send_lag.merge(&other.send_lag);
        self.open.merge(&other.open);
        self.slow += other.slow;
        self.failures.add(&other.failures);
        self.failed_status = self.failed_status.and(other.failed_status);
        let room = WRONG_ANSWERS.saturating_sub(self.wrong.len());
        self.wrong.extend(other.wrong.iter().take(room).cloned());
        self.planned += other.planned;
        self.sent += other.sent;
        self.waited += other.waited;
        self.connections += other.connections;
        self.announced_ends += other.announced_ends;
        for (limit, requests) in &other.limits {
            *self.limits.entry(*limit).or_default() += requests;
        }
        if let Some(handshakes) = &other.handshakes {
            self.handshakes.get_or_insert_default().merge(handshakes);
        }
    }
}

/// Rounded to the nearest microsecond.
pub(crate) fn micros(nanos: u64) -> u64 {
    (nanos + 500) / 1000
}

/// Workers that answered, with their processes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Backends {
    zones: Arc<Zones>,
    known: HashMap<Arc<[u8]>, usize>,
    list: Vec<Backend>,
    /// The one that answered last: often the next as well.
    last: usize,
}

#[derive(Clone, Debug, Default)]
struct Backend {
    name: Arc<[u8]>,
    /// Number of the zone that it is in; `None`: in none of the run.
    zone: Option<usize>,
    answers: u64,
    /// Those of these answers that were told as news.
    told: u64,
    boot: Option<Box<[u8]>>,
    restarted: bool,
}

impl Backends {
    pub(crate) fn of(zones: &Arc<Zones>) -> Self {
        Self { zones: zones.clone(), ..Self::default() }
    }

    /// Notes who begins to answer and returns its number. Allocates only for names that are new.
    pub(crate) fn seen(&mut self, name: &[u8], boot: Option<&[u8]>) -> usize {
        let number = self.number(name);
        if let Some(backend) = self.list.get_mut(number) {
            backend.saw(boot);
        }
        number
    }

    /// Counts a whole answer and returns the number of the zone that it came from.
    pub(crate) fn answered(&mut self, number: usize) -> Option<usize> {
        let backend = self.list.get_mut(number)?;
        backend.answers += 1;
        backend.zone
    }

    /// What the one with this number calls itself; empty: nothing.
    pub(crate) fn name(&self, number: usize) -> &[u8] {
        self.list.get(number).map_or(b"", |backend| &backend.name)
    }

    fn number(&mut self, name: &[u8]) -> usize {
        if self.list.get(self.last).is_some_and(|last| *last.name == *name) {
            return self.last;
        }
        self.last = match self.known.get(name) {
            Some(number) => *number,
            None if self.list.len() >= MOST_BACKENDS && !name.is_empty() => return self.number(b""),
            None => {
                let name: Arc<[u8]> = name.into();
                self.known.insert(name.clone(), self.list.len());
                let zone = self.zones.of(&name);
                self.list.push(Backend { name, zone, ..Backend::default() });
                self.list.len() - 1
            }
        };
        self.last
    }

    /// Whole answers since this was asked before, by member.
    pub(crate) fn news(&mut self) -> Vec<(Arc<[u8]>, u64)> {
        let new = |backend: &mut Backend| {
            let new = backend.answers - std::mem::replace(&mut backend.told, backend.answers);
            (new > 0).then(|| (backend.name.clone(), new))
        };
        self.list.iter_mut().filter_map(new).collect()
    }

    pub(crate) fn merge(&mut self, other: Self) {
        for theirs in other.list {
            let number = self.number(&theirs.name);
            if let Some(ours) = self.list.get_mut(number) {
                ours.answers += theirs.answers;
                ours.restarted |= theirs.restarted;
                ours.saw(theirs.boot.as_deref());
            }
        }
    }

    /// A member whose `x-boot` changed while it was measured.
    pub(crate) fn restarted(&self) -> Option<String> {
        self.list.iter().filter(|backend| backend.restarted).map(|backend| text(&backend.name)).min()
    }

    /// Answers per member, by name.
    pub(crate) fn answers(&self) -> Vec<(String, u64)> {
        let mut answers: Vec<_> = self.list.iter().map(|backend| (text(&backend.name), backend.answers)).collect();
        answers.sort();
        answers
    }
}

impl Backend {
    fn saw(&mut self, boot: Option<&[u8]>) {
        match (&self.boot, boot) {
            (Some(known), Some(now)) => self.restarted |= **known != *now,
            (None, Some(now)) => self.boot = Some(now.into()),
            (_, None) => {}
        }
    }
}

fn text(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(backends: &mut Backends, name: &[u8], boot: Option<&[u8]>) {
        let number = backends.seen(name, boot);
        backends.answered(number);
    }

    #[test]
    fn counts_by_kind_and_merges_by_adding() {
        let mut tally = Tally::default();
        for failure in [Failure::Connect, Failure::Reset, Failure::Timeout, Failure::Broken] {
            tally.failed(failure);
        }
        for failure in [Failure::ClientError, Failure::ServerError, Failure::WrongAnswer] {
            tally.failed(failure);
        }
        assert!(tally.failures.kinds().iter().all(|(_, count)| *count == 1));
        tally.response.record(5);
        tally.open.record(7);
        tally.sent = 9;
        let mut twice = tally.clone();
        twice.merge(&tally);
        assert_eq!((twice.requests(), twice.sent, twice.failures.total()), (18, 18, 14));
    }

    #[test]
    fn counts_by_member() {
        let mut backends = Backends::default();
        for name in [&b"i-2"[..], b"i-1", b"i-1", b"", b"i-2"] {
            answer(&mut backends, name, Some(b"a"));
        }
        assert_eq!(backends.answers(), [(String::new(), 1), ("i-1".into(), 2), ("i-2".into(), 2)]);
        assert_eq!(backends.restarted(), None);
        assert_eq!(backends.news().iter().map(|(_, answers)| answers).sum::<u64>(), 5);
        answer(&mut backends, b"i-1", Some(b"a"));
        assert_eq!(backends.news(), [(Arc::from(&b"i-1"[..]), 1)], "what was told is no news");
        assert_eq!(backends.news(), []);
    }

    #[test]
    fn an_answer_is_of_its_members_zone_however_often_it_names_itself() {
        let zone = |zone: &str, members: &[&str]| wire::RunZone {
            zone: zone.into(),
            members: members.iter().map(|member| (*member).to_owned()).collect(),
        };
        let zones = Arc::new(Zones::new(&[zone("a", &["i-1"]), zone("b", &["i-2", "i-3"])]));
        let mut backends = Backends::of(&zones);
        let mut zone_of = |name: &[u8]| {
            let number = backends.seen(name, None);
            backends.answered(number)
        };
        assert_eq!(
            [&b"i-3"[..], b"i-1", b"i-3", b"i-4", b"", b"i-2"].map(&mut zone_of),
            [Some(1), Some(0), Some(1), None, None, Some(1)]
        );
        for number in 0..MOST_BACKENDS {
            zone_of(format!("x-{number}").as_bytes());
        }
        assert_eq!(zone_of(b"i-1"), Some(0), "known before the list was full");
    }

    #[test]
    fn a_changed_boot_is_noticed_within_and_across_threads() {
        let mut one = Backends::default();
        answer(&mut one, b"i-1", Some(b"a"));
        let mut two = Backends::default();
        answer(&mut two, b"i-1", Some(b"b"));
        assert_eq!((one.restarted(), two.restarted()), (None, None));
        one.merge(two);
        assert_eq!(one.restarted().as_deref(), Some("i-1"));
        let mut within = Backends::default();
        answer(&mut within, b"i-1", Some(b"a"));
        answer(&mut within, b"i-1", Some(b"b"));
        assert_eq!(within.restarted().as_deref(), Some("i-1"));
    }

    #[test]
    fn invented_names_do_not_fill_the_memory() {
        let mut backends = Backends::default();
        for number in 0..3000 {
            answer(&mut backends, format!("i-{number}").as_bytes(), None);
        }
        assert!(backends.answers().len() <= MOST_BACKENDS + 1);
        assert_eq!(backends.answers().iter().map(|(_, count)| count).sum::<u64>(), 3000);
    }
}
