//! The time of day as HTTP writes it, made once a second.

use std::cell::RefCell;
use std::time::{SystemTime, UNIX_EPOCH};

use jiff::Timestamp;

thread_local! {
    static NOW: RefCell<(u64, String)> = const { RefCell::new((u64::MAX, String::new())) };
}

/// Shows `use_it` the value of a `Date` field (RFC 9110, 6.6.1).
pub(crate) fn with<R>(use_it: impl FnOnce(&[u8]) -> R) -> R {
    let second = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    NOW.with_borrow_mut(|(made, text)| {
        if *made != second {
            (*made, *text) = (second, of(second));
        }
        use_it(text.as_bytes())
    })
}

fn of(second: u64) -> String {
    let now = i64::try_from(second).ok().and_then(|second| Timestamp::from_second(second).ok()).unwrap_or_default();
    now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn dates_are_those_of_http() {
        // The example of RFC 9110, 5.6.7.
        assert_eq!(super::of(784_111_777), "Sun, 06 Nov 1994 08:49:37 GMT");
    }
}
