//! `--fail-if 'p99 > 50ms'`: a limit that a script is told about by an exit code. Pure.

use std::fmt;
use std::str::FromStr;

use stats::{quantile, time};
use wire::{ClusterReport, Quantiles};

use super::times::with_unit;

/// Something that must not be true of any cluster.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FailIf {
    measure: Measure,
    comparison: Comparison,
    /// Limit in the unit of the measure: microseconds, requests per second, requests, or thousandths.
    limit: f64,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Measure {
    P50,
    P90,
    P99,
    P999,
    Max,
    Mean,
    Rate,
    Failed,
    FailedShare,
    Wrong,
    WrongShare,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comparison {
    Above,
    Below,
}

/// Text that is no condition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no condition: write MEASURE > VALUE or MEASURE < VALUE, with p50, p90, p99, p99.9, max or mean and a time \
     ('p99 > 50ms'), rate and a number ('rate < 1000'), or failed or wrong and a number or share ('failed > 0.1%')"
)]
pub(crate) struct NoCondition(String);

impl FromStr for FailIf {
    type Err = NoCondition;

    fn from_str(text: &str) -> Result<Self, NoCondition> {
        let wrong = || NoCondition(text.to_owned());
        let at = text.find(['>', '<']).ok_or_else(wrong)?;
        let (name, rest) = text.split_at(at);
        let comparison = if rest.starts_with('>') { Comparison::Above } else { Comparison::Below };
        let value = rest.get(1..).unwrap_or_default().trim();
        let (mut measure, mut limit) = (Measure::Rate, None);
        let times = [
            ("p50", Measure::P50),
            ("p90", Measure::P90),
            ("p99", Measure::P99),
            ("p99.9", Measure::P999),
            ("max", Measure::Max),
            ("mean", Measure::Mean),
        ];
        let counts =
            [("failed", Measure::Failed, Measure::FailedShare), ("wrong", Measure::Wrong, Measure::WrongShare)];
        if let Some((_, known)) = times.iter().find(|(known, _)| *known == name.trim()) {
            (measure, limit) = (*known, micros(value));
        } else if name.trim() == "rate" {
            limit = number(value);
        } else if let Some((_, count, share)) = counts.iter().find(|(known, ..)| *known == name.trim()) {
            (measure, limit) = match value.strip_suffix('%') {
                Some(percent) => (*share, number(percent).map(|percent| percent * 10.0)),
                None => (*count, number(value)),
            };
        }
        let limit = limit.ok_or_else(wrong)?;
        Ok(Self { measure, comparison, limit, text: text.trim().to_owned() })
    }
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0)
}

/// `250us`, `50ms`, `1.5s`: a unit is needed, because nobody remembers a default.
fn micros(text: &str) -> Option<f64> {
    with_unit(text).map(|time| time.as_nanos() as f64 / 1000.0)
}

impl fmt::Display for FailIf {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

impl FailIf {
    /// Why the condition holds, or cannot be ruled out; `None` when it does not hold.
    pub(crate) fn holds(&self, cluster: &ClusterReport) -> Option<String> {
        let (value, shown) = self.measured(cluster);
        let is_bound = self.is_lower_bound(&cluster.latency, value);
        let holds = match self.comparison {
            Comparison::Above => value > self.limit,
            Comparison::Below => value < self.limit && !is_bound,
        };
        let (name, text) = (&cluster.cluster, &self.text);
        match (holds, is_bound) {
            (true, _) => Some(format!("{text}: of {name} it is {shown}")),
            // At least so much, and perhaps more than the limit.
            (false, true) if self.comparison == Comparison::Above => {
                Some(format!("{text}: of {name} it is at least {shown}, requests were still open at the end"))
            }
            (false, _) => None,
        }
    }

    /// A failure is infinitely slow: a quantile that failures reach is above every limit.
    fn measured(&self, cluster: &ClusterReport) -> (f64, String) {
        let latency = &cluster.latency;
        let slow = |micros: Option<u64>| (micros.map_or(f64::INFINITY, |micros| micros as f64), quantile(micros, time));
        let (failed, wrong) = (cluster.failures.total(), cluster.failures.wrong_answer);
        let count = |count: u64| (count as f64, count.to_string());
        let share = |count: u64| {
            let share = count as f64 * 1000.0 / cluster.requests.max(1) as f64;
            (share, format!("{:.3} %", share / 10.0))
        };
        match self.measure {
            Measure::P50 => slow(latency.p50_micros),
            Measure::P90 => slow(latency.p90_micros),
            Measure::P99 => slow(latency.p99_micros),
            Measure::P999 => slow(latency.p999_micros),
            Measure::Max => slow(latency.max_micros),
            Measure::Mean => slow(latency.mean_micros),
            Measure::Rate => (cluster.requests_per_second as f64, format!("{}/s", cluster.requests_per_second)),
            Measure::Failed => count(failed),
            Measure::FailedShare => share(failed),
            Measure::Wrong => count(wrong),
            Measure::WrongShare => share(wrong),
        }
    }

    fn is_lower_bound(&self, latency: &Quantiles, value: f64) -> bool {
        use Measure::{Failed, FailedShare, Rate, Wrong, WrongShare};
        let is_time = !matches!(self.measure, Rate | Failed | FailedShare | Wrong | WrongShare);
        is_time && value.is_finite() && latency.at_least_from_micros.is_some_and(|from| value >= from as f64)
    }
}

#[cfg(test)]
mod tests {
    use wire::Failures;

    use super::*;

    fn cluster() -> ClusterReport {
        ClusterReport {
            cluster: "c".into(),
            requests: 1000,
            requests_per_second: 500,
            failures: Failures { timeout: 1, wrong_answer: 1, ..Failures::default() },
            latency: Quantiles {
                p50_micros: Some(900),
                p99_micros: Some(43_100),
                p999_micros: None,
                ..Quantiles::default()
            },
            ..ClusterReport::default()
        }
    }

    fn holds(text: &str) -> Option<String> {
        text.parse::<FailIf>().unwrap().holds(&cluster())
    }

    #[test]
    fn conditions_are_read_and_checked() {
        assert_eq!(holds("p99 > 50ms"), None);
        assert_eq!(holds("p99>43ms").as_deref(), Some("p99>43ms: of c it is 43.1 ms"));
        assert_eq!(holds("p50 > 0.001 s"), None);
        assert_eq!(holds("p50 < 1ms").as_deref(), Some("p50 < 1ms: of c it is 900 us"));
        assert_eq!(holds("p99.9 > 1000s").as_deref(), Some("p99.9 > 1000s: of c it is none"), "failures reached it");
        assert!(holds("rate < 501").is_some() && holds("rate < 500").is_none());
        assert!(holds("failed > 1").is_some() && holds("failed > 2").is_none());
        assert!(holds("failed > 0.1%").is_some() && holds("failed > 0.2%").is_none());
        assert_eq!(holds("wrong > 0").as_deref(), Some("wrong > 0: of c it is 1"));
        assert!(holds("wrong > 1").is_none() && holds("wrong > 0.09%").is_some() && holds("wrong > 0.1%").is_none());
    }

    #[test]
    fn a_lower_bound_below_the_limit_shows_nothing() {
        let mut cluster = cluster();
        cluster.latency.at_least_from_micros = Some(40_000);
        let above = "p99 > 50ms".parse::<FailIf>().unwrap().holds(&cluster).unwrap();
        assert!(above.contains("at least 43.1 ms"), "{above}");
        assert!("p50 > 1ms".parse::<FailIf>().unwrap().holds(&cluster).is_none(), "below the bound it is exact");
        assert!("p99 < 50ms".parse::<FailIf>().unwrap().holds(&cluster).is_none());
    }

    #[test]
    fn anything_else_says_what_may_be_written() {
        for text in
            ["", "p99", "p99 > 50", "p98 > 1ms", "rate > x", "failed > -1", "p99 = 3ms", "p99 > infs", "p99 > -1ms"]
        {
            let error = text.parse::<FailIf>().unwrap_err().to_string();
            assert!(error.contains("'p99 > 50ms'"), "{text:?}: {error}");
        }
    }
}
