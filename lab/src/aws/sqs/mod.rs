//! SQS on the wire: `awsJson1_0`, and receives that wait.
//!
//! `POST /` with `X-Amz-Target: AmazonSQS.ACTION`. URLs of queues begin with the host that the caller called, so that it comes
//! back. Clients that know SQS from its Query protocol are told the codes of old in a header.

mod messages;
mod polls;
mod queues;

use cloudsim::sqs::{About, Action, queue_name};
use cloudsim::{Call, Outcome, Reply, Sim, SimError};
use jiff::Timestamp;

pub(crate) use polls::Polls;

use super::exchange::{Answered, Exchange, Sent, written};
use super::protocol::rpc::{Fields, Value};
use super::protocol::{Api, Content, Protocol};

/// The service as its requests name it (botocore's model `sqs`: targetPrefix, jsonVersion).
pub(super) const API: Api = Api { protocol: Protocol::Json, version: "AmazonSQS", namespace: "" };

pub(super) fn answer(action: Action, mut exchange: Exchange<'_>) -> Outcome<Answered> {
    let fields = Fields::of(std::mem::replace(&mut exchange.document, Value::Null))?;
    let sent = match action {
        Action::ReceiveMessage => return messages::receive(&exchange, fields),
        Action::CreateQueue => queues::create(&exchange, fields),
        Action::ListQueues => queues::list(&exchange, fields),
        Action::GetQueueUrl => queues::url(&exchange, fields),
        Action::GetQueueAttributes => queues::attributes(&exchange, fields),
        Action::SetQueueAttributes => queues::set_attributes(&exchange, fields),
        Action::ListQueueTags => queues::tags(&exchange, fields),
        Action::TagQueue => queues::tag(&exchange, fields),
        Action::UntagQueue => queues::untag(&exchange, fields),
        Action::PurgeQueue => queues::purge(&exchange, fields),
        Action::DeleteQueue => queues::delete(&exchange, fields),
        Action::SendMessage => messages::send(&exchange, fields),
        Action::SendMessageBatch => messages::send_batch(&exchange, fields),
        Action::DeleteMessage => messages::delete(&exchange, fields),
        Action::DeleteMessageBatch => messages::delete_batch(&exchange, fields),
        Action::ChangeMessageVisibility => messages::change(&exchange, fields),
        Action::ChangeMessageVisibilityBatch => messages::change_batch(&exchange, fields),
    };
    sent.map(Answered::Now)
}

/// Carries out a call whose parameters are all taken, and answers it by a document.
fn call<T>(
    exchange: &Exchange<'_>,
    about: About,
    operation: impl FnOnce(&mut Sim, Timestamp) -> Outcome<T> + Send + 'static,
    shape: impl FnOnce(T) -> Value,
) -> Sent {
    let reply = reply(exchange, Call::about(about), operation);
    written(reply, |answer| Ok(Content::Document(shape(answer))))
}

fn reply<T>(
    exchange: &Exchange<'_>,
    call: Call,
    operation: impl FnOnce(&mut Sim, Timestamp) -> Outcome<T> + Send + 'static,
) -> Reply<Outcome<T>> {
    let sim = &exchange.served.sim;
    let now = sim.now();
    sim.lock().call(call.by(exchange.principal), now, operation)
}

/// The name of the queue that a request's URL leads to.
fn queue(exchange: &Exchange<'_>, fields: &mut Fields) -> Outcome<String> {
    queue_name(&fields.need_text("QueueUrl")?, &exchange.account)
}

/// The URL of a queue, by the host that the caller called.
fn queue_url(exchange: &Exchange<'_>, name: &str) -> String {
    format!("http://{}/{}/{name}", exchange.host, exchange.account)
}

/// The answer of an action that answers nothing.
fn nothing(_: ()) -> Value {
    Value::map([])
}

fn missing(parameter: &str) -> SimError {
    SimError::new("MissingParameter", format!("The request must contain the parameter {parameter}."))
}
