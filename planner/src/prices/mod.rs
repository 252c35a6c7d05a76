//! Prices as facts: of instance types by region, and of what comes with an instance. Each has a source and a day.

pub mod calls;
pub mod file;
pub mod list;
pub mod micros;
pub mod price;
pub mod small_change;
mod table;
