//! What the operator asks of the outside world.

mod agents;
mod cloud;
mod termination;

pub use agents::{AgentError, Agents, ReportBytes};
pub use cloud::*;
pub use termination::{is_about_instances, terminate_each};
