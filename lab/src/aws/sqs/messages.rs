//! Messages: their parameters and answers.

use std::sync::Arc;
use std::time::Duration;

use cloudsim::sqs::{About, Action, ChangeVisibility, Entry, ReceiveMessage, Received, Results, SendMessage};
use cloudsim::{Call, Outcome, Reply, SimError};
use data_encoding::HEXLOWER;
use md5::{Digest, Md5};
use tokio::time::Instant;

use super::polls::Poll;
use super::{call, missing, nothing, queue, reply};
use crate::aws::exchange::{Answered, Exchange, Sent, written};
use crate::aws::protocol::Content;
use crate::aws::protocol::rpc::{Fields, Value};

pub(super) fn send(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queue = queue(exchange, &mut fields)?;
    let message = message(&mut fields)?;
    fields.finish()?;
    let (about, body, name) = (About::Queue(Action::SendMessage, queue.clone()), message.body.clone(), queue.clone());
    let sent = call(
        exchange,
        about,
        move |sim, now| sim.sqs(now).send_message(&queue, &message),
        |id| Value::map([("MessageId", Value::Text(id)), ("MD5OfMessageBody", digest(&body))]),
    );
    exchange.served.polls.wake(&name, 1);
    Ok(sent)
}

pub(super) fn send_batch(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queue = queue(exchange, &mut fields)?;
    let batch = entries(&mut fields, message)?;
    fields.finish()?;
    let about = About::Queue(Action::SendMessageBatch, queue.clone());
    let (bodies, name): (Vec<_>, _) = (batch.iter().map(|entry| entry.of.body.clone()).collect(), queue.clone());
    let sent = call(
        exchange,
        about,
        move |sim, now| sim.sqs(now).send_message_batch(&queue, &batch),
        |sent| {
            let with_bodies = sent.into_iter().zip(&bodies);
            let with_bodies =
                with_bodies.map(|(entry, body)| Entry { id: entry.id, of: entry.of.map(|id| (id, body)) });
            results(with_bodies.collect(), |(id, body)| {
                vec![("MessageId", Value::Text(id)), ("MD5OfMessageBody", digest(body))]
            })
        },
    );
    exchange.served.polls.wake(&name, bodies.len());
    Ok(sent)
}

pub(super) fn receive(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Answered> {
    let queue = queue(exchange, &mut fields)?;
    let request = ReceiveMessage {
        max_messages: fields.count("MaxNumberOfMessages")?,
        visibility_seconds: fields.count("VisibilityTimeout")?,
        wait_seconds: fields.count("WaitTimeSeconds")?,
    };
    let mut names = fields.texts("AttributeNames")?;
    names.extend(fields.texts("MessageSystemAttributeNames")?);
    // No message has attributes of its own, so none is left out.
    fields.texts("MessageAttributeNames")?;
    fields.finish()?;
    let began = Instant::now();
    let (about, name) = (About::Queue(Action::ReceiveMessage, queue.clone()), queue.clone());
    let found = reply(exchange, Call::about(about), move |sim, now| {
        let mut sqs = sim.sqs(now);
        let messages = sqs.receive_message(&name, &request)?;
        Ok((messages, sqs.wait_seconds(&name, &request)))
    });
    let shape = move |messages: Vec<Received>| Ok(Content::Document(shown(messages, &names)));
    let wait = match &found {
        Reply::Whole(Ok((messages, seconds))) if messages.is_empty() && *seconds > 0 => Duration::from_secs(*seconds),
        _ => return Ok(Answered::Now(written(found, |(messages, _)| shape(messages)))),
    };
    let (sim, waiting) = (exchange.served.sim.clone(), exchange.served.polls.of(&queue));
    let poll = tokio::spawn(Poll { sim, queue, request, waiting, until: began + wait }.wait());
    Ok(Answered::Later(Box::pin(async move {
        match poll.await {
            Ok(found) => Reply::Whole(found.and_then(shape)),
            Err(_) => Reply::Lost,
        }
    })))
}

pub(super) fn delete(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let (queue, handle) = (queue(exchange, &mut fields)?, fields.need_text("ReceiptHandle")?);
    fields.finish()?;
    let about = About::Queue(Action::DeleteMessage, queue.clone());
    Ok(call(exchange, about, move |sim, now| sim.sqs(now).delete_message(&queue, &handle), nothing))
}

pub(super) fn delete_batch(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queue = queue(exchange, &mut fields)?;
    let batch = entries(&mut fields, |entry| entry.need_text("ReceiptHandle"))?;
    fields.finish()?;
    let about = About::Queue(Action::DeleteMessageBatch, queue.clone());
    let operation = move |sim: &mut cloudsim::Sim, now| sim.sqs(now).delete_message_batch(&queue, &batch);
    Ok(call(exchange, about, operation, |done| results(done, |()| Vec::new())))
}

pub(super) fn change(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queue = queue(exchange, &mut fields)?;
    let change = visibility(&mut fields)?;
    fields.finish()?;
    let (about, name) = (About::Queue(Action::ChangeMessageVisibility, queue.clone()), queue.clone());
    let sent = call(exchange, about, move |sim, now| sim.sqs(now).change_message_visibility(&queue, &change), nothing);
    exchange.served.polls.wake(&name, 1);
    Ok(sent)
}

pub(super) fn change_batch(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queue = queue(exchange, &mut fields)?;
    let batch = entries(&mut fields, visibility)?;
    fields.finish()?;
    let (about, name) = (About::Queue(Action::ChangeMessageVisibilityBatch, queue.clone()), queue.clone());
    let count = batch.len();
    let operation = move |sim: &mut cloudsim::Sim, now| sim.sqs(now).change_message_visibility_batch(&queue, &batch);
    let sent = call(exchange, about, operation, |done| results(done, |()| Vec::new()));
    exchange.served.polls.wake(&name, count);
    Ok(sent)
}

/// A message of a request. One with attributes of its own is refused.
fn message(fields: &mut Fields) -> Outcome<SendMessage> {
    for attributes in ["MessageAttributes", "MessageSystemAttributes"] {
        if let Some(attributes) = fields.fields(attributes)? {
            attributes.finish()?;
        }
    }
    Ok(SendMessage { body: fields.need_text("MessageBody")?.into(), delay_seconds: fields.count("DelaySeconds")? })
}

fn visibility(fields: &mut Fields) -> Outcome<ChangeVisibility> {
    let seconds = fields.count("VisibilityTimeout")?.ok_or_else(|| missing("VisibilityTimeout"))?;
    Ok(ChangeVisibility { receipt_handle: fields.need_text("ReceiptHandle")?, seconds })
}

/// The entries of a batch.
fn entries<T>(fields: &mut Fields, mut of: impl FnMut(&mut Fields) -> Outcome<T>) -> Outcome<Vec<Entry<T>>> {
    let entry = |mut fields: Fields| {
        let entry = Entry { id: fields.need_text("Id")?, of: of(&mut fields)? };
        fields.finish()?;
        Ok(entry)
    };
    fields.items("Entries")?.into_iter().map(entry).collect()
}

/// The results of a batch: both lists are always there.
fn results<T>(of: Results<T>, shape: impl Fn(T) -> Vec<(&'static str, Value)>) -> Value {
    let (mut successful, mut failed) = (Vec::new(), Vec::new());
    for Entry { id, of } in of {
        let id = ("Id", Value::Text(id));
        match of {
            Ok(done) => successful.push(Value::map(std::iter::once(id).chain(shape(done)))),
            Err(SimError { code, message, status }) => failed.push(Value::map([
                id,
                ("SenderFault", Value::Bool(status < 500)),
                ("Code", Value::Text(code)),
                ("Message", Value::Text(message)),
            ])),
        }
    }
    Value::map([("Successful", Value::List(successful)), ("Failed", Value::List(failed))])
}

/// Messages as they are received; without any there is no list.
fn shown(messages: Vec<Received>, names: &[String]) -> Value {
    let items: Vec<Value> = messages.into_iter().map(|message| one_shown(message, names)).collect();
    Value::map((!items.is_empty()).then_some(("Messages", Value::List(items))))
}

fn one_shown(message: Received, names: &[String]) -> Value {
    let millis = |at: jiff::Timestamp| Value::Text(at.as_millisecond().to_string());
    let mut attributes = vec![
        ("SentTimestamp", millis(message.sent_at)),
        ("ApproximateReceiveCount", Value::Text(message.receives.to_string())),
        ("ApproximateFirstReceiveTimestamp", millis(message.first_received_at)),
    ];
    attributes.retain(|(attribute, _)| names.iter().any(|name| name == "All" || name == attribute));
    let digest = digest(&message.body);
    let mut fields = vec![
        ("MessageId", Value::Text(message.message_id)),
        ("ReceiptHandle", Value::Text(message.receipt_handle)),
        ("MD5OfBody", digest),
        ("Body", Value::Text(message.body.to_string())),
    ];
    fields.extend((!attributes.is_empty()).then(|| ("Attributes", Value::map(attributes))));
    Value::map(fields)
}

/// The digest of a body, as SQS answers it (API reference, SendMessage: MD5OfMessageBody).
fn digest(body: &Arc<str>) -> Value {
    Value::Text(HEXLOWER.encode(&Md5::digest(body.as_bytes())))
}
