//! The load balancer: each path prefix is served by one cluster of members, by one of several policies.
//!
//! A request's way: [`serve`] accepts the connection and hands it to a shard; its `conversation` reads heads, which
//! `http1` judges; the `routing` finds the cluster; `attempts` asks the cluster's `lane`, where the [`policy`] picks a
//! member; an `exchange` sends the request on and passes the `answer` back. Beside it: `health` checks members,
//! [`Balancer::apply`] replaces the membership as a whole, [`control`] is the operator's side of it and
//! [`MembershipFile`] the lone user's.
//!
//! Knows neither Kubernetes nor AWS. A shard is a thread with a runtime, sockets, buffers and connections of its own.
//! Shared between them is what belongs to a member (counters, all atomic) and to a cluster (its lane, behind one short
//! lock); no request takes a lock that requests to another cluster take.

// cargo-fuzz sets `fuzzing`.
#![allow(unexpected_cfgs)]

mod access_log;
mod answer;
mod arguments;
mod attempts;
mod balancer;
mod budget;
mod client;
mod clock;
mod cluster;
pub mod control;
mod conversation;
mod dates;
#[cfg(any(test, fuzzing))]
pub mod differential;
mod exchange;
mod file;
mod forward;
mod front;
mod health;
mod lane;
mod last_hop;
mod member;
mod metrics;
mod outbox;
mod patience;
pub mod policy;
mod pool;
mod refusal;
mod relay;
mod routing;
mod scratch;
mod server;
mod settings;
pub mod simulator;
mod tunnel;
mod upstream;

pub use arguments::Arguments;
pub use balancer::{Balancer, Refused};
pub use file::{MembershipFile, Unusable};
pub use health::check_members;
pub use server::serve;
pub use settings::{Settings, Timeouts};
