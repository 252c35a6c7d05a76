//! The simulation's answers, behaviour by behaviour.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in tests a panic is the report")]

mod capacity;
mod connections;
mod faults;
mod groups;
mod knobs;
mod lifecycle;
mod lists;
mod permissions;
mod ports;
mod properties;
mod rehearsals;
mod stale_reads;
mod surroundings;
mod tokens;
mod volumes;
mod world;
