//! Table of the clusters over all rounds that count: the columns that every rendering has.

use wire::{ClusterReport, Report};

use super::cluster_keys::Keys;
use super::markup::{Markup, list, scrolled, section, tag};
use crate::{Column, lines};

pub(super) fn totals(report: &Report, keys: &Keys<'_>) -> Markup {
    let [_, numbers @ ..] = Column::NUMBERS;
    let heading = |column: &Column| tag("th", &[("scope", "col"), ("class", "num")], column.heading().to_lowercase());
    let made_of = report.clusters.iter().any(|cluster| !lines::instances(report, &cluster.cluster).is_empty());
    let head = Markup::from([
        tag("th", &[("scope", "col")], "cluster"),
        if made_of { tag("th", &[("scope", "col")], "instances") } else { Markup::default() },
        numbers.iter().map(heading).collect(),
    ]);
    let row = |cluster: &ClusterReport| {
        let name = [keys.key(&cluster.cluster), Markup::from(&cluster.cluster)];
        let instances = tag("td", &[], lines::instances(report, &cluster.cluster));
        let cell = |column: &Column| {
            let is_bad = *column == Column::Failed && cluster.failures.total() > 0;
            tag("td", &[("class", if is_bad { "num bad" } else { "num" })], column.cell(cluster))
        };
        tag(
            "tr",
            &[],
            [
                tag("th", &[("scope", "row")], name),
                if made_of { instances } else { Markup::default() },
                numbers.iter().map(cell).collect(),
            ],
        )
    };
    let rows: Markup = report.clusters.iter().map(row).collect();
    let table = tag("table", &[], [tag("thead", &[], tag("tr", &[], head)), tag("tbody", &[], rows)]);
    section("All rounds together", [scrolled("All rounds together", table), list("dim", &lines::answers(report))])
}
