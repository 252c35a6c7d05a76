//! CloudWatch's count of requests against the generator's. Pure.
//!
//! RequestCount counts a request for which the load balancer chose a target: every one that we sent, and no health check
//! (user guide, "CloudWatch metrics for your Application Load Balancer"). Two independent counts that agree say that
//! nothing was sent around the load balancer, and that nobody else sent through it.

use wire::{CloudWatch, CloudWatchState, CountCheck, CountOutcome, Report, Series};

use super::shared::{clusters_by_member, is_shared};
use super::twins;

/// Two counts may differ by so much, in ten thousandths: requests that were cut when a run was aborted, and connections that
/// broke before a target was chosen.
const MOST_OFF: u64 = 100;

/// One check for each cluster that CloudWatch knows.
pub fn count_checks(report: &Report, cloud_watch: &CloudWatch) -> Vec<CountCheck> {
    cloud_watch.clusters.iter().map(|cluster| check(report, cloud_watch, &cluster.cluster)).collect()
}

fn check(report: &Report, cloud_watch: &CloudWatch, name: &str) -> CountCheck {
    let sent = sent(report, name);
    let of_cluster = cloud_watch.clusters.iter().find(|cluster| cluster.cluster == name);
    // No point at all is what CloudWatch says of no traffic.
    let counted =
        of_cluster.and_then(|cluster| cluster.points("RequestCount", "Sum")).map_or(0, wire::MetricPoints::total);
    let (outcome, sentence) = match (cloud_watch.state, sent) {
        (CloudWatchState::None, _) => {
            (CountOutcome::Unknown, format!("CloudWatch told nothing of {name}: {}", cloud_watch.reason))
        }
        (_, None) => (
            CountOutcome::Unknown,
            format!("CloudWatch counted {counted} requests of {name}; the report does not say how many we sent"),
        ),
        (state, Some(sent)) => {
            let off = off(counted, sent);
            let sentence =
                format!("CloudWatch counted {counted} requests of {name}, we sent {sent}: off by {}", percent(off));
            match state {
                CloudWatchState::Partial => (CountOutcome::Unknown, format!("{sentence} ({})", cloud_watch.reason)),
                _ if cloud_watch.shares_minutes && counted > sent => {
                    (CountOutcome::Unknown, format!("{sentence} (another run was in the same minutes)"))
                }
                _ if off > MOST_OFF => (CountOutcome::Caution, sentence),
                _ => (CountOutcome::Agrees, sentence),
            }
        }
    };
    CountCheck { cluster: name.to_owned(), counted, sent: sent.unwrap_or(0), outcome, sentence }
}

/// All that was sent to the cluster: under its own name, under that of its twin, and of what all members serve together
/// what its own have answered. `None`: there are no series.
fn sent(report: &Report, name: &str) -> Option<u64> {
    let (_, twins) = twins(&report.run);
    let is_it =
        |cluster: &str| cluster == name || twins.iter().any(|(original, twin)| *original == name && *twin == cluster);
    let of_it: Vec<u64> =
        report.series.iter().filter(|series| is_it(&series.cluster)).map(|series| series.sent).collect();
    let of_shared: u64 =
        report.series.iter().map(|series| answered_for_all(report, series, name)).sum::<Option<u64>>()?;
    (!of_it.is_empty()).then(|| of_it.iter().sum::<u64>() + of_shared)
}

/// Answers of the cluster's members to what all members serve together. `None`: nobody knows whose answers they were.
fn answered_for_all(report: &Report, series: &Series, name: &str) -> Option<u64> {
    if !is_shared(&report.run, &series.cluster) {
        return Some(0);
    }
    let by_member = clusters_by_member(&report.run, &report.environment);
    let members = &series.minutes.as_ref()?.members;
    let its = members.iter().filter(|member| by_member.get(member.id.as_str()) == Some(&name));
    let is_named = series.sent == 0 || members.iter().any(|member| by_member.contains_key(member.id.as_str()));
    is_named.then(|| its.flat_map(|member| &member.answers).sum())
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
