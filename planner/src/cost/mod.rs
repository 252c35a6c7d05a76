//! Prices and CPU credits of instance types, the prices of what comes with them, and what a ledger cost.

pub(crate) mod credits;
pub(crate) mod front;
pub mod hourly;
pub mod price;
pub mod small_change;
pub mod spent;
pub mod usd;
