//! US dollars as text, and as the integers that are counted with: millionths, never a float.

/// One cent.
const CENT: u64 = 10_000;

/// Whole cents, rounded up once: `0.21`.
pub fn text(usd_micros: u64) -> String {
    let cents = usd_micros.div_ceil(CENT);
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// Dollars as a spec writes them, such as `2.50`, in millionths. `None`: it is none, or nothing.
pub fn parse(text: &str) -> Option<u64> {
    let (whole, cents) = text.split_once('.').unwrap_or((text, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !is_digits(whole) || !is_digits(cents) || cents.len() > 2 {
        return None;
    }
    let tenths = if cents.len() == 1 { 10 } else { 1 };
    let cents = cents.parse::<u64>().ok()?.checked_mul(tenths)?.checked_mul(CENT)?;
    let all = whole.parse::<u64>().ok()?.checked_mul(100 * CENT)?.checked_add(cents)?;
    (all > 0).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dollars_are_rounded_up_to_cents_once() {
        assert_eq!(
            [0, 1, 10_000, 10_001, 209_999, 1_234_560_000].map(text),
            ["0.00", "0.01", "0.01", "0.02", "0.21", "1234.56"]
        );
    }

    #[test]
    fn dollars_of_a_spec_are_read_to_the_cent() {
        let read = ["2.50", "2.5", "3", "0.01", "999999.99"].map(parse);
        assert_eq!(read, [2_500_000, 2_500_000, 3_000_000, 10_000, 999_999_990_000].map(Some));
        assert_eq!(["0", "0.00", "-1", "1e3", "2.555", "", ".5", "1.", "1,5", "+1"].map(parse), [None; 10]);
    }
}
