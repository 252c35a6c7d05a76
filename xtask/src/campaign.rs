//! `campaign`: the real loop against the simulated cloud, for the seeds and the plan that are asked for.

use crate::{Outcome, Paths, run};

const PLANS: [&str; 4] = ["crash", "lag", "two-operators", "all"];

const USAGE: &str = "\
usage: cargo xtask campaign --seeds A..B [--plan crash|lag|two-operators|all]

  crash          a life, and once more for each of its effects and each moment at which the operator can die there
  lag            lists that are late, cut and paged, with edits, crashes and what people do
  two-operators  two at once, of which one stands still for minutes in the middle of a pass; upgrades
  all            these and everything at once, by turns (default)";

pub(crate) fn campaign(paths: &Paths, arguments: &[&str]) -> Outcome {
    let (mut seeds, mut plan) = (None, "all");
    let mut rest = arguments.iter();
    while let Some(&argument) = rest.next() {
        match (argument, rest.next()) {
            ("--seeds", Some(range)) if is_range(range) => seeds = Some(*range),
            ("--plan", Some(name)) if PLANS.contains(name) => plan = name,
            _ => return Err(format!("campaign: `{argument}` is not understood\n\n{USAGE}")),
        }
    }
    let Some(seeds) = seeds else { return Err(format!("campaign: --seeds is missing\n\n{USAGE}")) };
    // The features of the whole workspace: with others, everything below would be compiled once more.
    let words = ["test", "--workspace", "--test", "campaign", "--", "--exact", "campaign::seeds"];
    let mut command = run::cargo(paths, &words);
    command.env("CAMPAIGN_SEEDS", seeds).env("CAMPAIGN_PLAN", plan);
    run::step(&format!("campaign of plan {plan}, seeds {seeds}"), &mut command)
}

/// `A..B`, with something in between.
fn is_range(text: &str) -> bool {
    let bounds =
        text.split_once("..").and_then(|(from, to)| Some((from.parse::<u64>().ok()?, to.parse::<u64>().ok()?)));
    bounds.is_some_and(|(from, to)| from < to)
}

#[cfg(test)]
mod tests {
    use super::is_range;

    #[test]
    fn a_range_has_two_ends_and_something_in_between() {
        assert!(is_range("0..10000") && is_range("17..18"));
        assert!(!is_range("5..5") && !is_range("7") && !is_range("..7") && !is_range("a..b"));
    }
}
