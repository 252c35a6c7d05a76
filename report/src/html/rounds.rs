//! All rounds as numbers, a row for each cluster in each round, voided ones included.

use wire::{ClusterReport, Report, RoundOutcome, RoundReport};

use super::markup::{Markup, scrolled, section, tag};
use crate::{Column, capacities};

pub(super) fn rounds(report: &Report) -> Markup {
    let count: usize = report.rounds.iter().map(|round| round.clusters.len()).sum();
    if count == 0 {
        return Markup::default();
    }
    let is_search = report.run.search.is_some();
    let several = report.rounds.iter().any(|round| round.launch > 1);
    let [_, numbers @ ..] = Column::NUMBERS;
    let column = |name: &str, class: &str| tag("th", &[("scope", "col"), ("class", class)], name);
    let head = Markup::from([
        column("round", "num"),
        if several { column("launch", "num") } else { Markup::default() },
        column("cluster", "words"),
        numbers.iter().map(|number| column(&number.heading().to_lowercase(), "num")).collect(),
        if is_search {
            Markup::from([column("capacity", "num"), column("rates tried", "words")])
        } else {
            Markup::default()
        },
    ]);
    let rows: Markup = report.rounds.iter().flat_map(|round| rows(round, several, is_search)).collect();
    let table =
        tag("table", &[("class", "small long")], [tag("thead", &[], tag("tr", &[], head)), tag("tbody", &[], rows)]);
    let summary = format!("{} rounds as numbers, {count} rows", report.rounds.len());
    section("All rounds", tag("details", &[], [tag("summary", &[], summary), scrolled("All rounds", table)]))
}

fn rows(round: &RoundReport, several: bool, is_search: bool) -> Vec<Markup> {
    let is_voided = round.outcome == RoundOutcome::Voided;
    let number = if is_voided { format!("{} voided", round.round) } else { round.round.to_string() };
    let row = |cluster: &ClusterReport| {
        let [_, numbers @ ..] = Column::NUMBERS;
        let launch = if several { tag("td", &[], round.launch.to_string()) } else { Markup::default() };
        let cells = numbers.iter().map(|column| tag("td", &[], column.cell(cluster)));
        let content = [
            tag("th", &[("scope", "row")], &number),
            launch,
            tag("td", &[("class", "words")], &cluster.cluster),
            cells.collect(),
            if is_search { searched(cluster) } else { Markup::default() },
        ];
        let attributes: &[(&str, &str)] = if is_voided { &[("class", "voided")] } else { &[] };
        tag("tr", attributes, content)
    };
    round.clusters.iter().map(row).collect()
}

/// What a search found in a round, and the rates that it tried.
fn searched(cluster: &ClusterReport) -> Markup {
    let found = cluster.way.as_ref().map(capacities::outcome).unwrap_or_default();
    let steps = cluster.way.iter().flat_map(|way| &way.steps).map(capacities::tried).collect::<Vec<_>>().join(", ");
    Markup::from([tag("td", &[], found), tag("td", &[("class", "words")], steps)])
}
