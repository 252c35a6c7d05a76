//! `campaign`: the real loop against the simulated cloud, for the seeds and the plan that are asked for, or for every pair of faults.

use crate::{Outcome, Paths, run, say};

const PLANS: [&str; 5] = ["crash", "lag", "two-operators", "scaled", "all"];

/// Small benchmarks whose pairs of faults are played.
pub(crate) const KINDS: [&str; 8] =
    ["one", "brought", "two-operators", "application", "queue", "generators", "relaunch", "deletion"];

const USAGE: &str = "\
usage: cargo xtask campaign --seeds A..B [--plan crash|lag|two-operators|scaled|all]
       cargo xtask campaign --pairs [KIND,...] [--faults N] [--part I/N] [--minutes M] [--mutant [NAME]]

  crash          a life, and once more for each of its effects and each moment at which the operator can die there
  lag            lists that are late, cut and paged, with edits, crashes and what people do
  two-operators  two at once, of which one stands still for minutes in the middle of a pass; upgrades
  scaled         a cluster that follows its queue: bursts, long work, fronts that begin anew or give no answer
  all            these and everything at once, by turns (default)

--pairs plays no seeds: of a small benchmark of each kind every fault at every pass, effect and call, and of each of these plays
every further fault at every later one. What comes to a moment that another play came to is not played again. It prints how many
there were, how many were merged, how many broke a rule, and what is left out and why.

  KIND           one, brought, two-operators, application, queue, generators, relaunch, deletion; all of them (default)
  --faults N     faults in a play (default 2)
  --part I/N     of the plays with more than one fault, part I of N: parts are played side by side, or one after the other
  --minutes M    for how long each kind is played at most (default: until all are played)
  --mutant NAME  a broken operator plays them until it breaks a rule, first with one fault of every kind, then with two: which rule
                 that was, and at which play; M minutes are for all kinds together then. Without a name: each that random seeds
                 need more than twenty of (`CAUGHT_AT` in controller/tests/campaign/mutants.rs)";

/// What the tests call these.
const RARE: &str = "rare";

pub(crate) fn campaign(paths: &Paths, arguments: &[&str]) -> Outcome {
    match arguments {
        ["help" | "--help" | "-h"] => {
            say::line(format_args!("{USAGE}"));
            return Ok(());
        }
        ["--pairs", rest @ ..] => return pairs(paths, rest),
        _ => {}
    }
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

fn pairs(paths: &Paths, arguments: &[&str]) -> Outcome {
    let wrong = |argument: &str| Err(format!("campaign: `{argument}` is not understood\n\n{USAGE}"));
    let (mut kinds, mut label) = ("all", "campaign of pairs of faults".to_owned());
    let words = ["test", "--workspace", "--test", "campaign", "--", "--exact", "pairs::tests::asked", "--nocapture"];
    let mut command = run::cargo(paths, &words);
    let mut rest = arguments.iter().copied().peekable();
    while let Some(argument) = rest.next() {
        let name = match argument {
            "--faults" => "CAMPAIGN_FAULTS",
            "--minutes" => "CAMPAIGN_MINUTES",
            "--part" => {
                let Some(part) = rest.next().filter(|part| is_part(part)) else { return wrong(argument) };
                command.env("CAMPAIGN_PART", part);
                label.push_str(&format!(", part {part}"));
                continue;
            }
            "--mutant" => {
                let mutant = rest.next_if(|name| !name.starts_with("--")).unwrap_or(RARE);
                command.env("CAMPAIGN_MUTANT", mutant);
                label.push_str(&format!(", mutant: {mutant}"));
                continue;
            }
            names if are_kinds(names) => {
                kinds = names;
                continue;
            }
            _ => return wrong(argument),
        };
        match rest.next().filter(|number| number.parse::<u32>().is_ok_and(|number| number > 0)) {
            Some(number) => command.env(name, number),
            None => return wrong(argument),
        };
    }
    command.env("CAMPAIGN_PAIRS", kinds);
    run::step(&format!("{label}, kinds: {kinds}"), &mut command)
}

fn are_kinds(names: &str) -> bool {
    names.split(',').all(|name| KINDS.contains(&name))
}

/// `I/N`, from 1 to N.
fn is_part(text: &str) -> bool {
    let numbers = text.split_once('/').and_then(|(one, of)| Some((one.parse::<u32>().ok()?, of.parse::<u32>().ok()?)));
    numbers.is_some_and(|(one, of)| (1..=of).contains(&one))
}

/// `A..B`, with something in between.
fn is_range(text: &str) -> bool {
    let bounds =
        text.split_once("..").and_then(|(from, to)| Some((from.parse::<u64>().ok()?, to.parse::<u64>().ok()?)));
    bounds.is_some_and(|(from, to)| from < to)
}

#[cfg(test)]
mod tests {
    use super::{are_kinds, is_part, is_range};

    #[test]
    fn a_range_has_two_ends_and_something_in_between() {
        assert!(is_range("0..10000") && is_range("17..18"));
        assert!(are_kinds("one") && are_kinds("queue,deletion") && !are_kinds("one,two") && !are_kinds("--faults"));
        assert!(is_part("1/1") && is_part("16/16") && !is_part("0/4") && !is_part("5/4") && !is_part("3"));
        assert!(!is_range("5..5") && !is_range("7") && !is_range("..7") && !is_range("a..b"));
    }
}
