//! Prices that AWS tells: the Price List API.

use std::future::Future;

use super::Answer;

/// List prices of the region.
pub trait Prices {
    /// The on-demand price of an instance type: Linux, shared tenancy (bare metal: dedicated), nothing preinstalled. All
    /// pages are read.
    fn price(&self, instance_type: &str) -> impl Future<Output = Answer<ListPrice>> + Send;
}

/// What the Price List says of one instance type in one region.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListPrice {
    /// It has one price.
    One {
        /// One running instance, in millionths of a US dollar an hour; more than 0.
        hourly_usd_micros: u64,
        /// Day of the list's publication, such as `2026-11-30`. Empty: the list did not say.
        published: String,
    },
    /// It is not listed, or for nothing, or not in US dollars.
    None,
    /// Products that the filter should have told apart have different prices, in rising order. None of them is chosen.
    Several(Vec<u64>),
}
