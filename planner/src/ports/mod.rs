//! The ports: all that the operator asks of the outside world. `cloud` implements the cloud's ports over the AWS SDK, `cloudsim` as a
//! state machine; `controller` implements [`Agents`] over HTTP.
//!
//! Common to all ports of the cloud: a method either answers for certain and completely, or fails. A list that was cut,
//! paged wrongly, or came without its end is a failure ([`crate::Failure::Unreachable`]), never a shorter list.

#![warn(missing_docs)]

mod agents;
mod catalog;
mod compute;
mod load_balancers;
mod metrics;
mod objects;
mod power;
mod prices;
mod queues;
mod security_groups;
mod termination;

use crate::failure::CloudError;

pub use agents::{AgentError, Agents, Recipient, ReportBytes};
pub use catalog::*;
pub use compute::*;
pub use load_balancers::*;
pub use metrics::*;
pub use objects::*;
pub use power::start_or_stop_each;
pub use prices::*;
pub use queues::*;
pub use security_groups::*;
pub use termination::{is_about_instances, terminate_each};

/// The answer of a port of the cloud.
pub type Answer<T> = Result<T, CloudError>;

/// Everything the operator needs of one region.
pub trait Cloud:
    Compute + SecurityGroups + Catalog + LoadBalancers + Queues + Objects + Metrics + Prices + Send + Sync + 'static
{
}

impl<T> Cloud for T where
    T: Compute + SecurityGroups + Catalog + LoadBalancers + Queues + Objects + Metrics + Prices + Send + Sync + 'static
{
}

/// The regions the operator may work in.
pub trait Regions: Send + Sync + 'static {
    /// The cloud of one region.
    type Cloud: Cloud;

    /// The cloud of one region. Cheap; does no call.
    fn region(&self, name: &str) -> std::sync::Arc<Self::Cloud>;
}
