//! The ports: queues, objects, and the program beside a puller. Whoever implements them repeats nothing by itself but what
//! is safe to repeat, and counts each request that it sends to SQS or S3 in the tally that it is given.

use std::collections::BTreeMap;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;

use crate::tally::Tally;

/// A call that failed, or whose outcome is not known. Every call of the two ports may be made again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{call}: {why}")]
pub struct Failed {
    /// Name of the call, such as `SendMessage`.
    pub call: &'static str,
    /// Reason, with the code of the service where it gave one.
    pub why: String,
}

/// Codes of a queue that is not there, or not any more, by both names that AWS has for it.
const GONE: [&str; 2] = ["QueueDoesNotExist", "NonExistentQueue"];

/// Code of what the caller may not do (S3 API reference, "Error responses").
const DENIED: &str = "AccessDenied";

impl Failed {
    /// Whether the queue is not there, or not any more.
    pub fn is_gone(&self) -> bool {
        GONE.iter().any(|code| self.why.contains(code))
    }

    /// Whether the caller may not do that, and will not be let either when he asks again. S3 says it as well of an object that
    /// is not there, to who may not list the bucket (S3 API reference, GetObject).
    pub fn is_denied(&self) -> bool {
        self.why.contains(DENIED)
    }
}

/// Standard queues: at least once, in any order, perhaps again after a deletion (SQS developer guide, "Standard queues").
pub trait Queues: Send + Sync + 'static {
    /// Puts a message into a queue. After an error it may be there nevertheless.
    fn send(&self, tally: &Tally, queue: &str, body: String) -> impl Future<Output = Result<(), Failed>> + Send;

    /// Takes messages out for a time; waits for the first one as long as `receive` says. None is no error.
    ///
    /// *Cancellation*: not safe. A receive that was given up may hide the next message for its whole visibility.
    fn receive(
        &self,
        tally: &Tally,
        queue: &str,
        receive: Receive,
    ) -> impl Future<Output = Result<Vec<Received>, Failed>> + Send;

    /// Deletes messages for good, at most ten in one call. With the receipt of an earlier receive it may succeed without
    /// deleting anything. An error says that at least one may still be there.
    fn delete(
        &self,
        tally: &Tally,
        queue: &str,
        receipts: &[String],
    ) -> impl Future<Output = Result<(), Failed>> + Send;

    /// Lets a message be visible again in so long from now; 0: at once.
    fn change_visibility(
        &self,
        tally: &Tally,
        queue: &str,
        receipt: &str,
        visibility: Duration,
    ) -> impl Future<Output = Result<(), Failed>> + Send;

    /// Approximate numbers of messages.
    fn counts(&self, tally: &Tally, queue: &str) -> impl Future<Output = Result<Counts, Failed>> + Send;
}

/// What a receive asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Receive {
    /// Most messages, 1 to 10.
    pub most: u32,
    /// Time for which each is hidden from others.
    pub visibility: Duration,
    /// Time to wait for the first one, at most 20 s.
    pub wait: Duration,
}

/// A message that was taken out for a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Received {
    /// Its text.
    pub body: String,
    /// What deletes it, or makes it visible again.
    pub receipt: String,
    /// How often it was received, this time included (ApproximateReceiveCount).
    pub count: u32,
    /// When it was sent, by the clock of the queue, in milliseconds since 1970 (SentTimestamp). 0: not known.
    pub sent_millis: u64,
}

/// Messages of a queue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Those that may be received (ApproximateNumberOfMessages).
    pub visible: u64,
    /// Those that were received and not deleted (ApproximateNumberOfMessagesNotVisible).
    pub in_flight: u64,
}

/// Objects of one bucket; what was put is seen by every later get (S3 user guide, "Amazon S3 data consistency model").
pub trait Objects: Send + Sync + 'static {
    /// Writes an object, in place of one that is there.
    fn put(&self, tally: &Tally, key: &str, object: Object) -> impl Future<Output = Result<(), Failed>> + Send;

    /// Writes an object if there is none (`If-None-Match: *`). After an error it may be there nevertheless, and the next call
    /// then finds it.
    fn put_if_absent(
        &self,
        tally: &Tally,
        key: &str,
        object: Object,
    ) -> impl Future<Output = Result<Put, Failed>> + Send;

    /// Reads an object. `None`: there is none.
    fn get(&self, tally: &Tally, key: &str) -> impl Future<Output = Result<Option<Object>, Failed>> + Send;
}

/// An object with what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Object {
    /// The bytes.
    pub body: Bytes,
    /// Media type.
    pub content_type: Option<String>,
    /// Metadata by their lower-case names, without `x-amz-meta-`; visible ASCII.
    pub metadata: BTreeMap<String, String>,
}

/// What came of a conditional write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It was written.
    Done,
    /// There was one, which stays (412).
    Exists,
}

/// The program of a worker: HTTP on the puller's own instance.
pub trait Program: Send + Sync + 'static {
    /// Gives the program a request and waits for its answer.
    ///
    /// *Cancellation*: the connection is closed; whether the program notices is its business.
    fn run(&self, call: Call) -> impl Future<Output = Outcome> + Send;

    /// Asks the program how it is. Answers its boot, if it says one.
    fn health(&self) -> impl Future<Output = Result<Option<String>, Sick>> + Send;
}

/// A request for the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its id, sent as `x-request-id`.
    pub id: String,
    /// Method, as the client's.
    pub method: String,
    /// Path and query.
    pub path: String,
    /// Media type of the body, as the client said it.
    pub content_type: Option<String>,
    /// What the load generator draws the work from, as the client sent it.
    pub seed: Option<String>,
    /// The body.
    pub body: Bytes,
}

/// What the program did with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered, whatever the status is.
    Answer(Answer),
    /// It did not, or not in time, or at too great length.
    Failed(Sick),
}

/// An answer of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Media type of the body.
    pub content_type: Option<String>,
    /// The body; may be empty.
    pub body: Bytes,
    /// The process that answered (`x-boot`), if it says so.
    pub boot: Option<String>,
}

/// The reason why a program gave no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Sick {
    /// It was not asked: what the request holds cannot be had.
    #[error("the program was not asked, because the input {0}")]
    NoInput(String),
    /// Nothing listens at its port.
    #[error("the program's port refuses connections")]
    Refused,
    /// It was silent for too long.
    #[error("the program did not answer within {0:?}")]
    Silent(Duration),
    /// The connection or the answer broke off.
    #[error("the program's answer broke off: {0}")]
    Broken(String),
    /// The answer is longer than what is passed on.
    #[error("the program's answer has more than {0} bytes")]
    TooLong(usize),
    /// It answered the question for its health otherwise than a healthy one does.
    #[error("the program answered GET {path} with {status}{wanted}")]
    Status {
        /// What was asked for.
        path: String,
        /// What it answered.
        status: u16,
        /// What it was to answer, in words, if that was said.
        wanted: String,
    },
}
