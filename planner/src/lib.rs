//! The decisions of the operator: what the world should look like, and what is missing.
//!
//! Pure: no tokio, no Kubernetes client, no AWS, no clock, no randomness. The traits in [`ports`] are what it
//! asks of the outside; `cloud`, `cloudsim` and `controller` implement them.

pub mod codes;
pub mod failure;
pub mod owner;
pub mod ports;
pub mod userdata;

pub use failure::{CloudError, Failure};
