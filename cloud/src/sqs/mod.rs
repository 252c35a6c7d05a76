//! Queues over aws-sdk-sqs.

mod calls;
mod lists;
