//! The member at which the request is expected to be answered first; until one is free, it waits here.
//!
//! Source: shortest expected delay routing (Banawan and Zahorjan 1989; "JSQ(2) ... SED" in Shortle's textbook), with
//! late binding as in R2P2 (JBSQ, ATC 2019): a request that is sent into a member's queue cannot leave it, so the
//! queue is kept in front of the members as long as their limits are known. That makes it one central queue, which no
//! rule can beat (`simulator::bounds`).
//! Each part answers a pathology of the other rules:
//! - parallelism comes from the instance type (`hints`), so eight cores are not taken for one, and evidence refutes it;
//! - service times are measured at low occupancy only (`speed`), so load is not taken for slowness, and are believed
//!   to differ between members only as far as chance does not explain it (`fleet`), so noise is not followed;
//! - a failure is never a latency: it has a price, and a streak takes the member out (`failures`);
//! - a member that owes an answer for too long is as slow as its silence;
//! - when the queue overflows, or failures are everywhere, nothing is held back.
//!
//! Known pathologies: slots that appear while it runs are found out only under load; demands that vary widely on
//! members that share their cores make holding worse than sending, which is noticed after some hundred answers; a member
//! that was once measured as slower gets nothing, and is not measured anew, while one request comes after the other.

mod failures;
mod fleet;
mod hints;
mod member;
mod speed;
#[cfg(test)]
mod tests;
mod usual;

use rand::{Rng, RngExt};

use self::fleet::Fleet;
use self::hints::Kinds;
use self::member::Member;
use super::roster::Roster;
use super::{Ask, Candidate, MemberKey, Nanos, Opinion, Outcome, Parallelism, Pick, Policy};

/// Costs this close are equal: the estimates are no better, and then the freer member is the safer choice.
const EQUAL: f64 = 1.05;
/// A member is worth waiting for when it is faster by this.
const WORTH_WAITING: f64 = 1.25;
/// A queue that keeps every slot busy for this many service times is deep.
const DEEP_QUEUE: f64 = 4.0;
/// Above this round trip, in parts of the service time, slots would stand idle while answers travel: nothing is held.
const MOST_ROUND_TRIP: f64 = 0.2;
/// Answers up to which estimates are taken anew at each, and at each sixteenth; then at each sixty-fourth.
const EAGER: u64 = 64;
const BRISK: u64 = 2_000;

/// The parts of the rule, to show in an ablation what each is good for.
#[derive(Clone, Copy, Debug)]
pub struct Parts {
    /// Members have limits, and requests wait here.
    pub late_binding: bool,
    /// A request waits for a faster member though a slower one is free.
    pub hold: bool,
    /// Members are believed equal until proven different.
    pub shrinkage: bool,
    /// Failures have a price.
    pub pricing: bool,
    /// A streak of failures takes a member out.
    pub ejection: bool,
    /// Silence makes a member expensive.
    pub silence: bool,
    /// Declared parallelism is used.
    pub hints: bool,
    /// Evidence refutes a declared limit.
    pub refutation: bool,
}

impl Default for Parts {
    fn default() -> Self {
        Self {
            late_binding: true,
            hold: true,
            shrinkage: true,
            pricing: true,
            ejection: true,
            silence: true,
            hints: true,
            refutation: true,
        }
    }
}

/// The default policy.
#[derive(Debug, Default)]
pub struct ShortestExpectedDelay {
    parts: Parts,
    members: Roster<Member>,
    kinds: Kinds,
    fleet: Fleet,
    answers: u64,
    seats: Vec<Seat>,
    /// A member that gets some requests beyond its limit, and how many.
    experiment: Option<(MemberKey, u32)>,
}

/// A candidate, priced.
#[derive(Clone, Copy, Debug)]
struct Seat {
    /// Expected service time, failures and silence included.
    service: f64,
    parallelism: f64,
    /// Requests per slot if this one goes there.
    load: f64,
    cost: f64,
    kind: usize,
    is_full: bool,
    is_limited: bool,
    is_silent: bool,
    is_out: bool,
}

impl ShortestExpectedDelay {
    /// The rule without some of its parts.
    pub fn with(parts: Parts) -> Self {
        Self { parts, ..Self::default() }
    }

    /// Prices all candidates into `seats`.
    fn price(&mut self, now: Nanos, ask: &Ask<'_>) {
        let mut slots = 0.0;
        for candidate in ask.candidates {
            slots += self.learn_kind(candidate);
        }
        let is_over = Fleet::is_over(ask.parked, slots);
        let is_failing = self.fleet.is_failing();
        let holds = ask.may_hold && self.parts.late_binding && !is_over && !is_failing;
        self.seats.clear();
        for candidate in ask.candidates {
            let seat = self.seat(now, candidate, holds, is_failing);
            self.seats.push(seat);
        }
        if self.seats.iter().all(|seat| seat.is_out) {
            self.seats.iter_mut().for_each(|seat| seat.is_out = false);
        }
    }

    /// Takes in what is declared of a member. Its parallelism.
    fn learn_kind(&mut self, candidate: &Candidate) -> f64 {
        let kind = self.kinds.position(candidate.parallelism.filter(|_| self.parts.hints));
        let parallelism = self.kinds.of(kind).parallelism;
        if let Some(member) = self.members.get_mut(candidate.key) {
            (member.kind, member.parallelism) = (kind, parallelism);
        }
        parallelism
    }

    fn seat(&self, now: Nanos, candidate: &Candidate, holds: bool, is_failing: bool) -> Seat {
        let Some(member) = self.members.get(candidate.key) else {
            return Seat {
                service: self.fleet.service.max(1.0),
                parallelism: 1.0,
                load: candidate.in_flight as f64 + 1.0,
                cost: f64::INFINITY,
                kind: 0,
                is_full: false,
                is_limited: false,
                is_silent: false,
                is_out: false,
            };
        };
        let kind = self.kinds.of(member.kind);
        let parallelism = kind.parallelism;
        let mut service = member.expected.max(1.0);
        let round_trip = candidate.round_trip.0 as f64;
        let shares_cores = !matches!(candidate.parallelism, Some(Parallelism::Slots(_)));
        let is_limited = holds
            && kind.limit.is_finite()
            && round_trip <= MOST_ROUND_TRIP * service.max(self.fleet.service)
            && !(shares_cores && self.fleet.is_wide);
        // What the way there and back would leave idle is sent ahead.
        let ahead = if member.expected > 0.0 { (parallelism * round_trip / service).ceil() } else { 0.0 };
        let in_flight = candidate.in_flight as f64;
        if self.parts.pricing {
            service *= member.failures.price(self.fleet.others(member));
        }
        let silence = if self.parts.silence { member.silence(now, service) } else { None };
        service = service.max(silence.unwrap_or(0.0));
        let load = (in_flight + 1.0) / parallelism;
        Seat {
            service,
            parallelism,
            load,
            cost: service * load.max(1.0),
            kind: member.kind,
            is_full: is_limited && in_flight >= kind.limit + ahead,
            is_limited,
            is_silent: silence.is_some(),
            is_out: self.parts.ejection && !is_failing && member.failures.is_out(now),
        }
    }

    /// The usable seat of least cost; among equal ones the freest, then any.
    fn best(&self, random: &mut dyn Rng) -> Option<usize> {
        let usable = || self.seats.iter().enumerate().filter(|(_, seat)| !seat.is_full && !seat.is_out);
        let least = usable().map(|(_, seat)| seat.cost).fold(f64::INFINITY, f64::min);
        let (mut best, mut ties) = (None::<(usize, f64)>, 1u32);
        for (index, seat) in usable().filter(|(_, seat)| seat.cost <= EQUAL * least) {
            match best {
                Some((_, load)) if seat.load > load => {}
                Some((_, load)) if seat.load == load => {
                    ties += 1;
                    if random.random_range(0..ties) == 0 {
                        best = Some((index, load));
                    }
                }
                _ => (best, ties) = (Some((index, seat.load)), 1),
            }
        }
        best.map(|(index, _)| index)
    }

    /// True when waiting for a slot of a faster member promises an earlier answer than going to this one now.
    fn is_worth_waiting(&self, seat: &Seat, parked: usize, round_trip: f64) -> bool {
        let faster =
            |one: &&Seat| one.is_limited && !one.is_silent && !one.is_out && WORTH_WAITING * one.service < seat.cost;
        let (slots, rate) = self
            .seats
            .iter()
            .filter(faster)
            .fold((0.0, 0.0), |(slots, rate), one| (slots + one.parallelism, rate + one.parallelism / one.service));
        let queues = seat.load > 1.0;
        let net = if queues { rate } else { rate - self.fleet.arrivals() };
        let way = if queues { 4.0 * round_trip } else { 0.0 };
        net > 0.0 && parked as f64 / net + slots / rate + way < seat.cost
    }

    /// Nothing better to do than to wait: sometimes use the occasion to send more to one member than its limit.
    fn hold(&mut self, now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick {
        if let Some(index) = self.try_beyond(ask, random) {
            return self.send(now, ask, index);
        }
        let wait = self.fleet.service.max(1e6);
        Pick::Hold { until: Nanos(now.0 + wait as u64) }
    }

    fn try_beyond(&mut self, ask: &Ask<'_>, random: &mut dyn Rng) -> Option<usize> {
        if !self.parts.refutation {
            return None;
        }
        let can = |seat: &Seat| seat.is_full && !seat.is_silent && !seat.is_out;
        if let Some((key, left)) = self.experiment {
            self.experiment = (left > 1).then_some((key, left - 1));
            let index = ask.candidates.iter().position(|candidate| candidate.key == key)?;
            return can(&self.seats[index]).then_some(index);
        }
        let start = random.random_range(0..self.seats.len().max(1));
        let index = (0..self.seats.len()).map(|i| (start + i) % self.seats.len()).find(|i| can(&self.seats[*i]))?;
        let seat = self.seats[index];
        let slots: f64 = self.seats.iter().map(|seat| seat.parallelism).sum();
        let is_deep = ask.parked as f64 > DEEP_QUEUE * slots;
        if !self.kinds.of_mut(seat.kind).holds(is_deep, self.fleet.cv2) {
            return None;
        }
        // One more than twice the limit in all: each departure that leaves all slots busy gives a gap.
        self.experiment = Some((ask.candidates[index].key, seat.parallelism as u32));
        Some(index)
    }

    fn send(&mut self, now: Nanos, ask: &Ask<'_>, index: usize) -> Pick {
        let note =
            ask.candidates.get(index).map_or(1, |candidate| self.note_sent(now, candidate, candidate.in_flight + 1));
        Pick::Send { index, note }
    }

    /// The note is how many the member has with this one.
    fn note_sent(&mut self, now: Nanos, candidate: &Candidate, in_flight: u64) -> u32 {
        if let Some(member) = self.members.get_mut(candidate.key) {
            member.sent(now);
        }
        u32::try_from(in_flight).unwrap_or(u32::MAX)
    }

    fn limit_ejections(&mut self) {
        let most = self.members.len() / 2;
        let ejected = self.members.iter().filter(|member| member.failures.is_ejected()).count();
        if ejected > most || self.fleet.is_failing() {
            self.members.iter_mut().for_each(|member| member.failures.readmit());
        }
    }
}

impl Policy for ShortestExpectedDelay {
    fn members(&mut self, now: Nanos, members: &[MemberKey]) {
        let new = Member { expected: self.fleet.service, answered: now, quiet: now, ..Member::default() };
        self.members.change(members, || new.clone());
        self.fleet.count_failures(self.members.iter());
    }

    fn arrived(&mut self, now: Nanos) {
        self.fleet.arrived(now);
    }

    fn sent(&mut self, now: Nanos, member: &Candidate) -> u32 {
        self.learn_kind(member);
        self.note_sent(now, member, member.in_flight)
    }

    fn pick(&mut self, now: Nanos, ask: &Ask<'_>, random: &mut dyn Rng) -> Pick {
        self.price(now, ask);
        let Some(index) = self.best(random) else { return self.hold(now, ask, random) };
        let round_trip = ask.candidates[index].round_trip.0 as f64;
        if self.parts.hold && self.is_worth_waiting(&self.seats[index], ask.parked, round_trip) {
            return self.hold(now, ask, random);
        }
        self.send(now, ask, index)
    }

    fn finished(&mut self, now: Nanos, member: MemberKey, note: u32, outcome: Outcome, latency: Nanos) {
        let Some(member) = self.members.get_mut(member) else { return };
        member.in_flight = member.in_flight.saturating_sub(1);
        let before = member.departed.take();
        if outcome == Outcome::Abandoned {
            return member.failures.undecided(now);
        }
        member.quiet = now;
        let (failed, tried) = (member.failures.failed, member.failures.tried);
        member.failures.observe(now, outcome == Outcome::Failure, self.fleet.others(member));
        self.fleet.add_failures(member.failures.failed - failed, member.failures.tried - tried);
        if outcome == Outcome::Success {
            member.answered = now;
            let (parallelism, expected) = (member.parallelism, member.expected);
            if let Some(noise) = member.service.observe(latency.0 as f64, note, parallelism, expected) {
                self.fleet.observe_noise(noise);
            }
            if let Some(before) = before.filter(|_| self.answers >= EAGER) {
                self.kinds.of_mut(member.kind).gap(now.since(before).0 as f64, member.expected, self.fleet.cv2);
            }
            member.departed = (f64::from(member.in_flight) > member.parallelism).then_some(now);
        }
        if outcome == Outcome::Failure {
            self.limit_ejections();
            return;
        }
        self.answers += 1;
        let every = if self.answers < EAGER {
            1
        } else if self.answers < BRISK {
            16
        } else {
            64
        };
        if self.answers.is_multiple_of(every) {
            // Sums of differences drift: once in a while they are taken anew.
            self.fleet.count_failures(self.members.iter());
            self.fleet.refresh(now, self.parts.shrinkage, self.members.iter_mut());
        }
    }

    fn opinion(&self, _now: Nanos, member: MemberKey) -> Opinion {
        let Some(member) = self.members.get(member) else { return Opinion::default() };
        // What a member declared is learnt with the first request.
        let kind = self.kinds.known(member.kind).filter(|_| member.parallelism > 0.0);
        Opinion {
            service: (member.expected > 0.0).then_some(Nanos(member.expected as u64)),
            parallelism: kind.map(|kind| kind.parallelism as u32),
            is_hint_refuted: kind.is_some_and(|kind| kind.is_refuted),
            is_ejected: member.failures.is_ejected(),
        }
    }
}
