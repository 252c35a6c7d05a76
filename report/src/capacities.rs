//! Capacities in cells and lines: what a search found of each cluster, and the steps of each round.

use stats::{PerSecond, Usd, capacity_rates, rounds, whole};
use wire::{
    CapacityOutcome, CapacityReport, ClusterReport, LiveCapacity, Report, RoundReport, Step, StepOutcome, Validity,
    Way, WayOutcome,
};

use crate::{Side, Table};

/// Headings of the table of capacities.
pub(crate) const HEADINGS: [&str; 7] =
    ["CLUSTER", "CAPACITY", "INTERVAL", "WORST ROUND", "USD/MILLION", "INSTANCES", "USD/HOUR"];

/// A row for each cluster of a search. Empty: it is none, or the run is not valid, so that no capacity may be quoted.
pub(crate) fn rows(report: &Report) -> Vec<[String; HEADINGS.len()]> {
    if report.validity == Validity::Invalid {
        return Vec::new();
    }
    report.clusters.iter().filter_map(|cluster| Some(row(cluster, cluster.capacity.as_ref()?))).collect()
}

fn row(cluster: &ClusterReport, found: &CapacityReport) -> [String; HEADINGS.len()] {
    let [rate, interval, lowest] = capacity_rates(found);
    let capacity = capacity(found.outcome, found.milli_rps.map(|_| rate));
    let bound = |is_at_most: bool, amount: String| if is_at_most { format!("<= {amount}") } else { amount };
    let million = cluster.answer_cost.as_ref().map(|cost| {
        let micros = cost.usd_micros_per_million;
        bound(cost.is_at_most, Usd::of(&[micros]).one(micros))
    });
    let instances = found.sizing.map(|sizing| {
        let spare = if sizing.spare > 0 { format!(" + {}", sizing.spare) } else { String::new() };
        bound(sizing.is_at_most, format!("{}{spare}", sizing.instances))
    });
    let hourly = found.sizing.and_then(|sizing| {
        let (micros, is_at_most) = (sizing.hourly_usd_micros?, sizing.is_at_most || cluster.hourly_is_at_most);
        Some(bound(is_at_most, Usd::of(&[micros]).one(micros)))
    });
    [
        cluster.cluster.clone(),
        capacity,
        interval.trim().trim_matches(['[', ']']).replacen(", ", " to ", 1),
        lowest,
        million.unwrap_or_default(),
        instances.unwrap_or_default(),
        hourly.unwrap_or_default(),
    ]
}

/// `741`, `>= 9,400`, `none`, `not known`
fn capacity(outcome: CapacityOutcome, rate: Option<String>) -> String {
    match (outcome, rate) {
        (CapacityOutcome::Unmet, _) => "none".to_owned(),
        (_, None) => "not known".to_owned(),
        (CapacityOutcome::AtLeast, Some(rate)) => format!(">= {rate}"),
        (CapacityOutcome::Found, Some(rate)) => rate,
    }
}

/// The capacity of a cluster while its search is on: `741 after 3 rounds`, `>= 9,400 after 2 rounds`, `none`,
/// `not known`. Terminal, page and the generator's own line say it so.
pub fn capacity_so_far(known: &LiveCapacity) -> String {
    let rate = known.milli_rps.map(|rate| PerSecond::of(&[rate]).one(rate));
    let after = if known.rounds > 0 { format!(" after {}", rounds(known.rounds)) } else { String::new() };
    capacity(known.outcome, rate) + &after
}

/// The table as text. Empty: there are no rows.
pub(crate) fn table(report: &Report) -> String {
    let rows = rows(report);
    if rows.is_empty() {
        return String::new();
    }
    let side = |heading| (heading, if heading == HEADINGS[0] { Side::Left } else { Side::Right });
    let mut table = Table::new(HEADINGS.map(side));
    rows.into_iter().for_each(|row| table.row(row));
    format!("{table}\n")
}

/// The way of a cluster in a round.
pub(crate) fn way<'a>(round: &'a RoundReport, name: &str) -> Option<&'a Way> {
    round.clusters.iter().find(|cluster| cluster.cluster == name)?.way.as_ref()
}

/// `706 +`
pub(crate) fn tried(step: &Step) -> String {
    format!("{} {}", whole(u64::from(step.requests_per_second)), sign(step.outcome))
}

/// Sign of what a step showed, the same wherever there are signs.
pub(crate) fn sign(outcome: StepOutcome) -> char {
    match outcome {
        StepOutcome::Met => '+',
        StepOutcome::Missed => 'x',
        StepOutcome::Cut => 'X',
        StepOutcome::NotSent => '?',
    }
}

/// `741`, `>= 9,400: the generator was late`, `none`
pub(crate) fn outcome(way: &Way) -> String {
    let rate = way.capacity_milli_rps.map(|rate| PerSecond::of(&[rate]).one(rate));
    let reason = if way.reason.is_empty() { String::new() } else { format!(": {}", way.reason) };
    match (way.outcome, rate) {
        (WayOutcome::Found, Some(rate)) => rate,
        (WayOutcome::AtLeast, Some(rate)) => format!(">= {rate}{reason}"),
        _ => format!("none{reason}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_known_so_far_says_after_how_many_rounds() {
        let said = |outcome, milli_rps, rounds| capacity_so_far(&LiveCapacity { outcome, milli_rps, rounds });
        assert_eq!(said(CapacityOutcome::Found, None, 0), "not known");
        assert_eq!(said(CapacityOutcome::Found, Some(12_345), 1), "12.3 after 1 round");
        assert_eq!(said(CapacityOutcome::Found, Some(741_300), 3), "741 after 3 rounds");
        assert_eq!(said(CapacityOutcome::AtLeast, Some(9_400_000), 2), ">= 9,400 after 2 rounds");
        assert_eq!(said(CapacityOutcome::Unmet, None, 0), "none", "one request at a time was too slow");
    }
}
