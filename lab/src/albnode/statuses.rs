//! The matcher of a health check.

use std::ops::RangeInclusive;

/// Statuses that count as a success: one, several with commas between, or ranges (API reference, Matcher).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Statuses(Vec<RangeInclusive<u16>>);

impl Statuses {
    /// *Errors*: the part that is neither a status nor a range.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.split(',').map(|part| range(part.trim())).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn contain(&self, status: u16) -> bool {
        self.0.iter().any(|range| range.contains(&status))
    }
}

fn range(part: &str) -> Result<RangeInclusive<u16>, String> {
    let (first, last) = part.split_once('-').unwrap_or((part, part));
    let status = |text: &str| text.parse::<u16>().ok().filter(|status| (200..=499).contains(status));
    match (status(first), status(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err(format!("{part:?} is neither a status from 200 to 499 nor a range of them")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_ranges_are_read() {
        let statuses = Statuses::parse("200, 204-299,404").unwrap();
        let taken: Vec<u16> =
            [200, 201, 204, 299, 300, 404, 405].into_iter().filter(|s| statuses.contain(*s)).collect();
        assert_eq!(taken, [200, 204, 299, 404]);
        for wrong in ["", "20", "200-", "299-200", "200,,204", "500", "ok"] {
            assert!(Statuses::parse(wrong).is_err(), "{wrong}");
        }
    }
}
