//! The load generator: drives clusters in interleaved rounds and reports what can be said about them.
//!
//! From the middle to the rim:
//! - decisions, pure: [`validate`], [`Schedule`], the gates, the report;
//! - effects: connections, driver threads, the balancer's status, the disk;
//! - two ways in: [`measure`] (the command line) and [`Runs`] behind [`routes`] (the control API).

mod balancer;
mod connection;
mod control;
mod disk;
mod drive;
mod drivers;
mod environment;
mod gates;
mod metrics;
mod open_files;
mod output;
mod progress;
mod recording;
mod report;
mod round;
mod run;
mod runs;
mod schedule;
mod target;
mod validate;

pub use control::routes;
pub use drivers::DriverLost;
pub use open_files::raise_open_files;
pub use output::{json, table};
pub use progress::Progress;
pub use report::{Measured, Measurement, Round};
pub use run::{MeasureError, Settings, measure};
pub use runs::{Runs, RunsError};
pub use schedule::{Attempt, Schedule};
pub use target::{Target, TargetError};
pub use validate::{InvalidSpec, validate};

/// The request header that carries `<seed of the round>-<index of the request>`: the same values for every cluster of
/// a round, so that a worker that draws its work from them does the same work in every cluster.
pub const SEED_HEADER: &str = "x-clusterbench-seed";
