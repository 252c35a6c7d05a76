//! The path that the members of all clusters serve together: measured like a cluster, and said to be none. Pure.

use std::borrow::Cow;
use std::collections::BTreeMap;

use wire::{ClusterReport, Environment, RunSpec};

use super::share::share_per_mille;
use crate::numbers::{bounded, milliseconds, tenths};

/// The clusters of a report without what all members serve together: only these are compared and judged by limits.
pub(crate) fn clusters<'a>(spec: &RunSpec, all: &'a [ClusterReport]) -> Cow<'a, [ClusterReport]> {
    if !spec.targets.iter().any(|target| target.shared) {
        return Cow::Borrowed(all);
    }
    Cow::Owned(all.iter().filter(|cluster| !is_shared(spec, &cluster.cluster)).cloned().collect())
}

/// Whether the members of all clusters serve it together.
pub(crate) fn is_shared(spec: &RunSpec, name: &str) -> bool {
    spec.targets.iter().any(|target| target.shared && target.cluster == name)
}

/// Cluster of each member that is known, by its id.
pub(crate) fn clusters_by_member<'a>(spec: &'a RunSpec, environment: &'a Environment) -> BTreeMap<&'a str, &'a str> {
    let seen = environment
        .clusters
        .iter()
        .flat_map(|cluster| cluster.members.iter().map(|member| (member.id.as_str(), cluster.cluster.as_str())));
    let told = spec.members.iter().map(|member| (member.id.as_str(), member.cluster.as_str()));
    seen.chain(told).collect()
}

/// `shared: all members of cluster1 and cluster2 behind /: 512 requests/s, p50 2.10 ms, p99 9.80 ms, 60 % of the answers from
/// cluster1 and 40 % from cluster2; it is no cluster, and compared with none.`
pub(crate) fn sentence(spec: &RunSpec, all: &[ClusterReport], environment: &Environment) -> Option<String> {
    let target = spec.targets.iter().find(|target| target.shared)?;
    let report = all.iter().find(|cluster| cluster.cluster == target.cluster)?;
    let names: Vec<&str> = super::twins(spec).0;
    let latency = &report.latency;
    let mut words = vec![
        format!("{} requests/s", report.requests_per_second),
        format!("p50 {}", bounded(latency, latency.p50_micros, milliseconds)),
        format!("p99 {}", bounded(latency, latency.p99_micros, milliseconds)),
    ];
    if report.failures.total() > 0 {
        words.push(format!("{} of {} failed", report.failures.total(), report.requests));
    }
    words.extend(shares(report, &names, &clusters_by_member(spec, environment)));
    Some(format!(
        "{}: all members of {} behind {}: {}; it is no cluster, and compared with none.",
        target.cluster,
        listed(&names),
        path(&target.url),
        words.join(", ")
    ))
}

/// `None` where answers do not say who gave them.
fn shares(report: &ClusterReport, names: &[&str], by_member: &BTreeMap<&str, &str>) -> Option<String> {
    let of = |name: &str| -> u64 {
        let its = report.members.iter().filter(|member| by_member.get(member.id.as_str()) == Some(&name));
        its.map(|member| member.requests).sum()
    };
    let all: u64 = report.members.iter().map(|member| member.requests).sum();
    let known: u64 = names.iter().map(|name| of(name)).sum();
    let share = |name: &&str| format!("{} from {name}", tenths(share_per_mille(of(name), all)));
    let (first, others) = names.split_first().filter(|_| known > 0)?;
    let first = format!("{} of the answers from {first}", tenths(share_per_mille(of(first), all)));
    let parts: Vec<String> = std::iter::once(first).chain(others.iter().map(share)).collect();
    Some(listed(&parts))
}

/// `a`, `a and b`, `a, b and c`
fn listed<Word: AsRef<str>>(words: &[Word]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [others @ .., last] => {
            let others: Vec<&str> = others.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", others.join(", "), last.as_ref())
        }
    }
}

fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("/", |at| &rest[at..])
}
