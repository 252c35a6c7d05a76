//! Runs that the operator asks for: the control API, the runs of this process, and their files.

pub(crate) mod control;
mod disk;
mod metrics;
pub(crate) mod runs;
