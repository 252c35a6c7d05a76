//! A cluster in virtual time: the policies of this crate, as they are, against members whose nature is known.
//!
//! Discrete events in integer nanoseconds. Arrivals, demands, faults and the policy draw from streams of their own, so
//! every policy meets the same requests under the same seed. What is simulated of the data path is its protocol with
//! the policy (queue, holding, one retry inside the budget), the network as one constant, and no cost of its own.
//!
//! Checked against the closed forms of [`bounds`] and against conservation laws in `tests`.

pub mod bounds;
mod clients;
pub mod compare;
mod engine;
pub mod faults;
pub mod ideal;
pub mod matrix;
mod outcome;
mod scenario;
mod station;
mod streams;
#[cfg(test)]
mod tests;

pub use engine::simulate;
pub use outcome::{Attempt, Measured};
pub use scenario::{Arrivals, Change, Demand, Discipline, Drift, SERVICE, Scenario, Station};
