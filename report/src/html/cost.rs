//! Costs of a page, where they are known: a bar for each cluster whose answers may be compared by it, and the sentences.

use wire::{AnswerCost, ClusterReport, Report, Validity};

use super::cluster_keys::Keys;
use super::markup::{Markup, fitted, label, list, paragraph, path, rectangle, section, tag};
use super::plot::{WIDTH, plot};
use crate::costs::{costs, paid, per_million, run_cost};
use crate::picture::px;

const LEFT: f64 = 18.0;
const RIGHT: f64 = WIDTH - 18.0;
const ROW: f64 = 44.0;

pub(super) fn cost(report: &Report, keys: &Keys<'_>) -> Markup {
    let told =
        |cluster: &'_ &ClusterReport| report.validity == Validity::Valid && report.is_cost_told(&cluster.cluster);
    let priced: Vec<(&ClusterReport, &AnswerCost)> = report
        .clusters
        .iter()
        .filter(told)
        .filter_map(|cluster| Some((cluster, cluster.answer_cost.as_ref()?)))
        .collect();
    let run = run_cost(report).unwrap_or_default();
    section("What it cost", [bars(&priced, keys), list("dim", &costs(report)), paragraph("dim", &run)])
}

fn bars(priced: &[(&ClusterReport, &AnswerCost)], keys: &Keys<'_>) -> Markup {
    let ends =
        priced.iter().flat_map(|(_, cost)| cost.interval.into_iter().flatten().chain([cost.usd_micros_per_million]));
    let Some(most) = ends.max().filter(|most| *most > 0) else { return Markup::default() };
    let width = |micros: u64| (RIGHT - LEFT) * micros as f64 / most as f64;
    let mut parts = Vec::new();
    for (index, (cluster, cost)) in priced.iter().enumerate() {
        let middle = ROW * index as f64 + 30.0;
        let words = format!("{}: {}", cluster.cluster, per_million(cluster, cost));
        parts.push(label(LEFT, middle - 14.0, "name", "start", &words));
        let bar = rectangle(
            (LEFT, middle - 7.0),
            (width(cost.usd_micros_per_million), 14.0),
            "bar",
            &per_million(cluster, cost),
        );
        parts.push(tag("g", &[("class", &keys.class(&cluster.cluster))], bar));
        if let Some([low, high]) = cost.interval {
            let (from, to) = (px(LEFT + width(low)), px(LEFT + width(high)));
            let (upper, lower, middle) = (px(middle - 5.0), px(middle + 5.0), px(middle));
            let d = format!("M{from} {upper}V{lower}M{from} {middle}H{to}M{to} {upper}V{lower}");
            parts.push(path("whisker", &d, "interval"));
        }
    }
    let described: Vec<String> =
        priced.iter().map(|(cluster, cost)| format!("{}: {}", cluster.cluster, per_million(cluster, cost))).collect();
    let name = format!("What a million {} cost", priced.first().map_or("good answers", |(cluster, _)| paid(cluster)));
    fitted(plot(&name, &described.join("; "), ROW * priced.len() as f64 + 4.0, parts))
}
