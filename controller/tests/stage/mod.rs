//! The stage of stories and campaign: an API server in memory, agents, an EC2 that is simulated, operators that
//! die and freeze at chosen effects, and a judge that knows the truth.

// Each of the two test targets uses a part of it.
#![allow(dead_code)]

pub(crate) mod agents;
pub(crate) mod bill;
pub(crate) mod calls;
pub(crate) mod chaos;
pub(crate) mod cloud;
pub(crate) mod ends;
pub(crate) mod judge;
pub(crate) mod kubernetes;
pub(crate) mod loaders;
pub(crate) mod measured;
pub(crate) mod moment;
pub(crate) mod play;
pub(crate) mod queues;
pub(crate) mod readiness;
pub(crate) mod runs;
pub(crate) mod schedule;
pub(crate) mod sight;
pub(crate) mod starters;
pub(crate) mod story;
pub(crate) mod tier;
pub(crate) mod work;
