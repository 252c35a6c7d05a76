//! Broken operators in the enumeration: the fault, or the pair, that catches what random seeds rarely do.

use std::time::{Duration, Instant};

use super::kinds::Kind;
use super::search::{Found, Limits, Search};
use super::tests::alone;
use crate::campaign::{Failure, say, side_by_side};
use crate::mutants;
use crate::stage::play::Ways;

/// The broken operator that this process plays.
pub(super) const MUTANT: &str = "CAMPAIGN_MUTANT";
/// All that few random seeds catch, instead of one by its name.
const RARE: &str = "rare";
/// One in so many merged plays is played to its end as well: what a mutant does may hang on what moments leave out.
const CHECKED: u64 = 10;

/// Plays kinds with each of the mutants until it breaks a rule, and says where that was.
pub(super) fn tell(name: &str, kinds: &[Kind], faults: usize, minutes: Option<u64>) {
    if name == RARE {
        // A mutant is played by one process, so that its order is fixed.
        let said = side_by_side(&mutants::rare(), |name| alone("pairs::tests::asked", &[(MUTANT, name)]).is_some());
        return assert!(said.into_iter().all(|is_said| is_said), "a process failed, and has said why");
    }
    let until = minutes.map(|minutes| Instant::now() + Duration::from_secs(60 * minutes));
    let limits = Limits { faults, failures: 1, until, checks: Some(CHECKED), ..Limits::default() };
    say(&format!("pairs: mutant `{name}` is {}", fate(mutants::ways(name), kinds, limits)));
}

/// Without a fault first, then one fault of each kind, then two of each.
fn fate(ways: Ways, kinds: &[Kind], limits: Limits) -> String {
    let mut searches: Vec<Search<'_>> = Vec::new();
    for faults in 0..=limits.faults {
        for (number, kind) in kinds.iter().enumerate() {
            if faults == 0 {
                searches.push(Search::begin(kind, ways, limits));
            } else if !searches[number].is_done() {
                searches[number].deepen();
            }
            if let Some(failure) = searches[number].found.failures.first() {
                let plays: u64 = searches.iter().map(|search| plays(&search.found)).sum();
                let (rule, what) = (failure.broken.rule, placement(kind, failure));
                return format!("caught by {rule:?} at play {plays}: {}, {what}", kind.name);
            }
        }
    }
    let found = || searches.iter().map(|search| &search.found);
    let (plays, placements): (u64, u64) =
        (found().map(plays).sum(), found().map(|one| placements(one, limits.faults)).sum());
    let is_cut_short =
        |levels: usize| found().any(|one| one.levels.iter().take(levels).any(|level| level.is_cut_short));
    // What follows a fault that was not played is not known.
    let more = if is_cut_short(limits.faults.saturating_sub(1)) { " and more" } else { "" };
    let why = if is_cut_short(limits.faults) {
        "the time was over"
    } else {
        "all were played, or came to a moment that another play came to"
    };
    format!("not caught after {plays} plays of {placements}{more}: {why}")
}

fn plays(found: &Found) -> u64 {
    1 + found.levels.iter().map(|level| level.plays).sum::<u64>()
}

/// Plays that there are, as far as they are known.
fn placements(found: &Found, faults: usize) -> u64 {
    let further = found.levels.iter().take(faults.saturating_sub(1)).map(|level| level.to_come);
    1 + found.placements + further.sum::<u64>()
}

fn placement(kind: &Kind, failure: &Failure) -> String {
    let faults = failure.script.schedule.iter().skip(kind.script.schedule.len());
    let faults: Vec<String> = faults.map(|(site, happening)| format!("{happening:?} at site {site}")).collect();
    if faults.is_empty() { "no fault".to_owned() } else { faults.join(", ") }
}
