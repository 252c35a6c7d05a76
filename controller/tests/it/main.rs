//! The real loop against simulated surroundings under virtual time.

// In a test, a surprise is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod balancers;
mod boots;
mod delivery;
mod generators;
mod held;
mod interference;
mod launches;
mod pausing;
mod queues;
mod refusals;
mod results;
mod scaling;
#[path = "../stage/mod.rs"]
mod stage;
mod stories;
mod updates;
