//! Tests: faults that the gate plays, those that somebody asks for, and that merging changes no judgement.

use std::time::{Duration, Instant};

use super::kinds::{self, Kind};
use super::search::{Found, Limits, search};
use super::{caught, stages, table};
use crate::campaign::{Failure, say, side_by_side};
use crate::failures::{Origin, report};
use crate::mutants;
use crate::stage::play::Ways;

/// Broken plays after which a search ends: one is enough for a mend.
const FAILURES: usize = 20;
/// One in so many merged plays is played to its end as well.
const CHECKED: u64 = 10;

fn kinds_named(names: &str) -> Vec<Kind> {
    let mut kinds = kinds::all();
    kinds.extend(stages::deletions());
    kinds.retain(|kind| names == "all" || names.split(',').any(|name| name == kind.name));
    assert!(!kinds.is_empty(), "CAMPAIGN_PAIRS={names}: no kind has this name");
    kinds
}

/// Plays kinds, says what came of them, and panics with the story of the first play that breaks a rule.
fn hold(kinds: &[Kind], faults: usize, minutes: Option<u64>) {
    table::head();
    // A kind is played by one thread, so that its order is fixed.
    let all: Vec<Found> = side_by_side(kinds, |kind| {
        let until = minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
        let limits = Limits { faults, failures: FAILURES, until, checks: Some(CHECKED) };
        let found = search(kind, Ways::default(), limits);
        table::tell(kind, &found);
        for failure in &found.failures {
            say(&format!("pairs: {} {:?}: {}", kind.name, failure.script.schedule, failure.broken));
        }
        found
    });
    table::foot(&all);
    let broken = kinds.iter().zip(&all).find_map(|(kind, found)| Some((kind, found.failures.first()?)));
    if let Some((kind, failure)) = broken {
        panic!("{}", report(failure, &origin(kind, failure)));
    }
}

fn origin(kind: &Kind, failure: &Failure) -> Origin {
    let sites: Vec<String> = failure.script.schedule.iter().map(|(number, _)| number.to_string()).collect();
    let sites = sites.join("-");
    Origin {
        told: format!("{} with something at the sites {sites}", kind.name),
        file: format!("pairs-{}-{sites}", kind.name),
        repeat: format!("cargo xtask campaign --pairs {}", kind.name),
    }
}

/// `CAMPAIGN_PAIRS=KIND[,KIND...]`, with `CAMPAIGN_FAULTS` and `CAMPAIGN_MINUTES`: for how long each kind is played at most. With
/// `CAMPAIGN_MUTANT` it is played by broken operators, each for so long.
#[test]
fn asked() {
    let Ok(names) = std::env::var("CAMPAIGN_PAIRS") else { return };
    let number = |name: &str| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let faults = number("CAMPAIGN_FAULTS").map_or(2, |faults| usize::try_from(faults).unwrap());
    let (kinds, minutes) = (kinds_named(&names), number("CAMPAIGN_MINUTES"));
    match std::env::var("CAMPAIGN_MUTANT") {
        Ok(mutant) => caught::tell(&mutant, &kinds, faults, minutes),
        Err(_) => hold(&kinds, faults, minutes),
    }
}

/// Every fault alone, of every kind but the deletions, which are as many kinds as a benchmark has stages: those are the soak's.
#[test]
fn single_faults() {
    if std::env::var("CAMPAIGN_PAIRS").is_err() {
        hold(&kinds::all(), 1, None);
    }
}

/// No merged play of an operator that breaks rules breaks one: it goes on as the play that it was merged with.
#[test]
fn merging_changes_no_judgement() {
    let limits = Limits { faults: 1, failures: usize::MAX, until: None, checks: Some(CHECKED) };
    let found = search(&kinds::one(), mutants::ways("relaunch on timeout"), limits);
    let level = &found.levels[0];
    assert!(level.broken > 0 && level.merged > 100 && level.checked > 10, "{level:?}");
    assert_eq!(level.misjudged, 0, "a merged play breaks a rule, and what it was merged with does not");
    say(&format!(
        "pairs: of an operator that takes silence for a refusal {} of {} plays break a rule, and none of {} merged ones that were played to their end",
        level.broken, level.plays, level.checked
    ));
}
