//! Queues on SQS. Codes are compared as text and by both names that AWS has for them: servers that speak the same protocol do
//! not agree on which of them to send.

use std::sync::PoisonError;
use std::time::Duration;

use aws_sdk_sqs::types::{DeleteMessageBatchRequestEntry, Message, MessageSystemAttributeName, QueueAttributeName};

use super::counting::Attempts;
use super::{Aws, failed};
use crate::ports::{Counts, Failed, Queues, Receive, Received};
use crate::tally::{Tally, sqs_requests};

const BATCH: &str = "DeleteMessageBatch";

impl Aws {
    /// The address of a queue, asked for once.
    async fn url(&self, tally: &Tally, queue: &str) -> Result<String, Failed> {
        if let Some(url) = self.urls.lock().unwrap_or_else(PoisonError::into_inner).get(queue) {
            return Ok(url.clone());
        }
        let call = self.sqs.get_queue_url().queue_name(queue).customize().interceptor(Attempts::sqs(tally, 1));
        let answer = call.send().await;
        let answer = answer.map_err(|error| failed("GetQueueUrl", &error))?;
        let no_url = || Failed { call: "GetQueueUrl", why: format!("the answer names no address for {queue}") };
        let url = answer.queue_url.ok_or_else(no_url)?;
        self.urls.lock().unwrap_or_else(PoisonError::into_inner).insert(queue.to_owned(), url.clone());
        Ok(url)
    }

    /// A queue that was made anew may have another address.
    fn forget_if_gone(&self, queue: &str, failed: Failed) -> Failed {
        if failed.is_gone() {
            self.urls.lock().unwrap_or_else(PoisonError::into_inner).remove(queue);
        }
        failed
    }
}

impl Queues for Aws {
    async fn send(&self, tally: &Tally, queue: &str, body: String) -> Result<(), Failed> {
        let attempts = Attempts::sqs(tally, sqs_requests(body.len()));
        let call = self.sqs.send_message().queue_url(self.url(tally, queue).await?).message_body(body);
        match call.customize().interceptor(attempts).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.forget_if_gone(queue, failed("SendMessage", &error))),
        }
    }

    async fn receive(&self, tally: &Tally, queue: &str, receive: Receive) -> Result<Vec<Received>, Failed> {
        let call = self
            .sqs
            .receive_message()
            .queue_url(self.url(tally, queue).await?)
            .max_number_of_messages(number(receive.most.clamp(1, 10)))
            .wait_time_seconds(seconds(receive.wait))
            .visibility_timeout(seconds(receive.visibility))
            .message_system_attribute_names(MessageSystemAttributeName::ApproximateReceiveCount)
            .message_system_attribute_names(MessageSystemAttributeName::SentTimestamp);
        match call.customize().interceptor(Attempts::sqs(tally, 1)).send().await {
            Ok(answer) => {
                let messages = answer.messages.unwrap_or_default();
                // What the answer holds is the payload of this call: the first 64 KiB were counted when it was sent.
                let bytes = messages.iter().map(|message| message.body().map_or(0, str::len)).sum();
                tally.sqs(sqs_requests(bytes) - 1);
                Ok(messages.into_iter().filter_map(received).collect())
            }
            Err(error) => Err(self.forget_if_gone(queue, failed("ReceiveMessage", &error))),
        }
    }

    async fn delete(&self, tally: &Tally, queue: &str, receipts: &[String]) -> Result<(), Failed> {
        let url = self.url(tally, queue).await?;
        if let [receipt] = receipts {
            let call = self.sqs.delete_message().queue_url(url).receipt_handle(receipt);
            return match call.customize().interceptor(Attempts::sqs(tally, 1)).send().await {
                Ok(_) => Ok(()),
                Err(error) => Err(self.forget_if_gone(queue, failed("DeleteMessage", &error))),
            };
        }
        let entry = |(number, receipt): (usize, &String)| {
            DeleteMessageBatchRequestEntry::builder().id(number.to_string()).receipt_handle(receipt).build()
        };
        let entries: Result<Vec<_>, _> = receipts.iter().enumerate().map(entry).collect();
        // Both fields are there: the error is never seen.
        let entries = entries.map_err(|error| Failed { call: BATCH, why: error.to_string() })?;
        let call = self.sqs.delete_message_batch().queue_url(url).set_entries(Some(entries));
        let answer = call.customize().interceptor(Attempts::sqs(tally, 1)).send().await;
        let answer = answer.map_err(|error| self.forget_if_gone(queue, failed(BATCH, &error)))?;
        // Errors are inside of a 200.
        let refused = answer.failed.first().map(|one| format!("{}: {}", one.code, one.message().unwrap_or_default()));
        refused.map_or(Ok(()), |why| Err(Failed { call: BATCH, why }))
    }

    async fn change_visibility(
        &self,
        tally: &Tally,
        queue: &str,
        receipt: &str,
        visibility: Duration,
    ) -> Result<(), Failed> {
        let call = self
            .sqs
            .change_message_visibility()
            .queue_url(self.url(tally, queue).await?)
            .receipt_handle(receipt)
            .visibility_timeout(seconds(visibility));
        match call.customize().interceptor(Attempts::sqs(tally, 1)).send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(self.forget_if_gone(queue, failed("ChangeMessageVisibility", &error))),
        }
    }

    async fn counts(&self, tally: &Tally, queue: &str) -> Result<Counts, Failed> {
        let (visible, in_flight) = (
            QueueAttributeName::ApproximateNumberOfMessages,
            QueueAttributeName::ApproximateNumberOfMessagesNotVisible,
        );
        let call = self
            .sqs
            .get_queue_attributes()
            .queue_url(self.url(tally, queue).await?)
            .attribute_names(visible.clone())
            .attribute_names(in_flight.clone());
        let answer = call.customize().interceptor(Attempts::sqs(tally, 1)).send().await;
        let answer = answer.map_err(|error| self.forget_if_gone(queue, failed("GetQueueAttributes", &error)))?;
        let attributes = answer.attributes.unwrap_or_default();
        // What is not said is not known: it is not none.
        let count = |name: &QueueAttributeName| {
            let why = || format!("the answer for {queue} has no {}", name.as_str());
            let count = attributes.get(name).and_then(|count| count.parse().ok());
            count.ok_or_else(|| Failed { call: "GetQueueAttributes", why: why() })
        };
        Ok(Counts { visible: count(&visible)?, in_flight: count(&in_flight)? })
    }
}

/// One without a receipt could not be deleted: it comes again, with one.
fn received(message: Message) -> Option<Received> {
    let attributes = message.attributes.unwrap_or_default();
    let count = attributes.get(&MessageSystemAttributeName::ApproximateReceiveCount);
    let sent = attributes.get(&MessageSystemAttributeName::SentTimestamp);
    Some(Received {
        body: message.body.unwrap_or_default(),
        receipt: message.receipt_handle?,
        count: count.and_then(|count| count.parse().ok()).unwrap_or(1),
        sent_millis: sent.and_then(|sent| sent.parse().ok()).unwrap_or_default(),
    })
}

fn seconds(duration: Duration) -> i32 {
    i32::try_from(duration.as_secs()).unwrap_or(i32::MAX)
}

fn number(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}
