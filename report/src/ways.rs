//! Picture of the ways of a search, for a terminal: a line for each round, the rates from left to right. Pure.

use std::fmt::Write as _;

use wire::{ClusterReport, Report, RoundOutcome, Way};

use crate::capacities::{outcome, sign};

/// Places between the lowest rate that was tried and the highest.
const WIDTH: usize = 56;

/// Steps of each cluster: which rates were kept, and which were not. Empty: there were none.
pub(crate) fn picture(report: &Report) -> String {
    let mut text = String::new();
    for target in &report.run.targets {
        let ways: Vec<(u32, &Way)> = ways(report, &target.cluster);
        let rates = || ways.iter().flat_map(|(_, way)| &way.steps).map(|step| step.requests_per_second);
        let (Some(lowest), Some(highest)) = (rates().min(), rates().max()) else { continue };
        let _infallible = writeln!(
            text,
            "{}, from {lowest} to {highest} requests/s: + kept, x not kept, X cut, ? not sent, | capacity",
            target.cluster
        );
        for (round, way) in ways {
            let _infallible = writeln!(text, "{}", line(round, way, (lowest, highest)));
        }
        text.push('\n');
    }
    text
}

fn ways<'a>(report: &'a Report, cluster: &str) -> Vec<(u32, &'a Way)> {
    let counted = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted);
    let way = |one: &'a ClusterReport| one.way.as_ref().filter(|_| one.cluster == cluster);
    counted.flat_map(|round| round.clusters.iter().filter_map(way).map(|way| (round.round, way))).collect()
}

/// `   3  ..+..x|..  741`
fn line(round: u32, way: &Way, (lowest, highest): (u32, u32)) -> String {
    let mut places = vec![' '; WIDTH];
    let capacity = way.capacity_milli_rps.map(|milli| milli as f64 / 1e3);
    if let Some(at) = capacity.and_then(|rate| places.get_mut(place(rate, lowest, highest))) {
        *at = '|';
    }
    for step in &way.steps {
        if let Some(at) = places.get_mut(place(f64::from(step.requests_per_second), lowest, highest)) {
            *at = sign(step.outcome);
        }
    }
    let places: String = places.into_iter().collect();
    format!("{round:>4}  {places}  {}", outcome(way))
}

/// Place of a rate: places are as far apart as the logarithms of their rates are.
fn place(rate: f64, lowest: u32, highest: u32) -> usize {
    let all = (f64::from(highest) / f64::from(lowest)).ln();
    if all <= 0.0 {
        return 0;
    }
    let share = ((rate / f64::from(lowest)).ln() / all).clamp(0.0, 1.0);
    (share * (WIDTH - 1) as f64).round() as usize
}

#[cfg(test)]
mod tests {
    use wire::{Step, StepOutcome, WayOutcome};

    use super::*;

    #[test]
    fn a_line_shows_what_was_kept_and_what_was_not() {
        let step = |requests_per_second, outcome| Step { requests_per_second, outcome, ..Step::default() };
        let steps = [(700, StepOutcome::Met), (1_400, StepOutcome::Cut), (990, StepOutcome::Missed)];
        let way = Way {
            capacity_milli_rps: Some(741_300),
            steps: steps.map(|(rate, outcome)| step(rate, outcome)).to_vec(),
            ..Way::default()
        };
        let line_of = |way: &Way| line(3, way, (700, 1_400));
        let shown = line_of(&way);
        assert_eq!(shown, format!("   3  +{}|{}x{}X  741", " ".repeat(4), " ".repeat(22), " ".repeat(26)));
        let late = Way {
            outcome: WayOutcome::AtLeast,
            capacity_milli_rps: None,
            reason: "it was late".into(),
            steps: vec![step(700, StepOutcome::NotSent)],
            ..Way::default()
        };
        assert_eq!(line_of(&late), format!("   3  ?{}  none: it was late", " ".repeat(55)));
        assert_eq!(place(5.0, 5, 5), 0, "one rate alone");
    }
}
