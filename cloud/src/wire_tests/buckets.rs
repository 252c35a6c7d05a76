//! S3 on the wire, which is REST with XML: lists that are whole or fail, and effects that are sent once.

use std::sync::atomic::{AtomicUsize, Ordering};

use planner::ports::{Answer, Bucket, BucketRequest, EMPTIED_AT_ONCE, Objects};

use super::fake::Seen;
use super::*;

const NAME: &str = "clusterbench-a-111122223333-eu-west-1-an";
const ACCOUNT: &str = "111122223333";
const HERE: &str = "eu-west-1";

fn create() -> BucketRequest {
    BucketRequest {
        name: NAME.into(),
        tags: Tags::from([("b".to_owned(), "2 & 3".to_owned()), ("a".to_owned(), "1".to_owned())]),
        not_after: jiff::Timestamp::MAX,
    }
}

/// Action and bucket of a request, by its method, path and query.
fn action(seen: &Seen) -> (&'static str, &str) {
    let (path, query) = seen.path().split_once('?').unwrap_or((seen.path(), ""));
    let asks = |word: &str| query.split('&').any(|one| one.split('=').next() == Some(word));
    let action = match (seen.method(), path.trim_matches('/')) {
        ("GET", "") => "ListBuckets",
        ("GET", _) if asks("tagging") => "GetBucketTagging",
        ("GET", _) if asks("list-type") => "ListObjectsV2",
        ("PUT", _) => "CreateBucket",
        ("POST", _) if asks("delete") => "DeleteObjects",
        ("DELETE", _) => "DeleteBucket",
        other => panic!("{other:?}"),
    };
    (action, path.trim_matches('/'))
}

fn actions(fake: &Fake) -> Vec<&'static str> {
    fake.seen().iter().map(|seen| action(seen).0).collect()
}

fn document(root: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">{content}\
         </{root}>"
    )
}

/// A list of buckets, each with its region.
fn listed(buckets: &[(&str, &str)], rest: &str) -> String {
    let bucket = |(name, region): &(&str, &str)| {
        format!(
            "<Bucket><Name>{name}</Name><CreationDate>2026-11-30T00:00:00.000Z</CreationDate><BucketRegion>{region}\
             </BucketRegion></Bucket>"
        )
    };
    let buckets: String = buckets.iter().map(bucket).collect();
    document("ListAllMyBucketsResult", &format!("<Buckets>{buckets}</Buckets>{rest}"))
}

fn keys(from: usize, count: usize) -> String {
    let object = |key: usize| format!("<Contents><Key>in/{key}</Key><Size>1</Size></Contents>");
    let objects: String = (from..from + count).map(object).collect();
    document("ListBucketResult", &format!("<Name>{NAME}</Name><IsTruncated>false</IsTruncated>{objects}"))
}

fn refused(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>words of {code}</Message>\
         <RequestId>req-1</RequestId></Error>"
    )
}

/// An account with two buckets, one object in each until something is deleted.
fn usual(seen: &Seen, is_empty: bool) -> Reply {
    let (action, bucket) = action(seen);
    match action {
        "ListBuckets" => Reply::Answer(200, listed(&[("clusterbench-b", HERE), (NAME, HERE)], "")),
        "GetBucketTagging" => {
            let tag = format!("<TagSet><Tag><Key>of</Key><Value>{bucket}</Value></Tag></TagSet>");
            Reply::Answer(200, document("Tagging", &tag))
        }
        "ListObjectsV2" => Reply::Answer(200, keys(0, usize::from(!is_empty))),
        "DeleteObjects" => Reply::Answer(200, document("DeleteResult", "")),
        "DeleteBucket" => Reply::Answer(204, String::new()),
        _ => Reply::Answer(200, String::new()),
    }
}

async fn usually() -> Fake {
    let deleted = AtomicUsize::new(0);
    Fake::start_whole(move |_, seen| {
        deleted.fetch_add(usize::from(action(seen).0 == "DeleteObjects"), Ordering::SeqCst);
        usual(seen, deleted.load(Ordering::SeqCst) > 0)
    })
    .await
}

/// Every call that changes something, and the list before a deletion.
async fn effects(region: &Region) -> Vec<Answer<()>> {
    vec![
        region.create_bucket(&create()).await,
        region.empty_bucket(NAME, ACCOUNT).await.map(drop),
        region.delete_bucket(NAME, ACCOUNT).await,
    ]
}

const EFFECTS: [&str; 4] = ["CreateBucket", "ListObjectsV2", "DeleteObjects", "DeleteBucket"];

#[tokio::test]
async fn effects_say_exactly_this() {
    let fake = usually().await;
    let region = region(&fake);
    region.create_bucket(&create()).await.unwrap();
    assert!(region.empty_bucket(NAME, ACCOUNT).await.unwrap());
    region.delete_bucket(NAME, ACCOUNT).await.unwrap();
    assert_eq!(actions(&fake), ["CreateBucket", "ListObjectsV2", "DeleteObjects", "ListObjectsV2", "DeleteBucket"]);
    let seen = fake.seen();
    assert_eq!(seen[0].header("x-amz-bucket-namespace"), Some("account-regional"));
    let body = String::from_utf8(seen[0].body.clone()).unwrap();
    let tags = "<Tags><Tag><Key>a</Key><Value>1</Value></Tag><Tag><Key>b</Key><Value>2 &amp; 3</Value></Tag></Tags>";
    assert!(body.contains("<LocationConstraint>eu-west-1</LocationConstraint>") && body.contains(tags), "{body}");
    for one in &seen {
        // The endpoint is an address: the bucket is in the path.
        assert_eq!(action(one).1, NAME);
    }
    for one in &seen[1..] {
        assert_eq!(one.header("x-amz-expected-bucket-owner"), Some(ACCOUNT), "{:?}", action(one));
    }
    let deleted = String::from_utf8(seen[2].body.clone()).unwrap();
    assert!(
        deleted.contains("<Object><Key>in/0</Key></Object>") && deleted.contains("<Quiet>true</Quiet>"),
        "{deleted}"
    );
    // S3 takes no deletion without one.
    let is_checked = seen[2].header("x-amz-checksum-crc32").or(seen[2].header("content-md5"));
    assert!(is_checked.is_some());
}

#[tokio::test]
async fn buckets_of_the_oldest_region_have_no_location() {
    let fake = usually().await;
    aws(&fake).region("us-east-1").create_bucket(&create()).await.unwrap();
    let body = String::from_utf8(fake.seen()[0].body.clone()).unwrap();
    assert!(body.contains("<Tags>") && !body.contains("LocationConstraint"), "{body}");
}

#[tokio::test]
async fn what_is_too_late_is_not_sent() {
    let fake = usually().await;
    let late = BucketRequest { not_after: "2026-11-01T00:00:00Z".parse().unwrap(), ..create() };
    assert_eq!(region(&fake).create_bucket(&late).await.unwrap_err().failure, Failure::TooLate);
    assert_eq!(fake.seen().len(), 0);
}

#[tokio::test]
async fn no_effect_is_sent_twice_whatever_is_answered() {
    for code in ["InternalError", "SlowDown", "ServiceUnavailable", "RequestTimeout", "OperationAborted"] {
        for status in [400, 409, 500, 503] {
            let fake = Fake::start_whole(move |_, seen| match action(seen).0 {
                "ListObjectsV2" => usual(seen, false),
                _ => Reply::Answer(status, refused(code)),
            })
            .await;
            for outcome in effects(&region(&fake)).await {
                assert_eq!(outcome.unwrap_err().code, code);
            }
            assert_eq!(actions(&fake), EFFECTS, "{status} {code}");
        }
    }
}

#[tokio::test]
async fn no_effect_is_sent_twice_when_nothing_is_answered() {
    for (is_silent, code) in [(false, "Dispatch"), (true, "Timeout")] {
        let fake = Fake::start_whole(move |_, seen| match action(seen).0 {
            "ListObjectsV2" => usual(seen, false),
            _ if is_silent => Reply::Silence,
            _ => Reply::Reset,
        })
        .await;
        let patience = Patience { effect: Duration::from_millis(200), ..Patience::default() };
        for outcome in effects(&aws(&fake).with_patience(patience).region("eu-west-1")).await {
            let error = outcome.unwrap_err();
            assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, code));
        }
        assert_eq!(actions(&fake), EFFECTS);
    }
}

#[tokio::test]
async fn what_is_not_there_is_empty_and_deleted() {
    let fake = Fake::start_whole(|_, _| Reply::Answer(404, refused("NoSuchBucket"))).await;
    let region = region(&fake);
    assert!(region.empty_bucket(NAME, ACCOUNT).await.unwrap());
    region.delete_bucket(NAME, ACCOUNT).await.unwrap();
}

#[tokio::test]
async fn refusals_have_their_classes() {
    for (status, code, failure) in [
        (409, "BucketAlreadyOwnedByYou", Failure::AlreadyExists),
        (409, "BucketAlreadyExists", Failure::AlreadyExists),
        (409, "BucketNotEmpty", Failure::DependencyViolation),
        (403, "AccessDenied", Failure::Unauthorized),
        (400, "InvalidBucketName", Failure::Rejected),
        (400, "TooManyBuckets", Failure::QuotaReached),
        (503, "SlowDown", Failure::Throttled),
        // Its outcome is not known: an error inside a success.
        (200, "InternalError", Failure::Unreachable),
        (400, "BrandNewCode", Failure::Unreachable),
    ] {
        let fake = Fake::start_whole(move |_, _| Reply::Answer(status, refused(code))).await;
        let region = region(&fake);
        if status != 200 {
            for outcome in [region.create_bucket(&create()).await, region.delete_bucket(NAME, ACCOUNT).await] {
                let error = outcome.unwrap_err();
                assert_eq!((error.failure, error.code.as_str()), (failure, code));
            }
        }
        let error = region.buckets().await.unwrap_err();
        assert_eq!(error.failure, failure, "{code}: {error}");
    }
}

/// S3 says what it could not delete in an answer that is a success.
#[tokio::test]
async fn an_object_that_is_refused_fails_the_emptying() {
    let fake = Fake::start_whole(|_, seen| match action(seen).0 {
        "DeleteObjects" => {
            let one = "<Error><Key>in/0</Key><Code>AccessDenied</Code><Message>no</Message></Error>";
            Reply::Answer(200, document("DeleteResult", one))
        }
        _ => usual(seen, false),
    })
    .await;
    let error = region(&fake).empty_bucket(NAME, ACCOUNT).await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unauthorized, "AccessDenied"));
    assert_eq!(fake.seen().len(), 2);
}

#[tokio::test]
async fn a_large_bucket_is_emptied_in_several_calls() {
    const THOUSANDS: usize = EMPTIED_AT_ONCE / 1000;
    for (more, is_emptied) in [(0, true), (1, false)] {
        let fake = Fake::start_whole(move |before, seen| match action(seen).0 {
            "ListObjectsV2" if before / 2 < THOUSANDS + more => Reply::Answer(200, keys(1000 * before, 1000)),
            _ => usual(seen, true),
        })
        .await;
        assert_eq!(region(&fake).empty_bucket(NAME, ACCOUNT).await, Ok(is_emptied));
        assert_eq!(fake.seen().len(), 2 * THOUSANDS + 1);
        let last = fake.seen().remove(2 * THOUSANDS - 1);
        let named = String::from_utf8(last.body).unwrap().matches("<Key>").count();
        assert_eq!((action(&fake.seen()[2 * THOUSANDS - 1]).0, named), ("DeleteObjects", 1000));
    }
}

#[tokio::test]
async fn buckets_are_read_over_all_pages_with_the_tags_of_each() {
    let fake = Fake::start_whole(|_, seen| match action(seen).0 {
        "ListBuckets" if seen.path().contains("continuation-token=two") => {
            // What moved between two pages is in both, and another prefix or region is of no interest.
            let others = [("clusterbank", HERE), ("clusterbench-z", "eu-central-1")];
            Reply::Answer(200, listed(&[&[(NAME, HERE), ("clusterbench-b", HERE)], &others[..]].concat(), ""))
        }
        "ListBuckets" => {
            let token = "<ContinuationToken>two</ContinuationToken>";
            Reply::Answer(200, listed(&[("clusterbench-b", HERE)], token))
        }
        _ => usual(seen, true),
    })
    .await;
    let found = region(&fake).buckets().await.unwrap();
    let expected = [NAME, "clusterbench-b"]
        .map(|name| Bucket { name: name.to_owned(), tags: Tags::from([("of".to_owned(), name.to_owned())]) });
    assert_eq!(found, expected);
    let asked = fake.seen()[0].path().to_owned();
    for word in ["prefix=clusterbench-", "bucket-region=eu-west-1", "max-buckets=1000"] {
        assert!(asked.contains(word), "{asked}");
    }
}

#[tokio::test]
async fn a_bucket_without_tags_has_none_and_one_that_went_is_left_out() {
    for (code, expected) in
        [("NoSuchTagSet", Ok(2)), ("NoSuchBucket", Ok(1)), ("AccessDenied", Err(Failure::Unauthorized))]
    {
        let fake = Fake::start_whole(move |_, seen| match action(seen) {
            ("GetBucketTagging", NAME) => Reply::Answer(404, refused(code)),
            _ => usual(seen, true),
        })
        .await;
        let found = region(&fake).buckets().await;
        let bare = found.iter().flatten().find(|one| one.name == NAME);
        assert!(bare.is_none_or(|one| one.tags.is_empty()), "{code}");
        assert_eq!(found.map(|buckets| buckets.len()).map_err(|error| error.failure), expected, "{code}");
    }
}

/// Cuts the answers to `cut` at every byte.
#[tokio::test]
async fn no_cut_list_is_believed() {
    for cut in ["ListBuckets", "GetBucketTagging", "ListObjectsV2", "DeleteObjects"] {
        let (place, length) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(usize::MAX)));
        let (at, whole) = (place.clone(), length.clone());
        let fake = Fake::start_whole(move |_, seen| match usual(seen, false) {
            Reply::Answer(status, body) if action(seen).0 == cut => {
                whole.store(body.len(), Ordering::SeqCst);
                let cut = &body.as_bytes()[..at.load(Ordering::SeqCst).min(body.len())];
                Reply::Unframed(status, cut.to_vec())
            }
            reply => reply,
        })
        .await;
        let region = aws(&fake).with_patience(Patience { read_attempts: 1, ..Patience::default() }).region("eu-west-1");
        while place.load(Ordering::SeqCst) < length.load(Ordering::SeqCst) {
            let error = match cut {
                "ListBuckets" | "GetBucketTagging" => region.buckets().await.map(drop),
                _ => region.empty_bucket(NAME, ACCOUNT).await.map(drop),
            };
            let error = error.expect_err("a cut answer");
            let known = (Failure::Unreachable, "Truncated");
            assert_eq!((error.failure, error.code.as_str()), known, "{cut} cut at {place:?}: {error}");
            place.fetch_add(1, Ordering::SeqCst);
        }
    }
}
