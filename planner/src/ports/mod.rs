//! What the operator asks of the outside world.

mod agents;
mod cloud;

pub use agents::{AgentError, Agents, ReportBytes};
pub use cloud::*;
