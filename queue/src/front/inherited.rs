//! Messages in the request queue that this process did not send, or has forgotten: those of a front before it. Pure.
//!
//! The process does not know them; SQS counts them, and what it counts is late: the numbers "may not achieve consistency until at
//! least 1 minute after the producers stop sending messages" (SQS API reference, GetQueueAttributes). So what it says now is of
//! some moment of the last two minutes. In no moment were more messages of this process in the queue than the most that it had
//! open then. What SQS says beyond that most is of others, however late it is; and as soon as it says less, they are fewer.
//!
//! A process that is younger than these two minutes does not know what the one before it had open: nothing is proven yet.

use std::collections::VecDeque;

/// The age that counts of SQS may have, in milliseconds: the minute that AWS names, twice, because it is the least.
pub(super) const LATE_MILLIS: u64 = 120_000;

/// What SQS's counts say of messages that are not this process's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Inherited {
    /// So many are there.
    pub(super) proven: u64,
    /// So many may be there, and none is proven.
    pub(super) unclear: u64,
}

impl Inherited {
    /// SQS counts so many messages, of which at most `own` can be this process's, at so many milliseconds since its start.
    pub(super) fn of(counted: u64, own: u64, now: u64) -> Self {
        let beyond = counted.saturating_sub(own);
        if now < LATE_MILLIS { Self { unclear: beyond, proven: 0 } } else { Self { proven: beyond, unclear: 0 } }
    }
}

/// The most of a number over the last [`LATE_MILLIS`].
#[derive(Debug, Default)]
pub(super) struct Peaks {
    /// The most within each second in which it changed, the oldest first.
    seconds: VecDeque<(u64, u64)>,
    /// What it is now.
    last: u64,
}

impl Peaks {
    /// It is so many from now on.
    pub(super) fn note(&mut self, now: u64, number: u64) {
        let second = now / 1_000;
        match self.seconds.back_mut() {
            Some((at, most)) if *at >= second => *most = (*most).max(number),
            // Until now it was what it was before.
            _ => self.seconds.push_back((second, self.last.max(number))),
        }
        self.last = number;
        while self.seconds.front().is_some_and(|(at, _)| is_past(*at, now)) {
            self.seconds.pop_front();
        }
    }

    /// The most that it was lately.
    pub(super) fn most(&self, now: u64) -> u64 {
        let lately = self.seconds.iter().filter(|(at, _)| !is_past(*at, now)).map(|(_, most)| *most);
        lately.max().unwrap_or_default().max(self.last)
    }
}

/// Whether all of a second is longer ago than a count may be.
fn is_past(second: u64, now: u64) -> bool {
    (second + 1) * 1_000 + LATE_MILLIS < now
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_young_process_proves_nothing_and_an_old_one_what_is_beyond_its_own() {
        assert_eq!(Inherited::of(7, 2, LATE_MILLIS - 1), Inherited { proven: 0, unclear: 5 });
        assert_eq!(Inherited::of(7, 2, LATE_MILLIS), Inherited { proven: 5, unclear: 0 });
        assert_eq!(Inherited::of(7, 9, LATE_MILLIS), Inherited::default());
    }

    #[test]
    fn a_peak_is_known_for_as_long_as_sqs_may_speak_of_it() {
        let mut own = Peaks::default();
        own.note(10_000, 50);
        own.note(11_500, 0);
        assert_eq!((own.most(12_000), own.most(11_500 + LATE_MILLIS)), (50, 50));
        assert_eq!(own.most(13_000 + LATE_MILLIS), 0);
        own.note(500_000, 3);
        assert_eq!((own.most(900_000), own.seconds.len()), (3, 1), "it still is");
    }

    proptest! {
        /// The queue holds what is this process's and others'; SQS tells how it was in any moment of the last two minutes.
        #[test]
        fn however_late_the_counts_are_no_message_is_made_up(
            steps in proptest::collection::vec((0..60_000_u64, 0..40_u64, 0..6_u64), 1..40),
            late in 0..=LATE_MILLIS,
            looks in proptest::collection::vec(0..200_000_u64, 1..20),
        ) {
            let (mut own, mut queue, mut now) = (Peaks::default(), vec![(0, 0, 0)], 0);
            for (pause, number, others) in steps {
                now += pause;
                own.note(now, number);
                queue.push((now, number, others));
            }
            let at = |moment: u64| *queue.iter().rev().find(|(since, ..)| *since <= moment).unwrap();
            for look in looks {
                let look = now + look;
                let (_, mine, others) = at(look.saturating_sub(late));
                let Inherited { proven, .. } = Inherited::of(mine + others, own.most(look), look);
                prop_assert!(proven <= others, "{} of {}", proven, others);
                if look > now + 2 * LATE_MILLIS {
                    let (_, mine, others) = at(look);
                    prop_assert_eq!(Inherited::of(mine + others, own.most(look), look).proven, others);
                }
            }
        }
    }
}
