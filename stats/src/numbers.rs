//! Numbers as people read them, in sentences and tables. Each format is written here once.

use wire::{Metric, Objective, Quantiles};

/// `12.35 ms`, rounded to the nearest hundredth.
pub fn milliseconds(micros: u64) -> String {
    format!("{:.2} ms", micros as f64 / 1000.0)
}

/// `850 us`, `1.23 ms`, `12.3 s`: three digits.
pub fn time(micros: u64) -> String {
    let scaled = |unit: u64, name: &str| {
        let value = micros as f64 / unit as f64;
        let decimals = if value >= 99.95 {
            0
        } else if value >= 9.995 {
            1
        } else {
            2
        };
        format!("{value:.decimals$} {name}")
    };
    match micros {
        0..1000 => format!("{micros} us"),
        1000..1_000_000 => scaled(1000, "ms"),
        _ => scaled(1_000_000, "s"),
    }
}

/// Quantile in the format `shown`. `none`: so many requests failed that there is no such time.
pub fn quantile(micros: Option<u64>, shown: fn(u64) -> String) -> String {
    micros.map_or_else(|| "none".to_owned(), shown)
}

/// The same for a quantile of `latency`. `>= 5.00 s`: requests were still open at the end.
pub fn bounded(latency: &Quantiles, micros: Option<u64>, shown: fn(u64) -> String) -> String {
    let sign = if micros.is_some() && latency.exact(micros).is_none() { ">= " } else { "" };
    format!("{sign}{}", quantile(micros, shown))
}

/// Thousandths as percent: `12 %`, `12.5 %`.
pub fn tenths(per_mille: u32) -> String {
    if per_mille.is_multiple_of(10) {
        format!("{} %", per_mille / 10)
    } else {
        format!("{}.{} %", per_mille / 10, per_mille % 10)
    }
}

/// `1 round`, `20 rounds`.
pub fn rounds(count: u32) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
}

/// `p99 <= 50 ms`: what the answers have to keep, with its limit as it was asked for.
pub fn objective(objective: &Objective) -> String {
    let quantile = match objective.metric {
        Metric::P50 => "p50",
        Metric::P90 => "p90",
        Metric::P999 => "p99.9",
        // No other metric is one of an objective.
        _ => "p99",
    };
    let micros = objective.at_most_micros;
    let (unit, name) = match micros {
        0..1000 => (1, "us"),
        1000..1_000_000 => (1000, "ms"),
        _ => (1_000_000, "s"),
    };
    format!("{quantile} <= {} {name}", micros as f64 / f64::from(unit))
}

/// `9,400`
pub fn whole(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Requests a second of one statement, from thousandths, with the fewest decimals that keep their meaning.
pub struct PerSecond {
    decimals: u32,
}

impl PerSecond {
    /// Whole requests, or as many decimals as give the smallest rate three digits.
    pub fn of(milli_rps: &[u64]) -> Self {
        let smallest = milli_rps.iter().copied().filter(|rate| *rate > 0).min().unwrap_or(u64::MAX);
        let decimals = match smallest {
            99_500.. => 0,
            9_950.. => 1,
            _ => 2,
        };
        Self { decimals }
    }

    /// `741`, `75.3`, `9,400`
    pub fn one(&self, milli_rps: u64) -> String {
        let unit = 10_u64.pow(3 - self.decimals);
        let rounded = milli_rps.saturating_add(unit / 2) / unit;
        let one = 10_u64.pow(self.decimals);
        if self.decimals == 0 {
            return whole(rounded);
        }
        format!("{}.{:02$}", whole(rounded / one), rounded % one, self.decimals as usize)
    }
}

/// Percentages of one statement, with the fewest decimals that keep their meaning.
pub(crate) struct Percents {
    decimals: usize,
}

impl Percents {
    /// Whole percents, unless one of `numbers` other than zero would then print as zero; at most two decimals.
    pub(crate) fn of(numbers: &[f64]) -> Self {
        let vanishes = |decimals: usize| {
            let unit = 10f64.powi(decimals as i32);
            numbers.iter().any(|number| *number != 0.0 && (number * unit).round() == 0.0)
        };
        Self { decimals: (0..2).find(|decimals| !vanishes(*decimals)).unwrap_or(2) }
    }

    pub(crate) fn one(&self, number: f64) -> String {
        let text = format!("{number:.*}", self.decimals);
        // A bound that rounds to zero has no side.
        if text.trim_start_matches('-').chars().all(|c| matches!(c, '0' | '.')) {
            text.trim_start_matches('-').to_owned()
        } else {
            text
        }
    }

    /// `[-5, 6]`
    pub(crate) fn bracket(&self, bounds: [f64; 2]) -> String {
        let [low, high] = bounds.map(|bound| self.one(bound));
        format!("[{low}, {high}]")
    }

    /// `5 % slower`
    pub(crate) fn signed(&self, number: f64) -> String {
        let side = if number < 0.0 { "slower" } else { "faster" };
        format!("{} % {side}", self.one(number.abs()))
    }
}

/// `5 % slower`, `0.31 % faster`: one difference alone.
pub fn signed_percent(percent: f64) -> String {
    Percents::of(&[percent]).signed(percent)
}

/// Ratios of one statement, with the fewest decimals that keep their meaning.
pub(crate) struct Ratios {
    decimals: usize,
}

impl Ratios {
    /// One decimal, two where a ratio is below 1.5; more where one would print as 0, or as 1 and is not. At most four.
    pub(crate) fn of(ratios: &[f64]) -> Self {
        let loses = |decimals: usize| {
            let unit = 10f64.powi(decimals as i32);
            ratios.iter().any(|ratio| {
                let shown = (ratio * unit).round() / unit;
                shown == 0.0 || (shown == 1.0 && *ratio != 1.0)
            })
        };
        let fewest = if ratios.iter().any(|ratio| *ratio < 1.5) { 2 } else { 1 };
        Self { decimals: (fewest..4).find(|decimals| !loses(*decimals)).unwrap_or(4) }
    }

    /// `2.1x`
    pub(crate) fn one(&self, ratio: f64) -> String {
        format!("{ratio:.*}x", self.decimals)
    }

    /// `[1.9, 2.3]`
    pub(crate) fn bracket(&self, [low, high]: [f64; 2]) -> String {
        format!("[{low:.0$}, {high:.0$}]", self.decimals)
    }
}

/// Amounts of one statement in US dollars, from millionths, with the fewest decimals that keep their meaning.
pub struct Usd {
    decimals: u32,
}

impl Usd {
    /// Cents, or as many decimals as give the smallest amount two digits.
    pub fn of(amounts: &[u64]) -> Self {
        let smallest = amounts.iter().copied().filter(|amount| *amount > 0).min().unwrap_or(u64::MAX);
        let has_two = |decimals: &u32| smallest >= 10 * Self { decimals: *decimals }.unit();
        Self { decimals: (2..6).find(has_two).unwrap_or(6) }
    }

    /// So many that two amounts that differ print as two.
    pub(crate) fn telling_apart(amounts: [u64; 2]) -> Self {
        let fewest = Self::of(&amounts).decimals;
        let differ = |decimals: &u32| {
            let usd = Self { decimals: *decimals };
            usd.at_most(amounts[0]) != usd.one(amounts[1]) && usd.at_least(amounts[0]) != usd.one(amounts[1])
        };
        Self { decimals: (fewest..6).find(differ).unwrap_or(6) }
    }

    /// `0.39`, rounded to the nearest.
    pub fn one(&self, micros: u64) -> String {
        self.shown(micros.saturating_add(self.unit() / 2) / self.unit())
    }

    /// Rounded down.
    pub(crate) fn at_most(&self, micros: u64) -> String {
        self.shown(micros / self.unit())
    }

    /// Rounded up.
    pub(crate) fn at_least(&self, micros: u64) -> String {
        self.shown(micros.div_ceil(self.unit()))
    }

    fn shown(&self, units: u64) -> String {
        let one = 10u64.pow(self.decimals);
        format!("{}.{:02$}", units / one, units % one, self.decimals as usize)
    }

    /// Millionths in the last decimal.
    fn unit(&self) -> u64 {
        10u64.pow(6 - self.decimals)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_have_cents_and_more_where_cents_say_nothing() {
        let shown = |micros: u64| Usd::of(&[micros]).one(micros);
        let amounts = [1_234_567, 390_000, 99_500, 11_400, 4_200, 877, 9, 0].map(shown);
        assert_eq!(amounts, ["1.23", "0.39", "0.100", "0.011", "0.0042", "0.00088", "0.000009", "0.00"]);
        let usd = Usd::telling_apart([391_500, 390_000]);
        assert_eq!([usd.at_most(391_500), usd.one(390_000), usd.at_least(391_500)], ["0.391", "0.390", "0.392"]);
    }

    #[test]
    fn a_ratio_that_is_not_one_never_prints_as_one() {
        let shown = |ratios: &[f64]| ratios.iter().map(|one| Ratios::of(ratios).one(*one)).collect::<Vec<_>>();
        assert_eq!(shown(&[2.1, 1.9, 2.3]), ["2.1x", "1.9x", "2.3x"]);
        assert_eq!(shown(&[1.6, 1.02, 2.5]), ["1.60x", "1.02x", "2.50x"]);
        assert_eq!(shown(&[1.02, 1.003, 1.04]), ["1.020x", "1.003x", "1.040x"]);
        assert_eq!(shown(&[0.48]), ["0.48x"]);
        assert_eq!(shown(&[1.0]), ["1.00x"]);
    }

    #[test]
    fn rates_have_three_digits_and_thousands_are_told_apart() {
        let shown = |milli_rps: u64| PerSecond::of(&[milli_rps]).one(milli_rps);
        let rates = [9_400_499, 741_250, 99_500, 99_499, 75_349, 9_949, 7_531, 4, 1_234_567_890].map(shown);
        assert_eq!(rates, ["9,400", "741", "100", "99.5", "75.3", "9.95", "7.53", "0.00", "1,234,568"]);
        let together = PerSecond::of(&[98_000, 104_000]);
        assert_eq!([98_000, 104_000, 1_104_000].map(|rate| together.one(rate)), ["98.0", "104.0", "1,104.0"]);
        assert_eq!([0, 999, 1_000, 999_999, 1_000_000].map(whole), ["0", "999", "1,000", "999,999", "1,000,000"]);
    }

    #[test]
    fn an_objective_has_its_limit_as_it_was_asked_for() {
        let shown = |metric, at_most_micros| objective(&Objective { metric, at_most_micros, max_failed_per_mille: 1 });
        assert_eq!(shown(Metric::P99, 50_000), "p99 <= 50 ms");
        assert_eq!(shown(Metric::P50, 800), "p50 <= 800 us");
        assert_eq!(shown(Metric::P90, 1_500), "p90 <= 1.5 ms");
        assert_eq!(shown(Metric::P999, 2_000_000), "p99.9 <= 2 s");
    }

    #[test]
    fn times_have_three_digits() {
        let times = [Some(7), Some(999), Some(1234), Some(12_345), Some(123_456), Some(1_234_567), None]
            .map(|micros| quantile(micros, time));
        assert_eq!(times, ["7 us", "999 us", "1.23 ms", "12.3 ms", "123 ms", "1.23 s", "none"]);
    }

    #[test]
    fn a_lower_bound_is_marked_and_milliseconds_are_rounded() {
        let latency = Quantiles { at_least_from_micros: Some(5_000), ..Quantiles::default() };
        let shown = [Some(4_999), Some(5_006), None].map(|micros| bounded(&latency, micros, milliseconds));
        assert_eq!(shown, ["5.00 ms", ">= 5.01 ms", "none"]);
    }
}
