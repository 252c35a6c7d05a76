//! A cloud on one machine: instances as processes of their own, and the AWS wire protocols in front of `cloudsim`.

#![warn(clippy::print_stdout)] // `say` does not panic when nobody reads

pub mod albnode;
pub mod aws;
pub mod balancing;
mod gateway;
pub mod machine;
pub mod region;
