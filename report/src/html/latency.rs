//! Response times by percentile: all rounds together and each alone, on two logarithmic axes. Where fewer than ten requests lie
//! beyond a value it is dotted: what few requests say is an anecdote and no percentile.

use stats::{Latencies, quantile, time};
use wire::{ClusterReport, Report};

use super::cluster_keys::Keys;
use super::markup::{Markup, label, line, paragraph, path, scrolled, section, tag};
use super::plot::{WIDTH, plot, times_across};
use super::scales::{Logarithmic, Rarity};
use crate::picture::px;

const LEFT: f64 = 66.0;
const RIGHT: f64 = WIDTH - 20.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 270.0;
/// The fastest hundredth is cut off: it would take half of the plot.
const FASTEST: f64 = 0.01;
/// Requests beyond a value that is drawn as a line.
const FEW: u64 = 10;
/// Points of all thin lines together, and of one at most: what is drawn must not be longer than what it is of.
const THIN_POINTS: usize = 5_000;
const POINTS_OF_A_ROUND: usize = 28;
const POINTS: usize = 140;
/// Percentiles that have a mark.
const MARKED: [f64; 4] = [0.5, 0.9, 0.99, 0.999];

pub(super) fn latency(report: &Report, keys: &Keys<'_>) -> Markup {
    let all: Vec<(&ClusterReport, Distribution)> =
        report.clusters.iter().filter_map(|cluster| Some((cluster, Distribution::of(cluster)?))).collect();
    let Some((least, most)) = extent(&all) else { return Markup::default() };
    let requests = all.iter().map(|(_, distribution)| distribution.all).max().unwrap_or(1);
    let shares = Rarity::up_to((2.2 * requests as f64).log10().clamp(1.0, 7.0), (LEFT, RIGHT));
    let times = Logarithmic::between(least, most, (BOTTOM, TOP));
    let mut parts = vec![times_across(&times, (LEFT, RIGHT))];
    for (share, name) in shares.ticks() {
        let x = shares.px(share);
        parts.push(line("grid", (x, TOP), (x, BOTTOM)));
        parts.push(label(x, BOTTOM + 17.0, "", "middle", name));
    }
    let caption = "percentile; each step to the right is ten times rarer";
    parts.push(label((LEFT + RIGHT) / 2.0, BOTTOM + 35.0, "", "middle", caption));
    let rounds: Vec<&ClusterReport> = stats::counted(&report.rounds).flat_map(|round| &round.clusters).collect();
    let points = (THIN_POINTS / rounds.len().max(1)).clamp(6, POINTS_OF_A_ROUND);
    let thin = |cluster: &&ClusterReport| {
        let curve = Distribution::of(cluster)?.curve(points, true);
        let d = drawn(curve.iter().filter(|(share, _)| *share >= FASTEST), &shares, &times);
        Some(path(&format!("thin {}", keys.class(&cluster.cluster)), &d, ""))
    };
    parts.extend(rounds.iter().filter_map(thin));
    parts.extend(all.iter().map(|(cluster, distribution)| whole(cluster, distribution, keys, &shares, &times)));
    let described: Vec<String> = all.iter().map(|(cluster, _)| described(cluster)).collect();
    let name = "Response times by percentile";
    let plot = plot(name, &described.join("; "), BOTTOM + 42.0, parts);
    let each =
        if rounds.iter().any(|one| !one.histograms.response.is_empty()) { " Thin: each round alone." } else { "" };
    let caption = format!(
        "From the planned start of a request to its answer; a failed one is infinitely slow. Thick: all rounds together.{each} \
         Dotted: fewer than {FEW} requests lie beyond. The fastest hundredth is cut off."
    );
    section("Response times", [keys.legend(), scrolled(name, plot), paragraph("dim", &caption)])
}

/// Least and most of what is drawn.
fn extent(all: &[(&ClusterReport, Distribution)]) -> Option<(u64, u64)> {
    let least = all.iter().filter_map(|(_, distribution)| distribution.at(FASTEST)).min()?;
    let most =
        all.iter().filter_map(|(_, distribution)| distribution.counts.last()).map(|(micros, _)| *micros).max()?;
    Some((least, most))
}

fn whole(
    cluster: &ClusterReport,
    distribution: &Distribution,
    keys: &Keys<'_>,
    shares: &Rarity,
    times: &Logarithmic,
) -> Markup {
    let class = keys.class(&cluster.cluster);
    let curve = distribution.curve(POINTS, false);
    let is_drawn = |(share, _): &&(f64, u64)| *share >= FASTEST;
    let is_firm = |share: f64| distribution.beyond(share) >= FEW;
    let firm = drawn(curve.iter().filter(is_drawn).filter(|(share, _)| is_firm(*share)), shares, times);
    let last = curve.iter().rposition(|(share, _)| is_firm(*share)).unwrap_or(0);
    let tail = drawn(curve[last..].iter().filter(is_drawn), shares, times);
    let marks = MARKED.iter().filter(|share| is_firm(**share)).filter_map(|share| {
        let at = (shares.px(*share), times.px(distribution.at(*share)?));
        Some(path("mark", &keys.mark(&cluster.cluster, at, 4.2), &described(cluster)))
    });
    let lines = [path("tail", &tail, ""), path("curve", &firm, "")];
    tag("g", &[("class", &class)], [lines.into_iter().collect(), marks.collect::<Markup>()])
}

fn described(cluster: &ClusterReport) -> String {
    let latency = &cluster.latency;
    let [p50, p90, p99] =
        [latency.p50_micros, latency.p90_micros, latency.p99_micros].map(|micros| quantile(micros, time));
    format!("{}: p50 {p50}, p90 {p90}, p99 {p99}", cluster.cluster)
}

fn drawn<'a>(points: impl Iterator<Item = &'a (f64, u64)>, shares: &Rarity, times: &Logarithmic) -> String {
    let place = |(share, micros): &(f64, u64)| format!("{} {}", px(shares.px(*share)), px(times.px(*micros)));
    let places: Vec<String> = points.map(place).collect();
    if places.is_empty() { String::new() } else { format!("M{}", places.join("L")) }
}

/// Response times of all requests, those that failed or were open at the end beyond all others.
struct Distribution {
    all: u64,
    /// Times ascending, each with how many requests took no longer.
    counts: Vec<(u64, u64)>,
}

impl Distribution {
    /// `None`: nothing is known, or nothing was answered.
    fn of(cluster: &ClusterReport) -> Option<Self> {
        let latencies = Latencies::decode(&cluster.histograms.response).ok().filter(|all| all.count() > 0)?;
        let mut seen = 0;
        let counts = latencies.counts().map(|(micros, count)| {
            seen += count;
            (micros, seen)
        });
        Some(Self { counts: counts.collect(), all: latencies.count().max(cluster.requests) })
    }

    /// Time that this share of the requests took at most. `None`: too many failed.
    fn at(&self, share: f64) -> Option<u64> {
        let rank = ((self.all as f64 * share).ceil() as u64).max(1);
        let place = self.counts.partition_point(|(_, seen)| *seen < rank);
        self.counts.get(place).map(|(micros, _)| *micros)
    }

    /// Requests beyond this share.
    fn beyond(&self, share: f64) -> u64 {
        self.all.saturating_sub((self.all as f64 * share).ceil() as u64)
    }

    /// So many points of it, evenly from the fastest hundredth to the slowest answer; of a round only those that are firm.
    fn curve(&self, points: usize, is_firm: bool) -> Vec<(f64, u64)> {
        let rarest = if is_firm { FEW as f64 } else { 1.0 };
        let nines = (self.all as f64 / rarest).log10().max(0.3);
        let first = -(1.0 - FASTEST).log10();
        let share = |point: usize| 1.0 - 10f64.powf(-(first + (nines - first) * point as f64 / points as f64));
        let mut curve: Vec<(f64, u64)> =
            (0..=points).map(share).map_while(|share| Some((share, self.at(share)?))).collect();
        if !is_firm && let Some((micros, seen)) = self.counts.last() {
            // The slowest answer itself, also where the last step is short of it.
            let share = (*seen as f64 / self.all as f64).min(1.0 - 0.5 / self.all as f64);
            curve.push((share.min(1.0 - 1e-9), *micros));
        }
        curve
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(count: u64, failed: u64) -> Distribution {
        let counts = (1..=count).map(|micros| (micros, micros)).collect();
        Distribution { all: count + failed, counts }
    }

    #[test]
    fn quantiles_are_the_ranked_requests_and_failures_are_beyond_them() {
        let all = distribution(1000, 0);
        assert_eq!([0.5, 0.9, 0.99].map(|share| all.at(share)), [Some(500), Some(900), Some(990)]);
        assert_eq!((all.beyond(0.99), all.beyond(0.995)), (10, 5));
        let failed = distribution(900, 100);
        assert_eq!((failed.at(0.9), failed.at(0.901)), (Some(900), None));
        assert_eq!(failed.curve(50, false).last().map(|(_, micros)| *micros), Some(900));
        let curve = all.curve(100, false);
        assert!(curve.windows(2).all(|two| two[0].0 <= two[1].0 && two[0].1 <= two[1].1), "{curve:?}");
        assert_eq!(curve.last().unwrap().1, 1000);
        assert!(all.curve(20, true).iter().all(|(share, _)| all.beyond(*share) >= FEW - 1));
    }
}
