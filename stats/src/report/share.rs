//! Shares of a whole.

/// A share in thousandths, rounded to the nearest.
pub(crate) fn share_per_mille(count: u64, all: u64) -> u32 {
    ((count * 1000 + all / 2) / all.max(1)) as u32
}
