//! Gaps of a report, in words: it is older than a field, it was too long, or nobody knew.

use wire::{ClusterReport, Report};

use crate::rounds::counted;

/// A sentence for each thing that a rendering would show and this report lacks. Numbers are never among them.
pub fn lacking(report: &Report) -> Vec<String> {
    let any_cluster = |has: fn(&ClusterReport) -> bool| report.clusters.iter().any(has);
    let counted = || counted(&report.rounds).flat_map(|round| &round.clusters);
    let has_series = report.series.iter().any(|series| series.seconds.is_some() || series.minutes.is_some());
    let has_queues =
        report.run.targets.iter().any(|target| target.scaled) || any_cluster(|one| one.queue_cost.is_some());
    let said = [
        (
            !has_series,
            "The course of the load is not in this report: it was measured by an earlier version, it was too long, or nothing was sent.",
        ),
        (
            has_queues && report.series.iter().all(|series| series.queue.is_none()),
            "How many requests waited over time is not in this report: it was measured by an earlier version, or it was too long.",
        ),
        (
            !any_cluster(|one| !one.histograms.response.is_empty()) && any_cluster(|one| one.requests > 0),
            "Only the quantiles of the response times are in this report, and no histogram.",
        ),
        (
            any_cluster(|one| !one.histograms.response.is_empty())
                && counted().next().is_some()
                && counted().all(|one| one.histograms.response.is_empty()),
            "The response times of single rounds are not in this report: it was too long.",
        ),
        (
            !any_cluster(|one| {
                one.hourly_usd_micros.is_some() || one.queue_cost.is_some_and(|cost| cost.usd_nanos.is_some())
            }),
            "What the instances cost is not in this report: nobody told the generator.",
        ),
        (
            report.run.facts.benchmark.is_none(),
            "The benchmark itself is not in this report: it was started by hand, or by an earlier version.",
        ),
    ];
    said.into_iter().filter(|(lacks, _)| *lacks).map(|(_, sentence)| sentence.to_owned()).collect()
}
