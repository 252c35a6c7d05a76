//! The step of one look at a scaled cluster: how many more are started, and who is to finish and go. Pure; the simulator of the
//! benchmark takes its steps here as well.

use super::needs::{Bounds, Needs, Step};
use super::rule::{Look, Rule, is_paid};

/// How far an instance is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Stage {
    /// It is ready in so many seconds, as far as the boots before tell.
    Starting(f64),
    /// It takes requests and has none.
    Idle,
    /// It takes requests and has some.
    Busy,
}

/// An instance that is to stay, as far as was decided before.
#[derive(Clone, Debug, PartialEq)]
pub struct Staying<Id> {
    /// Whatever names it.
    pub id: Id,
    /// Seconds since its start.
    pub age: f64,
    /// How far it is.
    pub stage: Stage,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move<Id> {
    /// So many more are started.
    pub start: u32,
    /// These take no more requests, finish what they have, and go.
    pub drain: Vec<Id>,
    /// Instances that take requests, or will, as the rule wants them.
    pub wanted: u32,
}

/// The step of this look, `now` in seconds of a clock that does not go back. Of `look` all is filled in but who is ready and who
/// is starting: these are told from `staying`. No more than `room` are started.
pub fn step<Id: Clone + Ord>(
    needs: &mut Needs,
    now: f64,
    (rule, bounds, room): (Rule, Bounds, u32),
    look: Look,
    staying: &[Staying<Id>],
) -> Move<Id> {
    let starting = |one: &Staying<Id>| match one.stage {
        Stage::Starting(ready_in) => Some(ready_in.max(0.0)),
        Stage::Idle | Stage::Busy => None,
    };
    let starting: Vec<f64> = staying.iter().filter_map(starting).collect();
    let ready = u32::try_from(staying.len() - starting.len()).unwrap_or(u32::MAX);
    let look = Look { ready, starting, ..look };
    let there = look.there();
    match needs.step(now, rule, &look, bounds) {
        Step::Grow(more) => Move { start: more.min(room), drain: Vec::new(), wanted: there.saturating_add(more) },
        Step::Shrink(fewer) => {
            let drain = leaving(staying, fewer);
            let wanted = there.saturating_sub(u32::try_from(drain.len()).unwrap_or(u32::MAX));
            Move { start: 0, drain, wanted }
        }
        Step::Hold => Move { start: 0, drain: Vec::new(), wanted: there },
    }
}

/// Those that go: only who is paid for, idle ones first, of these the oldest. Who is starting is never among them.
fn leaving<Id: Clone + Ord>(staying: &[Staying<Id>], fewer: u32) -> Vec<Id> {
    let may_go = |one: &&Staying<Id>| matches!(one.stage, Stage::Idle | Stage::Busy) && is_paid(one.age);
    let mut all: Vec<&Staying<Id>> = staying.iter().filter(may_go).collect();
    all.sort_by(|a, b| {
        let is_busy = |one: &Staying<Id>| one.stage == Stage::Busy;
        is_busy(a).cmp(&is_busy(b)).then(b.age.total_cmp(&a.age)).then(a.id.cmp(&b.id))
    });
    let fewer = usize::try_from(fewer).unwrap_or(usize::MAX);
    all.into_iter().take(fewer).map(|one| one.id.clone()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(id: u32, age: f64, stage: Stage) -> Staying<u32> {
        Staying { id, age, stage }
    }

    #[test]
    fn idle_ones_go_first_and_nobody_who_starts_or_is_not_paid_for() {
        let all = [
            one(1, 20.0, Stage::Idle),
            one(2, 500.0, Stage::Busy),
            one(3, 90.0, Stage::Idle),
            one(4, 100.0, Stage::Idle),
            one(5, 300.0, Stage::Starting(0.0)),
        ];
        assert_eq!(leaving(&all, 1), [4]);
        assert_eq!(leaving(&all, 2), [4, 3]);
        assert_eq!(leaving(&all, 5), [4, 3, 2]);
    }

    #[test]
    fn growth_has_the_room_that_is_there_and_says_what_is_wanted() {
        let (bounds, rule) = (Bounds { least: 0, most: 20 }, Rule::QueueDepth { messages: 5 });
        let look = Look { unanswered: 50, slots: 1, boot: 45.0, ..Look::default() };
        let moved = step(&mut Needs::default(), 0.0, (rule, bounds, 3), look, &[one(1, 9.0, Stage::Idle)]);
        assert_eq!(moved, Move { start: 3, drain: Vec::new(), wanted: 10 });
    }
}
