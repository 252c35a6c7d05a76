//! The actions of SQS, by its own names.

super::actions! {
    /// An action of SQS.
    "sqs": {
        CreateQueue: Changes,
        DeleteQueue: Changes,
        ListQueues: Reads,
        GetQueueUrl: Reads,
        GetQueueAttributes: Reads,
        SetQueueAttributes: Changes,
        ListQueueTags: Reads,
        TagQueue: Changes,
        UntagQueue: Changes,
        PurgeQueue: Changes,
        SendMessage: Changes,
        SendMessageBatch: Changes,
        ReceiveMessage: Changes,
        DeleteMessage: Changes,
        DeleteMessageBatch: Changes,
        ChangeMessageVisibility: Changes,
        ChangeMessageVisibilityBatch: Changes,
    }
}
