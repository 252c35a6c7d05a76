//! The tier behind queues: the front, which takes requests of clients and puts them into a queue, and the puller, which takes
//! them out beside a worker's program and puts the answers into another one.
//!
//! # A request's life
//!
//! ```text
//! client
//!   |  front/exchange     longest path prefix -> cluster                      none ---------> 404
//!   |                     a place among the held ones                         none free ----> 503, Retry-After
//!   |                     body, at most 5 MiB                                 longer -------> 413
//!   |                     PUT in/CLUSTER/ID, then send the message            in vain ------> 503
//!   |                     held: front/book knows who waits for which id       no answer ----> 504
//!   v
//! request queue
//!   |  puller/pull        receive, for free slots only; a long poll is never cancelled
//!   |  puller/heartbeat   the message stays hidden while somebody works on it
//!   v  puller/job
//! GET in/..  ->  the program, over HTTP on its own instance  ->  puller/decide
//!   |                     5xx, refused, too late: visible again in 2^n s; taken too often: 502 without running it
//!   v
//! PUT out/.. if there is none  ->  send the answer  ->  delete the request
//!   |
//! answer queue
//!   |  front/answers      the first answer of an id wins; later ones and those of unknown ids are counted and deleted
//!   v
//! client
//! ```
//!
//! The order of the last three effects is what loses nothing: an output that is stored decides what the answer is, whoever
//! runs the request again, and a request is deleted only when its answer is on its way. Any step may be the last one of a
//! process (`queue/tests/tier/crashes.rs`).
//!
//! Everything is generic over two ports, [`Queues`] and [`Objects`], which [`Aws`] is on SQS and S3, and
//! [`memory::Memory`] in tests; the puller over a third one, [`Program`], and the front over [`front::Pullers`]. The program that
//! is measured knows nothing of AWS.
//!
//! # A member that is to go
//!
//! ```text
//! the operator        the front                               a puller
//!   | drain: i-1 ----> | PUT /duty, each second ------------> | no new receive; the long poll that is on goes on, and what it
//!   |                  |                                      | brings is worked on
//!   |                  | <-- Drain, not drained ------------- |
//!   | <-- draining ----|                                      | no poll, nothing at work
//!   |                  | <-- Drain, drained ----------------- |
//!   | <-- drained -----|
//!   | ends i-1         |
//! ```
//!
//! Only the answer to an order is a word (`front/drain`): a puller that restarted has forgotten its duty and is told again, and
//! one that is silent says nothing.

mod aws;
mod backoff;
pub mod front;
pub mod memory;
mod message;
mod ports;
pub mod puller;
mod puller_status;
mod tally;

pub use aws::Aws;
pub use message::{ANSWERS, AnswerMessage, Content, Id, REQUESTS, RequestMessage, Unreadable, input_key, output_key};
pub use ports::{Answer, Call, Outcome, Sick};
pub use ports::{Counts, Failed, Object, Objects, Program, Put, Queues, Receive, Received};
pub use puller_status::{Duty, Order, PullerStatus};
pub use tally::{Tally, sqs_requests};
