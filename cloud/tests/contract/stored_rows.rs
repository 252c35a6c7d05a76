//! The rows about inputs and outputs: the operator makes a bucket, and the adapter of the tier behind queues (crate `queue`)
//! keeps objects in it.

use std::rc::Rc;

use planner::ports::{Bucket, Regions};
use queue::front::BODY_LIMIT;
use queue::{Aws, Id, Object, Objects, Put, Tally, input_key, output_key};

use crate::object_rows::{bucket_of, make, remove};
use crate::rows::rows;
use crate::target::Target;

rows![
    an_object_is_read_as_it_was_written,
    an_object_that_is_there_stays,
    an_object_that_is_not_there_is_none,
    an_empty_object_is_there,
    a_long_object_keeps_every_byte,
];

// Makers

/// A bucket that takes objects.
async fn start<R: Regions>(on: &Target<R>) -> (Bucket, Aws) {
    let made = make(on, &bucket_of(on).await).await;
    on.put(&made.name, "in/micro/0").await;
    let tier = on.tier(&made.name);
    (made, tier)
}

/// An output with all that the puller keeps beside it.
fn output(body: &[u8], status: &str) -> Object {
    let metadata =
        [("status", status), ("backend", "i-0123456789abcdef0"), ("boot", "b-7 (first)"), ("work-micros", "1234")];
    Object {
        body: body.to_vec().into(),
        content_type: Some("text/x-tea; charset=utf-8".to_owned()),
        metadata: metadata.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
    }
}

fn key(number: u128) -> String {
    output_key("micro", Id::from(number))
}

// Lookers

async fn get(tier: &Aws, key: &str) -> Option<Object> {
    tier.get(&Tally::default(), key).await.unwrap()
}

// Rows

async fn an_object_is_read_as_it_was_written<R: Regions>(on: Rc<Target<R>>) {
    let ((made, tier), tally) = (start(&on).await, Tally::default());
    let object = output(b"\0tea\r\n\xff", "404");
    tier.put(&tally, &key(1), object.clone()).await.unwrap();
    assert_eq!(get(&tier, &key(1)).await, Some(object));
    // Nothing is left of what was there before.
    let other = Object { metadata: [("status".to_owned(), "200".to_owned())].into(), ..output(b"te", "") };
    tier.put(&tally, &key(1), other.clone()).await.unwrap();
    assert_eq!(get(&tier, &key(1)).await, Some(other));
    remove(&on, &made.name).await;
}

/// "Uploads the object only if the object key name does not already exist in the bucket specified. Otherwise, Amazon S3
/// returns a `412 Precondition Failed` error" (API reference, PutObject: If-None-Match).
async fn an_object_that_is_there_stays<R: Regions>(on: Rc<Target<R>>) {
    let ((made, tier), tally) = (start(&on).await, Tally::default());
    let first = output(b"first", "200");
    assert_eq!(tier.put_if_absent(&tally, &key(1), first.clone()).await.unwrap(), Put::Done);
    assert_eq!(tier.put_if_absent(&tally, &key(1), output(b"second", "500")).await.unwrap(), Put::Exists);
    assert_eq!(tier.put_if_absent(&tally, &key(1), first.clone()).await.unwrap(), Put::Exists, "equal or not");
    assert_eq!(get(&tier, &key(1)).await, Some(first));
    // Another key is another object.
    assert_eq!(tier.put_if_absent(&tally, &key(2), output(b"second", "500")).await.unwrap(), Put::Done);
    remove(&on, &made.name).await;
}

async fn an_object_that_is_not_there_is_none<R: Regions>(on: Rc<Target<R>>) {
    let (made, tier) = start(&on).await;
    tier.put(&Tally::default(), &key(1), output(b"tea", "200")).await.unwrap();
    assert_eq!(get(&tier, &key(2)).await, None);
    assert_eq!(get(&tier, &input_key("micro", Id::from(1))).await, None);
    assert_eq!(get(&tier, &input_key("large", Id::from(1))).await, None, "nothing has this prefix");
    remove(&on, &made.name).await;
}

async fn an_empty_object_is_there<R: Regions>(on: Rc<Target<R>>) {
    let ((made, tier), tally) = (start(&on).await, Tally::default());
    let (empty, with_metadata) =
        (Object { content_type: Some("text/plain".to_owned()), ..Object::default() }, output(b"", "204"));
    tier.put(&tally, &key(1), empty.clone()).await.unwrap();
    assert_eq!(tier.put_if_absent(&tally, &key(2), with_metadata.clone()).await.unwrap(), Put::Done);
    assert_eq!(tier.put_if_absent(&tally, &key(2), empty.clone()).await.unwrap(), Put::Exists);
    assert_eq!(get(&tier, &key(1)).await, Some(empty));
    assert_eq!(get(&tier, &key(2)).await, Some(with_metadata));
    remove(&on, &made.name).await;
}

/// The longest one that the front takes. The SDK sends a checksum with it, and compares the one that it gets.
async fn a_long_object_keeps_every_byte<R: Regions>(on: Rc<Target<R>>) {
    let ((made, tier), tally) = (start(&on).await, Tally::default());
    // A period that no size of a chunk is a multiple of.
    let bytes: Vec<u8> = (0..=250).cycle().take(BODY_LIMIT).collect();
    let object = output(&bytes, "200");
    assert_eq!(tier.put_if_absent(&tally, &key(1), object.clone()).await.unwrap(), Put::Done);
    let found = get(&tier, &key(1)).await.expect("it was put");
    assert_eq!(found.body.len(), BODY_LIMIT);
    // Not shown: it is long.
    assert!(found == object, "other bytes, or other metadata than {:?}", found.metadata);
    remove(&on, &made.name).await;
}
