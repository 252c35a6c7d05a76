//! Numbers of one cluster alone, by the unit of comparisons: the round, or the launch where there are enough of them.

use std::collections::BTreeMap;

use super::series::launches_for_types;
use super::wilcoxon::{Differences, Interval, hodges_lehmann};

/// The Hodges-Lehmann median and its interval at `alpha`, of logarithms that come with their launch. `None`: there are none.
pub(crate) fn own(logs: impl IntoIterator<Item = (u32, f64)>, alpha: f64) -> Option<(f64, Option<Interval>)> {
    let mut by_launch: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
    for (launch, log) in logs {
        by_launch.entry(launch).or_default().push(log);
    }
    let units: Vec<f64> = if by_launch.len() < launches_for_types(alpha) as usize {
        by_launch.into_values().flatten().collect()
    } else {
        by_launch.values().filter_map(|launch| hodges_lehmann(launch)).collect()
    };
    let units = Differences::of(&units);
    Some((units.estimate()?, units.interval(alpha)))
}
