//! The rate limit of changes, and of looks at single load balancers: all objects of a region take turns, so that AWS has no
//! reason to throttle them.
//!
//! EC2 counts for the whole account and region: a hundred benchmarks that launch at once would be refused most of
//! their calls, repeat them, and starve everybody else of theirs. A launch must not wait after it was written down,
//! because it may be sent for two minutes only; so its turn is given when it is written down, and when that is too far
//! away it is not written down yet. Any subset of a plan may be carried out: what waits is planned again.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};

use api::Launch;
use jiff::{SignedDuration, Timestamp};
use planner::effect::{Action, Quota};
use planner::{Plan, World};

/// Between two passes of an object whose launches are not written down yet.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_secs(60);

/// RateLimit of launches that are written down, by token.
pub(crate) type Given = BTreeMap<String, Timestamp>;

/// Rate limits by region.
#[derive(Default)]
pub(crate) struct RateLimit(Mutex<HashMap<String, Region>>);

/// EC2's buckets (EC2 developer guide, "Request throttling"): RunInstances 5 calls and 2 a second, and 1,000 instances
/// and 2 a second; StartInstances 5 calls and 2 a second; changes of groups and of rules 50 each and 5 a second; terminations 100
/// and 5 a second. ELB's (ELB user
/// guide, "API throttling"): changes 20 and 3 a second, and 40 lists and 10 a second, of which the lists for all objects need some. We take half of what comes
/// back. SQS and S3 publish no rate for changes of queues and buckets: a pace at which EC2 would not mind.
#[derive(Debug)]
struct Region {
    launches: Queue,
    /// What is really sent: turns that were missed may come together.
    sends: Queue,
    /// Calls of RunInstances too, and slower than all sends together: a launch that is written down must not wait for them.
    rehearsals: Queue,
    instances: Queue,
    groups: Queue,
    rules: Queue,
    terminations: Queue,
    starts: Queue,
    balancing: Queue,
    queues: Queue,
    looks: Queue,
}

impl Default for Region {
    fn default() -> Self {
        Self {
            launches: Queue::new(5, 1_000),
            sends: Queue::new(5, 2_000),
            rehearsals: Queue::new(5, 1_000),
            instances: Queue::new(500, 1_000),
            groups: Queue::new(25, 2_500),
            rules: Queue::new(25, 2_500),
            terminations: Queue::new(50, 2_500),
            starts: Queue::new(2, 1_000),
            balancing: Queue::new(10, 1_500),
            queues: Queue::new(10, 2_500),
            looks: Queue::new(20, 4_000),
        }
    }
}

impl RateLimit {
    /// Whether a load balancer of the region may be looked at now, which takes so many calls.
    pub(crate) fn look(&self, region: &str, calls: u32, now: Timestamp) -> bool {
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let looks = &mut regions.entry(region.to_owned()).or_default().looks;
        let may = looks.next(now) <= now;
        if may {
            looks.take(calls, now);
        }
        may
    }

    /// The queues of every region that are not full, each with its name and the time at which it is full again.
    pub(crate) fn taken(&self, now: Timestamp) -> Vec<(&'static str, Timestamp)> {
        let regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = regions.values().flat_map(|region| {
            let Region { launches, sends, rehearsals, instances, groups, rules, .. } = region;
            let Region { terminations, starts, balancing, queues, looks, .. } = region;
            [
                ("launches", launches.full_at),
                ("sends", sends.full_at),
                ("rehearsals", rehearsals.full_at),
                ("instances", instances.full_at),
                ("groups", groups.full_at),
                ("rules", rules.full_at),
                ("terminations", terminations.full_at),
                ("starts", starts.full_at),
                ("balancing", balancing.full_at),
                ("queues", queues.full_at),
                ("looks", looks.full_at),
            ]
        });
        all.filter(|(_, full_at)| *full_at > now).collect()
    }

    /// Takes out of a plan what has to wait, and says when the next pass is due.
    pub(crate) fn take(&self, world: &World, plan: &mut Plan, given: &mut Given, now: Timestamp) {
        // A launch is written down so long before its turn at most: half of the time in which it may be sent.
        let longest = world.settings.launch_window / 2;
        let before = &world.object.status.launches;
        let mut regions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let region = regions.entry(world.region().to_owned()).or_default();
        region.write_down(before, plan, given, longest, now);
        let mut wait: Option<SignedDuration> = None;
        plan.effects.retain(|effect| {
            let turn = region.turn(&effect.action, given, now);
            let pause = turn.duration_since(now);
            if pause.is_positive() {
                wait = Some(wait.map_or(pause, |least| least.min(pause)));
            }
            !pause.is_positive()
        });
        if let Some(wait) = wait {
            plan.wake = if plan.effects.is_empty() { plan.wake.max(wait.min(longest)) } else { plan.wake.min(wait) };
        }
        given.retain(|token, _| plan.ledger.iter().any(|line| line.token == *token));
    }
}

impl Region {
    /// Gives each new line its turn, or none to any of them when that is too far away.
    fn write_down(
        &mut self,
        before: &[Launch],
        plan: &mut Plan,
        given: &mut Given,
        longest: SignedDuration,
        now: Timestamp,
    ) {
        let is_new = |line: &Launch| !before.iter().any(|old| old.token == line.token);
        let count = plan.ledger.iter().filter(|line| is_new(line)).count();
        if count == 0 {
            return;
        }
        let ahead = self.launches.next(now).max(self.instances.next(now)).duration_since(now);
        if ahead > longest {
            plan.ledger.retain(|line| !is_new(line));
            plan.wake = (ahead - longest / 2).min(LONGEST_PAUSE);
            return;
        }
        for line in plan.ledger.iter().filter(|line| is_new(line)) {
            let instances = u32::try_from(line.count).unwrap_or(0);
            given.insert(line.token.clone(), self.launch(instances, now));
        }
    }

    fn launch(&mut self, instances: u32, now: Timestamp) -> Timestamp {
        self.launches.take(1, now).max(self.instances.take(instances, now))
    }

    fn rehearsal(&mut self, now: Timestamp) -> Timestamp {
        let turn = self.rehearsals.next(now).max(self.sends.next(now));
        if turn <= now {
            self.rehearsals.take(1, now);
            self.sends.take(1, now);
        }
        turn
    }

    /// When the call of a launch may be made; now if it may. The same call again is another turn.
    fn send(&mut self, token: &str, instances: u32, given: &mut Given, now: Timestamp) -> Timestamp {
        let turn = *given.entry(token.to_owned()).or_insert_with(|| self.launch(instances, now));
        let turn = turn.max(self.sends.next(now));
        if turn <= now {
            self.sends.take(1, now);
            given.remove(token);
        }
        turn
    }

    /// When an action may be tried; now if it may.
    fn turn(&mut self, action: &Action, given: &mut Given, now: Timestamp) -> Timestamp {
        let queue = match action.nature().quota {
            None => return now,
            Some(Quota::Launches { token, instances }) => return self.send(token, instances, given, now),
            Some(Quota::Rehearsals) => return self.rehearsal(now),
            Some(Quota::Groups) => &mut self.groups,
            Some(Quota::Rules) => &mut self.rules,
            Some(Quota::Terminations) => &mut self.terminations,
            Some(Quota::Starts) => &mut self.starts,
            Some(Quota::Balancing) => &mut self.balancing,
            Some(Quota::Queues) => &mut self.queues,
        };
        let next = queue.next(now);
        if next <= now { queue.take(1, now) } else { next }
    }
}

/// A token bucket that gives turns in the future too: kept as the time at which it is full again.
#[derive(Debug)]
struct Queue {
    full_at: Timestamp,
    /// How long it takes to fill.
    fills_in: SignedDuration,
    /// For one token.
    interval: SignedDuration,
}

impl Queue {
    fn new(tokens: i32, thousandths_per_second: i64) -> Self {
        let interval = SignedDuration::from_micros(1_000_000_000 / thousandths_per_second);
        Self { full_at: Timestamp::UNIX_EPOCH, fills_in: interval * tokens, interval }
    }

    /// When the next token is there.
    fn next(&self, now: Timestamp) -> Timestamp {
        now.max(self.full_at + self.interval - self.fills_in)
    }

    fn take(&mut self, tokens: u32, now: Timestamp) -> Timestamp {
        let turn = self.next(now);
        let cost = self.interval * i32::try_from(tokens).unwrap_or(i32::MAX);
        self.full_at = self.full_at.max(now) + cost;
        turn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(1_800_000_000_000 + millis).unwrap()
    }

    #[test]
    fn a_queue_gives_what_it_holds_at_once_and_then_turns_in_order() {
        let mut queue = Queue::new(3, 2_000);
        let turns: Vec<i64> = (0..6).map(|_| queue.take(1, at(0)).duration_since(at(0)).as_millis() as i64).collect();
        assert_eq!(turns, [0, 0, 0, 500, 1_000, 1_500]);
        // Full again after a while, and not fuller.
        let later: Vec<i64> =
            (0..4).map(|_| queue.take(1, at(60_000)).duration_since(at(60_000)).as_millis() as i64).collect();
        assert_eq!(later, [0, 0, 0, 500]);
    }

    /// However many benchmarks are refused and ask again: what is written down may be sent for two minutes only.
    #[test]
    fn rehearsals_leave_launches_their_turns() {
        let mut region = Region::default();
        let mut waiting = std::collections::VecDeque::new();
        for millis in (0..120_000).step_by(100) {
            while region.rehearsal(at(millis)) <= at(millis) {}
            if millis % 1_000 == 0 {
                waiting.push_back(millis);
            }
            while let Some(since) = waiting.front().copied().filter(|_| region.sends.next(at(millis)) <= at(millis)) {
                region.sends.take(1, at(millis));
                waiting.pop_front();
                assert!(millis - since <= 5_000, "a launch waited for {} ms", millis - since);
            }
        }
        assert!(waiting.len() <= 5, "{} launches wait", waiting.len());
    }

    /// What EC2 would let through in any ten seconds is never exceeded.
    #[test]
    fn launches_stay_below_what_ec2_refills() {
        let mut region = Region::default();
        let turns: Vec<Timestamp> = (0..100).map(|_| region.launch(1, at(0))).collect();
        for (index, turn) in turns.iter().enumerate() {
            let within = turns[index..].iter().filter(|other| other.duration_since(*turn).as_secs() < 10).count();
            assert!(within <= 15, "{within} launches in ten seconds");
        }
        assert_eq!(turns[99].duration_since(at(0)).as_secs(), 95);
    }
}
