//! Buckets over aws-sdk-s3.
//!
//! The SDK puts a bucket's name into the path where the endpoint is an IP address, and before the host's name elsewhere.

mod calls;
mod empty;
mod lists;
