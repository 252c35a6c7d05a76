//! Prices and CPU credits of instance types.

pub(crate) mod credits;
pub mod price;
