//! SQS on the wire, which is JSON with an action in a header: lists that are whole or fail, and effects that are sent once.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use planner::ports::{Answer, Queue, QueueRequest, Queues};
use serde_json::{Value, json};

use super::fake::Seen;
use super::*;

const URL: &str = "https://sqs.eu-west-1.amazonaws.com/111122223333/clusterbench-a";

fn create() -> QueueRequest {
    QueueRequest {
        name: "clusterbench-a".into(),
        attributes: BTreeMap::from([("VisibilityTimeout".to_owned(), "20".to_owned())]),
        tags: Tags::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())]),
        not_after: jiff::Timestamp::MAX,
    }
}

fn url(name: &str) -> String {
    format!("https://sqs.eu-west-1.amazonaws.com/111122223333/{name}")
}

fn action(seen: &Seen) -> &str {
    seen.header("x-amz-target").and_then(|target| target.strip_prefix("AmazonSQS.")).unwrap_or_default()
}

fn said(seen: &Seen) -> Value {
    serde_json::from_slice(&seen.body).unwrap()
}

fn actions(fake: &Fake) -> Vec<String> {
    fake.seen().iter().map(|seen| action(seen).to_owned()).collect()
}

/// A region with two queues.
fn usual(seen: &Seen) -> String {
    match action(seen) {
        "ListQueues" => json!({ "QueueUrls": [url("clusterbench-b"), url("clusterbench-a")] }).to_string(),
        "ListQueueTags" => json!({ "Tags": { "of": said(seen)["QueueUrl"] } }).to_string(),
        "CreateQueue" => json!({ "QueueUrl": URL }).to_string(),
        _ => String::new(),
    }
}

fn refused(code: &str) -> String {
    json!({ "__type": format!("com.amazonaws.sqs#{code}"), "message": format!("words of {code}") }).to_string()
}

fn once(fake: &Fake) -> Arc<Region> {
    aws(fake).with_patience(Patience { read_attempts: 1, ..Patience::default() }).region("eu-west-1")
}

/// Every call that changes something.
async fn effects(region: &Region) -> Vec<Answer<()>> {
    vec![region.create_queue(&create()).await, region.delete_queue(URL).await]
}

const EFFECTS: [&str; 2] = ["CreateQueue", "DeleteQueue"];

#[tokio::test]
async fn effects_say_exactly_this() {
    let fake = Fake::start_whole(|_, seen| Reply::Answer(200, usual(seen))).await;
    for outcome in effects(&region(&fake)).await {
        outcome.unwrap();
    }
    let seen = fake.seen();
    let created = json!({
        "QueueName": "clusterbench-a", "Attributes": { "VisibilityTimeout": "20" }, "tags": { "a": "1", "b": "2" },
    });
    assert_eq!((said(&seen[0]), said(&seen[1])), (created, json!({ "QueueUrl": URL })));
    assert_eq!(actions(&fake), EFFECTS);
}

#[tokio::test]
async fn what_is_too_late_is_not_sent() {
    let fake = Fake::start_whole(|_, seen| Reply::Answer(200, usual(seen))).await;
    let late = QueueRequest { not_after: "2026-11-01T00:00:00Z".parse().unwrap(), ..create() };
    assert_eq!(region(&fake).create_queue(&late).await.unwrap_err().failure, Failure::TooLate);
    assert_eq!(fake.seen().len(), 0);
}

#[tokio::test]
async fn no_effect_is_sent_twice_whatever_is_answered() {
    for code in ["InternalFailure", "RequestThrottled", "ServiceUnavailable", "ThrottlingException"] {
        for status in [400, 403, 500, 503] {
            let fake = Fake::start_whole(move |_, _| Reply::Answer(status, refused(code))).await;
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
        let fake = Fake::start_whole(move |_, _| if is_silent { Reply::Silence } else { Reply::Reset }).await;
        let patience = Patience { effect: Duration::from_millis(200), ..Patience::default() };
        for outcome in effects(&aws(&fake).with_patience(patience).region("eu-west-1")).await {
            let error = outcome.unwrap_err();
            assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, code));
        }
        assert_eq!(actions(&fake), EFFECTS);
    }
}

/// The code of the older protocol is in a header, where the service gives it; without its second word it is not read.
#[tokio::test]
async fn both_spellings_of_a_code_mean_the_same_and_count_the_same() {
    for (line, name, code, failure) in [
        (
            "x-amzn-query-error: AWS.SimpleQueueService.NonExistentQueue;Sender",
            "QueueDoesNotExist",
            "AWS.SimpleQueueService.NonExistentQueue",
            Failure::NotFound,
        ),
        ("x-amzn-query-error: QueueDoesNotExist", "QueueDoesNotExist", "QueueDoesNotExist", Failure::NotFound),
        ("x-nothing: 1", "QueueDoesNotExist", "QueueDoesNotExist", Failure::NotFound),
        (
            "x-amzn-query-error: AWS.SimpleQueueService.QueueDeletedRecently;Sender",
            "QueueDeletedRecently",
            "AWS.SimpleQueueService.QueueDeletedRecently",
            Failure::DependencyViolation,
        ),
        ("x-nothing: 1", "QueueDeletedRecently", "QueueDeletedRecently", Failure::DependencyViolation),
        (
            "x-amzn-query-error: QueueAlreadyExists;Sender",
            "QueueNameExists",
            "QueueAlreadyExists",
            Failure::AlreadyExists,
        ),
        ("x-nothing: 1", "QueueNameExists", "QueueNameExists", Failure::AlreadyExists),
    ] {
        let fake = Fake::start_whole(move |_, _| Reply::Headed(400, line, refused(name))).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let counted = told.clone();
        let count = move |action: &str, failure| counted.lock().unwrap().push((action.to_owned(), failure));
        let error = aws(&fake).counting(count).region("eu-west-1").create_queue(&create()).await.unwrap_err();
        assert_eq!((error.failure, error.code.as_str()), (failure, code), "{line}");
        assert_eq!(*told.lock().unwrap(), [("CreateQueue".to_owned(), Some(failure))], "{line}");
        if failure == Failure::NotFound {
            region(&fake).delete_queue(URL).await.unwrap();
        }
    }
}

#[tokio::test]
async fn an_answer_that_says_nothing_is_one_of_a_deletion_only() {
    for body in ["", "{}"] {
        let fake = Fake::start_whole(move |_, _| Reply::Answer(200, body.to_owned())).await;
        let region = once(&fake);
        region.delete_queue(URL).await.unwrap();
        let error = region.create_queue(&create()).await.unwrap_err();
        assert_eq!(error.failure, Failure::Unreachable, "{body:?}: {error}");
        let list = region.queues().await;
        match body {
            // The answer of SQS where there are none.
            "{}" => assert_eq!(list, Ok(Vec::new())),
            _ => assert_eq!(list.unwrap_err().code, "Truncated"),
        }
    }
}

#[tokio::test]
async fn queues_are_read_over_all_pages_with_the_tags_of_each() {
    let fake = Fake::start_whole(|_, seen| match (action(seen), said(seen)["NextToken"].as_str()) {
        ("ListQueues", None) => {
            Reply::Answer(200, json!({ "QueueUrls": [url("clusterbench-b")], "NextToken": "two" }).to_string())
        }
        ("ListQueues", _) => {
            // What moved between two pages is in both, and another prefix is of no interest.
            let urls = ["clusterbench-a", "clusterbench-b", "clusterbank"].map(url);
            Reply::Answer(200, json!({ "QueueUrls": urls }).to_string())
        }
        _ => Reply::Answer(200, usual(seen)),
    })
    .await;
    let found = region(&fake).queues().await.unwrap();
    let expected = ["clusterbench-a", "clusterbench-b"].map(|name| Queue {
        url: url(name),
        name: name.to_owned(),
        tags: Tags::from([("of".to_owned(), url(name))]),
    });
    assert_eq!(found, expected);
    let asked = said(&fake.seen()[0]);
    assert_eq!(asked, json!({ "QueueNamePrefix": "clusterbench-", "MaxResults": 1000 }));
    assert_eq!(actions(&fake), ["ListQueues", "ListQueues", "ListQueueTags", "ListQueueTags"]);
}

#[tokio::test]
async fn a_queue_that_went_meanwhile_is_left_out_and_one_that_is_refused_is_not() {
    for (code, expected) in [("QueueDoesNotExist", Ok(1)), ("AccessDeniedException", Err(Failure::Unauthorized))] {
        let fake = Fake::start_whole(move |_, seen| match action(seen) {
            "ListQueueTags" if said(seen)["QueueUrl"] == json!(URL) => Reply::Answer(400, refused(code)),
            _ => Reply::Answer(200, usual(seen)),
        })
        .await;
        let found = region(&fake).queues().await;
        assert_eq!(found.map(|queues| queues.len()).map_err(|error| error.failure), expected, "{code}");
    }
}

#[tokio::test]
async fn a_repeated_page_token_is_no_list() {
    let fake =
        Fake::start_whole(|_, _| Reply::Answer(200, json!({ "QueueUrls": [URL], "NextToken": "again" }).to_string()))
            .await;
    assert_eq!(region(&fake).queues().await.unwrap_err().code, "Paging");
    assert_eq!(fake.seen().len(), 2);
}

/// Cuts the answers to `cut` at every byte.
#[tokio::test]
async fn no_cut_list_is_believed() {
    for cut in ["ListQueues", "ListQueueTags"] {
        let (place, length) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(usize::MAX)));
        let (at, whole) = (place.clone(), length.clone());
        let fake = Fake::start_whole(move |_, seen| {
            let mut body = usual(seen).into_bytes();
            if action(seen) == cut {
                whole.store(body.len(), Ordering::SeqCst);
                body.truncate(at.load(Ordering::SeqCst));
            }
            Reply::Unframed(200, body)
        })
        .await;
        let region = once(&fake);
        while place.load(Ordering::SeqCst) < length.load(Ordering::SeqCst) {
            let error = region.queues().await.expect_err("a cut answer");
            assert_eq!(error.failure, Failure::Unreachable, "{cut} cut at {place:?}: {error}");
            place.fetch_add(1, Ordering::SeqCst);
        }
        assert_eq!(region.queues().await.unwrap().len(), 2);
    }
}
