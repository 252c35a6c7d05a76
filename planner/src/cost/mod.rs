//! Prices and CPU credits of instance types, and the prices of what comes with them.

pub(crate) mod credits;
pub mod micros;
pub mod price;
pub mod price_file;
pub mod price_list;
pub mod small_change;
mod table;
