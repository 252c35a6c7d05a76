//! Receipt handles: opaque to callers, one for each time that a message is received.

use super::refusal::invalid_handle;
use crate::engine::error::Outcome;

/// The beginning of every handle.
const START: &str = "AQEB";
const DIGITS: usize = 16;

/// What a handle means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Receipt {
    /// Number of the queue.
    pub(super) queue: u64,
    /// Number under which the queue keeps the message.
    pub(super) message: u64,
    /// How often the message had been received then.
    pub(super) receives: u32,
}

impl Receipt {
    pub(super) fn handle(self) -> String {
        let Self { queue, message, receives } = self;
        format!("{START}{queue:016x}{message:016x}{receives:016x}{:016x}", self.check())
    }

    /// *Errors*: a handle that was never given out for this queue.
    pub(super) fn parse(handle: &str, queue: u64) -> Outcome<Self> {
        Self::read(handle).filter(|receipt| receipt.queue == queue).ok_or_else(|| invalid_handle(handle))
    }

    fn read(handle: &str) -> Option<Self> {
        let digits = handle.strip_prefix(START).filter(|rest| rest.len() == 4 * DIGITS && rest.is_ascii())?;
        let number = |index: usize| u64::from_str_radix(digits.get(index * DIGITS..(index + 1) * DIGITS)?, 16).ok();
        let receives = u32::try_from(number(2)?).ok()?;
        let receipt = Self { queue: number(0)?, message: number(1)?, receives };
        (number(3)? == receipt.check()).then_some(receipt)
    }

    /// Tells a handle from digits that somebody made up.
    fn check(self) -> u64 {
        let mixed = self.queue.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ self.message.rotate_left(32);
        (mixed ^ u64::from(self.receives)).wrapping_mul(0xbf58_476d_1ce4_e5b9)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_is_good_for_its_own_queue_and_no_other_text_is_one() {
        let receipt = Receipt { queue: 7, message: 1 << 40, receives: 3 };
        let handle = receipt.handle();
        assert_eq!(Receipt::parse(&handle, 7), Ok(receipt));
        let other = Receipt { receives: 4, ..receipt }.handle();
        let forged = format!("{}{}", &handle[..handle.len() - 16], &other[other.len() - 16..]);
        for (text, queue) in [(handle.as_str(), 8), ("", 7), ("AQEB", 7), (&handle[1..], 7), (&forged, 7), ("AQEBü", 7)]
        {
            assert_eq!(Receipt::parse(text, queue).unwrap_err().code, "ReceiptHandleIsInvalid", "{text}");
        }
    }
}
