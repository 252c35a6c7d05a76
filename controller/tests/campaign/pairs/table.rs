//! Table of a search: a line for each kind and number of faults, and what is left out and why.

use std::collections::BTreeMap;

use super::kinds::Kind;
use super::mishaps::LEFT_OUT;
use super::search::{Found, Level, Part};
use crate::campaign::say;

pub(super) fn head() {
    say(
        "| kind | faults | sites | plays | merged | further placements to play | those that merged ones stand for | broken | minutes | |",
    );
    say("|---|---|---|---|---|---|---|---|---|---|");
}

pub(super) fn tell(kind: &Kind, found: &Found, part: Part) {
    let (name, what, passes) = (kind.name, kind.what, found.passes);
    say(&format!("pairs: {name} is {what}; {passes} passes without a fault"));
    for (faults, level) in (1..).zip(&found.levels) {
        let part = if faults == 1 { Part::default() } else { part };
        say(&line(kind.name, faults, found.sites, level, part));
    }
}

fn line(name: &str, faults: usize, sites: usize, level: &Level, part: Part) -> String {
    let Level { plays, merged, stand_for, to_come, broken, took, is_cut_short, .. } = level;
    let minutes = took.as_secs_f64() / 60.0;
    let Part { number, of } = part;
    let part = if of == 1 { String::new() } else { format!(", part {number} of {of}") };
    let whole = if *is_cut_short { "not whole" } else { "whole" };
    format!(
        "| {name} | {faults} | {sites} | {plays} | {merged} | {to_come} | {stand_for} | {broken} | {minutes:.1} | {whole}{part} |"
    )
}

/// Sums of all kinds, by what happened last, and what is left out.
pub(super) fn foot(found: &[Found]) {
    let mut by_fault: BTreeMap<(&str, usize), (u64, u64)> = BTreeMap::new();
    for level in found.iter().map(|found| &found.levels) {
        for (faults, level) in (1..).zip(level) {
            for (name, (plays, merged)) in &level.by_fault {
                let counts = by_fault.entry((name, faults)).or_default();
                *counts = (counts.0 + plays, counts.1 + merged);
            }
        }
    }
    for ((name, faults), (plays, merged)) in by_fault {
        say(&format!("pairs: {name} as fault {faults}: {plays} plays, {merged} merged"));
    }
    for (place, fault, why) in LEFT_OUT {
        say(&format!("pairs: left out at {place}: {fault}; {why}"));
    }
}
