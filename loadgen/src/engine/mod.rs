//! The data path: one thread, its sockets, and the requests that are due.
//!
//! Pure: [`arrivals`] (when), [`request`] (what), [`response`] and [`expected`] (what came back). Effects: [`poller`],
//! [`connections`], and [`stretch`] that drives them. Nothing here allocates for a request.

pub(crate) mod arrivals;
pub(crate) mod connections;
mod exchange;
pub(crate) mod expected;
pub(crate) mod load;
pub(crate) mod poller;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod stretch;
