//! The whole system in the lab: a real API server, the shipped operator, instances that are processes, and the real
//! kubectl; what a user sees is asserted, and what the lab's own ledger holds. Needs the binaries and the control
//! plane that `cargo xtask test` provides; elsewhere these tests say that they were skipped.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "all of it is test code")]

mod bad_budgets;
mod bad_comparisons;
mod bad_days;
mod bad_networks;
mod bad_objects;
mod bad_queues;
mod bad_scaling;
mod bad_searches;
mod bad_specs;
mod bad_workers;
mod bench;
mod capacity;
mod chaos;
mod chart;
mod containers;
mod deletion;
mod editing;
mod generators;
mod lab;
mod launches;
mod lifecycle;
mod load_balancers;
#[path = "../support/machine.rs"]
mod machine;
mod main_path;
mod money;
mod networks;
#[path = "../oci/mod.rs"]
mod oci;
mod operating;
mod permissions;
mod plugin;
mod pulling;
mod queues;
mod refused;
mod release;
mod scaling;
mod unkind;
mod updates;
mod user_programs;
