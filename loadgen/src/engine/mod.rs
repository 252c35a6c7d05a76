//! Data path: driver threads, their sockets, and the requests that are due.
//!
//! Pure: [`arrivals`] (when), [`request`] (what), [`response`] and [`expected`] (what came back), [`recording`] (counts
//! and times), [`zones`] (where from), [`counted`] (what of it counts). Effects: [`poller`], [`socket`] (plain, or with [`tls`]),
//! [`connections`] to [`addresses`], [`segment`] that drives them, and [`drivers`], the threads. Nothing here allocates for
//! a request, except rustls for its records.

pub(crate) mod addresses;
pub(crate) mod arrivals;
pub(crate) mod connections;
pub(crate) mod counted;
pub(crate) mod drivers;
mod enough;
mod exchange;
pub(crate) mod expected;
pub(crate) mod load;
pub(crate) mod open_files;
pub(crate) mod poller;
pub(crate) mod recording;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod segment;
mod socket;
mod tls;
pub(crate) mod wall_clock;
pub(crate) mod zones;
