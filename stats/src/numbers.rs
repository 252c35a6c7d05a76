//! Numbers as people read them, in sentences and tables. Each format is written here once.

use wire::Quantiles;

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
pub(crate) fn rounds(count: u32) -> String {
    if count == 1 { "1 round".to_owned() } else { format!("{count} rounds") }
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

#[cfg(test)]
mod tests {
    use super::*;

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
