//! The endpoint on the wire: envelopes, refusals, and faults as a client meets them.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "in tests a panic is the report")]

use std::net::SocketAddr;

use cloudsim::ec2::Action;
use cloudsim::{EndpointFaults, Fault, Settings, Span, Unavailable};
use lab::region::Region;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

const CREDENTIAL: &str = "AWS4-HMAC-SHA256 Credential=lab/20261123/eu-west-1/ec2/aws4_request, \
                          SignedHeaders=host;x-amz-date, Signature=00";

/// Status line, headers and body as text. Nothing at all when the connection ended.
async fn post(to: SocketAddr, authorization: &str, form: &str) -> String {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {to}\r\nauthorization: {authorization}\r\nconnection: close\r\n\
         content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    // A connection that is reset has answered nothing either.
    let _ = stream.read_to_string(&mut answer).await;
    answer
}

async fn call(to: SocketAddr, form: &str) -> String {
    post(to, CREDENTIAL, &format!("Version=2016-11-15&{form}")).await
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or_default()
}

fn code(answer: &str) -> &str {
    let after = answer.split_once("<Code>").map_or("", |(_, after)| after);
    after.split_once("</Code>").map_or("", |(code, _)| code)
}

#[tokio::test]
async fn answers_have_their_envelopes() {
    let region = Region::start_for_tests(Settings::default()).await;
    let answer = call(region.endpoint(), "Action=DescribeVpcs").await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let id = head.lines().find_map(|line| line.strip_prefix("x-amzn-requestid: ")).unwrap();
    assert!(head.contains("content-type: text/xml"), "{head}");
    let start = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeVpcsResponse \
         xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{id}</requestId><vpcSet><item><vpcId>vpc-"
    );
    assert!(body.starts_with(&start) && body.ends_with("</DescribeVpcsResponse>"), "{body}");
    let sts = CREDENTIAL.replace("/ec2/", "/sts/");
    let answer = post(region.endpoint(), &sts, "Action=GetCallerIdentity&Version=2011-06-15").await;
    assert!(answer.contains("<GetCallerIdentityResult><Arn>arn:aws:iam::000000000000:user/lab</Arn>"), "{answer}");
    assert!(answer.contains("xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\""));
}

#[tokio::test]
async fn a_presigned_request_is_served_by_the_scope_in_its_query() {
    let region = Region::start_for_tests(Settings::default()).await;
    let mut stream = TcpStream::connect(region.endpoint()).await.unwrap();
    let query = "Action=GetCallerIdentity&Version=2011-06-15&X-Amz-Algorithm=AWS4-HMAC-SHA256\
                 &X-Amz-Credential=operator%2F20261123%2Feu-west-1%2Fsts%2Faws4_request&X-Amz-Date=20261123T000000Z\
                 &X-Amz-Expires=60&X-Amz-SignedHeaders=host&X-Amz-Signature=00";
    let request = format!("GET /?{query} HTTP/1.1\r\nhost: lab\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.contains("user/operator</Arn>"), "{answer}");
}

#[tokio::test]
async fn wrong_requests_are_refused_with_their_code() {
    let region = Region::start_for_tests(Settings::default()).await;
    let to = region.endpoint();
    let rows = [
        ("Action=DescribeVpcs&Colour=red", "400", "UnknownParameter"),
        ("Action=DescribeVpcs&Filter.1.Name=vpc-id&Filter.1.Value.1=x&Filter.1.Colour=red", "400", "UnknownParameter"),
        ("Action=MakeCoffee", "400", "InvalidAction"),
        ("Action=TerminateInstances", "400", "MissingParameter"),
        ("Action=RunInstances&ImageId=ami-0&MinCount=x&MaxCount=1", "400", "InvalidParameterValue"),
        ("Action=RunInstances&ImageId=ami-0&MinCount=1&MaxCount=1&UserData=%21", "400", "InvalidUserData.Malformed"),
        ("Action=TerminateInstances&InstanceId.1=i-0&DryRun=true", "412", "DryRunOperation"),
        ("Action=StartInstances&InstanceId.1=i-0&DryRun=true", "412", "DryRunOperation"),
        ("Action=StopInstances&InstanceId.1=i-0&DryRun=true", "412", "DryRunOperation"),
        ("Action=StartInstances", "400", "MissingParameter"),
        ("Action=StopInstances&InstanceId.1=i-0", "400", "InvalidInstanceID.NotFound"),
        ("Action=StopInstances&InstanceId.1=i-0&Hibernate=true", "400", "UnsupportedOperation"),
        ("Action=StopInstances&InstanceId.1=i-0&Force=true", "400", "UnsupportedOperation"),
        ("Action=StopInstances&InstanceId.1=i-0&SkipOsShutdown=true", "400", "UnsupportedOperation"),
        ("Action=GetConsoleOutput&InstanceId=i-0", "400", "InvalidInstanceID.NotFound"),
    ];
    for (form, expected_status, expected_code) in rows {
        let answer = call(to, form).await;
        assert_eq!((status(&answer), code(&answer)), (expected_status, expected_code), "{form}: {answer}");
    }
    let answer = post(to, CREDENTIAL, "Action=DescribeVpcs&Version=1999-01-01").await;
    assert_eq!(code(&answer), "NoSuchVersion");
    for (authorization, expected) in [
        ("", "MissingAuthenticationToken"),
        ("Basic bGFiOmxhYg==", "MissingAuthenticationToken"),
        (&CREDENTIAL.replace("lab/", "AKIA/"), "AuthFailure"),
        (&CREDENTIAL.replace("eu-west-1", "us-east-1"), "SignatureDoesNotMatch"),
        (&CREDENTIAL.replace("/ec2/", "/mgn/"), "SignatureDoesNotMatch"),
        // Names of actions repeat between services: the scope says whose this one is.
        (&CREDENTIAL.replace("/ec2/", "/sts/"), "NoSuchVersion"),
    ] {
        let answer = post(to, authorization, "Action=DescribeVpcs&Version=2016-11-15").await;
        assert_eq!(code(&answer), expected, "{authorization}");
    }
    assert_eq!(region.audit().launched, 0);
}

#[tokio::test]
async fn faults_reach_the_wire() {
    let region = Region::start_for_tests(Settings { boot: Span::NONE, ..Settings::default() }).await;
    let run = |token: &str| {
        format!(
            "Action=RunInstances&ImageId=ami-0a120230000000861&InstanceType=t3.micro&MinCount=2&MaxCount=2&\
             SubnetId=subnet-0de0fa170000000a0&ClientToken={token}"
        )
    };
    let script = |fault| region.sim().lock().inject_next(Action::RunInstances, fault);
    let launched = || region.audit().launched;

    script(Fault::LostAnswer);
    assert_eq!(call(region.endpoint(), &run("a")).await, "", "the connection ends without a byte");
    assert_eq!(launched(), 2, "and it happened");

    script(Fault::LostRequest);
    assert_eq!(call(region.endpoint(), &run("b")).await, "");
    assert_eq!(launched(), 2);

    script(Fault::Truncated);
    let cut = call(region.endpoint(), &run("c")).await;
    let (head, body) = cut.split_once("\r\n\r\n").unwrap();
    assert_eq!((status(head), launched()), ("200", 4));
    assert!(head.contains(&format!("content-length: {}", body.len())), "nothing in the head gives it away");
    assert!(!body.contains("</RunInstancesResponse>"));

    script(Fault::Throttled);
    let throttled = call(region.endpoint(), &run("d")).await;
    assert_eq!((status(&throttled), code(&throttled)), ("503", "RequestLimitExceeded"));

    region.sim().lock().set_capacity("t3.micro", "eu-west-1a", Some(4));
    let full = call(region.endpoint(), &run("e")).await;
    assert_eq!((status(&full), code(&full)), ("500", "InsufficientInstanceCapacity"));
    assert_eq!(launched(), 4);
}

#[tokio::test]
async fn texts_survive_the_xml() {
    let region = Region::start_for_tests(Settings::default()).await;
    let form = "Action=CreateSecurityGroup&GroupName=g&GroupDescription=d&TagSpecification.1.ResourceType=security-group\
                &TagSpecification.1.Tag.1.Key=a%3Cb&TagSpecification.1.Tag.1.Value=%26%20%22%3E%20%C3%A9";
    assert_eq!(status(&call(region.endpoint(), form).await), "200");
    let listed =
        call(region.endpoint(), "Action=DescribeSecurityGroups&Filter.1.Name=tag-key&Filter.1.Value.1=a%3Cb").await;
    assert!(listed.contains("<key>a&lt;b</key><value>&amp; \"&gt; é</value>"), "{listed}");
}

/// What a client reads until the connection ends, and how it ends.
async fn raw(to: SocketAddr, form: &str) -> (String, std::io::Result<()>) {
    let mut stream = TcpStream::connect(to).await.unwrap();
    let form = format!("Version=2016-11-15&{form}");
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {to}\r\nauthorization: {CREDENTIAL}\r\ncontent-length: {}\r\n\r\n{form}",
        form.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer).await.map(drop);
    (String::from_utf8(answer).unwrap(), ended)
}

#[tokio::test]
async fn the_network_before_and_behind_ec2_reaches_the_wire() {
    let region = Region::start_for_tests(Settings { boot: Span::NONE, ..Settings::default() }).await;
    let to = region.endpoint();
    let set = |endpoint| {
        let sim = region.sim();
        let settings = sim.lock().settings().clone();
        sim.lock().set_settings(Settings { endpoint, ..settings });
    };
    let run = "Action=RunInstances&ImageId=ami-0a120230000000861&InstanceType=t3.micro&MinCount=2&MaxCount=2&\
               SubnetId=subnet-0de0fa170000000a0&ClientToken=";

    set(EndpointFaults { unavailable: Unavailable::ForGood, ..EndpointFaults::default() });
    let answer = call(to, &format!("{run}a")).await;
    assert_eq!((status(&answer), code(&answer), region.audit().launched), ("503", "", 0), "{answer}");
    assert!(!answer.contains("<?xml") && !answer.contains("x-amzn-requestid"), "not EC2's own words: {answer}");

    set(EndpointFaults { reset: 1000, ..EndpointFaults::default() });
    let (answer, ended) = raw(to, &format!("{run}a")).await;
    assert_eq!((answer.as_str(), region.audit().launched), ("", 0));
    assert_eq!(ended.unwrap_err().kind(), std::io::ErrorKind::ConnectionReset);

    set(EndpointFaults { cut: 1000, ..EndpointFaults::default() });
    let (answer, _) = raw(to, &format!("{run}a")).await;
    let promised = answer.lines().find_map(|line| line.strip_prefix("content-length: ")).map(|length| length.parse());
    // The head itself may be lost with the body that it came with.
    if let Some(promised) = promised {
        let body = answer.split_once("\r\n\r\n").unwrap().1;
        assert!(body.len() < promised.unwrap(), "{answer}");
    }
    assert_eq!(region.audit().launched, 2, "it happened");

    set(EndpointFaults::default());
    assert_eq!(status(&call(to, &format!("{run}a")).await), "200");
    assert_eq!(region.audit().launched, 2);
}

/// The Price List speaks JSON 1.1 and is signed for in the region of its endpoint (botocore's model `pricing`).
#[tokio::test]
async fn the_price_list_is_json_whose_products_are_texts() {
    let region = Region::start_for_tests(Settings::default()).await;
    let ask = async |at: &str, action: &str, body: &str| {
        let mut stream = TcpStream::connect(region.endpoint()).await.unwrap();
        let credential = CREDENTIAL.replace("/eu-west-1/ec2/", &format!("/{at}/pricing/"));
        let head = format!(
            "POST / HTTP/1.1\r\nhost: lab\r\nauthorization: {credential}\r\nconnection: close\r\n\
             x-amz-target: AWSPriceListService.{action}\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    const ONE: &str = r#"{"ServiceCode": "AmazonEC2", "MaxResults": 1, "Filters": [
        {"Type": "TERM_MATCH", "Field": "instanceType", "Value": "c7g.large"}]}"#;
    for at in ["eu-central-1", "eu-west-1"] {
        let answer = ask(at, "GetProducts", ONE).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("application/x-amz-json-1.1"), "{answer}");
        let body: serde_json::Value = serde_json::from_str(answer.split_once("\r\n\r\n").unwrap().1).unwrap();
        let product: serde_json::Value = serde_json::from_str(body["PriceList"][0].as_str().unwrap()).unwrap();
        assert_eq!(product["product"]["attributes"]["instanceType"], "c7g.large", "{product}");
        assert!(body["NextToken"].is_string(), "there are more products than one: {body}");
    }
    let contains = ONE.replace("TERM_MATCH", "CONTAINS");
    for (at, action, body, code) in [
        ("us-east-1", "GetProducts", ONE, "SignatureDoesNotMatch"),
        ("eu-central-1", "GetProducts", &contains, "UnsupportedOperation"),
        ("eu-central-1", "GetProducts", "{}", "MissingParameter"),
        ("eu-central-1", "GetProducts", r#"{"ServiceCode": "AmazonTea"}"#, "NotFoundException"),
        ("eu-central-1", "GetProducts", "{", "SerializationException"),
        ("eu-central-1", "DescribeServices", "{}", "InvalidAction"),
    ] {
        let answer = ask(at, action, body).await;
        assert!(!answer.starts_with("HTTP/1.1 200") && answer.contains(&format!("\"__type\":\"{code}\"")), "{answer}");
    }
}

/// CloudWatch speaks CBOR and JSON (Smithy, "RPC v2 CBOR protocol" and "AWS JSON 1.0 protocol").
#[tokio::test]
async fn cloudwatch_answers_in_the_protocol_that_it_is_asked_in() {
    let region = Region::start_for_tests(Settings::default()).await;
    let ask = async |path: &str, protocol: &str, body: &[u8]| {
        let mut stream = TcpStream::connect(region.endpoint()).await.unwrap();
        let credential = CREDENTIAL.replace("/ec2/", "/monitoring/");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: lab\r\nauthorization: {credential}\r\nconnection: close\r\n{protocol}\r\n\
             content-length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    const PATH: &str = "/service/GraniteServiceVersion20100801/operation/ListMetrics";
    const CBOR: &str = "smithy-protocol: rpc-v2-cbor";
    const JSON: &str = "x-amz-target: GraniteServiceVersion20100801.ListMetrics";
    // An empty map in each.
    let answer = ask(PATH, CBOR, b"\xa0").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("smithy-protocol: rpc-v2-cbor"), "{answer}");
    assert!(answer.contains("content-type: application/cbor") && answer.contains("Metrics"), "{answer}");
    let answer = ask("/", JSON, b"{}").await;
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("{\"Metrics\":[]}"), "{answer}");
    assert!(answer.contains("content-type: application/x-amz-json-1.0"), "{answer}");
    let data = JSON.replace("ListMetrics", "GetMetricData");
    let coffee = JSON.replace("ListMetrics", "MakeCoffee");
    for (path, protocol, body, code) in [
        (PATH, CBOR, &b"\xa1\x66Colour\x63red"[..], "UnsupportedOperation"),
        (PATH, CBOR, b"\xa1", "SerializationException"),
        ("/service/Other/operation/ListMetrics", CBOR, b"\xa0", "UnknownOperationException"),
        ("/", JSON, b"{\"Colour\": 1}", "UnsupportedOperation"),
        ("/", JSON, b"{", "SerializationException"),
        ("/", &coffee, b"{}", "InvalidAction"),
        ("/", &data, b"{\"StartTime\": \"yesterday\"}", "InvalidParameterValue"),
        ("/", &data, b"{\"MetricDataQueries\": [{\"Id\": \"q\"}]}", "MissingParameter"),
    ] {
        let answer = ask(path, protocol, body).await;
        assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
        assert!(answer.contains(&format!("x-amzn-query-error: {code};Sender")), "{code}: {answer}");
        assert!(answer.contains("__type"), "{answer}");
    }
    // An older client, which is told so in its own words.
    let query = "content-type: application/x-www-form-urlencoded";
    let answer = ask("/", query, b"Action=ListMetrics&Version=2010-08-01").await;
    assert_eq!(code(&answer), "UnsupportedProtocol", "{answer}");
}
