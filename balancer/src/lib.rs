//! The load balancer: each path prefix is served by one cluster of members, by one of several policies.
//!
//! # A request's life
//!
//! Left: the stage, a file of `proxy` unless said otherwise. Right: the ways a request leaves early.
//!
//! ```text
//! client
//!   |  server             accepts; hands the connection to a shard       full ------------> 503, close
//!   |  connection         one request after the other                    silent ----------> close
//!   v
//! HEAD IN
//!   |  client             reads up to the empty line                     too slow --------> 408, close
//!   |  http1 (crate)      parses the head, strictly                      ambiguous -------> 400 414 417 431 501 505, close
//!   |  last_hop           Max-Forwards: 0, OPTIONS *                     for this host ---> 200
//!   |  cluster/routing    longest path prefix -> cluster                 no such path ----> 404
//!   |                     GET /status, where it is public                how members are -> 200
//!   v
//! MEMBER
//!   |  attempts           asks for a member; at most one retry
//!   |  cluster/dispatcher lock { policy picks, holds or probes }         nobody usable ---> 503
//!   |                     held: parked until a member is free            none in time ----> 503
//!   |  cluster/pool       an idle connection of this shard
//!   |  upstream           or a new one                                   refused, late ---> another member, 502 504
//!   v
//! EXCHANGE (one task, two sockets)
//!   |  forward            request head, written anew -> member
//!   |  relay              request body, framed anew  -> member           malformed -------> 400, close
//!   |  response           1xx heads, then the final one <- member        5xx, no answer --> another member, 502 504
//!   |  forward            response head, written anew -> client
//!   |  relay              response body, framed anew  -> client          breaks off ------> close
//!   |  tunnel             after 101: bytes both ways until one side ends
//!   v
//! AFTER
//!   |  cluster/in_flight  dropped: policy learns; lock { next parked request is called }
//!   |  cluster/pool       the member's connection is idle again, if nothing came behind the response
//!   |  access_log         a sample
//!   `-> connection        next request, or close
//! ```
//!
//! A response that no member gave is a `local_reply`. Beside the data path: `cluster/health` checks members,
//! [`Balancer::apply`] replaces the membership as a whole, [`control`] is the operator's side of it and
//! [`MembershipFile`] the lone user's.
//!
//! The crate knows neither Kubernetes nor AWS. A shard is a thread with a runtime, sockets, buffers and connections of
//! its own. Shards share the counters of members, all atomic, and one dispatcher for each cluster, behind one short
//! lock; no request takes a lock that requests to another cluster take. Where all members serve one more path together,
//! that path has a dispatcher of its own over the same members, and each of the two hears of the other's requests
//! (`cluster/neighbours`): then a request takes that lock as well.

// cargo-fuzz sets `fuzzing`.
#![allow(unexpected_cfgs)]

mod admin;
mod arguments;
mod balancer;
mod clock;
mod cluster;
#[cfg(any(test, fuzzing))]
pub mod differential;
pub mod policy;
mod proxy;
mod settings;
pub mod simulator;

pub use admin::{MembershipFile, Unusable, control};
pub use arguments::Arguments;
pub use balancer::{Balancer, Refused};
pub use cluster::health::check_members;
pub use proxy::serve;
pub use settings::{Gathering, Settings, Timeouts};
