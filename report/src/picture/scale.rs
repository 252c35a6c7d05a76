//! Scales: from values to pixels, with ticks at numbers that people count in.

use std::time::Duration;

/// A linear scale.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scale {
    pub(crate) from: f64,
    pub(crate) to: f64,
    /// Pixel of `from`, and of `to`.
    pub(crate) pixels: (f64, f64),
}

impl Scale {
    pub(crate) fn px(&self, value: f64) -> f64 {
        let (first, last) = self.pixels;
        first + (last - first) * (value - self.from) / (self.to - self.from).max(f64::MIN_POSITIVE)
    }
}

/// Ticks at most, so that none touches another.
const VALUE_TICKS: f64 = 6.0;
const TIME_TICKS: u64 = 9;

/// Ticks from 0 to the first at or above `most`, with their labels.
pub(super) fn value_ticks(most: f64) -> Vec<(f64, String)> {
    let most = if most > 0.0 && most.is_finite() { most } else { 1.0 };
    let power = 10f64.powf((most / VALUE_TICKS).log10().floor());
    let step = [1.0, 2.0, 2.5, 5.0, 10.0].map(|factor| factor * power);
    let step = step.into_iter().find(|step| most / step <= VALUE_TICKS).unwrap_or(most);
    let decimals = (0..12).find(|decimals| is_whole(step * 10f64.powi(*decimals))).unwrap_or(12) as usize;
    let last = (most / step - 1e-9).ceil().max(1.0) as u32;
    (0..=last).map(|number| f64::from(number) * step).map(|value| (value, grouped(value, decimals))).collect()
}

fn is_whole(value: f64) -> bool {
    (value - value.round()).abs() < 1e-6 * value.abs().max(1e-9) && value.round() != 0.0
}

/// `12,500`, `0.25`
pub(super) fn grouped(value: f64, decimals: usize) -> String {
    let text = format!("{value:.decimals$}");
    let (whole, rest) = text.split_at(text.find('.').unwrap_or(text.len()));
    let mut shown = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown + rest
}

/// Steps of a clock, in seconds.
const CLOCK: [u64; 18] =
    [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400];

/// Step in which a time axis of this length is divided.
pub(super) fn clock_step(length: Duration) -> u64 {
    let fits = |step: &u64| length.as_secs() / step < TIME_TICKS;
    let days = || 86_400 * (length.as_secs() / 86_400).div_ceil(TIME_TICKS).max(1);
    CLOCK.into_iter().find(fits).unwrap_or_else(days)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(most: f64) -> Vec<String> {
        value_ticks(most).into_iter().map(|(_, label)| label).collect()
    }

    #[test]
    fn values_have_ticks_that_people_count_in() {
        assert_eq!(labels(2500.0), ["0", "500", "1,000", "1,500", "2,000", "2,500"]);
        assert_eq!(labels(7.0), ["0", "2", "4", "6", "8"]);
        assert_eq!(labels(0.42), ["0.0", "0.1", "0.2", "0.3", "0.4", "0.5"]);
        assert_eq!(labels(1.5), ["0.00", "0.25", "0.50", "0.75", "1.00", "1.25", "1.50"]);
        assert_eq!(labels(12.0), ["0", "2", "4", "6", "8", "10", "12"]);
    }

    #[test]
    fn every_scale_covers_its_values_with_few_ticks() {
        for most in [0.0, f64::NAN, f64::INFINITY, 1e-6, 0.003, 1.0, 9.99, 99_999.0, 123_456_789.0] {
            let ticks = value_ticks(most);
            let last = ticks.last().unwrap().0;
            assert!((2..=8).contains(&ticks.len()), "{most}: {ticks:?}");
            assert!(!most.is_finite() || last >= most * (1.0 - 1e-9), "{most}: {ticks:?}");
            let mut labels: Vec<&String> = ticks.iter().map(|(_, label)| label).collect();
            labels.dedup();
            assert_eq!(labels.len(), ticks.len(), "{most}: no two ticks read the same");
        }
    }

    #[test]
    fn times_are_divided_as_clocks_are() {
        let step = |seconds| clock_step(Duration::from_secs(seconds));
        assert_eq!([5, 60, 240, 599, 3600, 86_400].map(step), [1, 10, 30, 120, 600, 10_800]);
        assert_eq!(step(40 * 86_400), 5 * 86_400);
    }
}
