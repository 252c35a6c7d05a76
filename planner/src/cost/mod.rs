//! Prices and CPU credits of instance types, and the prices of what comes with them.

pub(crate) mod credits;
pub mod price;
pub mod small_change;
