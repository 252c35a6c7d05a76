//! The decisions of the operator: what the world should look like, and what is missing.
//!
//! Pure: no tokio, no Kubernetes client, no AWS, no clock, no randomness. The traits in [`ports`] are what it
//! asks of the outside; `cloud`, `cloudsim` and `controller` implement them.
//!
//! [`plan()`] compares a [`World`] with what its object asks for; [`status()`] says what to write down after the
//! plan's actions were tried. Everything else serves these two.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)] // pure: clippy.toml says what that forbids

mod asked;
pub mod codes;
pub mod column;
pub mod conditions;
pub mod console;
mod credits;
pub mod deploy;
pub mod desired;
mod duration;
mod ending;
pub mod events;
pub mod failure;
pub mod family;
mod firewall;
mod hint;
pub mod holders;
pub mod inventory;
pub mod ledger;
pub mod measure;
pub mod memory;
pub mod owner;
mod pausing;
pub mod placement;
pub mod plan;
pub mod ports;
pub mod price;
mod provision;
mod readiness;
pub mod region;
pub mod rehearsal;
mod relaunch;
pub mod relocation;
mod results;
pub mod runs;
pub mod seal;
mod settle;
pub mod status;
pub mod sweep;
mod teardown;
pub mod termination;
mod thresholds;
mod together;
pub mod userdata;
pub mod verdict;
mod voided;
pub mod world;

pub use events::{Event, Severity, events};
pub use failure::{CloudError, Failure};
pub use memory::Memory;
pub use plan::{Action, Goal, Plan, Why, plan};
pub use runs::RunKey;
pub use status::{Done, Outcome, status};
pub use world::{Facet, Object, Settings, World};
