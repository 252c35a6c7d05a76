//! Parameters and answers of calls about messages.

use std::sync::Arc;

use jiff::Timestamp;

/// A message to be sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendMessage {
    pub body: Arc<str>,
    /// The queue's own delay when absent.
    pub delay_seconds: Option<u32>,
}

/// Parameters of ReceiveMessage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReceiveMessage {
    /// 1 when absent.
    pub max_messages: Option<u32>,
    /// The queue's own when absent.
    pub visibility_seconds: Option<u32>,
    /// The queue's own when absent. Nobody waits here: see [`super::Sqs::receive_message`].
    pub wait_seconds: Option<u32>,
}

/// A message as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    pub message_id: String,
    pub receipt_handle: String,
    pub body: Arc<str>,
    pub sent_at: Timestamp,
    pub first_received_at: Timestamp,
    /// How often it was received, this time included.
    pub receives: u32,
}

/// Another time for which a message is hidden.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeVisibility {
    pub receipt_handle: String,
    pub seconds: u32,
}

/// One of the things that a batch asks for, or that it did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry<T> {
    /// What the caller calls it: once in a batch.
    pub id: String,
    pub of: T,
}

/// A message id as SQS writes it.
pub(super) fn id(number: u128) -> String {
    let hex = format!("{number:032x}");
    format!("{}-{}-4{}-a{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..])
}
