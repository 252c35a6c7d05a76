//! S3 at the lab's endpoint, byte by byte: what SDKs send and no command line does.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in tests a panic is the report")]

#[path = "support/cpu.rs"]
mod cpu;

use std::time::Duration;

use cloudsim::s3::{Algorithm, GetObject, PutObject};
use cloudsim::{Fault, Settings};
use cpu::cpu;
use data_encoding::BASE64;
use lab::region::{Region, RunningRegion};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const UNSIGNED: &str = "x-amz-content-sha256: UNSIGNED-PAYLOAD\r\n";

/// Status line, head in lower case, body.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

/// One request on a connection of its own, signed for this service.
async fn ask(region: &RunningRegion, service: &str, line: &str, headers: &str, body: &[u8]) -> Answer {
    let mut stream = TcpStream::connect(region.endpoint()).await.unwrap();
    let head = format!(
        "{line} HTTP/1.1\r\nHost: lab\r\nConnection: close\r\nContent-Length: {}\r\nAuthorization: AWS4-HMAC-SHA256 \
         Credential=lab/20261130/eu-west-1/{service}/aws4_request, SignedHeaders=host, Signature=0\r\n{headers}\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    if headers.contains("100-continue") {
        let mut interim = [0; 25];
        stream.read_exact(&mut interim).await.unwrap();
        assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    stream.write_all(body).await.unwrap();
    let mut bytes = Vec::new();
    stream.read_to_end(&mut bytes).await.unwrap();
    let text = String::from_utf8(bytes).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_ascii_lowercase(), body: body.to_owned() }
}

async fn s3(region: &RunningRegion, line: &str, headers: &str, body: &[u8]) -> Answer {
    ask(region, "s3", line, headers, body).await
}

async fn with_bucket() -> RunningRegion {
    let region = Region::start_for_tests(Settings::default()).await;
    let place =
        b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint></CreateBucketConfiguration>";
    let made = s3(&region, "PUT /some-bucket", UNSIGNED, place).await;
    assert_eq!((made.status, made.head.contains("location: /some-bucket")), (200, true), "{}", made.body);
    region
}

#[tokio::test]
async fn a_body_in_chunks_is_put_together_and_its_trailer_checked() {
    let region = with_bucket().await;
    let headers = "Content-Encoding: aws-chunked\r\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n\
                   x-amz-decoded-content-length: 9\r\nx-amz-trailer: x-amz-checksum-crc32\r\n\
                   x-amz-sdk-checksum-algorithm: CRC32\r\nExpect: 100-continue\r\n";
    let body = |crc: &str| format!("4\r\nWiki\r\n5\r\npedia\r\n0\r\nx-amz-checksum-crc32:{crc}\r\n\r\n");
    let wrong = s3(&region, "PUT /some-bucket/in/1", headers, body("AAAAAA==").as_bytes()).await;
    assert_eq!((wrong.status, wrong.body.contains("<Code>BadDigest</Code>")), (400, true), "{}", wrong.body);
    let crc = BASE64.encode(&Algorithm::Crc32.digest(b"Wikipedia"));
    let stored = s3(&region, "PUT /some-bucket/in/1", headers, body(&crc).as_bytes()).await;
    assert_eq!(stored.status, 200, "{}", stored.body);
    assert!(stored.head.contains(&format!("x-amz-checksum-crc32: {}", crc.to_ascii_lowercase())), "{}", stored.head);
    let got = s3(&region, "GET /some-bucket/in/1", UNSIGNED, b"").await;
    assert_eq!((got.status, got.body.as_str()), (200, "Wikipedia"));
    assert!(got.head.contains("content-type: binary/octet-stream"), "{}", got.head);
    assert!(!got.head.contains("content-encoding"), "the chunks were the transfer's: {}", got.head);
    let signed = "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\nx-amz-decoded-content-length: 3\r\n\
                  If-None-Match: *\r\n";
    let signature = "0".repeat(64);
    let body = format!("3;chunk-signature={signature}\r\nabc\r\n0;chunk-signature={signature}\r\n\r\n");
    let stored = s3(&region, "PUT /some-bucket/in/2", signed, body.as_bytes()).await;
    assert_eq!(stored.status, 200, "{}", stored.body);
    let again = s3(&region, "PUT /some-bucket/in/2", signed, body.as_bytes()).await;
    assert_eq!((again.status, again.body.contains("<Code>PreconditionFailed</Code>")), (412, true), "{}", again.body);
}

#[tokio::test]
async fn a_head_tells_the_length_and_sends_nothing() {
    let region = with_bucket().await;
    s3(&region, "PUT /some-bucket/a", UNSIGNED, b"hello").await;
    let head = s3(&region, "HEAD /some-bucket/a", UNSIGNED, b"").await;
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert!(
        head.head.contains("content-length: 5") && head.head.contains("etag: \"5d41402abc4b2a76b9719d911017c592\"")
    );
    let none = s3(&region, "HEAD /some-bucket/none", UNSIGNED, b"").await;
    assert_eq!((none.status, none.body.as_str()), (404, ""));
    s3(&region, "PUT /some-bucket/empty", UNSIGNED, b"").await;
    let empty = s3(&region, "GET /some-bucket/empty", UNSIGNED, b"").await;
    assert_eq!((empty.status, empty.body.as_str(), empty.head.matches("content-length: 0").count()), (200, "", 1));
}

#[tokio::test]
async fn methods_of_s3_are_for_s3_and_its_documents_carry_checksums() {
    let region = with_bucket().await;
    assert_eq!(ask(&region, "ec2", "PUT /", "", b"").await.status, 405);
    assert_eq!(ask(&region, "ec2", "DELETE /", "", b"").await.status, 405);
    let delete = b"<Delete><Object><Key>none</Key></Object><Quiet>true</Quiet></Delete>";
    let without = s3(&region, "POST /some-bucket?delete", UNSIGNED, delete).await;
    assert_eq!((without.status, without.body.contains("<Code>InvalidRequest</Code>")), (400, true), "{}", without.body);
    let md5 = BASE64.encode(&Algorithm::Md5.digest(delete));
    let quiet = s3(&region, "POST /some-bucket?delete", &format!("{UNSIGNED}Content-MD5: {md5}\r\n"), delete).await;
    assert_eq!((quiet.status, quiet.body.contains("<Deleted>")), (200, false), "{}", quiet.body);
    let unsigned = s3(&region, "PUT /some-bucket/a", "", b"").await;
    assert!(unsigned.status == 400 && unsigned.body.contains("x-amz-content-sha256"), "{}", unsigned.body);
    let wrong = s3(&region, "PUT /some-bucket/a", &format!("x-amz-content-sha256: {}\r\n", "0".repeat(64)), b"a").await;
    assert!(wrong.body.contains("<Code>XAmzContentSHA256Mismatch</Code>"), "{}", wrong.body);
    assert_eq!(region.audit().objects, 0);
}

#[tokio::test]
async fn keys_of_any_letters_go_through_a_list_and_back() {
    let region = with_bucket().await;
    for key in ["a%20b", "a%2Bb", "%C3%BC", "x/%3Cy%3E&z"] {
        assert_eq!(s3(&region, &format!("PUT /some-bucket/{key}"), UNSIGNED, b"1").await.status, 200, "{key}");
    }
    let plain = s3(&region, "GET /some-bucket?list-type=2", UNSIGNED, b"").await;
    for key in ["a b", "a+b", "\u{fc}", "x/&lt;y&gt;&amp;z"] {
        assert!(plain.body.contains(&format!("<Key>{key}</Key>")), "{key}: {}", plain.body);
    }
    let coded = s3(&region, "GET /some-bucket?list-type=2&encoding-type=url&delimiter=%2F", UNSIGNED, b"").await;
    assert!(coded.body.contains("<Key>a%20b</Key>") && coded.body.contains("<Key>a%2Bb</Key>"), "{}", coded.body);
    assert!(coded.body.contains("<CommonPrefixes><Prefix>x/</Prefix></CommonPrefixes>"), "{}", coded.body);
}

#[tokio::test]
async fn an_answer_that_is_lost_took_effect() {
    let region = with_bucket().await;
    region.sim().lock().inject_next(cloudsim::s3::Action::PutObject, Fault::LostAnswer);
    let mut stream = TcpStream::connect(region.endpoint()).await.unwrap();
    let request = "PUT /some-bucket/a HTTP/1.1\r\nHost: lab\r\nContent-Length: 2\r\nAuthorization: AWS4-HMAC-SHA256 \
                   Credential=lab/20261130/eu-west-1/s3/aws4_request\r\nx-amz-content-sha256: UNSIGNED-PAYLOAD\r\n\r\nhi";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut bytes = Vec::new();
    let _ended = stream.read_to_end(&mut bytes).await;
    assert_eq!(String::from_utf8(bytes).unwrap(), "");
    let request = GetObject { bucket: "some-bucket".into(), key: "a".into(), ..GetObject::default() };
    let now = region.sim().now();
    assert_eq!(region.sim().lock().s3(now).get_object(&request).unwrap().object.body.size(), 2);
    // And what the simulation was given in process is served too.
    let body = cloudsim::s3::Body::in_memory(b"planted".to_vec(), &[]);
    let put = PutObject {
        bucket: "some-bucket".into(),
        key: "b".into(),
        body,
        claims: Vec::new(),
        only_new: false,
        expected_owner: None,
        headers: Default::default(),
    };
    region.sim().lock().s3(now).put_object(put).unwrap();
    assert_eq!(s3(&region, "GET /some-bucket/b", UNSIGNED, b"").await.body, "planted");
}

/// A core takes a thousand objects of 16 KiB a second in an optimised build; here client and server share one, neither is optimised,
/// and each request has a connection of its own.
#[tokio::test]
async fn an_object_takes_less_than_a_millisecond_of_a_core() {
    const OBJECTS: u32 = 300;
    let (region, object) = (with_bucket().await, vec![b'x'; 16 << 10]);
    let began = cpu();
    for number in 0..OBJECTS {
        let put = s3(&region, &format!("PUT /some-bucket/{number}"), UNSIGNED, &object).await;
        assert_eq!(put.status, 200, "{}", put.body);
    }
    let each = (cpu() - began) / OBJECTS;
    println!("{} us of a core for each object", each.as_micros());
    assert!(each < Duration::from_millis(1), "{each:?}");
}
