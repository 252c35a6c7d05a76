//! The rows about messages: the operator makes a queue, and the adapter of the tier behind queues (crate `queue`) uses it.

use std::rc::Rc;
use std::time::Duration;

use planner::ports::{Queue, Regions};
use queue::{Aws, Counts, Queues, Receive, Received, Tally};

use crate::queue_rows::{make, queue_of, remove};
use crate::rows::rows;
use crate::target::Target;

rows![
    a_message_is_received_as_it_was_sent,
    a_message_that_is_released_is_received_a_second_time,
    a_message_comes_back_when_its_time_is_over,
    a_message_is_hidden_from_others_for_as_long_as_somebody_says,
    deleted_messages_are_gone,
    deleting_a_message_twice_is_once,
    a_queue_that_is_not_there_is_said_to_be_gone,
];

/// Longer than any row takes.
const HIDDEN: Duration = Duration::from_secs(60);
/// The wait for a message that is there, or soon will be.
const WAIT: Duration = Duration::from_secs(10);

// Makers

/// A queue that the adapter finds too.
async fn start<R: Regions>(on: &Target<R>) -> (Queue, Aws) {
    let made = make(on, &queue_of(on)).await;
    let tier = on.tier("");
    let seen = async || match tier.counts(&Tally::default(), &made.name).await {
        Err(failed) if failed.is_gone() => None,
        seen => Some(seen.unwrap()),
    };
    assert_eq!(on.eventually("the counts of the new queue", seen).await, Counts::default());
    (made, tier)
}

async fn send(tier: &Aws, to: &Queue, body: &str) {
    tier.send(&Tally::default(), &to.name, body.to_owned()).await.unwrap();
}

async fn hide_for(tier: &Aws, of: &Queue, message: &Received, visibility: Duration) {
    tier.change_visibility(&Tally::default(), &of.name, &message.receipt, visibility).await.unwrap();
}

async fn delete(tier: &Aws, from: &Queue, receipts: &[String]) {
    tier.delete(&Tally::default(), &from.name, receipts).await.unwrap();
}

// Lookers

async fn receive(tier: &Aws, from: &Queue, visibility: Duration, wait: Duration) -> Vec<Received> {
    tier.receive(&Tally::default(), &from.name, Receive { most: 1, visibility, wait }).await.unwrap()
}

/// The next message, which is hidden from then on.
async fn next(tier: &Aws, from: &Queue) -> Received {
    let mut found = receive(tier, from, HIDDEN, WAIT).await;
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

/// What three messages are deleted by, which were sent and received.
async fn three_received(tier: &Aws, of: &Queue) -> [String; 3] {
    let mut receipts = [const { String::new() }; 3];
    for receipt in &mut receipts {
        send(tier, of, "tea").await;
        *receipt = next(tier, of).await.receipt;
    }
    receipts
}

async fn counted<R: Regions>(on: &Target<R>, tier: &Aws, of: &Queue, expected: Counts) {
    let equal = async || {
        let counts = tier.counts(&Tally::default(), &of.name).await.unwrap();
        (counts == expected).then_some(())
    };
    on.eventually(&format!("{expected:?} of {}", of.name), equal).await;
}

// Rows

async fn a_message_is_received_as_it_was_sent<R: Regions>(on: Rc<Target<R>>) {
    let (made, tier) = start(&on).await;
    let body = "{\"tea\": \"4 & 2 < 7, ü, 茶\",\n\t\"empty\": \"\"} ]]>";
    send(&tier, &made, body).await;
    let first = next(&tier, &made).await;
    assert_eq!((first.body.as_str(), first.count), (body, 1));
    assert!(first.sent_millis > 0 && !first.receipt.is_empty(), "{first:?}");
    remove(&on, &made).await;
}

async fn a_message_that_is_released_is_received_a_second_time<R: Regions>(on: Rc<Target<R>>) {
    let (made, tier) = start(&on).await;
    send(&tier, &made, "tea").await;
    let first = next(&tier, &made).await;
    hide_for(&tier, &made, &first, Duration::ZERO).await;
    let second = next(&tier, &made).await;
    assert_eq!((second.body.as_str(), first.count, second.count), ("tea", 1, 2));
    assert_eq!(first.sent_millis, second.sent_millis, "it was sent once");
    remove(&on, &made).await;
}

async fn a_message_comes_back_when_its_time_is_over<R: Regions>(on: Rc<Target<R>>) {
    let (made, tier) = start(&on).await;
    send(&tier, &made, "tea").await;
    assert_eq!(receive(&tier, &made, Duration::from_secs(1), WAIT).await.len(), 1);
    assert_eq!(next(&tier, &made).await.count, 2);
    remove(&on, &made).await;
}

/// The puller's heartbeat: a message that somebody works on is nobody else's.
async fn a_message_is_hidden_from_others_for_as_long_as_somebody_says<R: Regions>(on: Rc<Target<R>>) {
    let ((made, tier), other) = (start(&on).await, on.tier(""));
    send(&tier, &made, "tea").await;
    let first = receive(&tier, &made, Duration::from_secs(4), WAIT).await.remove(0);
    hide_for(&tier, &made, &first, HIDDEN).await;
    assert_eq!(receive(&other, &made, HIDDEN, Duration::from_secs(5)).await, []);
    counted(&on, &other, &made, Counts { visible: 0, in_flight: 1 }).await;
    hide_for(&tier, &made, &first, Duration::ZERO).await;
    assert_eq!(next(&other, &made).await.count, 2);
    remove(&on, &made).await;
}

/// One by one, and several by one call.
async fn deleted_messages_are_gone<R: Regions>(on: Rc<Target<R>>) {
    let (made, tier) = start(&on).await;
    let receipts = three_received(&tier, &made).await;
    counted(&on, &tier, &made, Counts { visible: 0, in_flight: 3 }).await;
    delete(&tier, &made, &receipts[..1]).await;
    counted(&on, &tier, &made, Counts { visible: 0, in_flight: 2 }).await;
    delete(&tier, &made, &receipts[1..]).await;
    counted(&on, &tier, &made, Counts::default()).await;
    remove(&on, &made).await;
}

/// Every call of the port may be made again.
async fn deleting_a_message_twice_is_once<R: Regions>(on: Rc<Target<R>>) {
    let (made, tier) = start(&on).await;
    let receipts = three_received(&tier, &made).await;
    for _ in 0..2 {
        delete(&tier, &made, &receipts[..1]).await;
    }
    // One of them is there no more.
    for _ in 0..2 {
        delete(&tier, &made, &receipts).await;
    }
    counted(&on, &tier, &made, Counts::default()).await;
    remove(&on, &made).await;
}

async fn a_queue_that_is_not_there_is_said_to_be_gone<R: Regions>(on: Rc<Target<R>>) {
    let (made, tier) = start(&on).await;
    let nobodys = format!("{}-of-nobody", made.name);
    let failed = tier.send(&Tally::default(), &nobodys, "tea".to_owned()).await.unwrap_err();
    assert!(failed.is_gone(), "{failed}");
    // The adapter knows the address of the other one.
    send(&tier, &made, "tea").await;
    remove(&on, &made).await;
    let gone = async || {
        let sent = tier.send(&Tally::default(), &made.name, "tea".to_owned()).await;
        sent.err().filter(|failed| failed.is_gone())
    };
    on.eventually("the deleted queue is gone for who sends", gone).await;
}
