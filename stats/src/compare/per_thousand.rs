//! Cost of a thousand right answers: what is behind a comparison by it, and its words.

use wire::{Comparison, Direction, Metric, PerThousand, Size};

use super::rules::{Arrivals, EQUIVALENCE_PERCENT, Rules};
use super::series::Series;
use super::words::{interval as measured, units, what_it_takes};
use crate::metric::answered;
use crate::numbers::{Percents, Ratios, Usd};

/// What right answers of both cost. `None` with any other metric, and where it is not known.
pub(super) fn costs(rules: &Rules, series: &Series<'_>) -> Option<PerThousand> {
    if series.metric != Metric::UsdMicrosPerThousand || series.pairs.is_empty() {
        return None;
    }
    let of = |side: usize| {
        let reports = || series.pairs.iter().map(|pair| pair.sides()[side]);
        let nanos = reports().map(|report| report.queue_cost?.usd_nanos.map(u128::from)).sum::<Option<u128>>()?;
        let answers: u128 = reports().map(|report| u128::from(answered(report))).sum();
        // Billionths for one are millionths for a thousand.
        u64::try_from((nanos + answers / 2).checked_div(answers)?).ok()
    };
    Some(PerThousand {
        usd_micros: [of(0)?, of(1)?],
        is_at_most: series.is_at_most(),
        is_at_fixed_rate: rules.arrivals == Arrivals::Open,
        basis: String::new(),
    })
}

/// Whose costs are not known in every round: `a and b`. `None`: they are, or another metric is asked for.
pub(super) fn unpriced(series: &Series<'_>) -> Option<String> {
    let sides = [(series.cluster, series.is_priced(0)), (series.baseline, series.is_priced(1))];
    let names: Vec<&str> = sides.into_iter().filter(|(_, is_priced)| !is_priced).map(|(name, _)| name).collect();
    (series.metric == Metric::UsdMicrosPerThousand && !names.is_empty()).then(|| names.join(" and "))
}

/// `cluster2 costs 0.48x [0.45, 0.51]`. `None`: another metric, or nothing that needs words of its own. The column takes 68
/// characters, of which a name may have 32.
pub(super) fn line(comparison: &Comparison, name: &str) -> Option<String> {
    let costs = comparison.per_thousand.as_ref()?;
    let (estimate, bounds) = ratios(comparison)?;
    let shown = Ratios::of(&[estimate, bounds[0], bounds[1]]);
    let side = side(costs);
    Some(match comparison.direction {
        Direction::NotComparable => return None,
        Direction::Undecided => {
            format!("{name} costs {side}{}, no verdict", Ratios::of(&[estimate]).one(estimate))
        }
        Direction::NoDifferenceShown if comparison.size == Size::EquivalentWithin5Percent => {
            format!("{name}: cost within {EQUIVALENCE_PERCENT} % {}", shown.bracket(bounds))
        }
        Direction::NoDifferenceShown => format!("{name}: no cost difference {}", shown.bracket(bounds)),
        Direction::Faster | Direction::Slower => {
            format!("{name} costs {side}{} {}", shown.one(estimate), shown.bracket(bounds))
        }
    })
}

/// `A right answer of cluster2 costs 0.48x [0.45, 0.51] as much as one of cluster1: 0.0059 against 0.0123 USD a thousand (95.1 %
/// interval over 10 rounds; on-demand, eu-west-1, 2026-07-20).`
pub(super) fn sentence(comparison: &Comparison, comparisons: usize) -> Option<String> {
    let costs = comparison.per_thousand.as_ref()?;
    let (estimate, bounds) = ratios(comparison)?;
    let (cluster, baseline, why) = (&comparison.cluster, &comparison.baseline, &comparison.why);
    let shown = Ratios::of(&[estimate, bounds[0], bounds[1]]);
    let side = side(costs);
    let rate = if costs.is_at_fixed_rate { " at this rate" } else { "" };
    let basis = if costs.basis.is_empty() { String::new() } else { format!("; {}", costs.basis) };
    let basis = format!("({}{basis})", measured(comparison, comparisons));
    let between = || {
        format!(
            "one of {cluster} costs between {} and {} as much as one of {baseline}{rate}",
            shown.one(bounds[0]),
            shown.one(bounds[1])
        )
    };
    Some(match comparison.direction {
        Direction::NotComparable => return None,
        Direction::Undecided => format!(
            "A right answer of {cluster} cost {side}{} as much as one of {baseline}{rate} in {}; {why}, so there is no verdict.",
            Ratios::of(&[estimate]).one(estimate),
            units(comparison)
        ),
        Direction::NoDifferenceShown if comparison.size == Size::EquivalentWithin5Percent => format!(
            "{cluster} and {baseline} are equivalent within {EQUIVALENCE_PERCENT} % by the cost of a right answer: {} {basis}.",
            between()
        ),
        Direction::NoDifferenceShown => {
            let percents = comparison.interval_percent.unwrap_or_default();
            format!(
                "No difference is shown between {cluster} and {baseline} by the cost of a right answer: {} {basis}{}.",
                between(),
                what_it_takes(comparison, percents, &Percents::of(&percents))
            )
        }
        Direction::Faster | Direction::Slower => {
            let mut sentence = format!(
                "A right answer of {cluster} costs {side}{} {} as much as one of {baseline}{rate}: {} {basis}",
                shown.one(estimate),
                shown.bracket(bounds),
                amounts(costs)
            );
            if comparison.size == Size::EquivalentWithin5Percent {
                sentence.push_str(&format!(
                    "; the difference is real, and the two are equivalent within {EQUIVALENCE_PERCENT} %"
                ));
            }
            sentence + "."
        }
    })
}

/// Estimate and interval as ratios of costs. Whoever is faster costs less, so that the bounds change places. `None`: nothing was
/// estimated.
fn ratios(comparison: &Comparison) -> Option<(f64, [f64; 2])> {
    let ratio = |percent: f64| 1.0 / (1.0 + percent / 100.0);
    let estimate = comparison.faster_percent?;
    let [low, high] = comparison.interval_percent.unwrap_or([estimate; 2]);
    Some((ratio(estimate), [ratio(high), ratio(low)]))
}

/// `0.0059 against 0.0123 USD a thousand`
fn amounts(costs: &PerThousand) -> String {
    let usd = Usd::of(&costs.usd_micros);
    let shown = |side: usize| {
        let at_most = if costs.is_at_most[side] { "at most " } else { "" };
        format!("{at_most}{}", usd.one(costs.usd_micros[side]))
    };
    format!("{} against {} USD a thousand", shown(0), shown(1))
}

/// The side on which the truth is, when a cost is an upper bound.
fn side(costs: &PerThousand) -> &'static str {
    match costs.is_at_most {
        [false, false] => "",
        [true, false] => "at most ",
        [false, true] => "at least ",
        [true, true] => "about ",
    }
}
