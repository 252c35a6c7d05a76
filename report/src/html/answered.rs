//! Shares of a page: the part of the answers that each member gave, beside an equal one.

use stats::tenths;
use wire::{ClusterReport, CountOutcome, MemberShare, Report};

use super::cluster_keys::Keys;
use super::markup::{Markup, label, line, list, paragraph, rectangle, scrolled, section, tag};
use super::plot::{WIDTH, plot};
use crate::lines;

const LEFT: f64 = 190.0;
const RIGHT: f64 = WIDTH - 80.0;
const ROW: f64 = 18.0;
/// More members of a cluster than this are folded.
const UNFOLDED: usize = 12;
/// Letters of a name that fit before a bar.
const LETTERS: usize = 23;

pub(super) fn answered(report: &Report, cloud_watch: Option<&wire::CloudWatch>, keys: &Keys<'_>) -> Markup {
    let named = |cluster: &&ClusterReport| cluster.members.iter().any(|member| !member.id.is_empty());
    let clusters: Vec<&ClusterReport> = report.clusters.iter().filter(named).collect();
    let shares: Markup = clusters.iter().map(|cluster| cluster_shares(cluster, keys)).collect();
    let caption =
        if clusters.is_empty() { "" } else { "Share of the answers of each instance; the stroke is an equal share." };
    section(
        "Who answered",
        [shares, paragraph("dim", caption), list("dim", &lines::places(report)), counted(cloud_watch)],
    )
}

/// What CloudWatch counted against what was sent.
fn counted(cloud_watch: Option<&wire::CloudWatch>) -> Markup {
    let checks = cloud_watch.map(|all| all.checks.as_slice()).unwrap_or_default();
    let check = |check: &wire::CountCheck| {
        let (class, sign) = match check.outcome {
            CountOutcome::Agrees => ("ok", "\u{2713}"),
            CountOutcome::Caution => ("warn", "\u{26a0}"),
            CountOutcome::Unknown => ("warn", "?"),
        };
        tag("li", &[], [tag("b", &[("class", class)], sign), Markup::from(format!(" {}", check.sentence))])
    };
    if checks.is_empty() {
        return Markup::default();
    }
    tag("ul", &[("class", "thresholds")], checks.iter().map(check).collect::<Markup>())
}

fn cluster_shares(cluster: &ClusterReport, keys: &Keys<'_>) -> Markup {
    let name = format!("Shares of {}", cluster.cluster);
    let heading = tag("h3", &[], [keys.key(&cluster.cluster), Markup::from(&cluster.cluster)]);
    let mut members: Vec<&MemberShare> = cluster.members.iter().collect();
    members.sort_by(|one, other| one.id.cmp(&other.id));
    let bars = scrolled(&name, bars(&name, cluster, &members, keys));
    if members.len() <= UNFOLDED {
        return Markup::from([heading, bars]);
    }
    let shares = || members.iter().map(|member| member.share_per_mille);
    let (least, most) = (shares().min().unwrap_or(0), shares().max().unwrap_or(0));
    let summary = format!("{} instances, from {} to {}", members.len(), tenths(least), tenths(most));
    Markup::from([heading, tag("details", &[], [tag("summary", &[], summary), bars])])
}

fn bars(name: &str, cluster: &ClusterReport, members: &[&MemberShare], keys: &Keys<'_>) -> Markup {
    let known = members.iter().filter(|member| !member.id.is_empty()).count().max(1) as f64;
    let equal = 1000.0 / known;
    let most = members.iter().map(|member| f64::from(member.share_per_mille)).fold(equal, f64::max);
    let width = |per_mille: f64| (RIGHT - LEFT) * per_mille / most;
    let mut parts = Vec::new();
    for (index, member) in members.iter().enumerate() {
        let top = index as f64 * ROW;
        let share = tenths(member.share_per_mille);
        let title = format!("{}: {} answers, {share}", shown(&member.id), member.requests);
        parts.push(label(LEFT - 10.0, top + 13.0, "mono", "end", &short(shown(&member.id))));
        parts.push(rectangle((LEFT, top + 3.0), (width(f64::from(member.share_per_mille)), 12.0), "bar", &title));
        parts.push(label(RIGHT + 12.0, top + 13.0, "value", "start", &share));
    }
    let x = LEFT + width(equal);
    parts.push(line("equal", (x, 0.0), (x, ROW * members.len() as f64)));
    let class = keys.class(&cluster.cluster);
    let description = lines::shares(cluster).unwrap_or_default();
    plot(name, &description, ROW * members.len() as f64 + 2.0, vec![tag("g", &[("class", &class)], parts)])
}

fn shown(id: &str) -> &str {
    if id.is_empty() { "unnamed" } else { id }
}

/// A name with its middle left out where it does not fit: ids differ at their ends.
fn short(name: &str) -> String {
    let letters: Vec<char> = name.chars().collect();
    if letters.len() <= LETTERS {
        return name.to_owned();
    }
    let half = (LETTERS - 1) / 2;
    let (first, last) = (&letters[..half], &letters[letters.len() - half..]);
    first.iter().chain(&['\u{2026}']).chain(last).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(short("i-0123456789abcdef0"), "i-0123456789abcdef0");
        assert_eq!(short("ip-10-0-17-5.eu-west-1.compute.internal"), "ip-10-0-17-\u{2026}te.internal");
    }
}
