//! The data path: from a client's connection to a member's and back.
//!
//! [`server`] accepts connections and hands each to a shard; [`connections`] is the state that all of them share. A
//! [`connection`] reads one request after the other from its [`client`]; [`attempts`] finds a member for each and an
//! [`exchange`] sends it there and passes the [`response`] back. A request that no member serves gets a
//! [`local_reply`].

pub(crate) mod access_log;
mod attempts;
mod client;
mod connection;
pub(crate) mod connections;
mod dates;
mod deadline;
mod exchange;
pub(crate) mod forward;
pub(crate) mod gathering;
mod last_hop;
mod local_reply;
pub(crate) mod relay;
mod response;
mod scratch;
mod server;
mod tunnel;
pub(crate) mod upstream;
mod write_buffer;

pub use server::serve;
