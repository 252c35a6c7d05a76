//! Answers by availability zone of the member that gave them, and the zones of a run of several launches. Pure.

use std::collections::{BTreeMap, BTreeSet};

use wire::{Environment, Report, RunZone, ZoneShare};

use super::answers::Answers;
use super::share::share_per_mille;
use crate::histogram::NotAHistogram;

/// Adds the zones of one part of a cluster's report.
pub(crate) fn add(all: &mut BTreeMap<String, Answers>, part: &[ZoneShare]) -> Result<(), NotAHistogram> {
    for share in part {
        let answers = Answers::read(share.requests, &share.histogram)?;
        all.entry(share.zone.clone()).or_default().merge(&answers);
    }
    Ok(())
}

/// Shares of zones in thousandths of the answers of all zones. None at all when no zone answered: then no member named
/// itself, which says nothing of a zone.
pub fn zone_shares(zones: impl IntoIterator<Item = (String, Answers)>) -> Vec<ZoneShare> {
    let zones: Vec<_> = zones.into_iter().collect();
    let all = zones.iter().map(|(_, answers)| answers.count()).sum();
    let share = |(zone, answers): (String, Answers)| ZoneShare {
        zone,
        requests: answers.count(),
        share_per_mille: share_per_mille(answers.count(), all),
        p50_micros: answers.p50_micros(),
        histogram: answers.histogram(),
    };
    zones.into_iter().filter(|_| all > 0).map(share).collect()
}

/// The members of each zone, of all launches: each launch has members of its own.
pub(crate) fn of_all(launches: &[Report]) -> Vec<RunZone> {
    let mut zones: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for RunZone { zone, members } in launches.iter().flat_map(|launch| &launch.run.zones) {
        zones.entry(zone).or_default().extend(members);
    }
    let zone = |(zone, members): (&str, BTreeSet<&String>)| RunZone {
        zone: zone.to_owned(),
        members: members.into_iter().cloned().collect(),
    };
    zones.into_iter().map(zone).collect()
}

/// Adds where a part was measured to what is said of the whole: benchmarks move between launches. Equal words once.
pub(crate) fn add_places(whole: &mut Environment, part: &Environment) {
    for zone in part.place.zone.split(", ") {
        add_word(&mut whole.place.zone, zone, ", ");
    }
    for facts in &mut whole.clusters {
        let of_part = part.clusters.iter().find(|other| other.cluster == facts.cluster);
        add_word(&mut facts.zones, of_part.map_or("", |facts| facts.zones.as_str()), BETWEEN_LAUNCHES);
    }
}

/// Between the zones of one launch and those of the next one.
const BETWEEN_LAUNCHES: &str = ", then ";

fn add_word(words: &mut String, word: &str, between: &str) {
    if word.is_empty() || words.split(between).any(|known| known == word) {
        return;
    }
    if !words.is_empty() {
        words.push_str(between);
    }
    words.push_str(word);
}
