//! A cloud on one machine: instances as processes of their own, and the AWS wire protocols in front of `cloudsim`.

pub mod endpoint;
pub mod machine;
pub mod region;
