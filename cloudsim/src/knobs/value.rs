//! Values of knobs, read and written: lengths of time, rates, limits.

use crate::engine::span::Span;

pub(super) const OFF: &str = "off";

/// Units of time, the longest first, in milliseconds.
const UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("min", 60_000), ("ms", 1), ("s", 1_000)];

/// `0..30s`, `500ms..2s`, `30s`, `off`. The first may go without a unit: it is that of the second.
pub(super) fn span(text: &str) -> Option<Span> {
    if text == OFF {
        return Some(Span::NONE);
    }
    let Some((least, most)) = text.split_once("..") else {
        let millis = length(text, None)?;
        return Some(Span { least_millis: millis, most_millis: millis });
    };
    let span = Span { least_millis: length(least, unit(most))?, most_millis: length(most, None)? };
    (span.least_millis <= span.most_millis).then_some(span)
}

pub(super) fn show_span(span: Span) -> String {
    let (least, most) = (span.least_millis, span.most());
    match (least, most) {
        (0, 0) => OFF.to_owned(),
        (0, _) => format!("0..{}", show_length(most)),
        _ if least == most => show_length(most),
        _ => format!("{}..{}", show_length(least), show_length(most)),
    }
}

/// One length of time, or off.
pub(super) fn millis(text: &str) -> Option<u64> {
    if text == OFF { Some(0) } else { length(text, None) }
}

pub(super) fn show_millis(millis: u64) -> String {
    if millis == 0 { OFF.to_owned() } else { show_length(millis) }
}

pub(super) fn whole_seconds(text: &str) -> Option<u64> {
    let millis = millis(text)?;
    millis.is_multiple_of(1000).then_some(millis / 1000)
}

fn unit(text: &str) -> Option<u64> {
    UNITS.iter().find(|(name, _)| text.ends_with(name)).map(|(_, millis)| *millis)
}

fn length(text: &str, default_unit: Option<u64>) -> Option<u64> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &text[digits.len()..] {
        "" if digits == "0" => 1,
        "" => default_unit?,
        name => UNITS.iter().find(|(known, _)| *known == name)?.1,
    };
    number::<u64>(digits)?.checked_mul(unit)
}

fn show_length(millis: u64) -> String {
    let mut units = UNITS.iter().filter(|(_, unit)| millis.is_multiple_of(*unit));
    let (name, unit) = units.by_ref().max_by_key(|(_, unit)| *unit).unwrap_or(&("ms", 1));
    format!("{}{name}", millis / unit)
}

/// Digits only: neither a sign nor blanks.
fn number<N: std::str::FromStr>(text: &str) -> Option<N> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}

/// `3%`, `0.5%`, `off`, in thousandths.
pub(super) fn rate(text: &str) -> Option<u32> {
    if text == OFF {
        return Some(0);
    }
    let (whole, tenth) = match text.strip_suffix('%')?.split_once('.') {
        Some((whole, tenth)) if tenth.len() == 1 => (whole, tenth),
        Some(_) => return None,
        None => (text.strip_suffix('%')?, "0"),
    };
    let rate = number::<u32>(whole)?.checked_mul(10)? + number::<u32>(tenth)?;
    (rate <= 1000).then_some(rate)
}

pub(super) fn show_rate(rate: u32) -> String {
    match (rate, rate % 10) {
        (0, _) => OFF.to_owned(),
        (_, 0) => format!("{}%", rate / 10),
        (_, tenth) => format!("{}.{tenth}%", rate / 10),
    }
}

pub(super) fn limit(text: &str) -> Option<Option<u32>> {
    if text == OFF { Some(None) } else { number(text).map(Some) }
}

pub(super) fn show_limit(limit: Option<u32>) -> String {
    limit.map_or_else(|| OFF.to_owned(), |limit| limit.to_string())
}

pub(super) const SWITCH: &str = "on or off";

pub(super) fn switch(text: &str) -> Option<bool> {
    match text {
        "on" => Some(true),
        OFF => Some(false),
        _ => None,
    }
}

pub(super) fn show_switch(is_on: bool) -> String {
    if is_on { "on".to_owned() } else { OFF.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_of_time_are_read_and_written() {
        let rows = [
            ("off", 0, 0, "off"),
            ("0", 0, 0, "off"),
            ("30s", 30_000, 30_000, "30s"),
            ("0..30s", 0, 30_000, "0..30s"),
            ("5..30s", 5_000, 30_000, "5s..30s"),
            ("500ms..2s", 500, 2_000, "500ms..2s"),
            ("0..10min", 0, 600_000, "0..10min"),
            ("90s", 90_000, 90_000, "90s"),
            ("1500ms", 1_500, 1_500, "1500ms"),
            ("3600s", 3_600_000, 3_600_000, "1h"),
        ];
        for (text, least_millis, most_millis, shown) in rows {
            assert_eq!(span(text), Some(Span { least_millis, most_millis }), "{text}");
            assert_eq!(show_span(Span { least_millis, most_millis }), shown);
        }
        for wrong in ["", "30", "s", "..", "0..", "..30s", "30s..5s", "-1s", "1.5s", "30 s", "30S", "1..2..3s", "on"] {
            assert_eq!(span(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn rates_are_read_and_written() {
        for (text, per_mille) in [("off", 0), ("3%", 30), ("0.5%", 5), ("12.5%", 125), ("100%", 1000)] {
            assert_eq!(rate(text), Some(per_mille), "{text}");
            assert_eq!(show_rate(per_mille), text);
        }
        for wrong in ["", "3", "%", "-3%", "0.05%", "101%", "3 %", ".5%", "3.%", "on", "99999999999%"] {
            assert_eq!(rate(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn limits_are_read_and_written() {
        assert_eq!((limit("7"), limit("off"), limit("-7"), limit("")), (Some(Some(7)), Some(None), None, None));
    }
}
