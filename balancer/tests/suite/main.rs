//! The balancer over 127.0.0.1, with members in this process.

// Clippy spares only the functions marked as tests, not those they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod backend;
mod client;
mod connecting;
mod control;
mod faults;
mod framing;
mod headers;
mod hygiene;
mod last_hop;
mod membership;
mod process;
mod routing;
mod running;
mod shared;
mod simulated;
mod upgrade;
