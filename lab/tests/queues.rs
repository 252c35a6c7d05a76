//! SQS at the endpoint: envelopes, receives that wait, and the official command line.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in tests a panic is the report")]

#[path = "support/cpu.rs"]
mod cpu;

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::{Duration, Instant};

use cloudsim::sqs::{Action, Counts, CreateQueue, ReceiveMessage};
use cloudsim::{Fault, Queues, Settings, Span};
use cpu::cpu;
use lab::aws::{ACCESS_KEY, OPERATOR_ACCESS_KEY, SECRET_KEY};
use lab::region::{Region, RunningRegion};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;

/// Longer than anything here takes on a slow machine, and shorter than the longest wait of a receive.
const PATIENCE: Duration = Duration::from_secs(15);
const LONGEST_WAIT: u32 = 20;

/// A region whose queues are there and gone at once.
async fn region() -> RunningRegion {
    let queues = Queues { creation: Span::NONE, deletion: Span::NONE, purge: Span::NONE, ..Queues::default() };
    Region::start_for_tests(Settings { queues, ..Settings::default() }).await
}

fn create(region: &RunningRegion, name: &str) -> String {
    let sim = region.sim();
    let request = CreateQueue { name: name.into(), ..CreateQueue::default() };
    sim.lock().sqs(sim.now()).create_queue(&request).unwrap();
    format!("http://{}/000000000000/{name}", region.endpoint())
}

fn counts(region: &RunningRegion) -> Counts {
    let sim = region.sim();
    let sim = sim.lock();
    let number = sim.truth().sqs.live_queues()[0].number;
    sim.truth().sqs.messages(number).unwrap()
}

fn calls(region: &RunningRegion, action: Action) -> u64 {
    region.audit().calls.get(&action.into()).copied().unwrap_or(0)
}

/// Waits until it is so.
async fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not yet: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

fn request(to: SocketAddr, key: &str, action: &str, body: &str) -> String {
    format!(
        "POST / HTTP/1.1\r\nhost: {to}\r\nx-amz-target: AmazonSQS.{action}\r\ncontent-type: application/x-amz-json-1.0\r\n\
         x-amzn-query-mode: true\r\nauthorization: AWS4-HMAC-SHA256 Credential={key}/20261130/eu-west-1/sqs/aws4_request, \
         SignedHeaders=host, Signature=00\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// Reads one answer: its head, and its document. `None` when the connection ends instead.
async fn answer(stream: &mut TcpStream) -> Option<(String, Value)> {
    let mut read = Vec::new();
    loop {
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&read[..end]).into_owned();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let whole = end + 4 + length.parse::<usize>().unwrap();
            if read.len() >= whole {
                return Some((head, serde_json::from_slice(&read[end + 4..whole]).unwrap()));
            }
        }
        if stream.read_buf(&mut read).await.unwrap_or(0) == 0 {
            return None;
        }
    }
}

async fn call_as(key: &str, to: SocketAddr, action: &str, body: &Value) -> Option<(String, Value)> {
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.write_all(request(to, key, action, &body.to_string()).as_bytes()).await.unwrap();
    answer(&mut stream).await
}

/// The document of a good answer.
async fn ok(to: SocketAddr, action: &str, body: Value) -> Value {
    let (head, document) = call_as(ACCESS_KEY, to, action, &body).await.unwrap();
    assert!(head.starts_with("HTTP/1.1 200 "), "{action}: {head} {document}");
    document
}

#[tokio::test]
async fn errors_say_both_codes_and_urls_the_host() {
    let region = region().await;
    let to = region.endpoint();
    let made = ok(to, "CreateQueue", json!({ "QueueName": "a", "tags": { "owner": "us" } })).await;
    let url = format!("http://{to}/000000000000/a");
    assert_eq!(made, json!({ "QueueUrl": url }));
    assert_eq!(ok(to, "ListQueueTags", made.clone()).await, json!({ "Tags": { "owner": "us" } }));
    assert_eq!(ok(to, "GetQueueUrl", json!({ "QueueName": "a" })).await, made);
    let missing = json!({ "QueueUrl": url.replace("/a", "/b"), "MessageBody": "m" });
    let rows = [
        (
            "SendMessage",
            missing,
            "400",
            "AWS.SimpleQueueService.NonExistentQueue",
            "com.amazonaws.sqs#QueueDoesNotExist",
        ),
        (
            "CreateQueue",
            json!({ "QueueName": "a", "Attributes": { "DelaySeconds": "1" } }),
            "400",
            "QueueAlreadyExists",
            "com.amazonaws.sqs#QueueNameExists",
        ),
        (
            "DeleteMessage",
            json!({ "QueueUrl": url, "ReceiptHandle": "x" }),
            "404",
            "ReceiptHandleIsInvalid",
            "ReceiptHandleIsInvalid",
        ),
        (
            "SendMessage",
            json!({ "QueueUrl": url, "MessageBody": "m", "MessageAttributes": { "a": { "DataType": "String" } } }),
            "400",
            "UnsupportedOperation",
            "UnsupportedOperation",
        ),
        ("SendMessage", json!({ "QueueUrl": url }), "400", "MissingParameter", "MissingParameter"),
        ("DeleteQueue", json!({ "QueueUrl": "a" }), "404", "InvalidAddress", "InvalidAddress"),
        ("AddPermission", json!({ "QueueUrl": url }), "400", "InvalidAction", "InvalidAction"),
    ];
    for (action, body, status, code, shape) in rows {
        let (head, document) = call_as(ACCESS_KEY, to, action, &body).await.unwrap();
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{action}: {head}");
        assert!(head.contains(&format!("x-amzn-query-error: {code};Sender")), "{action}: {head}");
        assert_eq!(document["__type"], shape, "{action}: {document}");
    }
    let (head, _) = call_as(OPERATOR_ACCESS_KEY, to, "DeleteQueue", &json!({ "QueueUrl": url })).await.unwrap();
    assert!(head.contains("x-amzn-query-error: AccessDenied;Sender"), "{head}");
    let (head, _) = call_as("AKIASTRANGER", to, "ListQueues", &json!({})).await.unwrap();
    assert!(head.contains("x-amzn-query-error: InvalidClientTokenId;Sender"), "{head}");
    assert_eq!(region.audit().queues, 1);
}

#[tokio::test]
async fn a_message_comes_as_it_was_sent() {
    let region = region().await;
    let (to, url) = (region.endpoint(), create(&region, "q"));
    // 1 MiB, of which every character is longer in JSON.
    let body = "\"".repeat((1 << 20) - 2) + "ü";
    let sent = ok(to, "SendMessage", json!({ "QueueUrl": url, "MessageBody": body })).await;
    let names = ["All"];
    let got = ok(to, "ReceiveMessage", json!({ "QueueUrl": url, "MessageSystemAttributeNames": names })).await;
    let message = &got["Messages"][0];
    assert!(message["Body"] == body.as_str() && message["MessageId"] == sent["MessageId"]);
    assert_eq!(message["MD5OfBody"], sent["MD5OfMessageBody"]);
    assert_eq!(message["Attributes"]["ApproximateReceiveCount"], "1");
    let small = ok(to, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "This is a test message" })).await;
    assert_eq!(small["MD5OfMessageBody"], "fafb00f5732ab283681e124bf8747ed1");
    let entries = json!([{ "Id": "a", "MessageBody": "1" }, { "Id": "b", "MessageBody": "\u{1}" }]);
    let batch = ok(to, "SendMessageBatch", json!({ "QueueUrl": url, "Entries": entries })).await;
    assert_eq!(
        (&batch["Successful"][0]["Id"], &batch["Failed"][0]["Code"]),
        (&json!("a"), &json!("InvalidMessageContents"))
    );
    assert_eq!(batch["Failed"][0]["SenderFault"], true);
}

#[tokio::test]
async fn a_receive_that_waits_is_woken_by_what_is_sent() {
    let region = region().await;
    let (to, url) = (region.endpoint(), create(&region, "q"));
    let began = Instant::now();
    let waiting = json!({ "QueueUrl": url, "WaitTimeSeconds": LONGEST_WAIT, "VisibilityTimeout": 1 });
    let receive = tokio::spawn(async move { ok(to, "ReceiveMessage", waiting).await });
    until("it waits", || calls(&region, Action::ReceiveMessage) == 1).await;
    ok(to, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "work" })).await;
    assert_eq!(receive.await.unwrap()["Messages"][0]["Body"], "work");
    // And by one that becomes visible again.
    let again = ok(to, "ReceiveMessage", json!({ "QueueUrl": url, "WaitTimeSeconds": LONGEST_WAIT })).await;
    assert_eq!(again["Messages"][0]["Body"], "work");
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    let began = Instant::now();
    let nothing = ok(to, "ReceiveMessage", json!({ "QueueUrl": url, "WaitTimeSeconds": 1 })).await;
    assert_eq!(nothing, json!({}));
    assert!(began.elapsed() >= Duration::from_secs(1), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_receive_whose_caller_is_gone_hides_the_next_message() {
    let region = region().await;
    let (to, url) = (region.endpoint(), create(&region, "q"));
    let mut stream = TcpStream::connect(to).await.unwrap();
    let waiting = json!({ "QueueUrl": url, "WaitTimeSeconds": LONGEST_WAIT }).to_string();
    stream.write_all(request(to, ACCESS_KEY, "ReceiveMessage", &waiting).as_bytes()).await.unwrap();
    until("it waits", || calls(&region, Action::ReceiveMessage) == 1).await;
    drop(stream);
    ok(to, "SendMessage", json!({ "QueueUrl": url, "MessageBody": "work" })).await;
    until("it is in flight", || counts(&region).in_flight == 1).await;
    assert_eq!(ok(to, "ReceiveMessage", json!({ "QueueUrl": url })).await, json!({}));
}

#[tokio::test]
async fn faults_of_messages_reach_the_wire() {
    let region = region().await;
    let (to, url) = (region.endpoint(), create(&region, "q"));
    let send = json!({ "QueueUrl": url, "MessageBody": "work" });
    for (fault, sent) in [(Fault::LostRequest, 0), (Fault::LostAnswer, 1)] {
        region.sim().lock().inject_next(Action::SendMessage, fault);
        assert_eq!(call_as(ACCESS_KEY, to, "SendMessage", &send).await, None, "{fault:?}");
        assert_eq!(counts(&region).visible, sent, "{fault:?}");
    }
    region.sim().lock().inject_next(Action::SendMessage, Fault::Throttled);
    let (head, document) = call_as(ACCESS_KEY, to, "SendMessage", &send).await.unwrap();
    assert!(head.contains("x-amzn-query-error: RequestThrottled;Sender"), "{head} {document}");
    let received = {
        let sim = region.sim();
        let now = sim.now();
        sim.lock().sqs(now).receive_message("q", &ReceiveMessage::default()).unwrap()
    };
    assert_eq!(received.len(), 1, "what was sent unheard");
}

/// A core carries a thousand calls a second in an optimised build; here client and server share one, and neither is optimised.
#[tokio::test]
async fn a_call_takes_less_than_a_millisecond_of_a_core() {
    const ROUNDS: u32 = 300;
    let region = region().await;
    let (to, url) = (region.endpoint(), create(&region, "q"));
    let mut stream = TcpStream::connect(to).await.unwrap();
    stream.set_nodelay(true).unwrap();
    let began = cpu();
    for _ in 0..ROUNDS {
        let mut handle = String::new();
        for action in ["SendMessage", "ReceiveMessage", "DeleteMessage"] {
            let body = match action {
                "SendMessage" => json!({ "QueueUrl": url, "MessageBody": "x".repeat(1_000) }),
                "ReceiveMessage" => json!({ "QueueUrl": url, "WaitTimeSeconds": 5 }),
                _ => json!({ "QueueUrl": url, "ReceiptHandle": handle }),
            };
            stream.write_all(request(to, ACCESS_KEY, action, &body.to_string()).as_bytes()).await.unwrap();
            let (_, document) = answer(&mut stream).await.unwrap();
            handle = document["Messages"][0]["ReceiptHandle"].as_str().unwrap_or_default().to_owned();
        }
    }
    let each = (cpu() - began) / (3 * ROUNDS);
    println!("{} us of a core for each call", each.as_micros());
    assert!(each < Duration::from_millis(1), "{each:?}");
    assert_eq!(counts(&region), Counts::default());
}

/// `None`: the official command line is not here.
async fn aws(region: &RunningRegion, words: &str) -> Option<std::process::Output> {
    let command = Command::new("aws")
        .args(["--endpoint-url", &format!("http://{}", region.endpoint()), "--output", "json", "sqs"])
        .args(words.split_whitespace())
        .env_remove("AWS_PROFILE")
        .env_remove("AWS_SESSION_TOKEN")
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        .env("AWS_ACCESS_KEY_ID", ACCESS_KEY)
        .env("AWS_SECRET_ACCESS_KEY", SECRET_KEY)
        .env("AWS_REGION", "eu-west-1")
        .env("AWS_DEFAULT_REGION", "eu-west-1")
        .env("AWS_MAX_ATTEMPTS", "1")
        .env("AWS_PAGER", "")
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    match command.await {
        Ok(output) => Some(output),
        Err(_) => {
            eprintln!("SKIPPED: there is no aws command line on PATH (pip install awscli)");
            None
        }
    }
}

/// What the command line prints; where it fails, the code that it names.
async fn said(region: &RunningRegion, words: &str) -> Option<Value> {
    let output = aws(region, words).await?;
    if output.status.success() {
        return Some(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null));
    }
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    let code = errors.split_once("An error occurred (").and_then(|(_, rest)| rest.split_once(')'));
    Some(json!({ "code": code.map_or(errors.as_str(), |(code, _)| code) }))
}

#[tokio::test]
async fn the_command_line_makes_fills_empties_and_deletes_a_queue() {
    let region = region().await;
    let Some(made) =
        said(&region, "create-queue --queue-name a --attributes VisibilityTimeout=20 --tags owner=us,team=bench").await
    else {
        return;
    };
    let url = made["QueueUrl"].as_str().unwrap().to_owned();
    let run = async |words: &str| said(&region, &format!("{words} --queue-url {url}")).await.unwrap();
    assert_eq!(said(&region, "list-queues --queue-name-prefix a").await.unwrap(), json!({ "QueueUrls": [url] }));
    assert_eq!(run("list-queue-tags").await, json!({ "Tags": { "owner": "us", "team": "bench" } }));
    run("tag-queue --tags team=other").await;
    run("untag-queue --tag-keys owner").await;
    assert_eq!(run("list-queue-tags").await, json!({ "Tags": { "team": "other" } }));
    let sent = run("send-message --message-body hello").await;
    assert_eq!(sent["MD5OfMessageBody"], "5d41402abc4b2a76b9719d911017c592");
    let counted = run("get-queue-attributes --attribute-names ApproximateNumberOfMessages VisibilityTimeout").await;
    assert_eq!(counted["Attributes"], json!({ "ApproximateNumberOfMessages": "1", "VisibilityTimeout": "20" }));
    let received = run("receive-message --wait-time-seconds 5 --attribute-names All").await;
    let handle = received["Messages"][0]["ReceiptHandle"].as_str().unwrap().to_owned();
    assert_eq!(received["Messages"][0]["Attributes"]["ApproximateReceiveCount"], "1");
    let hide = format!("change-message-visibility --visibility-timeout 30 --receipt-handle {handle}");
    assert_eq!(run(&hide).await, Value::Null);
    assert_eq!(run(&format!("delete-message --receipt-handle {handle}")).await, Value::Null);
    assert_eq!(run(&hide).await["code"], "InvalidParameterValue");
    assert_eq!(run("purge-queue").await, Value::Null);
    assert_eq!(run("purge-queue").await["code"], "AWS.SimpleQueueService.PurgeQueueInProgress");
    assert_eq!(run("delete-queue").await, Value::Null);
    assert_eq!(run("receive-message").await["code"], "AWS.SimpleQueueService.NonExistentQueue");
    let again = said(&region, "create-queue --queue-name a").await.unwrap();
    assert_eq!(again["code"], "AWS.SimpleQueueService.QueueDeletedRecently");
    let unknown = said(&region, "get-queue-url --queue-name none").await.unwrap();
    assert_eq!(unknown["code"], "AWS.SimpleQueueService.NonExistentQueue");
}
