//! Front and puller in one process over queues and objects in memory, and each alone over HTTP.

// clippy.toml allows these in #[test] functions only; here everything is a test.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod aws;
mod board;
mod control;
mod crashes;
mod deadly;
mod drain;
mod front;
mod http;
mod leftovers;
mod process;
mod puller;
mod scaled;
mod stage;
