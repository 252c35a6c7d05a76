//! Frame of all plots of a page.

use wire::{RoundOutcome, RoundReport};

use super::markup::{Markup, label, line, rectangle, tag};
use super::scales::Logarithmic;
use crate::picture::px;

/// Width of all plots, in the units of their view boxes.
pub(super) const WIDTH: f64 = 760.0;

/// Numbers of rounds that fit below an axis.
const MOST_NUMBERS: usize = 24;

/// A plot with what it shows in words.
pub(super) fn plot(name: &str, description: &str, height: f64, parts: Vec<Markup>) -> Markup {
    let view = format!("0 0 {} {}", px(WIDTH), px(height));
    let content = Markup::from([tag("desc", &[], description), Markup::from(parts)]);
    tag("svg", &[("class", "plot"), ("role", "img"), ("aria-label", name), ("viewBox", &view)], content)
}

/// Lines across for times, with their names on the left.
pub(super) fn times_across(times: &Logarithmic, span: (f64, f64)) -> Markup {
    across(times, span, stats::time)
}

/// Lines across for the ticks of a scale, with their names on the left.
pub(super) fn across(scale: &Logarithmic, (left, right): (f64, f64), named: impl Fn(u64) -> String) -> Markup {
    let of_tick = |value: &u64| {
        let y = scale.px(*value);
        [line("grid", (left, y), (right, y)), label(left - 8.0, y + 4.0, "", "end", &named(*value))]
    };
    scale.ticks().iter().flat_map(of_tick).collect()
}

/// Rounds beside each other on an axis, in the order measured.
pub(super) struct RoundAxis<'a> {
    rounds: &'a [RoundReport],
    left: f64,
    /// Width of each round.
    pub(super) width: f64,
}

impl<'a> RoundAxis<'a> {
    pub(super) fn new(rounds: &'a [RoundReport], (left, right): (f64, f64)) -> Self {
        Self { rounds, left, width: (right - left) / rounds.len() as f64 }
    }

    /// Each round with its left edge.
    pub(super) fn places(&self) -> impl Iterator<Item = (f64, &'a RoundReport)> {
        let (left, width) = (self.left, self.width);
        self.rounds.iter().enumerate().map(move |(index, round)| (left + index as f64 * width, round))
    }

    /// Shade of a voided round between top and bottom, and below as many numbers as fit.
    pub(super) fn marked(&self, (top, bottom): (f64, f64)) -> Markup {
        let every = self.rounds.len().div_ceil(MOST_NUMBERS);
        let mark = |(index, (x, round)): (usize, (f64, &RoundReport))| {
            let title = || format!("round {} voided: {}", round.round, round.reason);
            let shade = (round.outcome == RoundOutcome::Voided)
                .then(|| rectangle((x, top), (self.width, bottom - top), "void", &title()));
            let number = (index + 1)
                .is_multiple_of(every)
                .then(|| label(x + self.width / 2.0, bottom + 16.0, "", "middle", &round.round.to_string()));
            shade.into_iter().chain(number)
        };
        self.places().enumerate().flat_map(mark).collect()
    }
}
