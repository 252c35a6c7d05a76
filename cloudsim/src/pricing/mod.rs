//! The Price List: products and their prices, those that nobody asked for among them.
//!
//! Prices are those of the planner's table, so a simulated region has a price for what the table has. What the service is
//! like: value by value `TERM_MATCH` filters, pages of at most a hundred, products that are strings of JSON.

mod about;
mod product;
mod products;

use crate::engine::Engine;
use crate::engine::throttle::Buckets;
use crate::settings::Settings;

pub use crate::actions::pricing::Action;
pub use products::GetProducts;

pub(crate) use about::{asks, costs, denied, in_json};
pub(crate) use product::filters;

/// State of the Price List: its token buckets.
#[derive(Default)]
pub struct State {
    pub(crate) buckets: Buckets<Action>,
}

/// The Price List at one moment.
pub struct PriceList<'a> {
    engine: &'a mut Engine,
    settings: &'a Settings,
}

impl<'a> PriceList<'a> {
    pub(crate) fn new(engine: &'a mut Engine, settings: &'a Settings) -> Self {
        Self { engine, settings }
    }
}
