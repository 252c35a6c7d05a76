//! The rows about queues.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use planner::Failure;
use planner::owner::Tags;
use planner::ports::{QUEUE_PREFIX, Queue, QueueRequest, Queues, Regions};

use crate::rows::{refused, rows};
use crate::target::Target;

rows![
    a_queue_is_what_was_asked_for,
    an_equal_queue_is_the_same_one,
    a_queue_name_is_taken_once,
    a_queue_name_has_its_form,
    an_attribute_has_its_range,
    queues_of_another_prefix_are_not_listed,
    lists_of_queues_are_whole,
    a_queue_that_is_too_late_is_not_made,
    a_deleted_queue_is_gone,
    a_queue_of_nobody_is_deleted,
    a_name_of_a_queue_rests_after_its_deletion,
];

// Makers

pub(crate) fn queue_of<R: Regions>(on: &Target<R>) -> QueueRequest {
    QueueRequest {
        name: on.fresh(&format!("{QUEUE_PREFIX}q")),
        attributes: BTreeMap::from([
            ("VisibilityTimeout".to_owned(), "20".to_owned()),
            ("MessageRetentionPeriod".to_owned(), "86400".to_owned()),
        ]),
        tags: on.owner().tags(&Tags::from([("cost-center".to_owned(), "4 & 2 = ü".to_owned())])),
        not_after: jiff::Timestamp::MAX,
    }
}

pub(crate) async fn make<R: Regions>(on: &Target<R>, request: &QueueRequest) -> Queue {
    on.cloud.create_queue(request).await.unwrap();
    // Its tags may be seen later than it.
    let seen = async || queues(on, &request.name).await.pop().filter(|queue| !queue.tags.is_empty());
    on.eventually("the new queue with its tags", seen).await
}

// Lookers

async fn queues<R: Regions>(on: &Target<R>, name: &str) -> Vec<Queue> {
    let found = on.cloud.queues().await.unwrap();
    found.into_iter().filter(|queue| queue.name == name).collect()
}

/// Deletes until no list shows it, as the planner does.
pub(crate) async fn remove<R: Regions>(on: &Target<R>, queue: &Queue) {
    let gone = async || {
        on.cloud.delete_queue(&queue.url).await.unwrap();
        queues(on, &queue.name).await.is_empty().then_some(())
    };
    on.eventually("the deleted queue is gone", gone).await;
}

// Rows

async fn a_queue_is_what_was_asked_for<R: Regions>(on: Rc<Target<R>>) {
    let request = queue_of(&on);
    let made = make(&on, &request).await;
    assert!(made.url.starts_with("http") && made.url.ends_with(&format!("/{}", request.name)), "{made:?}");
    assert_eq!(made.tags, request.tags);
    remove(&on, &made).await;
}

async fn an_equal_queue_is_the_same_one<R: Regions>(on: Rc<Target<R>>) {
    let request = queue_of(&on);
    let made = make(&on, &request).await;
    on.cloud.create_queue(&request).await.unwrap();
    assert_eq!(queues(&on, &request.name).await, std::slice::from_ref(&made));
    remove(&on, &made).await;
}

async fn a_queue_name_is_taken_once<R: Regions>(on: Rc<Target<R>>) {
    let request = queue_of(&on);
    let made = make(&on, &request).await;
    let attributes = BTreeMap::from([("VisibilityTimeout".to_owned(), "21".to_owned())]);
    let other = QueueRequest { attributes, ..request.clone() };
    assert_eq!(refused(on.cloud.create_queue(&other).await).failure, Failure::AlreadyExists);
    assert_eq!(queues(&on, &request.name).await, std::slice::from_ref(&made));
    remove(&on, &made).await;
}

/// "Up to 80 characters. Valid values: alphanumeric characters, hyphens (`-`), and underscores (`_`)" (API reference,
/// CreateQueue).
async fn a_queue_name_has_its_form<R: Regions>(on: Rc<Target<R>>) {
    let request = queue_of(&on);
    let long = format!("{:x<81}", request.name);
    for name in [long.clone(), format!("{}.a", request.name), format!("{}/a", request.name)] {
        let refused = refused(on.cloud.create_queue(&QueueRequest { name, ..request.clone() }).await);
        assert_eq!(refused.failure, Failure::Rejected, "{refused}");
    }
    let longest = QueueRequest { name: long[..80].to_owned(), ..request };
    remove(&on, &make(&on, &longest).await).await;
}

async fn an_attribute_has_its_range<R: Regions>(on: Rc<Target<R>>) {
    for (name, value) in
        [("VisibilityTimeout", "43201"), ("VisibilityTimeout", "soon"), ("MessageRetentionPeriod", "59")]
    {
        let attributes = BTreeMap::from([(name.to_owned(), value.to_owned())]);
        let request = QueueRequest { attributes, ..queue_of(&on) };
        let refused = refused(on.cloud.create_queue(&request).await);
        assert_eq!(refused.failure, Failure::Rejected, "{name} {value}: {refused}");
        assert_eq!(queues(&on, &request.name).await, []);
    }
}

async fn queues_of_another_prefix_are_not_listed<R: Regions>(on: Rc<Target<R>>) {
    let other = QueueRequest { name: on.fresh("clusterbank-q"), ..queue_of(&on) };
    on.cloud.create_queue(&other).await.unwrap();
    let made = make(&on, &queue_of(&on)).await;
    let found = on.cloud.queues().await.unwrap();
    assert!(found.iter().all(|queue| queue.name.starts_with(QUEUE_PREFIX)), "{found:?}");
    remove(&on, &made).await;
}

async fn lists_of_queues_are_whole<R: Regions>(on: Rc<Target<R>>) {
    let mut names = Vec::new();
    for _ in 0..12 {
        let request = queue_of(&on);
        on.cloud.create_queue(&request).await.unwrap();
        names.push(request.name);
    }
    let all = async || {
        let found = on.cloud.queues().await.unwrap();
        let urls: BTreeSet<&String> = found.iter().map(|queue| &queue.url).collect();
        assert_eq!(urls.len(), found.len(), "each once");
        let ours: Vec<Queue> = found.into_iter().filter(|queue| names.contains(&queue.name)).collect();
        (ours.len() == names.len()).then_some(ours)
    };
    for queue in on.eventually("twelve queues", all).await {
        remove(&on, &queue).await;
    }
}

async fn a_queue_that_is_too_late_is_not_made<R: Regions>(on: Rc<Target<R>>) {
    let late = QueueRequest { not_after: "2026-01-01T00:00:00Z".parse().unwrap(), ..queue_of(&on) };
    assert_eq!(refused(on.cloud.create_queue(&late).await).failure, Failure::TooLate);
    assert_eq!(queues(&on, &late.name).await, []);
}

async fn a_deleted_queue_is_gone<R: Regions>(on: Rc<Target<R>>) {
    let (made, other) = (make(&on, &queue_of(&on)).await, make(&on, &queue_of(&on)).await);
    remove(&on, &made).await;
    // It is there as little as before.
    on.cloud.delete_queue(&made.url).await.unwrap();
    assert_eq!(queues(&on, &other.name).await, std::slice::from_ref(&other));
    remove(&on, &other).await;
}

async fn a_queue_of_nobody_is_deleted<R: Regions>(on: Rc<Target<R>>) {
    let made = make(&on, &queue_of(&on)).await;
    on.cloud.delete_queue(&format!("{}-of-nobody", made.url)).await.unwrap();
    remove(&on, &made).await;
}

/// "You must wait 60 seconds after deleting the queue before you can create another queue with the same name" (API
/// reference, CreateQueue).
async fn a_name_of_a_queue_rests_after_its_deletion<R: Regions>(on: Rc<Target<R>>) {
    let request = queue_of(&on);
    let made = make(&on, &request).await;
    on.cloud.delete_queue(&made.url).await.unwrap();
    let refused = refused(on.cloud.create_queue(&request).await);
    assert!(refused.code.ends_with("QueueDeletedRecently"), "{refused}");
    assert_eq!(refused.failure, Failure::DependencyViolation);
}
