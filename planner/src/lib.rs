//! The decisions of the operator: the world as it should look, and what is missing.
//!
//! Pure: no tokio, no Kubernetes client, no AWS, no clock, no randomness. The traits in [`ports`] are what it
//! asks of the outside; `cloud`, `cloudsim` and `controller` implement them.
//!
//! [`plan()`] compares a [`World`] with what its object asks for; [`status()`] says what to write down after the
//! plan's actions were tried. Everything else serves these two. Modules from the ground up:
//!
//! - [`failure`], [`owner`], [`ports`], [`families`], [`cost`]: facts, and what is asked of the outside;
//! - [`world`], [`conditions`], [`effect`], [`run_key`], [`run_outcome`], [`runs`]: what is seen, said, done
//!   and measured;
//! - [`scale`]: the rules by which a cluster follows its queue;
//! - [`desired`], [`counts`], [`instances`], [`goal`], [`plan`](mod@plan): what is asked for, how many, what is there, and
//!   the plan as it grows;
//! - [`resources`]: what all that is created by name goes through, and the order of teardown;
//! - [`budget`]: what all of it may cost, as an expiry;
//! - the stages, in their order: [`region`], [`provision`], [`balance`], [`measure`], `pausing`, `teardown`;
//! - [`stages`] runs them, [`outcome`] and [`mod@status`] say what became of it. [`sweep`] stands alone.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)] // pure: clippy.toml says what that forbids

pub mod balance;
pub mod budget;
pub mod conditions;
mod control;
pub mod cost;
pub mod counts;
pub mod desired;
pub mod effect;
pub mod failure;
pub mod families;
pub mod goal;
pub mod instances;
pub mod measure;
pub mod outcome;
pub mod owner;
mod pausing;
pub mod plan;
pub mod ports;
pub mod prices;
pub mod provision;
pub mod region;
pub mod resources;
pub mod run_key;
pub mod run_outcome;
pub mod runs;
pub mod scale;
pub mod stages;
pub mod status;
pub mod sweep;
pub mod teardown;
mod text;
mod time_left;
pub mod world;

pub use conditions::Reason;
pub use effect::{Action, Done, Outcome};
pub use failure::{CloudError, Failure};
pub use goal::{Goal, TeardownReason};
pub use plan::Plan;
pub use run_key::RunKey;
pub use run_outcome::RunOutcome;
pub use stages::plan;
pub use status::events::{Event, Severity, events};
pub use status::status;
pub use world::memory::Memory;
pub use world::{Facet, Object, Settings, World};
