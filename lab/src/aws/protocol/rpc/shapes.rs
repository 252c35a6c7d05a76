//! Names of errors in documents, where they differ from the codes that the Query protocol had for them.
//!
//! Source: Smithy, "awsQueryError trait", and the model of SQS that AWS makes its SDKs from.

const SQS: &str = "com.amazonaws.sqs#";
/// The beginning of many codes of SQS, before the name of the shape.
const SQS_CODE: &str = "AWS.SimpleQueueService.";

/// The name of the error with this code.
pub(super) fn of(code: &str) -> String {
    match code {
        "QueueAlreadyExists" => format!("{SQS}QueueNameExists"),
        "AWS.SimpleQueueService.NonExistentQueue" => format!("{SQS}QueueDoesNotExist"),
        code => match code.strip_prefix(SQS_CODE) {
            Some(shape) => format!("{SQS}{shape}"),
            None => code.to_owned(),
        },
    }
}
