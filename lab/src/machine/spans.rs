//! Times as systemd writes them.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

/// `1`, `200ms`, `1min 30s`; a bare number is seconds.
pub(super) fn span(text: &str) -> Result<Duration, String> {
    let wrong = || format!("{text:?} is not a time span: write a number with ms, s, min or h");
    let mut total = Duration::ZERO;
    for part in text.split_whitespace() {
        let unit = part.trim_start_matches(|character: char| character.is_ascii_digit());
        let number: u64 = part[..part.len() - unit.len()].parse().map_err(|_| wrong())?;
        total += match unit {
            "ms" => Duration::from_millis(number),
            "" | "s" | "sec" => Duration::from_secs(number),
            "min" | "m" => Duration::from_secs(number * 60),
            "h" => Duration::from_secs(number * 3_600),
            _ => return Err(wrong()),
        };
    }
    if text.trim().is_empty() { Err(wrong()) } else { Ok(total) }
}

/// One point in time, `2026-11-22 14:30:05 UTC`. Repeating expressions are not needed here, and refused.
pub(super) fn calendar(text: &str) -> Result<Timestamp, String> {
    let wrong = || format!("OnCalendar={text}: the lab knows only one point in UTC, such as 2026-11-22 14:30:05 UTC");
    let time: DateTime = text.trim().strip_suffix(" UTC").and_then(|time| time.parse().ok()).ok_or_else(wrong)?;
    Ok(time.to_zoned(TimeZone::UTC).map_err(|_| wrong())?.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_and_points_are_read_and_the_rest_refused() {
        assert_eq!(span("1"), Ok(Duration::from_secs(1)));
        assert_eq!(span("200ms"), Ok(Duration::from_millis(200)));
        assert_eq!(span("1min 30s"), Ok(Duration::from_secs(90)));
        assert!(["", "s", "1 parsec", "-1"].iter().all(|text| span(text).is_err()));
        assert_eq!(calendar("2026-11-22 14:30:05 UTC"), Ok("2026-11-22T14:30:05Z".parse().expect("time")));
        assert!(["hourly", "*-*-* 00:00:00 UTC", "2026-11-22 14:30:05"].iter().all(|text| calendar(text).is_err()));
    }
}
