//! The stage that makes requests reach the clusters.

pub mod membership;
