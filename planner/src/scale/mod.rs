//! The rules by which a cluster follows its queue: what is seen goes in, who is started and who finishes comes out. Pure, and
//! without the world: [`crate::counts`] asks here.

pub mod history;
pub mod needs;
pub mod pool;
pub mod rule;
pub mod step;
