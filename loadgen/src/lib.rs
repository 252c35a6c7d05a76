//! The load generator: drives clusters in interleaved rounds and reports what can be said about them.
//!
//! From the middle to the rim:
//! - decisions, pure: [`validate`], [`Schedule`], the gates, the report;
//! - effects: the data path ([`engine`]) on driver threads, the balancer's status, the disk;
//! - two ways in: [`measure`] (the command line) and [`Runs`] behind [`routes`] (the control API).

mod balancer;
mod conditions;
mod connection;
mod control;
mod course;
mod disk;
mod distrust;
mod drivers;
mod engine;
mod environment;
mod greeting;
mod histogram_log;
mod honesty;
#[cfg(test)]
mod lies;
mod members;
mod metrics;
mod names;
mod open_files;
mod output;
mod picture;
mod progress;
mod recording;
mod report;
mod resolver;
mod round;
mod run;
mod runs;
mod schedule;
mod seconds;
mod send_log;
mod target;
mod timetable;
mod trust;
mod url_parts;
mod validate;

pub use conditions::{Condition, NoCondition};
pub use control::routes;
pub use drivers::DriverLost;
pub use greeting::{NotGreeted, greet};
pub use histogram_log::HistogramLog;
pub use output::{json, pictures_and_text};
pub use progress::Progress;
pub use report::Measurement;
pub use resolver::{Given, NotGiven, Resolver};
pub use run::{MeasureError, Settings, measure};
pub use runs::{Runs, RunsError};
pub use schedule::{Attempt, Schedule};
pub use send_log::SendLog;
pub use target::{Target, TargetError};
pub use trust::{NoTrust, Trust, secure};
pub use validate::{InvalidSpec, validate};

/// The request header that carries `<seed of the round>-<index of the request>`: the same values for every cluster of
/// a round, so that a worker that draws its work from them does the same work in every cluster.
pub const SEED_HEADER: &str = "x-clusterbench-seed";
