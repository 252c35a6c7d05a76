//! Load generator: drives clusters in interleaved rounds, and reports the numbers with a verdict.
//!
//! A folder for each step, and each knows only those before it:
//! - `target`: one URL taken apart, the addresses of its name, whose certificates are believed;
//! - `corpus`: files that are sent in turn, each with its right answer;
//! - `engine`: the data path, driver threads with their sockets;
//! - `run`: one whole run, from the checked document over rounds to the [`Measurement`];
//! - `agent`: the control API of the operator, [`Runs`] behind [`routes`].
//!
//! `search` is the pure rule that finds a capacity. `front` reads what a front says of its queues. The command line is the program's (`main.rs` and its folder `command_line`): it calls [`measure`].

mod agent;
mod corpus;
mod engine;
mod front;
mod mutant;
#[cfg(test)]
mod mutants;
mod run;
pub mod search;
mod target;

pub use crate::agent::control::routes;
pub use crate::agent::runs::{Runs, RunsError};
pub use corpus::store::NoCorpus;
pub use corpus::{Files, NoFiles};
pub use engine::drivers::DriverLost;
pub use front::{Front, NotAFront};
pub use run::histogram_log::HistogramLog;
pub use run::measurement::Measurement;
pub use run::progress::Progress;
pub use run::schedule::{Attempt, Schedule};
pub use run::send_log::SendLog;
pub use run::settings::{MeasureError, SearchSettings, Settings};
pub use run::validate::{InvalidSpec, validate};
pub use run::wrong_log::WrongLog;
pub use run::{JournalEntry, measure};
pub use target::greeting::{NotGreeted, greet};
pub use target::resolver::{Given, NotGiven, Resolver};
pub use target::trust::{NoTrust, Trust, secure};
pub use target::{Target, TargetError};

/// The request header that carries `<seed of the round>-<index of the request>`: the same values for every cluster of
/// a round, so that a worker that draws its work from them does the same work in every cluster.
pub const SEED_HEADER: &str = "x-clusterbench-seed";
