//! Columns of a table of clusters.

use stats::{bounded, time};
use wire::ClusterReport;

use crate::{Side, Table};

/// One number of each cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Column {
    /// Name of the cluster.
    Cluster,
    /// Requests that count.
    Requests,
    /// Those without a good answer.
    Failed,
    /// Answered requests per second of load.
    RequestsPerSecond,
    /// Median of the latency.
    P50,
    /// 90th percentile of the latency.
    P90,
    /// 99th percentile of the latency.
    P99,
    /// 99.9th percentile of the latency.
    P999,
}

impl Column {
    /// Columns of a report's own table.
    pub const NUMBERS: [Self; 8] = [
        Self::Cluster,
        Self::Requests,
        Self::Failed,
        Self::RequestsPerSecond,
        Self::P50,
        Self::P90,
        Self::P99,
        Self::P999,
    ];

    /// Table of `clusters`, a row each.
    pub fn table<const COLUMNS: usize>(columns: [Self; COLUMNS], clusters: &[ClusterReport]) -> Table<COLUMNS> {
        let mut table = Table::new(columns.map(|column| (column.heading(), column.side())));
        for cluster in clusters {
            table.row(columns.map(|column| column.cell(cluster)));
        }
        table
    }

    pub(crate) fn heading(self) -> &'static str {
        match self {
            Self::Cluster => "CLUSTER",
            Self::Requests => "REQUESTS",
            Self::Failed => "FAILED",
            Self::RequestsPerSecond => "REQUESTS/S",
            Self::P50 => "P50",
            Self::P90 => "P90",
            Self::P99 => "P99",
            Self::P999 => "P99.9",
        }
    }

    fn side(self) -> Side {
        if self == Self::Cluster { Side::Left } else { Side::Right }
    }

    /// The value of one cluster, as a table shows it.
    pub fn cell(self, cluster: &ClusterReport) -> String {
        let latency = &cluster.latency;
        match self {
            Self::Cluster => cluster.cluster.clone(),
            Self::Requests => cluster.requests.to_string(),
            Self::Failed => cluster.failures.total().to_string(),
            Self::RequestsPerSecond => cluster.requests_per_second.to_string(),
            Self::P50 => bounded(latency, latency.p50_micros, time),
            Self::P90 => bounded(latency, latency.p90_micros, time),
            Self::P99 => bounded(latency, latency.p99_micros, time),
            Self::P999 => bounded(latency, latency.p999_micros, time),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_chosen_and_a_quantile_that_failures_reached_is_none() {
        let mut cluster = ClusterReport { cluster: "a".to_owned(), requests: 7, ..ClusterReport::default() };
        cluster.latency.p50_micros = Some(12_345);
        let table = Column::table([Column::Cluster, Column::Requests, Column::P50, Column::P99], &[cluster]);
        assert_eq!(table.to_string(), "CLUSTER  REQUESTS      P50   P99\na               7  12.3 ms  none\n");
    }
}
