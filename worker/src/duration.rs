//! Durations as people write them on a command line: `250us`, `2ms`, `1.5s`.

use std::time::Duration;

/// Longest work that one request may ask for. Longer is a typing error, and would block a slot for good.
pub(crate) const LONGEST: Duration = Duration::from_secs(600);

/// A duration that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a duration up to 600s: write a number and a unit, such as 250us, 2ms or 1.5s")]
pub struct InvalidDuration {
    text: String,
}

/// Reads `<number><us|ms|s>`; the number may have a fraction.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let invalid = || InvalidDuration { text: text.to_owned() };
    // `us` and `ms` end in `s` too, so the bare second comes last.
    let (number, seconds_per_unit) = [("us", 1e-6), ("ms", 1e-3), ("s", 1.0)]
        .into_iter()
        .find_map(|(unit, seconds)| text.strip_suffix(unit).map(|number| (number, seconds)))
        .ok_or_else(invalid)?;
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Err(invalid()); // `f64` would also take "inf", "1e9" and "-0"
    }
    let seconds = number.parse::<f64>().map_err(|_| invalid())? * seconds_per_unit;
    Duration::try_from_secs_f64(seconds).ok().filter(|duration| *duration <= LONGEST).ok_or_else(invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_documented_forms() {
        for (text, micros) in [("250us", 250), ("2ms", 2_000), ("1.5ms", 1_500), ("1s", 1_000_000), ("0ms", 0)] {
            assert_eq!(parse_duration(text), Ok(Duration::from_micros(micros)), "{text}");
        }
    }

    #[test]
    fn refuses_the_rest_with_a_sentence() {
        for text in ["", "2", "ms", "-1ms", "1e3s", "infs", "2 ms", "2m", "601s", "1.2.3s"] {
            let error = parse_duration(text).expect_err(text);
            assert!(error.to_string().contains("such as 250us"), "{error}");
        }
    }
}
