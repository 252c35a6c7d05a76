//! Tests of what only shows on the wire: the number of requests, their content, and broken answers.

mod balancing;
mod balancing_answers;
mod buckets;
mod counting;
mod fake;
mod launches;
mod metrics;
mod power;
mod prices;
mod queues;

use std::sync::Arc;
use std::time::Duration;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_credential_types::provider::{self, ProvideCredentials, SharedCredentialsProvider, error::CredentialsError};
use planner::Failure;
use planner::owner::{Owner, Tags};
use planner::ports::{
    Addressing, Catalog, Compute, Credits, GroupRequest, LaunchRequest, Regions, Rule, SecurityGroups, Selection,
    Source,
};

use self::fake::{Fake, Form, Reply, list, value};
use crate::{Aws, Patience, Region};

fn region(fake: &Fake) -> Arc<Region> {
    aws(fake).region("eu-west-1")
}

fn aws(fake: &Fake) -> Aws {
    let patience = Patience { read_backoff: Duration::from_millis(1), ..Patience::default() };
    Aws::at(&fake.url, "key", "secret").with_patience(patience)
}

fn owner() -> Owner {
    Owner {
        installation: "default".into(),
        kubernetes_cluster: "k-1".into(),
        benchmark_uid: "b-1".into(),
        namespace: "team".into(),
        name: "micro-vs-large".into(),
    }
}

fn launch() -> LaunchRequest {
    LaunchRequest {
        token: "token-1".into(),
        instance_type: "t2.micro".into(),
        count: 4,
        image_id: "ami-1".into(),
        subnet_id: "subnet-1".into(),
        group_ids: vec!["sg-1".into(), "sg-2".into()],
        public_address: Addressing::Public,
        user_data: "#!/bin/bash\necho 'a b&c=d+e%' > /tmp/ü\n".into(),
        root_device: "/dev/xvda".into(),
        root_gib: 8,
        volumes: Vec::new(),
        credits: Some(Credits::Standard),
        instance_profile: None,
        tags: Tags::from([("b".to_owned(), "2 & 3".to_owned()), ("a".to_owned(), "1".to_owned())]),
        not_after: jiff::Timestamp::MAX,
    }
}

fn instance(id: usize) -> String {
    let tags: String = owner()
        .proof()
        .iter()
        .map(|(key, value)| format!("<item><key>{key}</key><value>{value}</value></item>"))
        .collect();
    format!(
        "<item><instanceId>i-{id}</instanceId><imageId>ami-1</imageId>\
         <instanceState><code>16</code><name>running</name></instanceState><instanceType>t2.micro</instanceType>\
         <clientToken>a&amp;b</clientToken><launchTime>2026-11-22T00:00:00.000Z</launchTime>\
         <placement><availabilityZone>eu-west-1a</availabilityZone></placement>\
         <privateIpAddress>10.0.0.{id}</privateIpAddress><tagSet>{tags}</tagSet></item>"
    )
}

fn described(ids: std::ops::Range<usize>, next: &str) -> String {
    let reservations: String = ids
        .map(|id| {
            format!("<item><reservationId>r-{id}</reservationId><instancesSet>{}</instancesSet></item>", instance(id))
        })
        .collect();
    xml(
        "DescribeInstancesResponse",
        &format!("<reservationSet>{reservations}</reservationSet><nextToken>{next}</nextToken>"),
    )
}

fn launched() -> String {
    let instances: String = (1..5).map(instance).collect();
    xml("RunInstancesResponse", &format!("<reservationId>r-1</reservationId><instancesSet>{instances}</instancesSet>"))
}

fn xml(root: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{root} xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\">\
         <requestId>req-1</requestId>{content}</{root}>"
    )
}

fn refusal(code: &str) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Response><Errors><Error><Code>{code}</Code><Message>words of \
         {code}</Message></Error></Errors><RequestID>req-1</RequestID></Response>"
    )
}

// Requests

#[tokio::test]
async fn many_tokens_go_in_filters_of_two_hundred_and_none_in_none() {
    let fake = Fake::start(|_, _| Reply::Answer(200, described(0..0, ""))).await;
    let region = region(&fake);
    let tokens: Vec<String> = (0..450).map(|number| format!("token-{number:03}")).collect();
    let found = region.instances(&Selection::Tokens(tokens)).await.unwrap();
    assert_eq!(found, []);
    let sizes: Vec<_> = fake.requests().iter().map(|form| list(form, "Filter.1.Value").len()).collect();
    assert_eq!(sizes, [200, 200, 50]);
    assert_eq!(value(&fake.requests()[0], "Filter.1.Name"), Some("client-token"));

    // Each of these would mean "everything" if it were sent.
    assert_eq!(region.instances(&Selection::Tokens(vec![])).await.unwrap(), []);
    assert_eq!(region.instances(&Selection::Ids(vec![])).await.unwrap(), []);
    assert_eq!(region.instance_types(&[]).await.unwrap(), []);
    assert_eq!(region.offerings(&[]).await.unwrap(), []);
    region.terminate(&[]).await.unwrap();
    assert_eq!(fake.requests().len(), 3);
}

#[tokio::test]
async fn owners_are_looked_up_by_proof_and_taken_literally() {
    let fake = Fake::start(|_, _| Reply::Answer(200, described(0..0, ""))).await;
    let greedy = Owner { installation: "*".into(), ..owner() };
    region(&fake).instances(&Selection::Owner(greedy)).await.unwrap();
    let request = &fake.requests()[0];
    let filter =
        (1..).find(|n| value(request, &format!("Filter.{n}.Name")) == Some("tag:clusterbench.dev/installation"));
    assert_eq!(list(request, &format!("Filter.{}.Value", filter.unwrap())), [r"\*"]);
    assert!(!request.iter().any(|(_, value)| value.contains("tag:Name") || value.contains("micro-vs-large")));
}

/// Unknown, of others by its tags, protected, or for a reason that is new in EC2: the others are terminated.
#[tokio::test]
async fn what_refuses_one_keeps_none_of_the_others_alive() {
    for (status, code, failure) in [
        (400, "InvalidInstanceID.NotFound", Failure::NotFound),
        (403, "UnauthorizedOperation", Failure::Unauthorized),
        (400, "OperationNotPermitted", Failure::Unauthorized),
        (400, "BrandNewReason", Failure::Unreachable),
    ] {
        let is_good = |form: &Form| !list(form, "InstanceId").contains(&"i-bad");
        let fake = Fake::start(move |_, form| match is_good(form) {
            true => Reply::Answer(200, xml("TerminateInstancesResponse", "<instancesSet/>")),
            false => Reply::Answer(status, refusal(code)),
        })
        .await;
        let ids = ["i-1", "i-bad", "i-2"].map(str::to_owned);
        let refused = region(&fake).terminate(&ids).await.unwrap();
        let refused: Vec<_> = refused.iter().map(|one| (one.id.as_str(), one.error.failure)).collect();
        assert_eq!(refused, [("i-bad", failure)], "{code}");
        let sent: Vec<_> = fake.requests().iter().map(|form| list(form, "InstanceId").join(" ")).collect();
        assert_eq!(sent, ["i-1 i-2 i-bad", "i-1", "i-2", "i-bad"], "{code}");
    }
}

/// Each alone would fare no better, and a hundred calls more would make it worse.
#[tokio::test]
async fn who_is_throttled_does_not_ask_for_each_alone() {
    let fake = Fake::start(|_, _| Reply::Answer(503, refusal("RequestLimitExceeded"))).await;
    let error = region(&fake).terminate(&["i-1", "i-2"].map(str::to_owned)).await.unwrap_err();
    assert_eq!((error.failure, fake.requests().len()), (Failure::Throttled, 1));
}

#[tokio::test]
async fn ids_are_looked_up_by_id_and_unknown_ones_left_out() {
    let fake = Fake::start(|before, _| match before {
        0 => Reply::Answer(400, refusal("InvalidInstanceID.NotFound")),
        _ => Reply::Answer(200, described(1..2, "")),
    })
    .await;
    let found = region(&fake).instances(&Selection::Ids(vec!["i-1".into(), "i-gone".into()])).await.unwrap();
    assert_eq!(found.len(), 1);
    let requests = fake.requests();
    assert_eq!(list(&requests[0], "InstanceId"), ["i-1", "i-gone"]);
    assert_eq!(value(&requests[0], "MaxResults"), None);
    assert_eq!(value(&requests[1], "Filter.1.Name"), Some("instance-id"));
}

// Sends

/// Every call that changes something.
async fn effects(region: &Region) -> Vec<Result<(), planner::CloudError>> {
    let rule = Rule { from_port: 1, to_port: 2, source: Source::Cidr("10.0.0.0/8".parse().unwrap()) };
    let group = GroupRequest {
        name: "g".into(),
        description: "d".into(),
        vpc_id: "vpc-1".into(),
        tags: owner().tags(&Tags::new()),
        not_after: jiff::Timestamp::MAX,
    };
    vec![
        region.launch(&launch()).await.map(drop),
        region.terminate(&["i-1".to_owned()]).await.and_then(|refused| match refused.into_iter().next() {
            Some(one) => Err(one.error),
            None => Ok(()),
        }),
        region.start(&["i-1".to_owned()]).await,
        region.stop(&["i-1".to_owned()]).await,
        region.create_group(&group).await.map(drop),
        region.authorize_ingress("sg-1", &rule).await,
        region.revoke_ingress("sg-1", &rule).await,
        region.delete_group("sg-1").await,
    ]
}

const EFFECTS: [&str; 8] = [
    "RunInstances",
    "TerminateInstances",
    "StartInstances",
    "StopInstances",
    "CreateSecurityGroup",
    "AuthorizeSecurityGroupIngress",
    "RevokeSecurityGroupIngress",
    "DeleteSecurityGroup",
];

#[tokio::test]
async fn no_capacity_is_an_http_500_and_is_asked_once() {
    let fake = Fake::start(|_, _| Reply::Answer(500, refusal("InsufficientInstanceCapacity"))).await;
    let error = region(&fake).launch(&launch()).await.unwrap_err();
    assert_eq!(error.failure, Failure::NoCapacity);
    assert_eq!(error.code, "InsufficientInstanceCapacity");
    assert_eq!(error.message, "words of InsufficientInstanceCapacity");
    assert_eq!(fake.actions(), ["RunInstances"]);
}

#[tokio::test]
async fn no_effect_is_sent_twice_whatever_is_answered() {
    for code in ["InternalError", "RequestLimitExceeded", "Unavailable"] {
        for status in [400, 500, 503] {
            let fake = Fake::start(move |_, _| Reply::Answer(status, refusal(code))).await;
            for outcome in effects(&region(&fake)).await {
                assert_eq!(outcome.unwrap_err().code, code);
            }
            assert_eq!(fake.actions(), EFFECTS, "{status} {code}");
        }
    }
}

#[tokio::test]
async fn a_reset_leaves_the_outcome_unknown_after_one_request() {
    let fake = Fake::start(|_, _| Reply::Reset).await;
    for outcome in effects(&region(&fake)).await {
        let error = outcome.unwrap_err();
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Dispatch"));
    }
    assert_eq!(fake.actions(), EFFECTS);
}

#[tokio::test]
async fn a_reset_of_a_reused_connection_is_not_repeated_either() {
    let fake = Fake::start(|before, _| match before {
        0 => Reply::Answer(200, described(0..1, "")),
        _ => Reply::Reset,
    })
    .await;
    let region = region(&fake);
    region.instances(&Selection::Owner(owner())).await.unwrap();
    let error = region.launch(&launch()).await.unwrap_err();
    assert_eq!(error.failure, Failure::Unreachable);
    assert_eq!(fake.actions(), ["DescribeInstances", "RunInstances"]);
}

#[tokio::test]
async fn silence_leaves_the_outcome_unknown_after_one_request() {
    let fake = Fake::start(|_, _| Reply::Silence).await;
    let patience = Patience { effect: Duration::from_millis(300), ..Patience::default() };
    let region = aws(&fake).with_patience(patience).region("eu-west-1");
    let error = region.launch(&launch()).await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Timeout"));
    assert_eq!(fake.actions(), ["RunInstances"]);
}

#[tokio::test]
async fn reads_are_repeated() {
    let fake = Fake::start(|before, _| match before {
        0 => Reply::Answer(503, refusal("RequestLimitExceeded")),
        1 => Reply::Reset,
        _ => Reply::Answer(200, described(1..3, "")),
    })
    .await;
    assert_eq!(region(&fake).instances(&Selection::Owner(owner())).await.unwrap().len(), 2);
    assert_eq!(fake.requests().len(), 3);
}

#[tokio::test]
async fn nobody_there_is_unreachable() {
    // A bound socket that does not listen refuses every connection, and keeps the port from others.
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let url = format!("http://{}", socket.local_addr().unwrap());
    let error = Aws::at(&url, "key", "secret").region("eu-west-1").launch(&launch()).await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Dispatch"));
}

#[derive(Debug)]
struct Nothing;

impl ProvideCredentials for Nothing {
    fn provide_credentials<'a>(&'a self) -> provider::future::ProvideCredentials<'a>
    where
        Self: 'a,
    {
        provider::future::ProvideCredentials::ready(Err(CredentialsError::not_loaded("nothing in the environment")))
    }
}

fn without_credentials(fake: &Fake) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(crate::http_client())
        .endpoint_url(&fake.url)
        .credentials_provider(SharedCredentialsProvider::new(Nothing))
        .build()
}

#[tokio::test]
async fn without_credentials_nothing_is_sent_and_the_error_says_so() {
    let fake = Fake::start(|_, _| Reply::Answer(200, launched())).await;
    let region = Aws::new(without_credentials(&fake), Patience::default()).region("eu-west-1");
    for error in [region.launch(&launch()).await.unwrap_err(), region.identity().await.unwrap_err()] {
        assert_eq!((error.failure, error.code.as_str()), (Failure::CredentialsExpired, "Credentials"), "{error}");
        assert!(error.message.contains("nothing in the environment"), "{error}");
    }
    assert_eq!(fake.requests().len(), 0);
}

// Answers

/// Cuts `whole` at every byte and expects no cut to be believed.
async fn cut_everywhere<T: std::fmt::Debug>(
    status: u16,
    whole: String,
    call: impl AsyncFn(&Region) -> Result<T, planner::CloudError>,
) {
    let bytes = whole.clone().into_bytes();
    let fake = Fake::start(move |before, _| Reply::Unframed(status, bytes[..before].to_vec())).await;
    let patience = Patience { read_attempts: 1, ..Patience::default() };
    let region = aws(&fake).with_patience(patience).region("eu-west-1");
    for cut in 0..whole.len() {
        let error = call(&region).await.expect_err(&whole[..whole.floor_char_boundary(cut)]);
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Truncated"), "cut at {cut}: {error}");
    }
    match call(&region).await {
        Ok(_) => assert_eq!(status, 200),
        Err(error) => assert!(status != 200 && error.failure.is_refusal(), "{error}"),
    }
}

#[tokio::test]
async fn no_cut_list_of_instances_is_believed() {
    let call = async |region: &Region| region.instances(&Selection::Owner(owner())).await;
    cut_everywhere(200, described(1..5, ""), call).await;
}

#[tokio::test]
async fn no_cut_launch_is_believed() {
    cut_everywhere(200, launched(), async |region: &Region| region.launch(&launch()).await).await;
}

#[tokio::test]
async fn no_cut_list_of_groups_is_believed() {
    let content = "<securityGroupInfo></securityGroupInfo>";
    let call = async |region: &Region| region.groups(&owner().proof()).await;
    cut_everywhere(200, xml("DescribeSecurityGroupsResponse", content), call).await;
}

#[tokio::test]
async fn no_cut_identity_is_believed() {
    let whole = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
                 <Arn>arn:aws:iam::000000000001:user/a</Arn><UserId>u</UserId><Account>000000000001</Account>\
                 </GetCallerIdentityResult></GetCallerIdentityResponse>";
    cut_everywhere(200, whole.to_owned(), async |region: &Region| region.identity().await).await;
}

#[tokio::test]
async fn no_cut_refusal_is_believed() {
    // Half of `InvalidGroup.NotFound` must not become another code, nor "gone".
    let call = async |region: &Region| region.launch(&launch()).await;
    cut_everywhere(400, refusal("IdempotentParameterMismatch"), call).await;
}

#[tokio::test]
async fn an_answer_shorter_than_promised_is_not_believed() {
    let fake = Fake::start(|before, _| Reply::Short(launched(), before * 400)).await;
    let region = region(&fake);
    for _ in 0..launched().len() / 400 {
        let error = region.launch(&launch()).await.unwrap_err();
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Truncated"), "{error}");
    }
}

#[tokio::test]
async fn what_is_not_ours_to_read_is_unreachable() {
    let rows = [
        (200, xml("DescribeVpcsResponse", ""), "Malformed"),
        (200, "<html><body>It works!</body></html>".to_owned(), "Malformed"),
        (403, "<html><body>Forbidden by the proxy</body></html>".to_owned(), "Http403"),
        (200, "{}".to_owned(), "Truncated"),
        (502, String::new(), "Truncated"),
        (400, refusal("SomethingNew"), "SomethingNew"),
        (200, described(1..3, "").replacen("<instanceId>i-2</instanceId>", "", 1), "Incomplete"),
        (200, described(1..3, "").replacen("<name>running</name>", "", 1), "Incomplete"),
        (200, described(1..3, "").replacen("b-1", "b-2", 1), "Malformed"),
    ];
    for (status, body, code) in rows {
        let answer = body.clone();
        let fake = Fake::start(move |_, _| Reply::Answer(status, answer.clone())).await;
        let error = region(&fake).instances(&Selection::Owner(owner())).await.expect_err(&body);
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, code), "{status} {body}");
        // Messages end up in a status: they stay short and quote no bodies.
        assert!(error.message.len() < 400 && !error.message.contains('<'), "{error}");
    }
}

#[tokio::test]
async fn pages_are_read_to_the_end() {
    let fake = Fake::start(|before, _| match before {
        0 => Reply::Answer(200, described(1..3, "one")),
        1 => Reply::Answer(200, described(2..4, "two")),
        _ => Reply::Answer(200, described(4..5, "")),
    })
    .await;
    let found = region(&fake).instances(&Selection::Owner(owner())).await.unwrap();
    let ids: Vec<_> = found.iter().map(|instance| instance.id.as_str()).collect();
    assert_eq!(ids, ["i-1", "i-2", "i-3", "i-4"]);
    let tokens: Vec<_> = fake.requests().iter().map(|form| value(form, "NextToken").map(str::to_owned)).collect();
    assert_eq!(tokens, [None, Some("one".to_owned()), Some("two".to_owned())]);
}

#[tokio::test]
async fn a_repeated_page_token_is_no_list() {
    let fake = Fake::start(|_, _| Reply::Answer(200, described(1..3, "again"))).await;
    let error = region(&fake).instances(&Selection::Owner(owner())).await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Paging"));
    assert_eq!(fake.requests().len(), 2);
}

#[tokio::test]
async fn a_console_is_decoded_with_or_without_line_breaks() {
    let answers = ["", "<output></output>", "<output>Ym9v\r\ndGVk\n</output>", "<output>?</output>"];
    let fake = Fake::start(move |before, _| Reply::Answer(200, xml("GetConsoleOutputResponse", answers[before]))).await;
    let region = region(&fake);
    assert_eq!(region.console("i-1").await.unwrap(), None);
    assert_eq!(region.console("i-1").await.unwrap(), None);
    assert_eq!(region.console("i-1").await.unwrap().as_deref(), Some("booted"));
    assert_eq!(region.console("i-1").await.unwrap_err().failure, Failure::Unreachable);
}

/// The latest console is for Nitro types; others are asked for what EC2 has kept, whichever code says so.
#[tokio::test]
async fn a_type_without_the_latest_console_is_asked_for_the_kept_one() {
    for code in ["UnsupportedOperation", "Unsupported"] {
        let fake = Fake::start(move |before, _| match before {
            0 => Reply::Answer(400, refusal(code)),
            _ => Reply::Answer(200, xml("GetConsoleOutputResponse", "<output>Ym9vdGVk</output>")),
        });
        let fake = fake.await;
        assert_eq!(region(&fake).console("i-1").await.unwrap().as_deref(), Some("booted"), "{code}");
        let latest: Vec<_> = fake.requests().iter().map(|form| value(form, "Latest").map(str::to_owned)).collect();
        assert_eq!(latest, [Some("true".to_owned()), None], "{code}");
    }
}
