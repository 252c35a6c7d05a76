//! CloudWatch's count of requests against the generator's. Pure.
//!
//! RequestCount counts a request for which the load balancer chose a target: every one that we sent, and no health check
//! (user guide, "CloudWatch metrics for your Application Load Balancer"). Two independent counts that agree say that
//! nothing was sent around the load balancer, and that nobody else sent through it. A request that we gave up is counted
//! too: on the path of one cluster it is among those that we sent, on the path of all members it may be any cluster's.

use wire::{CloudWatch, CloudWatchState, CountCheck, CountOutcome, Report, Series};

use super::shared::{clusters_by_member, is_shared};
use super::twins;

/// Two counts may differ by so much, in ten thousandths: requests that were cut when a run was aborted, and connections that
/// broke before a target was chosen.
const MOST_OFF: u64 = 100;

/// What we sent to a cluster, as far as it can be told.
#[derive(Clone, Copy)]
struct Sent {
    /// Requests that its target group alone can have counted.
    own: u64,
    /// Requests to all members that no member is known to have answered: given up by us, or answered by the load balancer.
    /// Each is counted for the target group that it was sent to, and the client cannot tell which one that was.
    of_nobody: u64,
}

impl Sent {
    /// What CloudWatch may have counted that is next to what it did count.
    fn nearest(self, counted: u64) -> u64 {
        counted.clamp(self.own, self.own.saturating_add(self.of_nobody))
    }
}

/// One check for each cluster that CloudWatch knows.
pub fn count_checks(report: &Report, cloud_watch: &CloudWatch) -> Vec<CountCheck> {
    let names = cloud_watch.clusters.iter().map(|cluster| cluster.cluster.as_str());
    let clusters: Vec<_> = names.map(|name| (name, counted(cloud_watch, name), sent(report, name))).collect();
    let whole = whole(&clusters);
    clusters.iter().map(|cluster| check(cloud_watch, *cluster, whole)).collect()
}

fn counted(cloud_watch: &CloudWatch, name: &str) -> u64 {
    let of_cluster = cloud_watch.clusters.iter().find(|cluster| cluster.cluster == name);
    // No point at all is what CloudWatch says of no traffic.
    of_cluster.and_then(|cluster| cluster.points("RequestCount", "Sum")).map_or(0, wire::MetricPoints::total)
}

/// Both counts of all clusters together, in which every request to all members is. `None`: each cluster's own tell all.
fn whole(clusters: &[(&str, u64, Option<Sent>)]) -> Option<(u64, u64)> {
    let of_nobody = clusters.iter().find_map(|(_, _, sent)| Some((*sent)?.of_nobody)).filter(|count| *count > 0)?;
    let own = clusters.iter().map(|(_, _, sent)| Some((*sent)?.own)).sum::<Option<u64>>()?;
    Some((clusters.iter().map(|(_, counted, _)| counted).sum(), own + of_nobody))
}

fn check(
    cloud_watch: &CloudWatch,
    (name, counted, sent): (&str, u64, Option<Sent>),
    whole: Option<(u64, u64)>,
) -> CountCheck {
    let (outcome, sentence) = match (cloud_watch.state, sent) {
        (CloudWatchState::None, _) => {
            (CountOutcome::Unknown, format!("CloudWatch told nothing of {name}: {}", cloud_watch.reason))
        }
        (_, None) => (
            CountOutcome::Unknown,
            format!("CloudWatch counted {counted} requests of {name}; the report does not say how many we sent"),
        ),
        (state, Some(sent)) => {
            let nearest = sent.nearest(counted);
            let mut off_by = off(counted, nearest);
            let more = match sent.of_nobody {
                0 => String::new(),
                some => format!(", and up to {some} of those to all members that no member answered"),
            };
            let mut sentence = format!(
                "CloudWatch counted {counted} requests of {name}, we sent {}{more}: off by {}",
                sent.own,
                percent(off_by)
            );
            // Where a request may be of any cluster, their sum still tells whether one is missing or too many.
            if let Some((all_counted, all_sent)) = whole.filter(|(counted, sent)| off(*counted, *sent) > off_by) {
                off_by = off(all_counted, all_sent);
                sentence += &format!(
                    "; of all clusters it counted {all_counted}, we sent {all_sent}: off by {}",
                    percent(off_by)
                );
            }
            let is_more = counted > nearest || whole.is_some_and(|(counted, sent)| counted > sent);
            match state {
                CloudWatchState::Partial => (CountOutcome::Unknown, format!("{sentence} ({})", cloud_watch.reason)),
                _ if cloud_watch.shares_minutes && is_more => {
                    (CountOutcome::Unknown, format!("{sentence} (another run was in the same minutes)"))
                }
                _ if off_by > MOST_OFF => (CountOutcome::Caution, sentence),
                _ => (CountOutcome::Agrees, sentence),
            }
        }
    };
    CountCheck { cluster: name.to_owned(), counted, sent: sent.map_or(0, |sent| sent.own), outcome, sentence }
}

/// All that was sent to the cluster: under its own name, under that of its twin, and of what all members serve together
/// what its own have answered. `None`: there are no series.
fn sent(report: &Report, name: &str) -> Option<Sent> {
    let (_, twins) = twins(&report.run);
    let is_it =
        |cluster: &str| cluster == name || twins.iter().any(|(original, twin)| *original == name && *twin == cluster);
    let of_it: Vec<u64> =
        report.series.iter().filter(|series| is_it(&series.cluster)).map(|series| series.sent).collect();
    let mut sent = Sent { own: of_it.iter().sum(), of_nobody: 0 };
    for shared in report.series.iter().filter(|series| is_shared(&report.run, &series.cluster)) {
        let Sent { own, of_nobody } = sent_to_all(report, shared, name)?;
        (sent.own, sent.of_nobody) = (sent.own + own, sent.of_nobody + of_nobody);
    }
    (!of_it.is_empty()).then_some(sent)
}

/// Answers of the cluster's members to what all members serve together, and the requests that none of them all answered.
/// `None`: nobody knows whose answers they were.
fn sent_to_all(report: &Report, shared: &Series, name: &str) -> Option<Sent> {
    let by_member = clusters_by_member(&report.run, &report.environment);
    let members = &shared.minutes.as_ref()?.members;
    let (mut own, mut known) = (0, 0);
    for member in members {
        let Some(cluster) = by_member.get(member.id.as_str()) else { continue };
        let answers: u64 = member.answers.iter().sum();
        known += answers;
        own += if *cluster == name { answers } else { 0 };
    }
    let is_named = shared.sent == 0 || members.iter().any(|member| by_member.contains_key(member.id.as_str()));
    is_named.then(|| Sent { own, of_nobody: shared.sent.saturating_sub(known) })
}

/// Difference in ten thousandths of what was sent, rounded up: only equal counts are off by nothing.
fn off(counted: u64, sent: u64) -> u64 {
    let off = (u128::from(counted.abs_diff(sent)) * 10_000).div_ceil(u128::from(sent.max(1)));
    u64::try_from(off).unwrap_or(u64::MAX)
}

/// `0 %`, `0.04 %`, `12.5 %`
fn percent(ten_thousandths: u64) -> String {
    let text = format!("{}.{:02}", ten_thousandths / 100, ten_thousandths % 100);
    format!("{} %", text.trim_end_matches('0').trim_end_matches('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_are_rounded_up_and_short() {
        let shown = |counted, sent| percent(off(counted, sent));
        assert_eq!(shown(2500, 2500), "0 %");
        assert_eq!(shown(2499, 2500), "0.04 %");
        assert_eq!(shown(999_999, 1_000_000), "0.01 %", "off by something");
        assert_eq!(shown(2525, 2500), "1 %");
        assert_eq!(shown(2526, 2500), "1.04 %");
        assert_eq!(shown(5, 0), "500 %");
    }
}
