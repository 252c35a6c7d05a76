//! US dollars as people write them, to millionths without a float in between.

/// Whole dollars that a price may have: more than any machine costs an hour.
const MOST_DIGITS: usize = 6;

/// `0.0116` is 11,600. Digits behind the sixth are rounded. `None`: it is no such number.
pub fn of_decimal(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let is_number = |digits: &str| !digits.is_empty() && digits.bytes().all(|digit| digit.is_ascii_digit());
    if !is_number(whole) || !is_number(fraction) || whole.len() > MOST_DIGITS {
        return None;
    }
    let kept: u64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let rounded = u64::from(fraction.as_bytes().get(6).is_some_and(|digit| *digit >= b'5'));
    Some(whole.parse::<u64>().ok()? * 1_000_000 + kept + rounded)
}

#[cfg(test)]
mod tests {
    use super::of_decimal;

    #[test]
    fn decimals_are_read_to_the_millionth() {
        for (text, micros) in [
            ("0.0116", 11_600),
            ("0.0116000000", 11_600),
            ("2", 2_000_000),
            ("2.5", 2_500_000),
            ("0", 0),
            ("0.0000004", 0),
            ("0.0000005", 1),
            ("1.9999999", 2_000_000),
            ("999999.999999", 999_999_999_999),
        ] {
            assert_eq!(of_decimal(text), Some(micros), "{text}");
        }
    }

    #[test]
    fn what_is_no_decimal_is_no_number() {
        for text in ["", ".", "1.", ".5", "-1", "+1", "1e3", "1,5", " 1", "NaN", "1000000", "0x1", "1.2.3", "\u{663}"] {
            assert_eq!(of_decimal(text), None, "{text:?}");
        }
    }
}
