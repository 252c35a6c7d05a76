//! CloudWatch's account of a run, for tests.

use wire::{CloudWatch, CloudWatchCluster, CloudWatchState, MetricPoints, MetricUnit, Report, Series};

/// CloudWatch's account of two minutes of a run.
pub(crate) fn account(report: &Report) -> CloudWatch {
    let points = |metric: &str, statistic: &str, unit, values: [u64; 2]| MetricPoints {
        metric: metric.into(),
        statistic: statistic.into(),
        unit,
        at: vec![0, 1],
        values: values.to_vec(),
    };
    let cluster = |series: &Series| CloudWatchCluster {
        cluster: series.cluster.clone(),
        metrics: vec![
            points("RequestCount", "Sum", MetricUnit::Count, [1500, 40]),
            points("RequestCountPerTarget", "Sum", MetricUnit::Thousandths, [1_500_000, 40_000]),
            points("TargetResponseTime", "Average", MetricUnit::Micros, [2900, 3100]),
            points("TargetResponseTime", "p99", MetricUnit::Micros, [6200, 6400]),
        ],
        ..CloudWatchCluster::default()
    };
    let mut account = CloudWatch {
        state: CloudWatchState::Complete,
        start: report.series[0].start,
        minutes: 2,
        clusters: report.series.iter().map(cluster).collect(),
        ..CloudWatch::default()
    };
    account.checks = stats::count_checks(report, &account);
    account
}
