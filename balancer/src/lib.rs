//! The load balancer: each path prefix is served by one cluster of members, by one of several policies.
//!
//! A request's way: [`serve`] accepts the connection, `inspect` and `framing` refuse what is ambiguous, `proxy` finds
//! the cluster in the `routing`, `cluster` lets the [`policy`] pick a member, `upstream` sends it with its `upload`, and
//! the `answer` streams back. Beside it: `health` checks members, [`Balancer::apply`] replaces the membership as a whole, [`control`]
//! is the operator's side of it and [`MembershipFile`] the lone user's.
//!
//! Knows neither Kubernetes nor AWS. Runs on one current-thread runtime; what one request touches is either atomic
//! and per member, or behind a lock of its own connection, cluster or member. More cores later means: one runtime
//! each, with its own lanes and pools, over the same members.

mod answer;
mod arguments;
mod balancer;
mod budget;
mod clock;
mod cluster;
pub mod control;
mod file;
mod framing;
mod headers;
mod health;
mod inspect;
mod member;
mod metrics;
pub mod policy;
mod pool;
mod proxy;
mod routing;
mod server;
pub mod simulator;
mod upload;
mod upstream;

pub use arguments::Arguments;
pub use balancer::{Balancer, Refused};
pub use file::{MembershipFile, Unusable};
pub use health::check_members;
pub use server::serve;
pub use upstream::Timeouts;
