//! Requests per dollar: prices behind a comparison, the price up to which it holds, and its words.

use wire::{Comparison, Direction, Metric, PerUsd, Size};

use super::answering::{self, Answering, ratios};
use super::rules::{EQUIVALENCE_PERCENT, Rules};
use super::series::Series;
use super::wilcoxon::Interval;
use crate::metric::is_of_money;
use crate::numbers::{Ratios, Usd, objective};
use crate::price;

/// What both cost, and where the comparison would turn. `None` with any other metric, and where no round counted.
pub(super) fn prices(
    rules: &Rules,
    series: &Series<'_>,
    direction: Direction,
    interval: Option<Interval>,
) -> Option<PerUsd> {
    if series.metric != Metric::RequestsPerUsd {
        return None;
    }
    let hourly_usd_micros = series.hourly_usd_micros()?;
    let hourly = hourly_usd_micros[0] as f64;
    // A cluster that costs exp(x) times as much has every gain lower by x, and the interval with them. Rounded to the side on
    // which the claim holds.
    let break_even_usd_micros = interval.and_then(|interval| match direction {
        Direction::Faster => Some((hourly * interval.low.exp()).floor() as u64),
        Direction::Slower => Some((hourly * interval.high.exp()).ceil() as u64),
        Direction::NoDifferenceShown | Direction::Undecided | Direction::NotComparable => None,
    });
    Some(PerUsd {
        hourly_usd_micros,
        is_at_most: series.is_at_most(),
        on_credits: series.is_on_credits(),
        break_even_usd_micros,
        users: rules.users,
        basis: String::new(),
    })
}

/// What upper bounds leave open. A cluster that costs at most so much answers at least so many requests per dollar: more than
/// another is then proven, and less is not.
pub(super) fn bounded(series: &Series<'_>, direction: Direction) -> Option<(Direction, String)> {
    let is_at_most = series.is_at_most();
    if !is_of_money(series.metric) || is_at_most == [false; 2] {
        return None;
    }
    let why = format!("{}, so that only the most that they may cost is known", silence(series));
    match (direction, is_at_most) {
        (Direction::Faster, [_, false]) | (Direction::Slower, [false, _]) => None,
        // Neither side can be shown, however many rounds there are.
        (_, [true, true]) => Some((Direction::NotComparable, why)),
        (Direction::Faster | Direction::Slower | Direction::NotComparable, _) => Some((Direction::NotComparable, why)),
        // More rounds may still show the side that can be shown.
        (Direction::NoDifferenceShown | Direction::Undecided, _) => Some((Direction::Undecided, why)),
    }
}

/// Whose members did not say how busy they are, and in how many rounds.
fn silence(series: &Series<'_>) -> String {
    let silent = [series.cluster, series.baseline].into_iter().zip(series.bounds()).filter(|(_, bounds)| *bounds > 0);
    let (names, bounds): (Vec<&str>, Vec<u32>) = silent.unzip();
    price::silence(&format!("members of {}", names.join(" and ")), &bounds, series.rounds)
}

/// `cluster2 2.1x per dollar [1.9, 2.3]`. `None`: another metric, or nothing that needs words of its own. The column takes 68
/// characters, of which a name may have 32.
pub(super) fn line(comparison: &Comparison, name: &str) -> Option<String> {
    let prices = comparison.per_usd.as_ref()?;
    let (estimate, bounds) = ratios(comparison)?;
    let shown = Ratios::of(&[estimate, bounds[0], bounds[1]]);
    let side = side(prices);
    Some(match comparison.direction {
        Direction::NotComparable => return None,
        Direction::Undecided => {
            let size = Ratios::of(&[estimate]).one(estimate);
            format!("{name} {side}{size}/USD, no verdict")
        }
        Direction::NoDifferenceShown if comparison.size == Size::EquivalentWithin5Percent => {
            format!("{name}: within {EQUIVALENCE_PERCENT} %/USD {}", shown.bracket(bounds))
        }
        Direction::NoDifferenceShown => format!("{name}: no difference/USD {}", shown.bracket(bounds)),
        Direction::Faster | Direction::Slower if prices.is_at_most != [false; 2] => {
            format!("{name} {side}{}/USD {}", shown.one(estimate), shown.bracket(bounds))
        }
        Direction::Faster | Direction::Slower => {
            format!("{name} {} per dollar {}", shown.one(estimate), shown.bracket(bounds))
        }
    })
}

/// `cluster2 answers 2.1x [1.9, 2.3] as many requests per dollar as cluster1 with 100 users (95.2 % interval over 20 rounds;
/// on-demand, eu-west-1, 2026-07-20). It holds while cluster2 costs less than 0.74 USD an hour; it costs 0.39.` At the capacity of a
/// search it says the objective in place of the users.
pub(super) fn sentence(comparison: &Comparison, comparisons: usize) -> Option<String> {
    let prices = comparison.per_usd.as_ref()?;
    let (side, users) = (side(prices), users(prices));
    let credits = credits(comparison, prices);
    let at = comparison.capacities.map(|capacities| format!(" at {}", objective(&capacities.objective)));
    let what =
        format!("as many requests per dollar{} as {}{users}{credits}", at.unwrap_or_default(), comparison.baseline);
    let (by, basis, holds) = ("requests per dollar", prices.basis.as_str(), holds(comparison, prices));
    answering::sentence(comparison, comparisons, &Answering { by, what: &what, side, basis, holds: &holds })
}

/// The side on which the truth is, when a cost is an upper bound.
fn side(prices: &PerUsd) -> &'static str {
    match prices.is_at_most {
        [false, false] => "",
        [true, false] => "at least ",
        [false, true] => "at most ",
        [true, true] => "about ",
    }
}

/// The throughput of a closed loop is a limit of so many users.
fn users(prices: &PerUsd) -> String {
    match prices.users {
        None => String::new(),
        Some([1, 1]) => " with 1 user".to_owned(),
        Some([fewest, most]) if fewest == most => format!(" with {most} users"),
        Some([fewest, most]) => format!(" with {fewest} to {most} users"),
    }
}

/// Standard credits are in no price: the full speed that they give ends with them.
fn credits(comparison: &Comparison, prices: &PerUsd) -> String {
    let sides = [&comparison.cluster, &comparison.baseline].into_iter().zip(prices.on_credits);
    let names: Vec<&str> = sides.filter(|(_, is_on)| *is_on).map(|(name, _)| name.as_str()).collect();
    if names.is_empty() { String::new() } else { format!(" while the CPU credits of {} last", names.join(" and ")) }
}

fn holds(comparison: &Comparison, prices: &PerUsd) -> String {
    let Some(break_even) = prices.break_even_usd_micros else { return String::new() };
    let (cluster, cost) = (&comparison.cluster, prices.hourly_usd_micros[0]);
    let at_most = if prices.is_at_most[0] { "at most " } else { "" };
    let usd = Usd::telling_apart([break_even, cost]);
    let (side, limit) = if comparison.direction == Direction::Faster {
        ("less", usd.at_most(break_even))
    } else {
        ("more", usd.at_least(break_even))
    };
    format!(" It holds while {cluster} costs {side} than {limit} USD an hour; it costs {at_most}{}.", usd.one(cost))
}
