//! Comparison of one cluster with another, over the rounds that count.

mod answering;
pub(crate) mod capacity;
mod comparability;
pub(crate) mod holm;
pub(crate) mod looks;
mod outliers;
pub(crate) mod own;
mod per_thousand;
mod per_usd;
pub(crate) mod round_gains;
pub(crate) mod rules;
pub(crate) mod sample_size;
pub(crate) mod sentence;
pub(crate) mod series;
mod utilization;
pub(crate) mod warnings;
pub(crate) mod wilcoxon;
mod words;

use wire::{About, Comparison, Direction, Pairs, RoundReport, Size};

use self::capacity::capacities;
pub use self::comparability::requests_needed;
use self::comparability::{Obstacle, obstacle, spoilt_by_outliers};
use self::holm::holm_levels;
use self::looks::{CONFIDENCE_ALPHA, alpha, size_alpha};
use self::per_thousand::costs;
use self::per_usd::{bounded, prices};
use self::rules::{EQUIVALENCE_PERCENT, Rules};
use self::sample_size::{measurements_needed, smallest_count};
use self::sentence::sentence;
use self::series::Series;
use self::warnings::warnings;
use self::wilcoxon::{Differences, Interval};
use crate::launches::Launches;
use crate::metric::{is_of_money, percent_faster};

/// Compares `clusters` over the counted ones of `rounds`, Holm-corrected over the comparisons.
///
/// The estimate is the Hodges-Lehmann median of the per-round log gain and the interval the exact Wilcoxon signed-rank
/// one. With enough launches the unit is the launch instead, and the claim is about the instance types. Requests per
/// dollar are rates that are shifted by what both cost; where a price is not known, the rates are compared (the capacities, of a
/// search), and a warning says so. Of costs of right answers nothing is left to compare then.
pub fn compare(rules: &Rules, rounds: &[RoundReport], clusters: &[&str]) -> Vec<Comparison> {
    compare_launches(rules, rounds, clusters, &Launches::default())
}

/// The same of several launches. A cluster that met the objective of a search in some of them and in others not is compared with none.
pub(crate) fn compare_launches(
    rules: &Rules,
    rounds: &[RoundReport],
    clusters: &[&str],
    launches: &Launches,
) -> Vec<Comparison> {
    let series: Vec<Series<'_>> = paired(rules.pairs, clusters)
        .into_iter()
        .map(|(cluster, baseline)| {
            Series::of(rules.metric, rounds, [cluster, baseline], launches).by_what_is_known(rules)
        })
        .collect();
    let judged: Vec<Judged> = series.iter().map(|series| Judged::of(rules, series)).collect();
    let p_values: Vec<f64> = judged.iter().map(Judged::p_value).collect();
    let levels = holm_levels(&p_values, alpha(rules));
    let count = series.len();
    series
        .iter()
        .zip(judged)
        .zip(levels)
        .map(|((series, judged), level)| judged.say(rules, series, level, count))
        .collect()
}

/// Cluster and baseline of each comparison.
fn paired<'a>(pairs: Pairs, clusters: &[&'a str]) -> Vec<(&'a str, &'a str)> {
    let baselines = match pairs {
        Pairs::AgainstFirst => clusters.len().min(1),
        Pairs::All => clusters.len(),
    };
    (0..baselines).flat_map(|first| clusters[first + 1..].iter().map(move |other| (*other, clusters[first]))).collect()
}

/// A series with all that is computed of it once.
struct Judged {
    /// Independent measurements: one per round, or per launch.
    gains: Vec<f64>,
    about: About,
    differences: Differences,
    obstacle: Option<Obstacle>,
}

impl Judged {
    fn of(rules: &Rules, series: &Series<'_>) -> Self {
        let obstacle = obstacle(rules, series);
        let (gains, about) =
            series.units(alpha(rules)).map_or((Vec::new(), About::TheseInstances), |units| (units.gains, units.about));
        let differences = Differences::of(&gains);
        Self { gains, about, differences, obstacle }
    }

    fn p_value(&self) -> f64 {
        if self.obstacle.is_some() { 1.0 } else { self.differences.p_value() }
    }

    fn say(self, rules: &Rules, series: &Series<'_>, level: f64, comparisons: usize) -> Comparison {
        let interval = if self.obstacle.is_none() { self.differences.interval(level) } else { None };
        let size_interval = self.size_interval(rules, series, comparisons);
        let (direction, why) = self.direction(rules, series, interval, level, comparisons);
        let mut comparison = Comparison {
            cluster: series.cluster.to_owned(),
            baseline: series.baseline.to_owned(),
            metric: series.metric,
            rounds: series.rounds,
            launches: series.launches(),
            about: self.about,
            direction,
            size: size(direction, size_interval),
            why,
            faster_percent: self.differences.estimate().map(percent_faster),
            interval_percent: interval.map(percents),
            confidence_percent: interval.map(|interval| interval.confidence * 100.0),
            size_interval_percent: size_interval.map(percents),
            rounds_needed: measurements_needed(&self.gains, &self.differences, rules.gap_percent, level, comparisons),
            gap_percent: Some(rules.gap_percent),
            answered_per_mille: series.answered_per_mille(),
            answered_interval_points: answered_interval(series),
            per_usd: prices(rules, series, direction, interval),
            per_thousand: costs(rules, series),
            capacities: capacities(rules, series),
            warnings: warnings(rules, series, &self.gains),
            sentence: String::new(),
        };
        if self.obstacle.is_some() {
            (comparison.faster_percent, comparison.rounds_needed, comparison.gap_percent) = (None, None, None);
        }
        comparison.sentence = sentence(&comparison, comparisons);
        comparison
    }

    fn direction(
        &self,
        rules: &Rules,
        series: &Series<'_>,
        interval: Option<Interval>,
        level: f64,
        comparisons: usize,
    ) -> (Direction, String) {
        if let Some(obstacle) = &self.obstacle {
            return (obstacle.direction, obstacle.why.clone());
        }
        let Some(interval) = interval else {
            let needed = smallest_count(alpha(rules), comparisons);
            return (Direction::Undecided, too_few(self.gains.len() as u32, self.about, needed));
        };
        let direction = interval.direction();
        if let Some(unproven) = bounded(series, direction) {
            return unproven;
        }
        match spoilt_by_outliers(series, &self.gains, direction, level) {
            Some(why) => (Direction::NotComparable, why),
            None => (direction, String::new()),
        }
    }

    /// Both one-sided tests, shared out evenly over the comparisons.
    fn size_interval(&self, rules: &Rules, series: &Series<'_>, comparisons: usize) -> Option<Interval> {
        // One side of a ratio of upper bounds is open.
        if self.obstacle.is_some() || (is_of_money(series.metric) && series.is_at_most() != [false; 2]) {
            return None;
        }
        self.differences.interval(2.0 * size_alpha(rules) / comparisons.max(1) as f64)
    }
}

fn size(direction: Direction, interval: Option<Interval>) -> Size {
    let inside = |interval: Interval| {
        percent_faster(interval.low) > -EQUIVALENCE_PERCENT && percent_faster(interval.high) < EQUIVALENCE_PERCENT
    };
    let decided = !matches!(direction, Direction::Undecided | Direction::NotComparable);
    if decided && interval.is_some_and(inside) { Size::EquivalentWithin5Percent } else { Size::Open }
}

fn percents(interval: Interval) -> [f64; 2] {
    [percent_faster(interval.low), percent_faster(interval.high)]
}

/// Interval of the difference in answered requests, in percentage points.
fn answered_interval(series: &Series<'_>) -> Option<[f64; 2]> {
    let points = series.answered_points();
    if points.iter().all(|point| *point == 0.0) {
        return None;
    }
    Differences::of(&points).interval(CONFIDENCE_ALPHA).map(|interval| [interval.low, interval.high])
}

fn too_few(count: u32, about: About, needed: u32) -> String {
    let units = match about {
        About::TheseInstances => "rounds",
        About::InstanceTypes | About::Versions | About::TypesWithPrograms => "launches",
    };
    match count {
        1 => format!(
            "run-to-run noise is unknown ({needed} {units} give the first interval, {} a useful one)",
            useful(needed)
        ),
        _ => format!(
            "too few {units} to tell a difference from noise ({needed} give the first interval, {} a useful one)",
            useful(needed)
        ),
    }
}

/// From 10 on an interval is narrow enough to be useful: half-width about 9 % under cloud noise.
fn useful(needed: u32) -> u32 {
    u32::max(10, needed + 4)
}
