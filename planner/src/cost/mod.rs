//! Cost of a benchmark: what its ledger cost, what it costs an hour, and the CPU credits that are paid.

pub(crate) mod credits;
pub(crate) mod front;
pub mod hourly;
pub mod spent;
pub(crate) mod surplus;
pub mod usd;
