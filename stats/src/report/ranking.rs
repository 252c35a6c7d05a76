//! Clusters from the fastest on, as far as their intervals tell them apart.

use wire::{Comparison, Direction, Metric};

/// `From the fastest: b; a and c (not told apart)`. `None` unless all pairs were compared and all could be.
///
/// An order of estimates alone would be an order of luck: two neighbours are in different groups only when every
/// cluster before the gap is shown to be faster than every one after it.
pub(crate) fn ranking(comparisons: &[Comparison]) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in comparisons.iter().flat_map(|one| [one.baseline.as_str(), one.cluster.as_str()]) {
        if !names.contains(&name) {
            names.push(name);
        }
    }
    let all_pairs = names.len() > 2 && comparisons.len() == names.len() * (names.len() - 1) / 2;
    let undecided = |one: &Comparison| matches!(one.direction, Direction::Undecided | Direction::NotComparable);
    // Where a price is not known, a comparison is by another metric than its neighbours.
    let is_one_metric = comparisons.windows(2).all(|two| two[0].metric == two[1].metric);
    if !all_pairs || !is_one_metric || comparisons.iter().any(undecided) {
        return None;
    }
    let first = names[0];
    let speed = |name: &str| {
        let from_first = |one: &&Comparison| one.baseline == first && one.cluster == name;
        comparisons.iter().find(from_first).and_then(|one| one.faster_percent).unwrap_or(0.0)
    };
    names.sort_by(|one, other| speed(other).total_cmp(&speed(one)));
    let is_faster = |one: &str, other: &str| {
        comparisons.iter().any(|found| match found.direction {
            Direction::Faster => found.cluster == one && found.baseline == other,
            Direction::Slower => found.cluster == other && found.baseline == one,
            _ => false,
        })
    };
    let gap_before = |at: usize| names[..at].iter().all(|one| names[at..].iter().all(|other| is_faster(one, other)));
    let mut groups: Vec<Vec<&str>> = Vec::new();
    for (at, name) in names.iter().enumerate() {
        match groups.last_mut() {
            Some(group) if !gap_before(at) => group.push(name),
            _ => groups.push(vec![name]),
        }
    }
    let words = |group: &Vec<&str>| match &group[..] {
        [one] => (*one).to_owned(),
        several => format!("{} (not told apart)", several.join(" and ")),
    };
    let order = match comparisons[0].metric {
        Metric::RequestsPerUsd => "From the most requests per dollar",
        Metric::Capacity => "From the highest capacity",
        Metric::UsdMicrosPerThousand => "From the least cost of a right answer",
        _ => "From the fastest",
    };
    Some(format!("{order}: {}.", groups.iter().map(words).collect::<Vec<_>>().join("; ")))
}
