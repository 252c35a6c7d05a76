//! The parts of the rule, one by one. What they do together is shown in `policy::goals`.

use super::*;
use crate::policy::checks::random;
use rand_chacha::ChaCha8Rng;

const MILLI: u64 = 1_000_000;

/// Members driven by hand: each call is one event at the time it is given, in milliseconds.
struct Hand {
    policy: ShortestExpectedDelay,
    members: Vec<Candidate>,
    random: ChaCha8Rng,
}

impl Hand {
    fn new(parallelism: &[Option<Parallelism>]) -> Self {
        let candidate = |(key, parallelism): (usize, &Option<Parallelism>)| Candidate {
            key: MemberKey(key as u64),
            in_flight: 0,
            parallelism: *parallelism,
            round_trip: Nanos(0),
        };
        let members: Vec<Candidate> = parallelism.iter().enumerate().map(candidate).collect();
        let mut policy = ShortestExpectedDelay::default();
        policy.members(Nanos(0), &members.iter().map(|member| member.key).collect::<Vec<_>>());
        Self { policy, members, random: random(1) }
    }

    /// The member that the next request goes to; `None` when it is held.
    fn pick(&mut self, millis: u64, parked: usize, may_hold: bool) -> Option<usize> {
        let ask = Ask { candidates: &self.members, parked, may_hold };
        match self.policy.pick(Nanos(millis * MILLI), &ask, &mut self.random) {
            Pick::Send { index, .. } => {
                self.members[index].in_flight += 1;
                Some(index)
            }
            Pick::Hold { until } => {
                assert!(until > Nanos(millis * MILLI));
                None
            }
            Pick::Probe => panic!("it needs no probes"),
        }
    }

    fn finish(&mut self, millis: u64, index: usize, outcome: Outcome, latency_millis: u64) {
        self.members[index].in_flight -= 1;
        let (now, latency) = (Nanos(millis * MILLI), Nanos(latency_millis * MILLI));
        self.policy.finished(now, self.members[index].key, 1, outcome, latency);
    }

    /// One request to each free member and its answer, so many times, each after ten milliseconds.
    fn warm(&mut self, rounds: u64) -> u64 {
        for round in 0..rounds {
            let sent: Vec<usize> = (0..self.members.len()).filter_map(|_| self.pick(round * 10, 1, true)).collect();
            sent.into_iter().for_each(|index| self.finish(round * 10 + 10, index, Outcome::Success, 10));
        }
        rounds * 10
    }
}

fn slots(count: u32) -> Option<Parallelism> {
    Some(Parallelism::Slots(count))
}

#[test]
fn full_members_are_waited_for_and_members_without_a_limit_are_not() {
    let mut hand = Hand::new(&[slots(1), slots(2)]);
    let now = hand.warm(50);
    let mut sent: Vec<_> = (0..4).map(|_| hand.pick(now, 1, true)).collect();
    assert_eq!(sent.pop(), Some(None), "three slots, three requests");
    sent.sort_unstable();
    assert_eq!(sent, [Some(0), Some(1), Some(1)]);
    assert!(hand.pick(now, 1, false).is_some(), "a retry is not held");
    let mut unknown = Hand::new(&[None, None]);
    let now = unknown.warm(50);
    assert!((0..6).all(|_| unknown.pick(now, 1, true).is_some()));
    assert_eq!([unknown.members[0].in_flight, unknown.members[1].in_flight], [3, 3]);
}

#[test]
fn an_overflowing_queue_is_not_held_back() {
    let mut hand = Hand::new(&[slots(1), slots(1)]);
    let now = hand.warm(50);
    assert!((0..2).all(|_| hand.pick(now, 1, true).is_some()));
    assert_eq!(hand.pick(now, 2, true), None);
    assert!(hand.pick(now, 1_000, true).is_some());
}

#[test]
fn four_failures_in_a_row_take_a_member_out_and_one_trial_decides_about_it() {
    let mut hand = Hand::new(&[slots(1), slots(1), slots(1)]);
    let mut now = hand.warm(50);
    let fail = |hand: &mut Hand, now: u64, index: usize| {
        hand.members[index].in_flight += 1;
        hand.finish(now, index, Outcome::Failure, 1);
    };
    for _ in 0..3 {
        fail(&mut hand, now, 0);
        assert!(!hand.policy.opinion(Nanos(0), MemberKey(0)).is_ejected);
    }
    fail(&mut hand, now, 0);
    assert!(hand.policy.opinion(Nanos(0), MemberKey(0)).is_ejected);
    // Never more than half: the second to fail is one too many of three, and all are let in again.
    now += 500;
    let free: Vec<_> = (0..2).map(|_| hand.pick(now, 1, true)).collect();
    assert!(!free.contains(&Some(0)) && !free.contains(&None), "{free:?}");
    free.into_iter().flatten().for_each(|index| hand.finish(now + 10, index, Outcome::Success, 10));
    now += 600;
    hand.members.truncate(1);
    assert_eq!(hand.pick(now, 1, true), Some(0), "its second is over, and it is the only candidate");
    hand.finish(now + 10, 0, Outcome::Success, 10);
    assert!(!hand.policy.opinion(Nanos(0), MemberKey(0)).is_ejected);
    (0..4).for_each(|_| fail(&mut hand, now + 20, 0));
    (0..4).for_each(|_| hand.policy.finished(Nanos(now * MILLI), MemberKey(1), 1, Outcome::Failure, Nanos(1)));
    assert!(!hand.policy.opinion(Nanos(0), MemberKey(1)).is_ejected);
}

#[test]
fn a_failure_is_no_latency() {
    let mut hand = Hand::new(&[slots(1), slots(1)]);
    hand.warm(50);
    let before = hand.policy.opinion(Nanos(0), MemberKey(0)).service;
    for _ in 0..100 {
        hand.members[0].in_flight += 1;
        hand.finish(501, 0, Outcome::Failure, 0);
    }
    assert_eq!(hand.policy.opinion(Nanos(0), MemberKey(0)).service, before);
    assert!(before.is_some_and(|service| service.micros().abs_diff(10_000) < 100), "{before:?}");
}

#[test]
fn a_silent_member_is_as_slow_as_its_silence() {
    let mut hand = Hand::new(&[slots(8), slots(8)]);
    let now = hand.warm(50);
    assert!((0..2).all(|_| hand.pick(now, 1, true).is_some()));
    hand.finish(now + 10, 1, Outcome::Success, 10);
    // Member 0 owes an answer for 300 ms, thirty times its service: the other is taken though it is fuller.
    let later = now + 300;
    assert!((0..6).all(|_| hand.pick(later, 1, true) == Some(1)));
}

/// The operator looks at the balancer before the first request.
#[test]
fn a_member_that_was_never_asked_about_has_an_opinion_without_parallelism() {
    let hand = Hand::new(&[Some(Parallelism::Vcpus(2))]);
    let opinion = hand.policy.opinion(Nanos(0), hand.members[0].key);
    assert_eq!((opinion.parallelism, opinion.is_hint_refuted), (None, false));
}
