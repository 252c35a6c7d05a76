//! Prices and CPU credits of instance types, the prices of what comes with them, and what a ledger cost.

pub(crate) mod credits;
pub(crate) mod front;
pub mod hourly;
pub mod micros;
pub mod price;
pub mod price_file;
pub mod price_list;
pub mod small_change;
pub mod spent;
mod table;
pub mod usd;
