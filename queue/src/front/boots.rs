//! Boots of the members of one cluster: how long each lasted, and which ended too early. Pure: both clocks are inputs.
//!
//! How old a boot is when it becomes known is read from the wall clock, against its start as EC2 tells it; from then on a clock
//! counts that nobody sets. So no time is negative, and none becomes less.

use std::collections::BTreeMap;

/// Least time of a boot, in milliseconds (EC2 pricing: Linux instances are billed by the second, 60 seconds at least).
const LEAST_MILLIS: u64 = 60_000;

/// A moment by both clocks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// Since 1970.
    pub(super) wall: i64,
    /// Since the front's start.
    pub(super) front: u64,
}

/// All boots of one cluster since the front's start.
#[derive(Debug, Default)]
pub(super) struct Boots {
    /// Those of members, by id.
    present: BTreeMap<String, Boot>,
    /// Those that are over, by id and start in seconds since 1970.
    over: BTreeMap<(String, Option<i64>), Boot>,
    lost: u64,
}

#[derive(Clone, Debug)]
struct Boot {
    since: Option<i64>,
    /// Its age when it became known.
    age: u64,
    /// When that was.
    from: u64,
    /// When it was no member any more.
    to: Option<u64>,
    /// The processes of puller and program, as they last named themselves.
    processes: Option<String>,
}

impl Boots {
    /// These are the members now, with the start of the boot of each, where it is known. `is_drained` tells whether a member
    /// that was one before had nothing left to do.
    pub(super) fn tell<'a>(
        &mut self,
        now: Moment,
        members: impl IntoIterator<Item = (&'a str, Option<i64>)>,
        is_drained: impl Fn(&str) -> bool,
    ) {
        let mut before = std::mem::take(&mut self.present);
        for (id, since) in members {
            let boot = match before.remove(id) {
                Some(boot) if boot.may_be_of(since) => boot.known_to_be_of(since, now),
                another => {
                    if let Some(ended) = another {
                        self.end(id.to_owned(), ended, now, is_drained(id));
                    }
                    self.begin(id, since, now)
                }
            };
            self.present.insert(id.to_owned(), boot);
        }
        for (id, boot) in before {
            let is_drained = is_drained(&id);
            self.end(id, boot, now, is_drained);
        }
    }

    /// A puller that is well named the processes of its boot. Others than before: requests that they had were lost to them.
    pub(super) fn heard(&mut self, id: &str, processes: &str) {
        let Some(boot) = self.present.get_mut(id) else { return };
        let before = boot.processes.replace(processes.to_owned());
        self.lost += u64::from(before.is_some_and(|before| before != processes));
    }

    /// Whether this boot of a member is another one than before. Not known: it is not.
    pub(super) fn is_another(&self, id: &str, since: Option<i64>) -> bool {
        self.present.get(id).is_some_and(|boot| !boot.may_be_of(since))
    }

    pub(super) fn starts(&self) -> u64 {
        (self.present.len() + self.over.len()) as u64
    }

    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// Time of all of them until now, in milliseconds.
    pub(super) fn millis(&self, now: u64) -> u64 {
        self.present.values().chain(self.over.values()).map(|boot| boot.millis(now)).sum()
    }

    /// One that was away for a while goes on.
    fn begin(&mut self, id: &str, since: Option<i64>, now: Moment) -> Boot {
        let known = since.and_then(|_| self.over.remove(&(id.to_owned(), since)));
        known.map_or_else(|| Boot::new(since, now), |boot| Boot { to: None, ..boot })
    }

    fn end(&mut self, id: String, boot: Boot, now: Moment, is_drained: bool) {
        self.lost += u64::from(!is_drained);
        self.over.insert((id, boot.since), Boot { to: Some(now.front), ..boot });
    }
}

impl Boot {
    fn new(since: Option<i64>, now: Moment) -> Self {
        Self { since, age: since.map_or(0, |since| age(since, now)), from: now.front, to: None, processes: None }
    }

    fn may_be_of(&self, since: Option<i64>) -> bool {
        self.since.is_none() || since.is_none() || self.since == since
    }

    /// Its start may have become known only now.
    fn known_to_be_of(self, since: Option<i64>, now: Moment) -> Self {
        match (self.since, since) {
            (None, Some(start)) => Self { since, age: age(start, now), from: now.front, ..self },
            _ => self,
        }
    }

    fn millis(&self, now: u64) -> u64 {
        (self.age + self.to.unwrap_or(now).saturating_sub(self.from)).max(LEAST_MILLIS)
    }
}

/// Time since a start in seconds since 1970; a start in the future is now.
fn age(since: i64, now: Moment) -> u64 {
    u64::try_from(now.wall.saturating_sub(since.saturating_mul(1_000))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: i64 = 1_000_000;

    /// So many seconds after `START`; the front began 500 s after it.
    fn at(seconds: u64) -> Moment {
        Moment { wall: START * 1_000 + seconds as i64 * 1_000, front: (seconds - 500) * 1_000 }
    }

    /// Members with starts in seconds after `START`.
    fn members<'a>(all: &[(&'a str, i64)]) -> Vec<(&'a str, Option<i64>)> {
        all.iter().map(|(id, since)| (*id, Some(START + since))).collect()
    }

    fn seconds(boots: &Boots, now: u64) -> (u64, u64, u64) {
        (boots.starts(), boots.millis(at(now).front) / 1_000, boots.lost())
    }

    #[test]
    fn time_is_from_the_start_to_the_end_of_membership_and_sixty_seconds_at_least() {
        let mut boots = Boots::default();
        // Two that began 30 and 100 s ago.
        boots.tell(at(600), members(&[("a", 570), ("b", 500)]), |_| true);
        assert_eq!(seconds(&boots, 600), (2, 60 + 100, 0));
        assert_eq!(seconds(&boots, 620), (2, 60 + 120, 0));
        assert_eq!(seconds(&boots, 650), (2, 80 + 150, 0));
        // b goes after 200 s, c came 10 s ago and goes 5 s later, all between two looks.
        boots.tell(at(700), members(&[("a", 570), ("c", 690)]), |_| true);
        boots.tell(at(705), members(&[("a", 570)]), |_| true);
        assert_eq!(seconds(&boots, 770), (3, 200 + 200 + 60, 0));
        boots.tell(at(770), members(&[]), |_| true);
        assert_eq!(seconds(&boots, 5_000), (3, 200 + 200 + 60, 0));
    }

    #[test]
    fn another_start_of_the_same_instance_is_another_boot_and_the_same_one_goes_on() {
        let mut boots = Boots::default();
        boots.tell(at(600), members(&[("a", 600)]), |_| true);
        boots.tell(at(690), members(&[]), |_| true);
        assert_eq!(seconds(&boots, 800), (1, 90, 0));
        // It was started again, and once more while it was a member.
        boots.tell(at(810), members(&[("a", 800)]), |_| true);
        assert_eq!(seconds(&boots, 880), (2, 90 + 80, 0));
        assert!(boots.is_another("a", Some(START + 900)) && !boots.is_another("a", Some(START + 800)));
        boots.tell(at(910), members(&[("a", 900)]), |_| true);
        assert_eq!(seconds(&boots, 1_000), (3, 90 + 110 + 100, 0));
        // A list without it, and with it again: it was paid for all the time.
        boots.tell(at(1_000), members(&[]), |_| true);
        boots.tell(at(1_010), members(&[("a", 900)]), |_| true);
        assert_eq!(seconds(&boots, 1_020), (3, 90 + 110 + 120, 0));
    }

    #[test]
    fn no_time_is_negative_or_becomes_less_whatever_the_wall_clock_does() {
        let mut boots = Boots::default();
        // Its start is in the future.
        boots.tell(at(600), members(&[("a", 640)]), |_| true);
        assert_eq!(seconds(&boots, 600), (1, 60, 0));
        assert_eq!(seconds(&boots, 700), (1, 100, 0));
        let back = Moment { wall: START * 1_000, ..at(710) };
        boots.tell(back, members(&[("a", 640)]), |_| true);
        assert_eq!(seconds(&boots, 710), (1, 110, 0));
        // A start that is known only later.
        boots.tell(at(720), [("a", Some(START + 640)), ("b", None)], |_| true);
        assert_eq!(seconds(&boots, 720), (2, 120 + 60, 0));
        boots.tell(at(730), members(&[("a", 640), ("b", 650)]), |_| true);
        boots.tell(at(740), [("a", None), ("b", None)], |_| true);
        assert_eq!(seconds(&boots, 740), (2, 140 + 90, 0));
    }

    #[test]
    fn lost_is_who_goes_undrained_and_every_restart() {
        let mut boots = Boots::default();
        boots.tell(at(600), members(&[("a", 600), ("b", 600), ("c", 600)]), |_| false);
        assert_eq!(boots.lost(), 0);
        boots.tell(at(700), members(&[("c", 600)]), |id| id == "a");
        assert_eq!(boots.lost(), 1, "b");
        boots.heard("c", "p1-x1");
        boots.heard("c", "p1-x1");
        assert_eq!(boots.lost(), 1);
        boots.heard("c", "p1-x2");
        boots.heard("c", "p2-x2");
        assert_eq!(boots.lost(), 3, "its program, then its puller");
        // Another boot has other processes.
        boots.tell(at(800), members(&[("c", 790)]), |_| true);
        boots.heard("c", "p3-x3");
        boots.heard("nobody", "p4");
        assert_eq!(boots.lost(), 3);
        boots.tell(at(900), members(&[("c", 890)]), |_| false);
        assert_eq!(boots.lost(), 4, "stopped by somebody else");
    }
}
