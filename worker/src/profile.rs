//! Work profiles: what a request costs, written `KIND[:DISTRIBUTION]:DURATION`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::duration::{InvalidDuration, parse_duration};

/// The way in which the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// No work: answers at once.
    Echo,
    /// Burns CPU time in a slot.
    Spin,
    /// Burns CPU time without a slot: all requests share the processors, as the kernel slices them.
    Timesliced,
    /// Holds a slot and waits.
    Sleep,
}

/// The spread of demands around their mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    Deterministic,
    Exponential,
    /// `sigma` is the standard deviation of the logarithm: 1 gives a squared coefficient of variation of 1.7, 2 of 54.
    Lognormal {
        sigma: f64,
    },
}

/// The cost of a request.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    pub kind: Kind,
    pub distribution: Distribution,
    /// Mean demand, whatever the distribution.
    pub mean: Duration,
}

impl Profile {
    /// No work at all.
    pub const ECHO: Self = Self { kind: Kind::Echo, distribution: Distribution::Deterministic, mean: Duration::ZERO };
}

/// Largest accepted sigma: beyond it the mean is carried by requests that never come in a benchmark.
const LARGEST_SIGMA: f64 = 4.0;

/// A work profile that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidProfile {
    #[error("there is no work {0:?}: {FORMS}")]
    Kind(String),
    #[error("there is no distribution {0:?}: {FORMS}")]
    Distribution(String),
    #[error("sigma {0:?} must be a number from 0 to 4: {FORMS}")]
    Sigma(String),
    #[error("{0}: {FORMS}")]
    Duration(#[from] InvalidDuration),
    #[error("{0:?} has no duration: {FORMS}")]
    NoDuration(String),
    #[error("echo does no work and takes no duration: {FORMS}")]
    EchoWithDuration,
}

const FORMS: &str = "use echo, or spin, timesliced or sleep with [:deterministic|:exponential|:lognormal(SIGMA)]:DURATION, \
     such as spin:500us, sleep:exponential:2ms or spin:lognormal(1.5):2ms";

impl FromStr for Profile {
    type Err = InvalidProfile;

    fn from_str(text: &str) -> Result<Self, InvalidProfile> {
        let parts: Vec<&str> = text.split(':').collect();
        let kind = match parts[0] {
            "echo" => Kind::Echo,
            "spin" => Kind::Spin,
            "timesliced" => Kind::Timesliced,
            "sleep" => Kind::Sleep,
            other => return Err(InvalidProfile::Kind(other.to_owned())),
        };
        match (kind, &parts[1..]) {
            (Kind::Echo, []) => Ok(Self::ECHO),
            (Kind::Echo, _) => Err(InvalidProfile::EchoWithDuration),
            (_, [mean]) => Ok(Self { kind, distribution: Distribution::Deterministic, mean: parse_duration(mean)? }),
            (_, [distribution, mean]) => {
                Ok(Self { kind, distribution: parse_distribution(distribution)?, mean: parse_duration(mean)? })
            }
            _ => Err(InvalidProfile::NoDuration(text.to_owned())),
        }
    }
}

fn parse_distribution(text: &str) -> Result<Distribution, InvalidProfile> {
    if let Some(sigma) = text.strip_prefix("lognormal(").and_then(|rest| rest.strip_suffix(')')) {
        return match sigma.parse::<f64>() {
            Ok(value) if (0.0..=LARGEST_SIGMA).contains(&value) => Ok(Distribution::Lognormal { sigma: value }),
            _ => Err(InvalidProfile::Sigma(sigma.to_owned())),
        };
    }
    match text {
        "deterministic" => Ok(Distribution::Deterministic),
        "exponential" => Ok(Distribution::Exponential),
        other => Err(InvalidProfile::Distribution(other.to_owned())),
    }
}

/// The canonical text: equal profiles have equal texts, which is what a replayed demand is derived from.
impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Echo => return f.write_str("echo"),
            Kind::Spin => "spin",
            Kind::Timesliced => "timesliced",
            Kind::Sleep => "sleep",
        };
        let nanos = self.mean.as_nanos();
        let micros = format!("{}.{:03}", nanos / 1_000, nanos % 1_000);
        let micros = micros.trim_end_matches('0').trim_end_matches('.');
        match self.distribution {
            Distribution::Deterministic => write!(f, "{kind}:deterministic:{micros}us"),
            Distribution::Exponential => write!(f, "{kind}:exponential:{micros}us"),
            Distribution::Lognormal { sigma } => write!(f, "{kind}:lognormal({sigma}):{micros}us"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_and_printed_canonically() {
        for (text, canonical) in [
            ("echo", "echo"),
            ("spin:500us", "spin:deterministic:500us"),
            ("sleep:exponential:2ms", "sleep:exponential:2000us"),
            ("sleep:exponential:0.002s", "sleep:exponential:2000us"),
            ("spin:lognormal(1.5):2ms", "spin:lognormal(1.5):2000us"),
            ("timesliced:deterministic:1.5us", "timesliced:deterministic:1.5us"),
        ] {
            let profile: Profile = text.parse().expect(text);
            assert_eq!(profile.to_string(), canonical);
            assert_eq!(canonical.parse(), Ok(profile), "the canonical text reads back");
        }
    }

    #[test]
    fn errors_say_what_is_wrong_and_what_is_right() {
        for (text, wrong) in [
            ("nap:2ms", "no work \"nap\""),
            ("spin", "no duration"),
            ("spin:", "not a duration"),
            ("spin:2", "not a duration"),
            ("spin:gamma:2ms", "no distribution \"gamma\""),
            ("spin:lognormal:2ms", "no distribution \"lognormal\""),
            ("spin:lognormal(9):2ms", "sigma \"9\""),
            ("spin:lognormal(NaN):2ms", "sigma \"NaN\""),
            ("echo:2ms", "takes no duration"),
            ("spin:exponential:2ms:3", "no duration"),
        ] {
            let error = text.parse::<Profile>().expect_err(text).to_string();
            assert!(error.contains(wrong) && error.contains("sleep:exponential:2ms"), "{text}: {error}");
        }
    }
}
