//! The clock of the loop.

use std::sync::Arc;

use jiff::Timestamp;

/// The source of `now`: the wall clock, or a test's.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;
