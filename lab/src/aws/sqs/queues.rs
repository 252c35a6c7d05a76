//! Queues: their parameters and answers.

use std::sync::Arc;

use cloudsim::sqs::{About, Action, CreateQueue};
use cloudsim::{Call, Outcome, Page, PageRequest};

use super::{call, missing, nothing, queue, queue_url, reply};
use crate::aws::exchange::{Exchange, Sent, written};
use crate::aws::protocol::Content;
use crate::aws::protocol::rpc::{Fields, Value};

pub(super) fn create(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let request = Arc::new(CreateQueue {
        name: fields.need_text("QueueName")?,
        attributes: fields.text_map("Attributes")?,
        tags: fields.text_map("tags")?,
    });
    fields.finish()?;
    let about = About::NewQueue(request.clone());
    Ok(call(
        exchange,
        about,
        move |sim, now| sim.sqs(now).create_queue(&request),
        |queue| Value::map([("QueueUrl", Value::Text(queue_url(exchange, &queue.name)))]),
    ))
}

pub(super) fn list(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let prefix = fields.text("QueueNamePrefix")?.unwrap_or_default();
    let page = PageRequest {
        max_results: fields.count("MaxResults")?.map(|count| count as usize),
        next_token: fields.text("NextToken")?,
    };
    fields.finish()?;
    let listed =
        reply(exchange, Call::new(Action::ListQueues), move |sim, now| sim.sqs(now).list_queues(&prefix, &page));
    let shape = |page: Page<String>| {
        let urls = page.items.iter().map(|name| Value::Text(queue_url(exchange, name)));
        let mut fields = Vec::new();
        fields.extend((!page.items.is_empty()).then(|| ("QueueUrls", Value::list(urls))));
        fields.extend(page.next_token.map(|token| ("NextToken", Value::Text(token))));
        Value::map(fields)
    };
    Ok(written(listed, |page| Ok(Content::Document(shape(page)))))
}

pub(super) fn url(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let name = fields.need_text("QueueName")?;
    // Nothing of other accounts is here: theirs are found no more than those that do not exist.
    let owner = fields.text("QueueOwnerAWSAccountId")?;
    fields.finish()?;
    let is_ours = owner.is_none_or(|owner| owner == exchange.account);
    let name = if is_ours { name } else { String::new() };
    let about = About::Queue(Action::GetQueueUrl, name.clone());
    Ok(call(
        exchange,
        about,
        move |sim, now| sim.sqs(now).get_queue_url(&name),
        |queue| Value::map([("QueueUrl", Value::Text(queue_url(exchange, &queue.name)))]),
    ))
}

pub(super) fn attributes(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let (queue, names) = (queue(exchange, &mut fields)?, fields.texts("AttributeNames")?);
    fields.finish()?;
    let about = About::Queue(Action::GetQueueAttributes, queue.clone());
    Ok(call(
        exchange,
        about,
        move |sim, now| sim.sqs(now).get_queue_attributes(&queue, &names),
        |attributes| some_map("Attributes", attributes),
    ))
}

pub(super) fn set_attributes(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let (queue, attributes) = (queue(exchange, &mut fields)?, fields.text_map("Attributes")?);
    fields.finish()?;
    if attributes.is_empty() {
        return Err(missing("Attributes"));
    }
    let about = About::Queue(Action::SetQueueAttributes, queue.clone());
    Ok(call(exchange, about, move |sim, now| sim.sqs(now).set_queue_attributes(&queue, &attributes), nothing))
}

pub(super) fn tags(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queue = queue(exchange, &mut fields)?;
    fields.finish()?;
    let about = About::Queue(Action::ListQueueTags, queue.clone());
    Ok(call(exchange, about, move |sim, now| sim.sqs(now).list_queue_tags(&queue), |tags| some_map("Tags", tags)))
}

pub(super) fn tag(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let (queue, tags) = (queue(exchange, &mut fields)?, fields.text_map("Tags")?);
    fields.finish()?;
    if tags.is_empty() {
        return Err(missing("Tags"));
    }
    let about = About::NewTags(queue.clone(), tags.clone());
    Ok(call(exchange, about, move |sim, now| sim.sqs(now).tag_queue(&queue, &tags), nothing))
}

pub(super) fn untag(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let (queue, keys) = (queue(exchange, &mut fields)?, fields.texts("TagKeys")?);
    fields.finish()?;
    if keys.is_empty() {
        return Err(missing("TagKeys"));
    }
    let about = About::LostTags(queue.clone(), keys.clone());
    Ok(call(exchange, about, move |sim, now| sim.sqs(now).untag_queue(&queue, &keys), nothing))
}

pub(super) fn purge(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queue = queue(exchange, &mut fields)?;
    fields.finish()?;
    let about = About::Queue(Action::PurgeQueue, queue.clone());
    Ok(call(exchange, about, move |sim, now| sim.sqs(now).purge_queue(&queue), nothing))
}

pub(super) fn delete(exchange: &Exchange<'_>, mut fields: Fields) -> Outcome<Sent> {
    let queue = queue(exchange, &mut fields)?;
    fields.finish()?;
    let about = About::Queue(Action::DeleteQueue, queue.clone());
    Ok(call(exchange, about, move |sim, now| sim.sqs(now).delete_queue(&queue), nothing))
}

/// A map under its name; without entries it is left out, as SQS does.
fn some_map(name: &str, entries: std::collections::BTreeMap<String, String>) -> Value {
    let texts = entries.into_iter().map(|(key, value)| (key, Value::Text(value))).collect::<Vec<_>>();
    Value::map((!texts.is_empty()).then_some((name, Value::Map(texts))))
}
