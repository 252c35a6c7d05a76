//! The needs of a rule over the last boot time: growth is at once, and who was needed a moment ago does not go.

use super::rule::{Look, Rule, Wish};

/// What a rule needed, and when. Losing it only delays that somebody goes: what was needed before the first look is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Needs {
    /// The first look of those that followed each other within a boot time.
    since: Option<f64>,
    seen: Vec<(f64, u32)>,
}

/// Fewest and most instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Fewest.
    pub least: u32,
    /// Most.
    pub most: u32,
}

/// What is to be done about the count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Start so many more.
    Grow(u32),
    /// So many may go, once they are paid for and have finished.
    Shrink(u32),
    /// Neither.
    Hold,
}

impl Needs {
    /// Those of no look.
    pub(crate) const fn new() -> Self {
        Self { since: None, seen: Vec::new() }
    }

    /// The step of this look, `now` in seconds of any clock that does not go back.
    pub fn step(&mut self, now: f64, rule: Rule, look: &Look, bounds: Bounds) -> Step {
        let there = look.there();
        let need = match rule.wish(look) {
            Wish::Start(more) => there.saturating_add(more),
            Wish::Need(need) => need,
        };
        let need = need.clamp(bounds.least.min(bounds.most), bounds.most);
        self.seen.retain(|(at, _)| now - at <= look.boot && *at < now);
        if self.seen.is_empty() {
            self.since = Some(now);
        }
        self.seen.push((now, need));
        let highest = self.seen.iter().map(|(_, need)| *need).max().unwrap_or(need);
        let is_known = self.since.is_some_and(|since| now - since >= look.boot);
        let highest = if is_known { highest } else { highest.max(there.min(bounds.most)) };
        if need > there {
            Step::Grow(need - there)
        } else if there > highest {
            Step::Shrink(there - highest)
        } else {
            Step::Hold
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULE: Rule = Rule::QueueDepth { messages: 5 };
    const BOUNDS: Bounds = Bounds { least: 0, most: 20 };

    fn look(unanswered: u64, ready: u32) -> Look {
        Look { unanswered, ready, slots: 1, boot: 45.0, ..Look::default() }
    }

    #[test]
    fn growth_is_at_once_and_bounded() {
        let mut needs = Needs::default();
        assert_eq!(needs.step(0.0, RULE, &look(1000, 3), BOUNDS), Step::Grow(17));
        assert_eq!(needs.step(2.0, RULE, &look(0, 0), Bounds { least: 2, most: 20 }), Step::Grow(2));
    }

    #[test]
    fn who_was_needed_within_the_last_boot_time_stays() {
        let mut needs = Needs::default();
        assert_eq!(needs.step(0.0, RULE, &look(50, 10), BOUNDS), Step::Hold);
        assert_eq!(needs.step(44.0, RULE, &look(0, 10), BOUNDS), Step::Hold);
        assert_eq!(needs.step(46.0, RULE, &look(5, 10), BOUNDS), Step::Shrink(9));
        assert_eq!(needs.step(92.0, RULE, &look(0, 1), BOUNDS), Step::Hold, "nobody looked for longer than a boot");
    }

    #[test]
    fn who_looks_for_the_first_time_lets_nobody_go_before_a_boot_time_is_over() {
        let mut needs = Needs::default();
        let steps = [0.0, 10.0, 20.0, 30.0, 44.0, 45.0].map(|at| needs.step(at, RULE, &look(0, 4), BOUNDS));
        assert_eq!(steps[..5], [Step::Hold; 5]);
        assert_eq!(steps[5], Step::Shrink(4));
    }

    #[test]
    fn the_same_look_twice_is_one() {
        let mut once = Needs::default();
        once.step(0.0, RULE, &look(9, 1), BOUNDS);
        let mut twice = once.clone();
        assert_eq!(once.step(1.0, RULE, &look(50, 1), BOUNDS), Step::Grow(9));
        twice.step(1.0, RULE, &look(50, 1), BOUNDS);
        twice.step(1.0, RULE, &look(50, 1), BOUNDS);
        assert_eq!(once, twice);
    }

    #[test]
    fn more_than_the_most_are_let_go() {
        let mut needs = Needs::default();
        assert_eq!(needs.step(0.0, RULE, &look(1000, 25), BOUNDS), Step::Shrink(5));
    }
}
