//! Calls of SQS and S3 as they are sent, and what is made of their answers: against a server that notes the one and says the
//! other.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_sqs::config::{Credentials, SharedCredentialsProvider};
use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use bytes::Bytes;
use http::{HeaderMap, Response};
use http_body_util::BodyExt;
use queue::{Aws, Counts, Object, Objects, Put, Queues, Receive, Tally};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use wire::QueueCalls;

/// A request as it came.
struct Seen {
    line: String,
    headers: HeaderMap,
    body: Bytes,
}

impl Seen {
    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

type Noted = Arc<Mutex<Vec<Seen>>>;
type Says = fn(&Seen) -> Response<Body>;

/// Ports on a server that answers by this rule, without repetitions.
async fn ports(says: Says) -> (Aws, Noted) {
    repeating(says, RetryConfig::disabled()).await
}

async fn repeating(says: Says, retries: RetryConfig) -> (Aws, Noted) {
    let (noted, listener) = (Noted::default(), TcpListener::bind("127.0.0.1:0").await.unwrap());
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let notes = Arc::clone(&noted);
    let answer = move |request: Request| {
        let notes = Arc::clone(&notes);
        async move {
            let (head, body) = request.into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let seen = Seen { line: format!("{} {}", head.method, head.uri), headers: head.headers, body };
            let response = says(&seen);
            notes.lock().unwrap().push(seen);
            response
        }
    };
    tokio::spawn(agent::serve(listener, Router::new().fallback(answer), std::future::pending(), Duration::ZERO));
    let credentials = SharedCredentialsProvider::new(Credentials::new("AKID", "secret", None, None, "test"));
    let config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .region(Region::new("eu-central-1"))
        .endpoint_url(endpoint)
        .credentials_provider(credentials)
        .retry_config(retries)
        .sleep_impl(aws_sdk_sqs::config::SharedAsyncSleep::new(aws_sleep::TokioSleep))
        .build();
    (Aws::new(&config, "clusterbench-b"), noted)
}

/// The SDK's own sleep is behind a crate that is no dependency of ours.
mod aws_sleep {
    use aws_sdk_sqs::config::{AsyncSleep, Sleep};

    #[derive(Debug)]
    pub(super) struct TokioSleep;

    impl AsyncSleep for TokioSleep {
        fn sleep(&self, duration: std::time::Duration) -> Sleep {
            Sleep::new(tokio::time::sleep(duration))
        }
    }
}

fn body(status: u16, body: impl Into<Body>) -> Response<Body> {
    Response::builder().status(status).body(body.into()).unwrap()
}

fn sqs(seen: &Seen) -> Response<Body> {
    body(
        200,
        match seen.header("x-amz-target") {
            "AmazonSQS.GetQueueUrl" => json!({ "QueueUrl": "http://sqs/1/q" }),
            "AmazonSQS.ReceiveMessage" => json!({ "Messages": [
                { "MessageId": "m", "Body": "text", "ReceiptHandle": "r1", "Attributes": {
                    "ApproximateReceiveCount": "3", "SentTimestamp": "1700000000123" } },
                { "MessageId": "n", "Body": "other", "ReceiptHandle": "r2" } ] }),
            "AmazonSQS.GetQueueAttributes" => json!({ "Attributes": {
                "ApproximateNumberOfMessages": "7", "ApproximateNumberOfMessagesNotVisible": "2" } }),
            "AmazonSQS.SendMessage" => {
                json!({ "MessageId": "m", "MD5OfMessageBody": "5eb63bbbe01eeed093cb22bb8f5acdc3" })
            }
            _ => json!({}),
        }
        .to_string(),
    )
}

#[tokio::test]
async fn messages_are_sent_received_and_deleted_by_the_address_of_their_queue() {
    let ((aws, noted), tally) = (ports(sqs).await, Tally::default());
    aws.send(&tally, "q", "hello world".into()).await.unwrap();
    let receive = Receive { most: 4, visibility: Duration::from_secs(20), wait: Duration::from_secs(5) };
    let received = aws.receive(&tally, "q", receive).await.unwrap();
    let seen: Vec<_> = received.iter().map(|one| (one.body.as_str(), one.count, one.sent_millis)).collect();
    assert_eq!(seen, [("text", 3, 1_700_000_000_123), ("other", 1, 0)]);
    aws.change_visibility(&tally, "q", "r1", Duration::from_secs(8)).await.unwrap();
    aws.delete(&tally, "q", &["r1".into()]).await.unwrap();
    assert_eq!(aws.counts(&tally, "q").await.unwrap(), Counts { visible: 7, in_flight: 2 });
    assert_eq!(tally.calls(), QueueCalls { sqs: 6, s3_puts: 0, s3_gets: 0 });
    let noted = noted.lock().unwrap();
    let calls: Vec<_> = noted.iter().map(|seen| seen.header("x-amz-target").trim_start_matches("AmazonSQS.")).collect();
    let expected = [
        "GetQueueUrl",
        "SendMessage",
        "ReceiveMessage",
        "ChangeMessageVisibility",
        "DeleteMessage",
        "GetQueueAttributes",
    ];
    assert_eq!(calls, expected, "the address is asked for once");
    let (sent, received, changed) = (noted[1].json(), noted[2].json(), noted[3].json());
    assert_eq!((&sent["QueueUrl"], &sent["MessageBody"]), (&json!("http://sqs/1/q"), &json!("hello world")));
    let asked = ["MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout"].map(|name| received[name].clone());
    assert_eq!(asked, [json!(4), json!(5), json!(20)]);
    assert_eq!(received["MessageSystemAttributeNames"], json!(["ApproximateReceiveCount", "SentTimestamp"]));
    assert_eq!((&changed["ReceiptHandle"], &changed["VisibilityTimeout"]), (&json!("r1"), &json!(8)));
}

#[tokio::test]
async fn an_error_names_call_and_code_and_the_address_of_a_queue_that_is_gone_is_asked_for_again() {
    let (aws, noted) = ports(|seen| match seen.header("x-amz-target") {
        "AmazonSQS.SendMessage" => {
            body(400, json!({ "__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "gone" }).to_string())
        }
        _ => sqs(seen),
    })
    .await;
    for _ in 0..2 {
        let failed = aws.send(&Tally::default(), "q", "x".into()).await.unwrap_err();
        assert_eq!((failed.call, failed.why.contains("QueueDoesNotExist: gone")), ("SendMessage", true), "{failed}");
    }
    let urls = noted.lock().unwrap().iter().filter(|seen| seen.header("x-amz-target").ends_with("GetQueueUrl")).count();
    assert_eq!(urls, 2);
}

#[tokio::test]
async fn several_are_deleted_by_one_call_and_one_that_was_refused_in_it_is_a_failure() {
    let (aws, noted) = ports(|seen| match seen.header("x-amz-target") {
        "AmazonSQS.DeleteMessageBatch" if seen.json()["Entries"].as_array().unwrap().len() == 2 => {
            body(200, json!({ "Successful": [{ "Id": "0" }, { "Id": "1" }], "Failed": [] }).to_string())
        }
        "AmazonSQS.DeleteMessageBatch" => {
            let refused = json!({ "Id": "1", "Code": "ReceiptHandleIsInvalid", "SenderFault": true });
            body(200, json!({ "Successful": [{ "Id": "0" }, { "Id": "2" }], "Failed": [refused] }).to_string())
        }
        _ => sqs(seen),
    })
    .await;
    aws.delete(&Tally::default(), "q", &["r1".into(), "r2".into()]).await.unwrap();
    let failed = aws.delete(&Tally::default(), "q", &["r1".into(), "r2".into(), "r3".into()]).await.unwrap_err();
    assert_eq!(failed.to_string(), "DeleteMessageBatch: ReceiptHandleIsInvalid: ");
    assert_eq!(noted.lock().unwrap()[1].json()["Entries"][1], json!({ "Id": "1", "ReceiptHandle": "r2" }));
}

#[tokio::test]
async fn objects_keep_type_and_metadata_and_the_bucket_is_in_the_path_of_an_address() {
    let (aws, noted) = ports(|seen| match seen.line.as_str() {
        "GET /clusterbench-b/out/micro/1?x-id=GetObject" => Response::builder()
            .header("content-type", "text/x-tea")
            .header("x-amz-meta-status", "404")
            .body(Body::from("tea"))
            .unwrap(),
        line if line.starts_with("GET") => body(404, "<Error><Code>NoSuchKey</Code><Message>none</Message></Error>"),
        _ => body(200, ""),
    })
    .await;
    let tally = Tally::default();
    let metadata = [("status".to_owned(), "404".to_owned())].into();
    let object = Object { body: Bytes::from("tea"), content_type: Some("text/x-tea".into()), metadata };
    aws.put(&tally, "out/micro/1", object.clone()).await.unwrap();
    assert_eq!(aws.get(&tally, "out/micro/1").await.unwrap(), Some(object.clone()));
    assert_eq!(aws.get(&tally, "out/micro/2").await.unwrap(), None);
    assert_eq!(aws.put_if_absent(&tally, "out/micro/1", object).await.unwrap(), Put::Done);
    assert_eq!(tally.calls(), QueueCalls { sqs: 0, s3_puts: 2, s3_gets: 2 });
    let noted = noted.lock().unwrap();
    let put = &noted[0];
    assert!(put.line.starts_with("PUT /clusterbench-b/out/micro/1"), "{}", put.line);
    let headers = ["content-type", "x-amz-meta-status", "if-none-match"].map(|name| put.header(name));
    assert_eq!((headers, &put.body[..]), (["text/x-tea", "404", ""], &b"tea"[..]));
    assert_eq!(noted[3].header("if-none-match"), "*");
}

#[tokio::test]
async fn a_412_says_that_there_is_one_and_everything_else_is_a_failure() {
    let (aws, _) = ports(|_| body(412, "<Error><Code>PreconditionFailed</Code></Error>")).await;
    assert_eq!(aws.put_if_absent(&Tally::default(), "k", Object::default()).await.unwrap(), Put::Exists);
    let (aws, _) =
        ports(|_| body(409, "<Error><Code>ConditionalRequestConflict</Code><Message>m</Message></Error>")).await;
    let failed = aws.put_if_absent(&Tally::default(), "k", Object::default()).await.unwrap_err();
    assert_eq!(failed.to_string(), "PutObject: ConditionalRequestConflict: m");
    let (aws, _) = ports(|_| body(503, "<Error><Code>SlowDown</Code><Message>m</Message></Error>")).await;
    let failed = aws.get(&Tally::default(), "k").await.unwrap_err();
    assert_eq!((failed.to_string().as_str(), failed.is_denied()), ("GetObject: SlowDown: m", false));
    let (aws, _) = ports(|_| body(403, "<Error><Code>AccessDenied</Code><Message>m</Message></Error>")).await;
    assert!(aws.get(&Tally::default(), "k").await.unwrap_err().is_denied());
}

#[tokio::test]
async fn every_attempt_is_counted_and_every_64_kib() {
    let retries = RetryConfig::standard().with_max_attempts(2).with_initial_backoff(Duration::from_millis(1));
    let fails_first: Says = |seen| match seen.header("amz-sdk-request") {
        first if first.starts_with("attempt=1") => body(500, ""),
        _ if seen.header("x-amz-target").is_empty() => body(200, ""),
        _ if seen.header("x-amz-target").ends_with("ReceiveMessage") => {
            let message = json!({ "MessageId": "m", "Body": "x".repeat(70_000), "ReceiptHandle": "r" });
            body(200, json!({ "Messages": [message.clone(), message] }).to_string())
        }
        _ if seen.header("x-amz-target").ends_with("SendMessage") => body(200, json!({ "MessageId": "m" }).to_string()),
        _ => sqs(seen),
    };
    let (aws, noted) = repeating(fails_first, retries).await;
    let calls = |of: &Tally| (of.calls().sqs, of.calls().s3_puts, of.calls().s3_gets);
    let send = Tally::default();
    aws.send(&send, "q", "x".repeat(100_000)).await.unwrap();
    assert_eq!(calls(&send), (2 + 2 * 2, 0, 0), "the address twice, and twice two parts of 64 KiB");
    let receive = Tally::default();
    let asked = Receive { most: 4, visibility: Duration::from_secs(20), wait: Duration::from_secs(5) };
    assert_eq!(aws.receive(&receive, "q", asked).await.unwrap().len(), 2);
    assert_eq!(calls(&receive), (2 + 2, 0, 0), "140,000 bytes are three parts, of which one was counted with the call");
    let objects = Tally::default();
    aws.put(&objects, "k", Object::default()).await.unwrap();
    aws.get(&objects, "k").await.unwrap();
    assert_eq!(calls(&objects), (0, 2, 2));
    assert_eq!(noted.lock().unwrap().len(), 2 + 2 + 2 + 4, "as many came");
}
