//! Medians by cluster and round, as far as this process saw them: status holds the last round only.

use std::collections::BTreeMap;

use api::ClusterBenchmark;

/// Medians of the run that is on.
#[derive(Debug, Default)]
pub(crate) struct Courses(BTreeMap<String, BTreeMap<i64, i64>>);

impl Courses {
    /// Rounds that are drawn.
    const LAST: usize = 40;

    pub(crate) fn see(&mut self, object: &ClusterBenchmark) {
        let Some(live) = object.status.as_ref().and_then(|status| status.live.as_ref()) else { return };
        // Another run begins at round 1 again.
        if self.0.values().flat_map(BTreeMap::keys).any(|seen| *seen > live.round) {
            self.0.clear();
        }
        for cluster in &live.clusters {
            if let Some(micros) = cluster.p50_micros {
                self.0.entry(cluster.name.clone()).or_default().insert(cluster.round, micros);
            }
        }
    }

    /// The last rounds of one cluster, each with its median in microseconds.
    pub(crate) fn of(&self, cluster: &str) -> Vec<(u64, u64)> {
        let whole = |number: i64| u64::try_from(number).unwrap_or(0);
        let all = self.0.get(cluster).into_iter().flatten();
        let all: Vec<(u64, u64)> = all.map(|(round, micros)| (whole(*round), whole(*micros))).collect();
        all[all.len().saturating_sub(Self::LAST)..].to_vec()
    }

    /// Bars of one cluster on the scale of all, from nothing on: what is twice as high takes twice as long.
    pub(crate) fn drawn(&self, cluster: &str) -> String {
        const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
        let most = self.0.values().flat_map(BTreeMap::values).copied().max().unwrap_or(1).max(1);
        let most = u64::try_from(most).unwrap_or(1);
        let bar = |(_, micros): &(u64, u64)| {
            let eighth = (micros.saturating_mul(8)).saturating_sub(1) / most;
            BARS[usize::try_from(eighth).unwrap_or(7).min(7)]
        };
        self.of(cluster).iter().map(bar).collect()
    }
}
