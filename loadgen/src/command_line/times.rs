//! Times on the command line, as jiff reads durations: `250us`, `1.5s`, `5m`, `1h 30m`. A number alone is in seconds, where
//! that is said. Pure.

use std::time::Duration;

use jiff::SignedDuration;

/// Longest time limit of one request. A longer one is a typing error.
const LONGEST: Duration = Duration::from_secs(3600);

/// A time limit above 0 and up to an hour.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Seconds(pub(crate) Duration);

impl Seconds {
    /// The number of seconds, if it is whole.
    pub(super) fn whole(self) -> Option<u32> {
        u32::try_from(self.0.as_secs()).ok().filter(|_| self.0.subsec_nanos() == 0)
    }
}

/// Time with a unit. `None`: it is none, or it is negative.
pub(super) fn with_unit(text: &str) -> Option<Duration> {
    let signed: SignedDuration = text.trim().parse().ok()?;
    Duration::try_from(signed).ok()
}

/// Time with a unit, or a number of seconds.
fn with_or_without_unit(text: &str) -> Option<Duration> {
    // `f64` would also take "inf" and "1e9".
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') {
        return Duration::try_from_secs_f64(text.parse().ok()?).ok();
    }
    with_unit(text)
}

/// Reads the value of a flag whose unit is the second: `30`, `0.5`, `500ms`.
///
/// # Errors
/// A sentence with the way out; clap puts the flag in front of it.
pub(crate) fn seconds(text: &str) -> Result<Seconds, String> {
    let limit = with_or_without_unit(text).filter(|limit| !limit.is_zero() && *limit <= LONGEST);
    limit.map(Seconds).ok_or_else(|| "give a number of seconds above 0 and up to 3600, such as 30 or 0.5".to_owned())
}

/// Reads a time of whole seconds: `30`, `30s`, `5m`, `1h`.
///
/// # Errors
/// A sentence with the way out; clap puts the flag in front of it.
pub(super) fn whole_seconds(text: &str) -> Result<u32, String> {
    let whole = with_or_without_unit(text).filter(|time| time.subsec_nanos() == 0);
    let seconds = whole.and_then(|time| u32::try_from(time.as_secs()).ok());
    seconds.ok_or_else(|| "give whole seconds, minutes or hours, such as 30s, 5m or 1h".to_owned())
}

/// Reads a time of whole microseconds, which needs a unit: `250us`, `2ms`, `1s`.
pub(super) fn whole_micros(text: &str) -> Option<u32> {
    let time = with_unit(text).filter(|time| time.subsec_nanos() % 1000 == 0)?;
    u32::try_from(time.as_micros()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        assert_eq!(["30", "30s", "5m", "1h"].map(whole_seconds), [Ok(30), Ok(30), Ok(300), Ok(3600)]);
        assert_eq!(["1h 30m", "1.5m", "0s"].map(whole_seconds), [Ok(5400), Ok(90), Ok(0)]);
        for text in ["", "s", "1.5s", "-1", "-30s", "30s ago", "1d", "1e3", "99999999h", "."] {
            assert!(whole_seconds(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn micros_need_a_unit_and_are_whole() {
        assert_eq!(
            ["2ms", "250us", "1s", "1.5ms"].map(whole_micros),
            [Some(2000), Some(250), Some(1_000_000), Some(1500)]
        );
        for text in ["", "2", "ms", "-1ms", "500ns", "infs", "99999s"] {
            assert_eq!(whole_micros(text), None, "{text:?}");
        }
    }

    #[test]
    fn seconds_may_have_decimals() {
        for text in ["0.5", "500ms", "0.5s"] {
            assert_eq!(seconds(text).unwrap().0, Duration::from_millis(500), "{text}");
        }
        assert!(["0", "-1", "-1ms", "x", "3601", "2h", "inf", "NaN"].iter().all(|text| seconds(text).is_err()));
    }
}
