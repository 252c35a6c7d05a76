//! The rows about buckets.

use std::collections::BTreeSet;
use std::rc::Rc;

use planner::Failure;
use planner::owner::{INSTALLATION, Tags};
use planner::ports::{Bucket, BucketRequest, Objects, QUEUE_PREFIX, Regions};

use crate::rows::{refused, rows};
use crate::target::Target;

rows![
    a_bucket_is_what_was_asked_for,
    a_bucket_name_is_taken_once,
    a_bucket_name_has_its_form,
    a_bucket_name_is_of_its_account_and_region,
    buckets_of_another_prefix_are_not_listed,
    lists_of_buckets_are_whole,
    a_bucket_that_is_too_late_is_not_made,
    a_bucket_with_an_object_stays,
    a_bucket_is_emptied_however_much_is_in_it,
    only_one_bucket_is_emptied,
    a_bucket_of_another_account_is_left,
    a_bucket_of_nobody_is_empty_and_deleted,
];

/// Somebody else.
const STRANGER: &str = "999999999999";

// Makers

/// A name in the namespace of an account, which every letter of it has a part in.
fn name_of<R: Regions>(on: &Target<R>, prefix: &str, account: &str) -> String {
    format!("{prefix}{}-{account}-{}-an", on.fresh_word(), on.region)
}

pub(crate) async fn bucket_of<R: Regions>(on: &Target<R>) -> BucketRequest {
    BucketRequest {
        name: name_of(on, QUEUE_PREFIX, &on.account().await),
        tags: on.owner().tags(&Tags::from([("cost-center".to_owned(), "4 + 2 = ü".to_owned())])),
        not_after: jiff::Timestamp::MAX,
    }
}

pub(crate) async fn make<R: Regions>(on: &Target<R>, request: &BucketRequest) -> Bucket {
    on.cloud.create_bucket(request).await.unwrap();
    seen(on, &request.name).await
}

// Lookers

async fn buckets<R: Regions>(on: &Target<R>, name: &str) -> Vec<Bucket> {
    let found = on.cloud.buckets().await.unwrap();
    found.into_iter().filter(|bucket| bucket.name == name).collect()
}

async fn seen<R: Regions>(on: &Target<R>, name: &str) -> Bucket {
    on.eventually("the new bucket", async || buckets(on, name).await.pop()).await
}

/// Empties and deletes until no list shows it, as the planner does.
pub(crate) async fn remove<R: Regions>(on: &Target<R>, name: &str) {
    let account = on.account().await;
    let gone = async || {
        if on.cloud.empty_bucket(name, &account).await.unwrap() {
            on.cloud.delete_bucket(name, &account).await.unwrap();
        }
        buckets(on, name).await.is_empty().then_some(())
    };
    on.eventually("the deleted bucket is gone", gone).await;
}

// Rows

async fn a_bucket_is_what_was_asked_for<R: Regions>(on: Rc<Target<R>>) {
    let request = bucket_of(&on).await;
    let made = make(&on, &request).await;
    // Its tags may be seen later than it.
    let tagged = async || buckets(&on, &made.name).await.pop().filter(|bucket| !bucket.tags.is_empty());
    let tagged = on.eventually("the new bucket with its tags", tagged).await;
    assert_eq!(tagged, Bucket { name: request.name, tags: request.tags });
    remove(&on, &made.name).await;
}

async fn a_bucket_name_is_taken_once<R: Regions>(on: Rc<Target<R>>) {
    let request = bucket_of(&on).await;
    let made = make(&on, &request).await;
    let again = BucketRequest { tags: on.owner().tags(&Tags::new()), ..request.clone() };
    assert_eq!(refused(on.cloud.create_bucket(&again).await).failure, Failure::AlreadyExists);
    assert!(buckets(&on, &request.name).await[0].tags.get(INSTALLATION) != again.tags.get(INSTALLATION));
    remove(&on, &made.name).await;
}

/// "Bucket names must be between 3 (min) and 63 (max) characters long", of small letters, digits, points and hyphens (S3 user
/// guide, "General purpose bucket naming rules").
async fn a_bucket_name_has_its_form<R: Regions>(on: Rc<Target<R>>) {
    let request = bucket_of(&on).await;
    let (head, tail) = request.name.split_at(QUEUE_PREFIX.len());
    for name in [format!("{head}{:a<24}{tail}", ""), format!("{head}A{tail}"), format!("{head}_{tail}")] {
        let refused = refused(on.cloud.create_bucket(&BucketRequest { name, ..request.clone() }).await);
        assert_eq!(refused.failure, Failure::Rejected, "{refused}");
    }
}

/// The end of a name in the account's own namespace says whose and where it is (S3 user guide, "Namespaces for general
/// purpose buckets").
async fn a_bucket_name_is_of_its_account_and_region<R: Regions>(on: Rc<Target<R>>) {
    let request = bucket_of(&on).await;
    let name = &request.name;
    for name in [
        name.replace(&on.account().await, STRANGER),
        name.replace(&on.region, "eu-central-9"),
        name.trim_end_matches("-an").to_owned(),
    ] {
        let refused = refused(on.cloud.create_bucket(&BucketRequest { name, ..request.clone() }).await);
        assert_eq!(refused.failure, Failure::Rejected, "{refused}");
    }
}

async fn buckets_of_another_prefix_are_not_listed<R: Regions>(on: Rc<Target<R>>) {
    let other = name_of(&on, "clusterbank-", &on.account().await);
    on.cloud.create_bucket(&BucketRequest { name: other, ..bucket_of(&on).await }).await.unwrap();
    let made = make(&on, &bucket_of(&on).await).await;
    let found = on.cloud.buckets().await.unwrap();
    assert!(found.iter().all(|bucket| bucket.name.starts_with(QUEUE_PREFIX)), "{found:?}");
    remove(&on, &made.name).await;
}

async fn lists_of_buckets_are_whole<R: Regions>(on: Rc<Target<R>>) {
    let mut names = Vec::new();
    for _ in 0..12 {
        let request = bucket_of(&on).await;
        on.cloud.create_bucket(&request).await.unwrap();
        names.push(request.name);
    }
    let all = async || {
        let found = on.cloud.buckets().await.unwrap();
        let once: BTreeSet<&String> = found.iter().map(|bucket| &bucket.name).collect();
        assert_eq!(once.len(), found.len(), "each once");
        (found.iter().filter(|bucket| names.contains(&bucket.name)).count() == names.len()).then_some(())
    };
    on.eventually("twelve buckets", all).await;
    for name in &names {
        remove(&on, name).await;
    }
}

async fn a_bucket_that_is_too_late_is_not_made<R: Regions>(on: Rc<Target<R>>) {
    let late = BucketRequest { not_after: "2026-01-01T00:00:00Z".parse().unwrap(), ..bucket_of(&on).await };
    assert_eq!(refused(on.cloud.create_bucket(&late).await).failure, Failure::TooLate);
    assert_eq!(buckets(&on, &late.name).await, []);
}

async fn a_bucket_with_an_object_stays<R: Regions>(on: Rc<Target<R>>) {
    let (made, account) = (make(&on, &bucket_of(&on).await).await, on.account().await);
    on.put(&made.name, "in/micro/0123").await;
    let refused = refused(on.cloud.delete_bucket(&made.name, &account).await);
    assert_eq!((refused.failure, refused.code.as_str()), (Failure::DependencyViolation, "BucketNotEmpty"));
    assert_eq!(buckets(&on, &made.name).await.len(), 1);
    remove(&on, &made.name).await;
}

/// More than one list shows, and keys that XML and addresses have their own mind about.
async fn a_bucket_is_emptied_however_much_is_in_it<R: Regions>(on: Rc<Target<R>>) {
    let (made, account) = (make(&on, &bucket_of(&on).await).await, on.account().await);
    for key in ["out/a b+c&d<e>\"f'ü%20", "out/0123", "in/micro/?x=y#z"] {
        on.put(&made.name, key).await;
    }
    for number in 0..1000 {
        on.put(&made.name, &format!("in/micro/{number:04}")).await;
    }
    assert!(on.cloud.empty_bucket(&made.name, &account).await.unwrap());
    assert!(on.cloud.empty_bucket(&made.name, &account).await.unwrap(), "a second time");
    on.cloud.delete_bucket(&made.name, &account).await.unwrap();
    remove(&on, &made.name).await;
}

async fn only_one_bucket_is_emptied<R: Regions>(on: Rc<Target<R>>) {
    let account = on.account().await;
    let (one, other) = (make(&on, &bucket_of(&on).await).await, make(&on, &bucket_of(&on).await).await);
    on.put(&one.name, "in/0").await;
    on.put(&other.name, "in/0").await;
    assert!(on.cloud.empty_bucket(&one.name, &account).await.unwrap());
    assert_eq!(refused(on.cloud.delete_bucket(&other.name, &account).await).failure, Failure::DependencyViolation);
    remove(&on, &one.name).await;
    remove(&on, &other.name).await;
}

async fn a_bucket_of_another_account_is_left<R: Regions>(on: Rc<Target<R>>) {
    let (made, account) = (make(&on, &bucket_of(&on).await).await, on.account().await);
    on.put(&made.name, "in/0").await;
    assert_eq!(refused(on.cloud.empty_bucket(&made.name, STRANGER).await).failure, Failure::Unauthorized);
    // It is as full as before.
    assert_eq!(refused(on.cloud.delete_bucket(&made.name, &account).await).failure, Failure::DependencyViolation);
    assert!(on.cloud.empty_bucket(&made.name, &account).await.unwrap());
    assert_eq!(refused(on.cloud.delete_bucket(&made.name, STRANGER).await).failure, Failure::Unauthorized);
    assert_eq!(buckets(&on, &made.name).await.len(), 1);
    remove(&on, &made.name).await;
}

async fn a_bucket_of_nobody_is_empty_and_deleted<R: Regions>(on: Rc<Target<R>>) {
    let (nobodys, account) = (bucket_of(&on).await.name, on.account().await);
    assert!(on.cloud.empty_bucket(&nobodys, &account).await.unwrap());
    on.cloud.delete_bucket(&nobodys, &account).await.unwrap();
}
