//! Targets with a queue and a noisy cloud under them, under virtual time; the product's search on them, and what others do.

pub(crate) mod campaign;
pub(crate) mod noise;
pub(crate) mod ours;
pub(crate) mod peers;
pub(crate) mod scene;
pub(crate) mod server;
pub(crate) mod truth;
