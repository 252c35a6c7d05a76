//! Statistics of samples.

use super::metric::MetricDataQuery;
use crate::engine::error::{Outcome, SimError};

/// A statistic that is simulated.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Statistic {
    Sum,
    Average,
    Minimum,
    Maximum,
    SampleCount,
    /// Between 0 and 100.
    Percentile(f64),
}

impl Statistic {
    pub(super) fn of(query: &MetricDataQuery) -> Outcome<Self> {
        let percentile = |digits: &str| digits.parse::<f64>().ok().filter(|percent| (0.0..=100.0).contains(percent));
        match query.statistic.as_str() {
            "Sum" => Ok(Self::Sum),
            "Average" => Ok(Self::Average),
            "Minimum" => Ok(Self::Minimum),
            "Maximum" => Ok(Self::Maximum),
            "SampleCount" => Ok(Self::SampleCount),
            text => text.strip_prefix('p').and_then(percentile).map(Self::Percentile).ok_or_else(|| {
                SimError::new("ValidationError", format!("The statistic {text} of {} is not simulated", query.id))
            }),
        }
    }

    /// `None`: there is no sample. Values come with their counts, in any order.
    pub(super) fn value(self, samples: &mut [(f64, u64)]) -> Option<f64> {
        let count: u64 = samples.iter().map(|(_, count)| count).sum();
        if count == 0 {
            return None;
        }
        let sum: f64 = samples.iter().map(|(value, count)| value * *count as f64).sum();
        samples.sort_by(|(one, _), (other, _)| one.total_cmp(other));
        Some(match self {
            Self::Sum => sum,
            Self::Average => sum / count as f64,
            Self::Minimum => samples.first()?.0,
            Self::Maximum => samples.last()?.0,
            Self::SampleCount => count as f64,
            Self::Percentile(percent) => {
                // The smallest value that so many per cent of the samples do not exceed.
                let mut left = (percent / 100.0 * count as f64).ceil().max(1.0) as u64;
                let mut reached = None;
                for (value, count) in samples.iter() {
                    reached = Some(*value);
                    if left <= *count {
                        break;
                    }
                    left -= count;
                }
                reached?
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_are_those_of_the_samples() {
        let mut samples = vec![(4.0, 1), (1.0, 98), (2.0, 1)];
        let mut value = |statistic: Statistic| statistic.value(&mut samples).unwrap();
        assert_eq!(value(Statistic::Sum), 104.0);
        assert_eq!(value(Statistic::Average), 1.04);
        assert_eq!((value(Statistic::Minimum), value(Statistic::Maximum)), (1.0, 4.0));
        assert_eq!(value(Statistic::SampleCount), 100.0);
        for (percent, expected) in [(0.0, 1.0), (50.0, 1.0), (98.0, 1.0), (99.0, 2.0), (99.5, 4.0), (100.0, 4.0)] {
            assert_eq!(value(Statistic::Percentile(percent)), expected, "p{percent}");
        }
        assert_eq!(Statistic::Sum.value(&mut []), None);
    }
}
