//! ELBv2 on the wire: lists that are whole or fail, and effects that are sent once.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use planner::ports::{
    Algorithm, HealthCheck, ListenerRequest, LoadBalancerRequest, LoadBalancerState, LoadBalancers, RuleRequest,
    Scheme, TargetGroupAttributes, TargetGroupRequest, TargetState,
};

use super::balancing_answers::*;
use super::*;

fn create_balancer() -> LoadBalancerRequest {
    LoadBalancerRequest {
        name: "cb-1".into(),
        scheme: Scheme::Internal,
        subnet_ids: vec!["subnet-1".into(), "subnet-2".into()],
        group_ids: vec!["sg-1".into()],
        tags: tags(),
        not_after: jiff::Timestamp::MAX,
    }
}

fn create_group() -> TargetGroupRequest {
    TargetGroupRequest {
        name: "cb-1".into(),
        port: 8080,
        vpc_id: "vpc-1".into(),
        health_check: HealthCheck {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_count: 2,
            unhealthy_count: 3,
            statuses: "200-499".into(),
        },
        tags: tags(),
        not_after: jiff::Timestamp::MAX,
    }
}

fn create_listener() -> ListenerRequest {
    let (load_balancer_arn, not_after) = (BALANCER.into(), jiff::Timestamp::MAX);
    ListenerRequest { load_balancer_arn, port: 8080, tags: tags(), not_after }
}

fn create_rule() -> RuleRequest {
    RuleRequest {
        listener_arn: LISTENER.into(),
        priority: 10,
        paths: vec!["/cluster1".into(), "/cluster1/*".into()],
        forward: BTreeMap::from([(GROUP.to_owned(), 1)]),
        tags: tags(),
        not_after: jiff::Timestamp::MAX,
    }
}

fn tags() -> Tags {
    Tags::from([("b".to_owned(), "2".to_owned()), ("a".to_owned(), "1".to_owned())])
}

const SET: TargetGroupAttributes =
    TargetGroupAttributes { algorithm: Algorithm::LeastOutstandingRequests, deregistration_delay_seconds: 30 };

/// Every call that changes something.
async fn effects(region: &Region) -> Vec<Result<(), planner::CloudError>> {
    let ids = ["i-1", "i-2"].map(str::to_owned);
    vec![
        region.create_load_balancer(&create_balancer()).await,
        region.create_target_group(&create_group()).await,
        region.set_attributes(GROUP, &SET).await,
        region.create_listener(&create_listener()).await,
        region.create_rule(&create_rule()).await,
        region.delete_rule(RULE).await,
        region.register(GROUP, &ids).await,
        region.deregister(GROUP, &ids).await,
        region.delete_load_balancer(BALANCER).await,
        region.delete_target_group(GROUP).await,
    ]
}

const EFFECTS: [&str; 10] = [
    "CreateLoadBalancer",
    "CreateTargetGroup",
    "ModifyTargetGroupAttributes",
    "CreateListener",
    "CreateRule",
    "DeleteRule",
    "RegisterTargets",
    "DeregisterTargets",
    "DeleteLoadBalancer",
    "DeleteTargetGroup",
];

// Requests

/// Key and value of each parameter but those of every request.
fn said(form: &Form) -> Vec<String> {
    let of_every = |(key, _): &&(String, String)| !["Action", "Version"].contains(&key.as_str());
    form.iter().filter(of_every).map(|(key, value)| format!("{key}={value}")).collect()
}

#[tokio::test]
async fn creations_say_exactly_this() {
    let fake = Fake::start(|_, form| Reply::Answer(200, usual(form))).await;
    for outcome in effects(&region(&fake)).await {
        outcome.unwrap();
    }
    assert_eq!(fake.actions(), EFFECTS);
    let tags = ["Tags.member.1.Key=a", "Tags.member.1.Value=1", "Tags.member.2.Key=b", "Tags.member.2.Value=2"];
    let rows: [(usize, &[&str], bool); 8] = [
        (
            0,
            &[
                "Name=cb-1",
                "Subnets.member.1=subnet-1",
                "Subnets.member.2=subnet-2",
                "SecurityGroups.member.1=sg-1",
                "Scheme=internal",
                "Type=application",
                "IpAddressType=ipv4",
            ],
            true,
        ),
        (
            1,
            &[
                "Name=cb-1",
                "Protocol=HTTP",
                "ProtocolVersion=HTTP1",
                "Port=8080",
                "VpcId=vpc-1",
                "HealthCheckProtocol=HTTP",
                "HealthCheckPort=traffic-port",
                "HealthCheckEnabled=true",
                "HealthCheckPath=/health",
                "HealthCheckIntervalSeconds=5",
                "HealthCheckTimeoutSeconds=2",
                "HealthyThresholdCount=2",
                "UnhealthyThresholdCount=3",
                "Matcher.HttpCode=200-499",
                "TargetType=instance",
            ],
            true,
        ),
        (
            2,
            &[
                &format!("TargetGroupArn={GROUP}"),
                "Attributes.member.1.Key=load_balancing.algorithm.type",
                "Attributes.member.1.Value=least_outstanding_requests",
                "Attributes.member.2.Key=deregistration_delay.timeout_seconds",
                "Attributes.member.2.Value=30",
            ],
            false,
        ),
        (
            3,
            &[
                &format!("LoadBalancerArn={BALANCER}"),
                "Protocol=HTTP",
                "Port=8080",
                "DefaultActions.member.1.Type=fixed-response",
                "DefaultActions.member.1.FixedResponseConfig.StatusCode=404",
                "DefaultActions.member.1.FixedResponseConfig.ContentType=text/plain",
            ],
            true,
        ),
        (
            4,
            &[
                &format!("ListenerArn={LISTENER}"),
                "Conditions.member.1.Field=path-pattern",
                "Conditions.member.1.PathPatternConfig.Values.member.1=/cluster1",
                "Conditions.member.1.PathPatternConfig.Values.member.2=/cluster1/*",
                "Priority=10",
                "Actions.member.1.Type=forward",
                &format!("Actions.member.1.ForwardConfig.TargetGroups.member.1.TargetGroupArn={GROUP}"),
                "Actions.member.1.ForwardConfig.TargetGroups.member.1.Weight=1",
            ],
            true,
        ),
        (5, &[&format!("RuleArn={RULE}")], false),
        (6, &[&format!("TargetGroupArn={GROUP}"), "Targets.member.1.Id=i-1", "Targets.member.2.Id=i-2"], false),
        (8, &[&format!("LoadBalancerArn={BALANCER}")], false),
    ];
    let requests = fake.requests();
    for (at, expected, has_tags) in rows {
        let mut expected: Vec<&str> = expected.to_vec();
        expected.extend(tags.iter().filter(|_| has_tags));
        let mut said = said(&requests[at]);
        expected.sort();
        said.sort();
        assert_eq!(said, expected, "{}", EFFECTS[at]);
    }
}

#[tokio::test]
async fn what_is_too_late_or_about_nothing_is_not_sent() {
    let fake = Fake::start(|_, form| Reply::Answer(200, usual(form))).await;
    let region = region(&fake);
    let not_after = "2026-11-01T00:00:00Z".parse().unwrap();
    let late = [
        region.create_load_balancer(&LoadBalancerRequest { not_after, ..create_balancer() }).await,
        region.create_target_group(&TargetGroupRequest { not_after, ..create_group() }).await,
        region.create_listener(&ListenerRequest { not_after, ..create_listener() }).await,
        region.create_rule(&RuleRequest { not_after, ..create_rule() }).await,
    ];
    assert!(late.iter().all(|one| one.as_ref().is_err_and(|error| error.failure == Failure::TooLate)), "{late:?}");
    region.register(GROUP, &[]).await.unwrap();
    region.deregister(GROUP, &[]).await.unwrap();
    assert_eq!(fake.requests().len(), 0);
}

// Effects are sent once

#[tokio::test]
async fn no_effect_is_sent_twice_whatever_is_answered() {
    for code in ["InternalFailure", "ThrottlingException", "ServiceUnavailable"] {
        for status in [400, 500, 503] {
            let fake = Fake::start(move |_, _| Reply::Answer(status, refused(code))).await;
            for outcome in effects(&region(&fake)).await {
                assert_eq!(outcome.unwrap_err().code, code);
            }
            assert_eq!(fake.actions(), EFFECTS, "{status} {code}");
        }
    }
}

#[tokio::test]
async fn no_effect_is_sent_twice_when_nothing_is_answered() {
    for (is_silent, code) in [(false, "Dispatch"), (true, "Timeout")] {
        let fake = Fake::start(move |_, _| if is_silent { Reply::Silence } else { Reply::Reset }).await;
        let patience = Patience { effect: Duration::from_millis(200), ..Patience::default() };
        for outcome in effects(&aws(&fake).with_patience(patience).region("eu-west-1")).await {
            let error = outcome.unwrap_err();
            assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, code));
        }
        assert_eq!(fake.actions(), EFFECTS);
    }
}

#[tokio::test]
async fn what_is_not_there_is_deleted() {
    for code in ["LoadBalancerNotFound", "TargetGroupNotFound", "RuleNotFound"] {
        let fake = Fake::start(move |_, _| Reply::Answer(400, refused(code))).await;
        let region = region(&fake);
        region.delete_rule(RULE).await.unwrap();
        region.delete_load_balancer(BALANCER).await.unwrap();
        region.delete_target_group(GROUP).await.unwrap();
        assert_eq!(region.listeners(BALANCER).await.unwrap_err().failure, Failure::NotFound);
    }
}

// Lists

#[tokio::test]
async fn everything_is_read_as_it_is_told() {
    let fake = Fake::start(|_, form| Reply::Answer(200, usual(form))).await;
    let region = region(&fake);
    let balancers = region.load_balancers().await.unwrap();
    assert_eq!(balancers.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["cb-1", "cb-2"]);
    let one = &balancers[0];
    assert_eq!((one.state, one.scheme, &one.state_reason), (LoadBalancerState::Provisioning, Scheme::Internal, &None));
    assert_eq!(
        (&one.subnet_ids[..], &one.group_ids[..]),
        (&["subnet-1", "subnet-2"].map(str::to_owned)[..], &["sg-1".to_owned()][..])
    );
    assert_eq!(one.created_at, "2026-11-29T00:00:00Z".parse().unwrap());
    assert_eq!(one.tags.get("k"), Some(&one.arn));
    let groups = region.target_groups().await.unwrap();
    assert_eq!(groups.len(), 2);
    assert_eq!((&groups[0].health_check, groups[0].port), (&create_group().health_check, 8080));
    assert_eq!(
        (&groups[0].load_balancer_arns[..], groups[0].tags.get("k")),
        (&[BALANCER.to_owned()][..], Some(&groups[0].arn))
    );
    let listeners = region.listeners(BALANCER).await.unwrap();
    let rules: Vec<_> = listeners[0].rules.iter().map(|rule| (rule.priority, rule.paths.join(" "))).collect();
    assert_eq!(rules, [(1, "/cluster1 /cluster1/*".to_owned()), (2, "/cluster2 /cluster2/*".to_owned())]);
    assert_eq!((listeners.len(), listeners[0].port), (1, 8080));
    assert_eq!(listeners[0].rules[0].forward, BTreeMap::from([(GROUP.to_owned(), 1)]));
    let targets = region.targets(GROUP).await.unwrap();
    let states: Vec<_> = targets.iter().map(|target| target.state).collect();
    assert_eq!(states, [TargetState::Healthy, TargetState::Healthy, TargetState::Unhealthy, TargetState::Draining]);
    assert_eq!(targets[2].reason.as_deref(), Some("Target.Timeout"));
    assert_eq!(region.attributes(GROUP).await.unwrap(), SET);
}

/// Cuts the answers to `action` at every byte, and expects no cut to be believed.
async fn cut<T: std::fmt::Debug>(action: &'static str, call: impl AsyncFn(&Region) -> planner::ports::Answer<T>) {
    let place = Arc::new(AtomicUsize::new(0));
    let length = Arc::new(AtomicUsize::new(usize::MAX));
    let (at, whole) = (place.clone(), length.clone());
    let fake = Fake::start(move |_, form| {
        let mut body = usual(form).into_bytes();
        if value(form, "Action") == Some(action) {
            whole.store(body.len(), Ordering::SeqCst);
            body.truncate(at.load(Ordering::SeqCst));
        }
        Reply::Unframed(200, body)
    })
    .await;
    let patience = Patience { read_attempts: 1, ..Patience::default() };
    let region = aws(&fake).with_patience(patience).region("eu-west-1");
    while place.load(Ordering::SeqCst) < length.load(Ordering::SeqCst) {
        let at = place.load(Ordering::SeqCst);
        let error = call(&region).await.expect_err("a cut answer");
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Truncated"), "cut at {at}: {error}");
        place.store(at + 1, Ordering::SeqCst);
    }
    call(&region).await.unwrap();
}

#[tokio::test]
async fn no_cut_list_of_load_balancers_is_believed() {
    cut("DescribeLoadBalancers", async |region| region.load_balancers().await).await;
}

#[tokio::test]
async fn no_cut_list_of_target_groups_is_believed() {
    cut("DescribeTargetGroups", async |region| region.target_groups().await).await;
}

#[tokio::test]
async fn no_cut_list_of_tags_is_believed() {
    cut("DescribeTags", async |region| region.load_balancers().await).await;
}

#[tokio::test]
async fn no_cut_list_of_listeners_or_rules_is_believed() {
    cut("DescribeListeners", async |region| region.listeners(BALANCER).await).await;
    cut("DescribeRules", async |region| region.listeners(BALANCER).await).await;
}

#[tokio::test]
async fn no_cut_target_health_is_believed() {
    cut("DescribeTargetHealth", async |region| region.targets(GROUP).await).await;
}

#[tokio::test]
async fn pages_are_read_to_the_end_and_tags_in_twenties() {
    let fake = Fake::start(|_, form| {
        let page = |range: std::ops::Range<u32>, marker: &str| {
            balancers(&range.map(|number| balancer(&format!("cb-{number:02}"))).collect::<Vec<_>>(), marker)
        };
        Reply::Answer(
            200,
            match (value(form, "Action"), value(form, "Marker")) {
                (Some("DescribeLoadBalancers"), None) => page(1..30, "one"),
                (Some("DescribeLoadBalancers"), Some("one")) => page(29..46, ""),
                _ => usual(form),
            },
        )
    })
    .await;
    let found = region(&fake).load_balancers().await.unwrap();
    assert_eq!(found.len(), 45, "cb-29 is on both pages");
    assert!(found.iter().all(|one| one.tags.get("k") == Some(&one.arn)));
    let asked: Vec<_> = fake.requests().iter().map(|form| list(form, "ResourceArns.member").len()).collect();
    assert_eq!(asked, [0, 0, 20, 20, 5]);
}

#[tokio::test]
async fn a_repeated_marker_is_no_list() {
    for (action, content) in [
        ("DescribeLoadBalancers", "<LoadBalancers/>"),
        ("DescribeTargetGroups", "<TargetGroups/>"),
        ("DescribeListeners", "<Listeners/>"),
        ("DescribeRules", "<Rules/>"),
    ] {
        let fake = Fake::start(move |_, form| match value(form, "Action") == Some(action) {
            true => Reply::Answer(200, answer(action, &format!("{content}<NextMarker>again</NextMarker>"))),
            false => Reply::Answer(200, usual(form)),
        })
        .await;
        let region = region(&fake);
        let error = match action {
            "DescribeLoadBalancers" => region.load_balancers().await.unwrap_err(),
            "DescribeTargetGroups" => region.target_groups().await.unwrap_err(),
            _ => region.listeners(BALANCER).await.unwrap_err(),
        };
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Paging"), "{action}");
        assert_eq!(fake.actions().iter().filter(|one| *one == action).count(), 2, "{action}");
    }
}

/// ELBv2 tells the tags of all or of none.
#[tokio::test]
async fn what_vanished_before_its_tags_were_read_is_looked_for_once_more() {
    for (times, expected) in [(1, Ok(1)), (usize::MAX, Err(Failure::Unreachable))] {
        let tries = AtomicUsize::new(0);
        let fake = Fake::start(move |_, form| match value(form, "Action") {
            Some("DescribeTags") if tries.fetch_add(1, Ordering::SeqCst) < times => {
                Reply::Answer(400, refused("LoadBalancerNotFound"))
            }
            Some("DescribeLoadBalancers") if tries.load(Ordering::SeqCst) > 0 => {
                Reply::Answer(200, balancers(&[balancer("cb-2")], ""))
            }
            _ => Reply::Answer(200, usual(form)),
        })
        .await;
        let found = region(&fake).load_balancers().await;
        assert_eq!(found.map(|found| found.len()).map_err(|error| error.failure), expected);
        let actions = ["DescribeLoadBalancers", "DescribeTags", "DescribeLoadBalancers", "DescribeTags"];
        assert_eq!(fake.actions(), actions);
    }
}

#[tokio::test]
async fn others_and_other_types_are_no_part_of_the_list() {
    let network = balancer("cb-3").replace("<Type>application", "<Type>network").replace("<SecurityGroups>", "<Else>");
    let network = network.replace("</SecurityGroups>", "</Else>");
    // Of no interest, whatever it lacks.
    let other = balancer("web").replace("<Scheme>internal</Scheme>", "").replace("provisioning", "thinking");
    let fake = Fake::start(move |_, form| match value(form, "Action") {
        Some("DescribeLoadBalancers") => {
            Reply::Answer(200, balancers(&[balancer("cb-1"), network.clone(), other.clone()], ""))
        }
        _ => Reply::Answer(200, usual(form)),
    })
    .await;
    let found = region(&fake).load_balancers().await.unwrap();
    assert_eq!(found.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["cb-1"]);
    assert_eq!(list(&fake.requests()[1], "ResourceArns.member"), [arn("loadbalancer/app", "cb-1")]);
}

#[tokio::test]
async fn one_that_cannot_be_read_spoils_the_list() {
    let whole = balancer("cb-2");
    for (from, to) in [
        ("provisioning", "hibernating"),
        ("<State><Code>provisioning</Code></State>", ""),
        ("<Scheme>internal", "<Scheme>interplanetary"),
        ("<Scheme>internal</Scheme>", ""),
        ("<Type>application</Type>", ""),
        ("<VpcId>vpc-1</VpcId>", ""),
        ("<SubnetId>subnet-2</SubnetId>", ""),
        ("<CreatedTime>2026-11-29T00:00:00.000Z</CreatedTime>", ""),
        ("<LoadBalancerName>cb-2</LoadBalancerName>", ""),
    ] {
        assert!(whole.contains(from), "{from}");
        let odd = whole.replace(from, to);
        let fake = Fake::start(move |_, form| match value(form, "Action") {
            Some("DescribeLoadBalancers") => Reply::Answer(200, balancers(&[balancer("cb-1"), odd.clone()], "")),
            _ => Reply::Answer(200, usual(form)),
        })
        .await;
        let error = region(&fake).load_balancers().await.expect_err(from);
        assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Incomplete"), "{from}: {error}");
    }
}

#[tokio::test]
async fn a_load_balancer_without_its_tags_is_not_shown_as_one_without_tags() {
    let fake = Fake::start(|_, form| match value(form, "Action") {
        Some("DescribeTags") => Reply::Answer(200, tagged(&list(form, "ResourceArns.member")[1..])),
        _ => Reply::Answer(200, usual(form)),
    })
    .await;
    let error = region(&fake).load_balancers().await.unwrap_err();
    assert_eq!((error.failure, error.code.as_str()), (Failure::Unreachable, "Incomplete"));
}
