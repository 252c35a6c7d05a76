//! Never twice, never leaked, never someone else's: the real loop against the simulated cloud, on thousands of bad days.
//!
//! `cargo xtask campaign --seeds A..B [--plan crash|lag|two-operators|scaled|all]` plays what is asked for; without it, this
//! test plays its 500 seeds, replays every script in `failures/`, and checks that it would notice broken operators.

// In a test, a surprise is a failure.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

mod campaign;
mod failures;
mod generate;
mod life;
mod mutants;
mod neighbours;
mod pairs;
mod people;
mod rest;
mod scaled;
mod script;
mod shrink;
mod spread;
#[path = "../stage/mod.rs"]
mod stage;
mod tiers;
mod watch;
