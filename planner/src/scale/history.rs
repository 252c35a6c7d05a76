//! The history of a scaled cluster, as far as this process saw it. Losing it only delays that somebody goes.

use std::collections::{BTreeMap, VecDeque};

use jiff::{SignedDuration, Timestamp};

use super::needs::Needs;

/// Boots whose mean is the time that the next one takes.
const BOOTS: usize = 20;

/// What is remembered of a scaled cluster.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// What its rule needed.
    pub needs: Needs,
    /// Seconds that the last boots took, the newest last.
    boots: VecDeque<f64>,
    /// The last boot of each instance.
    last: BTreeMap<String, Boot>,
    /// Since when instances are wanted that did not come, and how many there were then.
    lack: Option<(Timestamp, u32)>,
}

/// A boot of an instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Boot {
    /// When it began.
    since: Timestamp,
    stage: Stage,
    /// It takes no more requests, and is never told otherwise.
    is_leaving: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// It was seen before it was ready.
    Awaited,
    Served,
    /// It has ended: what shows it running is from the past.
    Over,
}

/// What a look shows of a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Booting,
    Serving,
    Over,
    /// It runs, and nobody could say whether it serves.
    Unclear,
}

impl History {
    /// That of a cluster that was not looked at yet.
    pub(crate) const fn new() -> Self {
        Self { needs: Needs::new(), boots: VecDeque::new(), last: BTreeMap::new(), lack: None }
    }

    /// Mean time of the boots that were seen from the start to the readiness.
    #[allow(clippy::cast_precision_loss, reason = "twenty at most")]
    pub(crate) fn boot(&self) -> Option<f64> {
        (!self.boots.is_empty()).then(|| self.boots.iter().sum::<f64>() / self.boots.len() as f64)
    }

    /// Whether the boot that began then has ended already.
    pub(crate) fn is_over(&self, id: &str, since: Timestamp) -> bool {
        self.last.get(id).is_some_and(|boot| boot.since > since || boot.since == since && boot.stage == Stage::Over)
    }

    /// Whether the boot that began then was ready before.
    pub(crate) fn has_served(&self, id: &str, since: Timestamp) -> bool {
        self.last.get(id).is_some_and(|boot| boot.since == since && boot.stage == Stage::Served)
    }

    /// Whether the boot that began then was told to finish.
    pub(crate) fn is_leaving(&self, id: &str, since: Timestamp) -> bool {
        self.last.get(id).is_some_and(|boot| boot.since == since && boot.is_leaving)
    }

    /// When the present boot of an instance began, as the latest list tells it.
    pub(crate) fn since(&self, id: &str) -> Option<Timestamp> {
        self.last.get(id).map(|boot| boot.since)
    }

    /// Notes what a look shows of an instance. `counts`: this is a boot of the sort that others will be.
    pub(crate) fn note(
        &mut self,
        (id, since): (&str, Timestamp),
        seen: Seen,
        (is_leaving, counts): (bool, bool),
        now: Timestamp,
    ) {
        let before = self.last.get(id).copied();
        // A list from the past.
        if before.is_some_and(|boot| boot.since > since) {
            return;
        }
        let before = before.filter(|boot| boot.since == since);
        let stage = match (before.map(|boot| boot.stage), seen) {
            (Some(Stage::Over), _) | (_, Seen::Over) => Stage::Over,
            (Some(Stage::Served), _) | (_, Seen::Serving) => Stage::Served,
            (None | Some(Stage::Awaited), Seen::Booting | Seen::Unclear) => Stage::Awaited,
        };
        // Nobody knows since when one is ready that was so at the first look.
        let was_awaited = before.is_some_and(|boot| boot.stage == Stage::Awaited);
        if was_awaited && stage == Stage::Served && counts {
            self.boots.push_back(now.duration_since(since).as_secs_f64());
            if self.boots.len() > BOOTS {
                self.boots.pop_front();
            }
        }
        let is_leaving = is_leaving || before.is_some_and(|boot| boot.is_leaving);
        self.last.insert(id.to_owned(), Boot { since, stage, is_leaving });
    }

    /// So many more are wanted than the number that is there or coming.
    pub(crate) fn note_lack(&mut self, more: u32, there: u32, now: Timestamp) {
        let is_same = |(_, before): &(Timestamp, u32)| there <= *before;
        self.lack = (more > 0).then(|| self.lack.filter(is_same).unwrap_or((now, there)));
    }

    /// Whether instances have been wanted for so long, and none came.
    pub(crate) fn has_lacked_for(&self, time: SignedDuration, now: Timestamp) -> bool {
        self.lack.is_some_and(|(since, _)| now.duration_since(since) >= time)
    }

    /// Forgets instances that nothing names any more.
    pub(crate) fn retain(&mut self, is_known: impl Fn(&str) -> bool) {
        self.last.retain(|id, _| is_known(id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap_or_default()
    }

    fn noted(looks: &[(i64, i64, Seen)]) -> History {
        let mut history = History::default();
        for (now, since, seen) in looks {
            history.note(("i-1", at(*since)), *seen, (false, true), at(*now));
        }
        history
    }

    #[test]
    fn a_boot_is_timed_where_it_was_seen_from_before_its_end() {
        use Seen::{Booting, Over, Serving};
        assert_eq!(noted(&[(5, 0, Booting), (42, 0, Serving), (60, 0, Serving)]).boot(), Some(42.0));
        assert_eq!(noted(&[(42, 0, Serving)]).boot(), None, "nobody knows since when");
        let twice =
            noted(&[(5, 0, Booting), (40, 0, Serving), (99, 0, Over), (101, 100, Booting), (120, 100, Serving)]);
        assert_eq!(twice.boot(), Some(30.0));
    }

    #[test]
    fn a_list_from_the_past_brings_nobody_back() {
        use Seen::{Booting, Over, Serving};
        let history = noted(&[(42, 0, Serving), (99, 0, Over), (100, 0, Serving)]);
        assert!(history.is_over("i-1", at(0)) && !history.is_over("i-1", at(150)));
        let again = noted(&[(42, 0, Serving), (151, 150, Booting), (152, 0, Over)]);
        assert!(again.is_over("i-1", at(0)) && !again.is_over("i-1", at(150)));
        assert_eq!(again.since("i-1"), Some(at(150)));
    }

    #[test]
    fn a_lack_lasts_until_one_comes_or_none_is_wanted() {
        let (mut history, minute) = (History::default(), SignedDuration::from_secs(60));
        let mut lacks = |at_second: i64, more: u32, there: u32| {
            history.note_lack(more, there, at(at_second));
            history.has_lacked_for(minute, at(at_second))
        };
        assert!(!lacks(0, 3, 1) && !lacks(59, 2, 1) && lacks(60, 2, 1) && lacks(61, 2, 0));
        assert!(!lacks(62, 1, 2), "one came");
        assert!(!lacks(100, 1, 2) && !lacks(110, 0, 2) && !lacks(130, 1, 2) && lacks(190, 1, 2));
    }

    #[test]
    fn who_leaves_leaves_until_the_next_boot() {
        let mut history = History::default();
        history.note(("i-1", at(0)), Seen::Serving, (true, true), at(80));
        history.note(("i-1", at(0)), Seen::Serving, (false, true), at(82));
        assert!(history.is_leaving("i-1", at(0)));
        history.note(("i-1", at(100)), Seen::Booting, (false, true), at(101));
        assert!(!history.is_leaving("i-1", at(100)));
        assert!(!history.has_served("i-1", at(100)));
    }
}
