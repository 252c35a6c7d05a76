//! The planner's port of buckets, in process.

use std::collections::BTreeSet;

use cloudsim::Settings;
use cloudsim::s3::PutObject;
use planner::owner::Tags;
use planner::ports::{BucketRequest, Objects};

use crate::buckets::{ACCOUNT, NAME, bucket, new_object, tags, with};
use crate::ports::{now, shared};
use crate::world::{at, exact};

#[test]
fn the_port_makes_lists_empties_and_deletes() {
    let (cloud, _) = shared(Settings { page_size: 2, ..exact() });
    let requests: Vec<BucketRequest> = (0..3)
        .map(|number| BucketRequest {
            name: format!("clusterbench-b-{number}-000000000000-eu-west-1-an"),
            tags: tags(&number.to_string()),
            not_after: jiff::Timestamp::MAX,
        })
        .collect();
    for request in &requests {
        now(cloud.create_bucket(request)).unwrap();
    }
    assert_eq!(now(cloud.create_bucket(&requests[0])).unwrap_err().code, "BucketAlreadyOwnedByYou");
    let late = BucketRequest { not_after: jiff::Timestamp::MIN, ..requests[0].clone() };
    assert_eq!(now(cloud.create_bucket(&late)).unwrap_err().failure, planner::Failure::TooLate);
    cloud.lock().s3(at(0)).plant_bucket("clusterbench-none", Tags::new());
    cloud.lock().s3(at(0)).plant_bucket("other", Tags::new());
    let found = now(cloud.buckets()).unwrap();
    let seen: Vec<_> = found.iter().map(|bucket| (bucket.name.as_str(), bucket.tags.len())).collect();
    let expected: Vec<_> =
        requests.iter().map(|one| (one.name.as_str(), 1)).chain([("clusterbench-none", 0)]).collect();
    assert_eq!(seen, expected);
    let name = &requests[0].name;
    for number in 0..5 {
        let object = PutObject { bucket: name.clone(), ..new_object(&number.to_string(), b"") };
        cloud.lock().s3(at(0)).put_object(object).unwrap();
    }
    assert_eq!(now(cloud.empty_bucket(name, "1")).unwrap_err().code, "AccessDenied");
    assert_eq!(now(cloud.delete_bucket(name, ACCOUNT)).unwrap_err().code, "BucketNotEmpty");
    assert_eq!(now(cloud.empty_bucket(name, ACCOUNT)), Ok(true));
    now(cloud.delete_bucket(name, ACCOUNT)).unwrap();
    now(cloud.delete_bucket(name, ACCOUNT)).unwrap();
    assert_eq!(now(cloud.empty_bucket(name, ACCOUNT)), Ok(true), "what is in a bucket that is gone is gone");
    let left: BTreeSet<String> = now(cloud.buckets()).unwrap().into_iter().map(|bucket| bucket.name).collect();
    assert!(left.len() == 3 && !left.contains(name));
}

#[test]
fn the_port_empties_so_many_at_once_and_says_what_could_not_be_deleted() {
    let (cloud, _) = shared(exact());
    cloud.lock().s3(at(0)).create_bucket(&bucket(NAME)).unwrap();
    for number in 0..planner::ports::EMPTIED_AT_ONCE + 1 {
        cloud.lock().s3(at(0)).put_object(new_object(&number.to_string(), b"")).unwrap();
    }
    assert_eq!(now(cloud.empty_bucket(NAME, ACCOUNT)), Ok(false));
    assert_eq!(cloud.lock().audit().objects, 1);
    cloud.lock().set_settings(with(|knobs| knobs.failed_deletion_per_mille = 1000));
    assert_eq!(now(cloud.empty_bucket(NAME, ACCOUNT)).unwrap_err().code, "InternalError");
    cloud.lock().set_settings(exact());
    assert_eq!(now(cloud.empty_bucket(NAME, ACCOUNT)), Ok(true));
}
