//! The operator's and the lone user's side: membership in, status and metrics out.

pub mod control;
mod membership_file;
mod metrics;

pub use membership_file::{MembershipFile, Unusable};
