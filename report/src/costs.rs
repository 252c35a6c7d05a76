//! Money in words: what the answers of each cluster cost, and what its instances do.

use stats::Usd;
use wire::{AnswerCost, ClusterFacts, ClusterReport, Phase, Report, ThresholdOutcome};

/// A line for each cluster whose price is known. Under a fixed rate all clusters answer the same: then it is the cost at this
/// rate, of those that met the thresholds on them.
pub(crate) fn costs(report: &Report) -> Vec<String> {
    let priced = || report.clusters.iter().filter_map(|cluster| Some((cluster, cluster.answer_cost.as_ref()?)));
    if !report.run.phases.iter().any(|phase| matches!(phase, Phase::OpenLoop(_))) {
        return priced()
            .map(|(cluster, cost)| format!("{}: {}", cluster.cluster, in_words(report, cluster, cost)))
            .collect();
    }
    let met = priced().filter(|(cluster, _)| meets_thresholds(report, &cluster.cluster));
    let lines: Vec<String> = met
        .map(|(cluster, cost)| format!("cost at this rate: {} {}", cluster.cluster, in_words(report, cluster, cost)))
        .collect();
    if lines.is_empty() && priced().next().is_some() {
        return vec!["cost at this rate: no cluster met its thresholds".to_owned()];
    }
    lines
}

fn meets_thresholds(report: &Report, cluster: &str) -> bool {
    let mut on_it = report.thresholds.iter().filter(|result| result.threshold.cluster == cluster);
    on_it.all(|result| result.outcome == ThresholdOutcome::Met)
}

/// `0.19 USD per million requests [0.18, 0.20] (4 x c7g.large, 0.39 USD an hour; on-demand, eu-west-1, 2026-07-20)`
fn in_words(report: &Report, cluster: &ClusterReport, cost: &AnswerCost) -> String {
    let facts = report.environment.clusters.iter().find(|facts| facts.cluster == cluster.cluster);
    let mut details: Vec<String> = Vec::new();
    if let Some(hourly) = cluster.hourly_usd_micros {
        let instances = facts.map(|facts| instances(facts, cluster)).filter(|instances| !instances.is_empty());
        let at_most = at_most(cluster.hourly_is_at_most);
        let hourly = format!("{at_most}{} USD an hour", Usd::of(&[hourly]).one(hourly));
        details.push(instances.map_or_else(|| hourly.clone(), |instances| format!("{instances}, {hourly}")));
    }
    if cluster.hourly_is_at_most {
        details.push("its members do not say how busy they are, so all surplus CPU credits are in it".to_owned());
    }
    let basis = facts.and_then(|facts| facts.price.as_ref()).map(|price| price.basis.clone());
    details.extend(basis.filter(|basis| !basis.is_empty()));
    let details = if details.is_empty() { String::new() } else { format!(" ({})", details.join("; ")) };
    format!("{}{details}", per_million(cost))
}

/// `0.19 USD per million requests [0.18, 0.20]`
pub(crate) fn per_million(cost: &AnswerCost) -> String {
    let micros = cost.usd_micros_per_million;
    let [low, high] = cost.interval.unwrap_or([micros; 2]);
    let usd = Usd::of(&[micros, low, high]);
    let interval =
        cost.interval.map(|[low, high]| format!(" [{}, {}]", usd.one(low), usd.one(high))).unwrap_or_default();
    format!("{}{} USD per million requests{interval}", at_most(cost.is_at_most), usd.one(micros))
}

fn at_most(is_at_most: bool) -> &'static str {
    if is_at_most { "at most " } else { "" }
}

/// `4 x t3.large with 1.2 surplus vCPUs`
fn instances(facts: &ClusterFacts, cluster: &ClusterReport) -> String {
    let Some(price) = facts.price.as_ref().filter(|_| !facts.instance_type.is_empty()) else { return String::new() };
    let surplus = cluster.surplus_per_mille.filter(|surplus| *surplus > 0);
    let surplus =
        surplus.map(|surplus| format!(" with {:.1} surplus vCPUs", f64::from(surplus) / 1000.0)).unwrap_or_default();
    format!("{} x {}{surplus}", price.instances, facts.instance_type)
}
