//! Tests: faults that the gate plays, those that somebody asks for, and that merging changes no judgement.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::kinds::{self, Kind};
use super::search::{Found, Limits, Part, search};
use super::{caught, stages, table};
use crate::campaign::{say, side_by_side};
use crate::failures::{Origin, report};
use crate::mutants;
use crate::script::Script;
use crate::stage::play::Ways;

/// Broken plays after which a search ends: one is enough for a mend.
const FAILURES: usize = 20;
/// One in so many merged plays with one fault is played to its end as well, and of the many with more faults.
const CHECKED: u64 = 10;
const OF_MANY: u64 = 100;
/// What the process of one kind says it found, after these words.
const FOUND: &str = "found: ";
/// The kind that this process plays.
const KIND: &str = "CAMPAIGN_KIND";

fn kinds_named(names: &str) -> Vec<Kind> {
    let mut kinds = every_kind();
    kinds.retain(|kind| names == "all" || names.split(',').any(|name| name == kind.name));
    assert!(!kinds.is_empty(), "CAMPAIGN_PAIRS={names}: no kind has this name");
    kinds
}

fn every_kind() -> Vec<Kind> {
    [kinds::all(), stages::deletions()].concat()
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

fn faults() -> usize {
    number("CAMPAIGN_FAULTS").map_or(2, |faults| usize::try_from(faults).unwrap())
}

/// Runs a test in a process that has no other thread: plays branch into processes, which would take the locks of other threads along.
/// `None`: it failed, and has said why.
pub(super) fn alone(test: &str, variables: &[(&str, &str)]) -> Option<String> {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]).envs(variables.iter().copied());
    let output = command.stderr(Stdio::inherit()).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap())
}

/// Plays kinds, each in a process, says what came of them, and panics when a play breaks a rule.
fn hold(kinds: &[Kind], faults: usize) {
    table::head();
    let faults = faults.to_string();
    // A kind is played by one process, so that its order is fixed.
    let all: Vec<Option<Found>> = side_by_side(kinds, |kind| {
        let text = alone("pairs::tests::one_kind", &[(KIND, &kind.id()), ("CAMPAIGN_FAULTS", &faults)])?;
        let found = text.lines().find_map(|line| line.split_once(FOUND)).expect("it says what it found");
        Some(serde_json::from_str(found.1).unwrap())
    });
    let whole: Vec<Found> = all.into_iter().flatten().collect();
    table::foot(&whole);
    assert_eq!(whole.len(), kinds.len(), "a play breaks a rule: its story is above");
}

fn origin(kind: &Kind, script: &Script) -> Origin {
    let sites: Vec<String> = script.schedule.iter().map(|(number, _)| number.to_string()).collect();
    let sites = sites.join("-");
    Origin {
        told: format!("{} with something at the sites {sites}", kind.name),
        file: format!("pairs-{}-{sites}", kind.name),
        repeat: format!("cargo xtask campaign --pairs {}", kind.name),
    }
}

/// What the process of one kind does; elsewhere nothing. It panics with the story of the first play that breaks a rule.
#[test]
fn one_kind() {
    let Ok(id) = std::env::var(KIND) else { return };
    let kind = every_kind().into_iter().find(|kind| kind.id() == id).expect("a kind");
    let until = number("CAMPAIGN_MINUTES").map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let part = std::env::var("CAMPAIGN_PART");
    let part = part.map_or(Part::default(), |text| Part::parse(&text).expect("CAMPAIGN_PART=I/N"));
    let checks = Some(if faults() > 1 { OF_MANY } else { CHECKED });
    let found = search(&kind, Ways::default(), Limits { faults: faults(), failures: FAILURES, until, checks, part });
    table::tell(&kind, &found, part);
    for failure in &found.failures {
        say(&format!("pairs: {} {:?}: {}", kind.name, failure.script.schedule, failure.broken));
    }
    if let Some(failure) = found.failures.first() {
        panic!("{}", report(failure, &origin(&kind, &failure.script)));
    }
    println!("{FOUND}{}", serde_json::to_string(&found).unwrap());
}

/// `CAMPAIGN_PAIRS=KIND[,KIND...]`, with `CAMPAIGN_FAULTS`, `CAMPAIGN_PART` and `CAMPAIGN_MINUTES`: for how long each kind is played
/// at most. With `CAMPAIGN_MUTANT` it is played by broken operators, each for so long.
#[test]
fn asked() {
    let Ok(names) = std::env::var("CAMPAIGN_PAIRS") else { return };
    let kinds = kinds_named(&names);
    match std::env::var(caught::MUTANT) {
        Ok(mutant) => caught::tell(&mutant, &kinds, faults(), number("CAMPAIGN_MINUTES")),
        Err(_) => hold(&kinds, faults()),
    }
}

/// Every fault alone, of every kind but the deletions, which are as many kinds as a benchmark has stages: those are the soak's.
#[test]
fn single_faults() {
    if std::env::var("CAMPAIGN_PAIRS").is_err() {
        hold(&kinds::all(), 1);
    }
}

/// No merged play of an operator that breaks rules breaks one: it goes on as the play that it was merged with.
#[test]
fn merging_changes_no_judgement() {
    const ALONE: &str = "CAMPAIGN_ALONE";
    if std::env::var_os(ALONE).is_none() {
        return assert!(
            alone("pairs::tests::merging_changes_no_judgement", &[(ALONE, "")]).is_some(),
            "it has said why"
        );
    }
    let limits = Limits { faults: 1, failures: usize::MAX, checks: Some(CHECKED), ..Limits::default() };
    let found = search(&kinds::one(), mutants::ways("relaunch on timeout"), limits);
    let level = &found.levels[0];
    assert!(level.broken > 0 && level.merged > 100 && level.checked > 10, "{level:?}");
    assert_eq!(level.misjudged, 0, "a merged play breaks a rule, and what it was merged with does not");
    say(&format!(
        "pairs: of an operator that takes silence for a refusal {} of {} plays break a rule, and none of {} merged ones that were played to their end",
        level.broken, level.plays, level.checked
    ));
}
