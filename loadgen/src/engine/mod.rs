//! The data path: one thread, its sockets, and the requests that are due.
//!
//! Pure: [`arrivals`] (when), [`request`] (what), [`response`] and [`expected`] (what came back). Effects: [`poller`], [`socket`] (plain, or with [`tls`]), [`connections`] to [`addresses`], and [`stretch`] that
//! drives them. Nothing here allocates for a request, except rustls for its records.

pub(crate) mod addresses;
pub(crate) mod arrivals;
pub(crate) mod connections;
mod exchange;
pub(crate) mod expected;
pub(crate) mod load;
pub(crate) mod poller;
pub(crate) mod request;
pub(crate) mod response;
mod socket;
pub(crate) mod stretch;
mod tls;
