//! Refusals of SQS by the codes that it had in the Query protocol, which clients are still told in a header.
//!
//! Codes and statuses: the model of SQS that AWS makes its SDKs from (traits `awsQueryError`, `httpError`).

use crate::engine::error::SimError;

/// The code of a queue that calls do not find.
pub const NO_QUEUE: &str = "AWS.SimpleQueueService.NonExistentQueue";

/// The codes that are not spelled as the shape of their error have this before it.
const PREFIX: &str = "AWS.SimpleQueueService.";

fn prefixed(code: &str, message: impl Into<String>) -> SimError {
    SimError::new(format!("{PREFIX}{code}"), message)
}

pub(super) fn no_queue() -> SimError {
    SimError::new(NO_QUEUE, "The specified queue does not exist.")
}

pub(super) fn other_settings(what: &str) -> SimError {
    let message = format!("A queue already exists with the same name and a different value for {what}");
    SimError::new("QueueAlreadyExists", message)
}

pub(super) fn deleted_recently() -> SimError {
    let message = "You must wait 60 seconds after deleting a queue before you can create another with the same name.";
    prefixed("QueueDeletedRecently", message)
}

pub(super) fn purge_in_progress(name: &str) -> SimError {
    let message = format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.");
    prefixed("PurgeQueueInProgress", message).with_status(403)
}

pub(super) fn invalid_address(url: &str) -> SimError {
    let message = format!("The address {url} is not valid for this endpoint.");
    SimError::new("InvalidAddress", message).with_status(404)
}

pub(super) fn invalid(message: impl Into<String>) -> SimError {
    SimError::value(message)
}

pub(super) fn attribute_name(name: &str) -> SimError {
    SimError::new("InvalidAttributeName", format!("Unknown Attribute {name}."))
}

pub(super) fn attribute_value(name: &str) -> SimError {
    SimError::new("InvalidAttributeValue", format!("Invalid value for the parameter {name}."))
}

pub(super) fn not_simulated(attribute: &str) -> SimError {
    prefixed("UnsupportedOperation", format!("the lab does not simulate the attribute {attribute}"))
}

pub(super) fn invalid_contents() -> SimError {
    SimError::new("InvalidMessageContents", "Invalid characters found in the message body.")
}

pub(super) fn invalid_handle(handle: &str) -> SimError {
    let message = format!("The input receipt handle \"{handle}\" is not a valid receipt handle.");
    SimError::new("ReceiptHandleIsInvalid", message).with_status(404)
}

pub(super) fn not_in_flight() -> SimError {
    prefixed("MessageNotInflight", "The specified message isn't in flight.")
}

pub(super) fn no_message(handle: &str) -> SimError {
    invalid(format!(
        "Value {handle} for parameter ReceiptHandle is invalid. Reason: Message does not exist or is not available for \
         visibility timeout change."
    ))
}

pub(super) fn too_many_in_flight() -> SimError {
    let message = "Too many messages in flight: delete some, or wait until they are visible again.";
    SimError::new("OverLimit", message).with_status(403)
}

pub(super) fn empty_batch() -> SimError {
    prefixed("EmptyBatchRequest", "There should be at least one entry in the request.")
}

pub(super) fn too_many_entries(count: usize) -> SimError {
    let message = format!("Maximum number of entries per request are 10. You have sent {count}.");
    prefixed("TooManyEntriesInBatchRequest", message)
}

pub(super) fn entry_id(id: &str) -> SimError {
    let message = format!(
        "The batch entry id {id:?} is not valid: it has 1 to 80 alphanumeric characters, hyphens and underscores."
    );
    prefixed("InvalidBatchEntryId", message)
}

pub(super) fn equal_ids(id: &str) -> SimError {
    prefixed("BatchEntryIdsNotDistinct", format!("Id {id} repeated."))
}

pub(super) fn batch_too_long(length: usize) -> SimError {
    let message = format!("Batch requests cannot be longer than 1048576 bytes. You have sent {length} bytes.");
    prefixed("BatchRequestTooLong", message)
}

/// A call that is refused for being one too many.
pub(crate) fn throttled() -> SimError {
    SimError::new("RequestThrottled", "Rate exceeded").with_status(403)
}
