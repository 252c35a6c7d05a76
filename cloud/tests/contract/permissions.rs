//! The policy that users attach to the operator's role: every call of the operator passes, and what is near to one does
//! not. Judged by the simulation's own evaluator and by one that is not ours; they must agree on every row.
//!
//! Whoever adds a call adds it to [`deeds`], and what must not pass to [`near_misses`]. Those about queues and buckets stand in
//! `queue_permissions`.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cloudsim::iam::Verdict;
use cloudsim::{Ask, Policy, Settings};
use lab::aws::{ACCESS_KEY, OPERATOR_ACCESS_KEY, SECRET_KEY};
use planner::owner::{Owner, Tags};
use planner::ports::{
    Addressing, Algorithm, Architecture, Catalog, Compute, Credits, GroupRequest, HealthCheck, ImageQuery,
    LaunchRequest, ListenerRequest, LoadBalancerRequest, LoadBalancers, MetricQuery, Metrics, Minutes, Prices, Regions,
    Rule, RuleRequest, Scheme, SecurityGroups, Selection, Source, TargetGroupAttributes, TargetGroupRequest,
};

use crate::evaluator::{self, Row};
use crate::queue_permissions as queueing;
use crate::store;
use crate::target::{Target, ids};

const CLUSTER: &str = "k-1";
const INSTALLATION: &str = "main";
pub(crate) const OTHER_ACCOUNT: &str = "999999999999";

fn owner() -> Owner {
    Owner {
        installation: INSTALLATION.into(),
        kubernetes_cluster: CLUSTER.into(),
        benchmark_uid: "uid-1".into(),
        namespace: "team".into(),
        name: "micro-vs-large".into(),
    }
}

pub(crate) fn account() -> String {
    Settings::default().account
}

fn policies() -> [Policy; 3] {
    Policy::all_shipped(&account(), CLUSTER, INSTALLATION).unwrap()
}

fn judge(ask: &Ask) -> Verdict {
    static POLICIES: std::sync::LazyLock<[Policy; 3]> = std::sync::LazyLock::new(policies);
    Policy::judge_all(POLICIES.iter(), ask)
}

/// Everything that the operator ever asks of AWS, over the wire and with the AWS SDK.
async fn deeds<R: Regions>(on: &Target<R>) {
    let cloud = &on.cloud;
    cloud.identity().await.unwrap();
    assert!(!cloud.regions().await.unwrap().is_empty());
    let subnet = on.subnets().await.remove(0);
    cloud.blocks(&subnet.vpc_id).await.unwrap();
    assert_eq!(cloud.vpcs_of(&["192.0.2.1".parse().unwrap()]).await.unwrap(), []);
    let image = on.image().await;
    cloud.image(&ImageQuery::Id(image.id.clone())).await.unwrap();
    let arm = ImageQuery::Alias { alias: "al2023".into(), architecture: Architecture::Arm64 };
    cloud.image(&arm).await.unwrap().unwrap();
    let names = ["t2.micro", "m5.large"].map(str::to_owned);
    cloud.instance_types(&names).await.unwrap();
    cloud.offerings(&names).await.unwrap();
    cloud.price("m5.large").await.unwrap();
    let user = Tags::from([("team".to_owned(), "blue".to_owned())]);
    let group = GroupRequest {
        name: on.fresh("members"),
        description: "members".into(),
        vpc_id: subnet.vpc_id.clone(),
        tags: owner().tags(&user),
        not_after: jiff::Timestamp::MAX,
    };
    let group_id = cloud.create_group(&group).await.unwrap();
    for source in [Source::Group(group_id.clone()), Source::Cidr("10.0.0.0/8".parse().unwrap())] {
        let rule = Rule { from_port: 8080, to_port: 8081, source };
        cloud.authorize_ingress(&group_id, &rule).await.unwrap();
        cloud.revoke_ingress(&group_id, &rule).await.unwrap();
        cloud.authorize_ingress(&group_id, &rule).await.unwrap();
    }
    let mut made = Vec::new();
    for (instance_type, credits, public_address) in
        [("t2.micro", Some(Credits::Standard), Addressing::Public), ("m5.large", None, Addressing::Private)]
    {
        let launch = LaunchRequest {
            token: on.fresh("token"),
            instance_type: instance_type.into(),
            credits,
            public_address,
            group_ids: vec![group_id.clone()],
            tags: owner().tags(&user),
            ..on.launch_of(&owner()).await
        };
        cloud.rehearse(&launch).await.unwrap();
        made.extend(ids(&on.launch(&launch).await));
        on.listed(Selection::Tokens(vec![launch.token.clone()]), 1).await;
    }
    on.listed(Selection::Owner(owner()), made.len()).await;
    balance(on, &group_id, &made).await;
    queueing::deeds(on, &owner()).await;
    assert_eq!(cloud.groups(&owner().proof()).await.unwrap().len(), 1);
    cloud.groups_naming(&group_id).await.unwrap();
    cloud.interfaces(&group_id).await.unwrap();
    cloud.console(&made[0]).await.unwrap();
    queueing::stop_and_start(on, &made[..1]).await;
    on.terminate(&made).await;
    let gone = async || match cloud.delete_group(&group_id).await {
        Err(error) if error.failure == planner::Failure::DependencyViolation => None,
        answer => {
            answer.unwrap();
            Some(())
        }
    };
    on.eventually("the group is deleted", gone).await;
}

/// Everything that the operator asks of ELBv2 and CloudWatch.
async fn balance<R: Regions>(on: &Target<R>, group_id: &str, instance_ids: &[String]) {
    let (cloud, tags, not_after) = (&on.cloud, owner().tags(&Tags::new()), jiff::Timestamp::MAX);
    let mut subnets = on.subnets().await;
    subnets.truncate(2);
    let vpc_id = subnets[0].vpc_id.clone();
    let name = format!("cb-{}", &on.fresh("x").replace(|c: char| !c.is_ascii_alphanumeric(), "-"));
    let name = name[..name.len().min(30)].trim_end_matches('-').to_owned();
    let balancer = LoadBalancerRequest {
        name: name.clone(),
        scheme: Scheme::Internal,
        subnet_ids: subnets.iter().map(|subnet| subnet.id.clone()).collect(),
        group_ids: vec![group_id.to_owned()],
        tags: tags.clone(),
        not_after,
    };
    cloud.create_load_balancer(&balancer).await.unwrap();
    let facing = LoadBalancerRequest { name: format!("{name}-p"), scheme: Scheme::InternetFacing, ..balancer };
    cloud.create_load_balancer(&facing).await.unwrap();
    let group = TargetGroupRequest {
        name: name.clone(),
        port: 8080,
        vpc_id,
        health_check: HealthCheck {
            path: "/health".into(),
            interval_seconds: 5,
            timeout_seconds: 2,
            healthy_count: 2,
            unhealthy_count: 2,
            statuses: "200-499".into(),
        },
        tags: tags.clone(),
        not_after,
    };
    cloud.create_target_group(&group).await.unwrap();
    let balancers = cloud.load_balancers().await.unwrap();
    let facing_arn = balancers.iter().find(|one| one.name == facing.name).unwrap().arn.clone();
    cloud.delete_load_balancer(&facing_arn).await.unwrap();
    let balancer_arn = balancers.into_iter().find(|one| one.name == name).unwrap().arn;
    let groups = cloud.target_groups().await.unwrap();
    let group_arn = groups.into_iter().find(|one| one.name == name).unwrap().arn;
    let to = TargetGroupAttributes { algorithm: Algorithm::RoundRobin, deregistration_delay_seconds: 30 };
    cloud.set_attributes(&group_arn, &to).await.unwrap();
    cloud.attributes(&group_arn).await.unwrap();
    let listener =
        ListenerRequest { load_balancer_arn: balancer_arn.clone(), port: 8080, tags: tags.clone(), not_after };
    cloud.create_listener(&listener).await.unwrap();
    let listener_arn = cloud.listeners(&balancer_arn).await.unwrap().remove(0).arn;
    let rule = RuleRequest {
        listener_arn,
        priority: 1,
        paths: vec!["/a".into(), "/a/*".into()],
        forward: [(group_arn.clone(), 1)].into(),
        tags,
        not_after,
    };
    cloud.create_rule(&rule).await.unwrap();
    let registered = async || cloud.register(&group_arn, instance_ids).await.ok();
    on.eventually("the instances run and are registered", registered).await;
    cloud.targets(&group_arn).await.unwrap();
    cloud.deregister(&group_arn, instance_ids).await.unwrap();
    let query = MetricQuery {
        metric: "RequestCount".into(),
        statistic: "Sum".into(),
        load_balancer: "app/none/1".into(),
        target_group: None,
    };
    let minutes =
        Minutes { from: jiff::Timestamp::from_second(0).unwrap(), to: jiff::Timestamp::from_second(60).unwrap() };
    cloud.metrics(&[query], &minutes).await.unwrap();
    for rule in cloud.listeners(&balancer_arn).await.unwrap().remove(0).rules {
        cloud.delete_rule(&rule.arn).await.unwrap();
    }
    cloud.delete_load_balancer(&balancer_arn).await.unwrap();
    cloud.delete_target_group(&group_arn).await.unwrap();
}

/// What AWS asked IAM while the operator did all that, each once.
pub(crate) async fn recorded() -> Vec<Ask> {
    let mut settings = Settings { lag: cloudsim::Lag::default(), ..crate::settings() };
    // The account's first one needs one permission more.
    settings.load_balancing.is_first = true;
    let region = lab::region::Region::start_for_tests(settings.clone()).await;
    region.sim().lock().attach_all(policies().map(Arc::new));
    region.sim().lock().record_asks();
    let regions = cloud::Aws::at(&format!("http://{}", region.endpoint()), OPERATOR_ACCESS_KEY, SECRET_KEY);
    let put = store::put_at(&format!("http://{}", region.endpoint()), &settings.region, ACCESS_KEY, SECRET_KEY);
    deeds(&Target::new(&regions, &settings.region, || Duration::from_millis(20)).with_objects(put)).await;
    let mut asks = vec![queueing::ask_to_pass_the_role()];
    for ask in region.sim().lock().recorded_asks() {
        if !asks.contains(ask) {
            asks.push(ask.clone());
        }
    }
    asks
}

/// A question that must be answered with no.
struct Miss {
    what: String,
    ask: Ask,
}

pub(crate) fn with(ask: &Ask, key: &str, value: Option<&str>) -> Ask {
    let mut ask = ask.clone();
    ask.context.retain(|(name, _)| name != key);
    ask.context.extend(value.map(|value| (key.to_owned(), vec![value.to_owned()])));
    ask
}

/// From what is allowed, one step aside each.
fn near_misses(asks: &[Ask]) -> Vec<Miss> {
    let mut misses = Vec::new();
    let mut miss = |what: &str, ask: Ask| {
        let what = format!("{what}: {} on {}", ask.action, ask.resource);
        misses.push(Miss { what, ask });
    };
    for ask in asks {
        let proof = |(key, _): &&(String, Vec<String>)| {
            let is_proof = |name: &String| key.ends_with(&format!("Tag/{name}")) && key.starts_with("aws:");
            let three: BTreeSet<String> = owner().proof().into_keys().filter(|key| !key.ends_with("uid")).collect();
            three.iter().any(is_proof)
        };
        let creating = match ask.action.as_str() {
            "ec2:CreateTags" => Some("ec2:CreateAction"),
            "elasticloadbalancing:AddTags" => Some("elasticloadbalancing:CreateAction"),
            _ => None,
        };
        let is_tagging = creating.is_some();
        // Listeners and rules are made on things that are ours: their own tags are not asked for.
        let is_on_ours =
            ["elasticloadbalancing:CreateListener", "elasticloadbalancing:CreateRule"].contains(&&*ask.action);
        let counts = |(key, _): &&(String, Vec<String>)| {
            !(is_on_ours && key.starts_with("aws:RequestTag") || queueing::goes_by_name(ask))
        };
        for (key, values) in ask.context.iter().filter(proof).filter(counts).filter(|_| !is_tagging) {
            let value = &values[0];
            miss(&format!("without {key}"), with(ask, key, None));
            for other in [format!("{value}x"), value[1..].to_owned(), value.to_uppercase(), "*".to_owned()] {
                miss(&format!("{key} is {other}"), with(ask, key, Some(&other)));
            }
        }
        if let Some(key) = creating {
            miss("tagging what is there", with(ask, key, None));
            miss("tagging by another call", with(ask, key, Some("CreateVolume")));
        }
        let (is_image, is_place) =
            (ask.resource.contains(":image/"), ["subnet/", "vpc/"].iter().any(|kind| ask.resource.contains(kind)));
        if ask.resource.starts_with("arn:") && !is_image && !is_place && !queueing::is_only_a_look(ask) {
            // Subnets and VPCs may be shared by another account; images have no account.
            miss(
                "in another account",
                Ask { resource: ask.resource.replace(&account(), OTHER_ACCOUNT), ..ask.clone() },
            );
        }
        queueing::near_misses(ask, &mut miss);
        let values = |key: &str| ask.context.iter().any(|(name, _)| name == key);
        for (key, others) in [
            ("ec2:MetadataHttpTokens", vec![Some("optional"), None]),
            ("ec2:InstanceType", vec![Some("p5.48xlarge"), Some("u-6tb1.metal"), Some("i4i.large"), Some("t2"), None]),
            ("ec2:VolumeType", vec![Some("io2"), Some("io1"), Some("gp2"), None]),
            ("ec2:VolumeSize", vec![Some("16384"), Some("101"), None]),
            ("ec2:Encrypted", vec![Some("false"), None]),
        ] {
            if values(key) && ask.action == "ec2:RunInstances" {
                for other in others {
                    miss(&format!("{key} is {other:?}"), with(ask, key, other));
                }
            }
        }
        if ask.action == "ec2:TerminateInstances" {
            for action in ["ec2:RebootInstances", "ec2:ModifyInstanceAttribute", "ec2:DeleteTags"] {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
        if ask.action == "elasticloadbalancing:CreateLoadBalancer" {
            for other in [Some("internet"), Some("*"), None] {
                miss("a scheme that is none", with(ask, "elasticloadbalancing:Scheme", other));
            }
            let network = ask.resource.replace(":loadbalancer/app/", ":loadbalancer/net/");
            miss("another type", Ask { resource: network, ..ask.clone() });
        }
        if ask.action.starts_with("elasticloadbalancing:") && ask.resource.contains("/cb-") {
            miss("another name", Ask { resource: ask.resource.replace("/cb-", "/web-"), ..ask.clone() });
        }
        if ask.action == "elasticloadbalancing:DeleteLoadBalancer" {
            for action in ["SetSubnets", "SetSecurityGroups", "ModifyLoadBalancerAttributes", "RemoveTags"] {
                let action = format!("elasticloadbalancing:{action}");
                miss("what the operator never does", Ask { action, ..ask.clone() });
            }
        }
        if ask.action == "elasticloadbalancing:CreateRule" && ask.resource.contains(":listener/") {
            for action in ["DeleteListener", "ModifyListener"] {
                let action = format!("elasticloadbalancing:{action}");
                miss("what the operator never does", Ask { action, ..ask.clone() });
            }
        }
        if ask.action == "iam:CreateServiceLinkedRole" {
            miss("a role of another service", with(ask, "iam:AWSServiceName", Some("spot.amazonaws.com")));
            for action in ["iam:PassRole", "iam:CreateRole"] {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
        if ask.action == "cloudwatch:GetMetricData" {
            for action in ["cloudwatch:PutMetricData", "cloudwatch:ListMetrics", "cloudwatch:DeleteAlarms"] {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
        if ask.action == "pricing:GetProducts" {
            for action in ["pricing:DescribeServices", "pricing:GetAttributeValues", "pricing:ListPriceLists"] {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
        if ask.action == "ec2:DescribeRegions" {
            for action in ["account:EnableRegion", "ec2:DescribeAvailabilityZones"] {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
        if ask.action == "ec2:DeleteSecurityGroup" {
            for action in ["ec2:RevokeSecurityGroupEgress", "ec2:AuthorizeSecurityGroupEgress"] {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
    }
    misses
}

/// Things to be created have no id yet; the other evaluator would take `*` for all that there are.
pub(crate) fn row(ask: &Ask) -> Row {
    let resource = match ask.resource.strip_suffix("/*") {
        Some(kind) => format!("{kind}/new"),
        // SQS says that it asks about all queues, AWS's list of actions that it asks about nothing.
        None if ask.action == "sqs:ListQueues" => "*".to_owned(),
        None => ask.resource.clone(),
    };
    Row { action: ask.action.clone(), resource, context: ask.context.clone() }
}

fn kind_of(resource: &str) -> &str {
    // These two have none in their ARNs.
    match resource.split(':').nth(2) {
        Some("sqs") => return "queue",
        Some("s3") => return if resource.contains('/') { "object" } else { "bucket" },
        _ => (),
    }
    resource.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

#[tokio::test]
async fn the_policy_allows_what_the_operator_does_and_nothing_near_it() {
    let (asks, policies) = (recorded().await, policies());
    let granted: BTreeSet<&str> = policies.iter().flat_map(Policy::actions).collect();
    let asked: BTreeSet<&str> = asks.iter().map(|ask| ask.action.as_str()).collect();
    assert_eq!(asked, granted, "what the policy grants, and what was done here");
    for ask in &asks {
        assert_eq!(judge(ask), Verdict::Allowed, "{ask:?}");
    }
    let misses = near_misses(&asks);
    assert!(misses.len() > 100, "{}", misses.len());
    for Miss { what, ask } in &misses {
        assert_eq!(judge(ask), Verdict::NotAllowed, "{what}: {ask:?}");
    }
}

/// An administrator may leave one statement out: then nothing that we make faces the internet.
#[tokio::test]
async fn without_its_statement_no_load_balancer_faces_the_internet_and_all_else_passes() {
    let mut document: serde_json::Value =
        serde_json::from_str(&Policy::shipped_application_text(&account(), CLUSTER, INSTALLATION)).unwrap();
    let statements = document["Statement"].as_array_mut().unwrap();
    let before = statements.len();
    statements.retain(|statement| statement["Sid"] != "CreateInternetFacingLoadBalancersMarkedAsOurs");
    assert_eq!(statements.len(), before - 1);
    let [ec2, _, queue] = policies();
    let left = [ec2, queue, Policy::parse(&document.to_string()).unwrap()];
    for ask in recorded().await {
        let faces = ask
            .context
            .iter()
            .any(|(key, values)| key == "elasticloadbalancing:Scheme" && *values == ["internet-facing"]);
        let expected = if faces { Verdict::NotAllowed } else { Verdict::Allowed };
        assert_eq!(Policy::judge_all(left.iter(), &ask), expected, "{ask:?}");
    }
}

#[tokio::test]
async fn somebody_elses_evaluator_agrees_on_every_row() {
    let home = match evaluator::install().await {
        Ok(home) => home,
        Err(why) => return evaluator::skipped(&why),
    };
    agree(&home).await;
}

async fn agree(home: &Path) {
    let mut asks = recorded().await;
    let mut misses = near_misses(&asks);
    asks.retain(is_in_their_data);
    misses.retain(|miss| is_in_their_data(&miss.ask));
    let rows: Vec<Row> = asks.iter().chain(misses.iter().map(|miss| &miss.ask)).map(row).collect();
    let texts = [Policy::shipped_text, Policy::shipped_application_text, Policy::shipped_queue_text];
    let texts = texts.map(|fill| fill(&account(), CLUSTER, INSTALLATION));
    let text = joined(&texts);
    let opinions = evaluator::opinions(home, &text, &account(), &rows).await;
    for (ask, opinion) in asks.iter().zip(&opinions.rows) {
        assert!(opinion.allowed, "denied: {ask:?}");
        assert_eq!(opinion.unknown_keys, [""; 0], "AWS supplies no such key: {ask:?}");
    }
    for (Miss { what, ask }, opinion) in misses.iter().zip(&opinions.rows[asks.len()..]) {
        assert!(!opinion.allowed, "allowed although {what}: {ask:?}");
    }
    // AWS asks about more than we thought of, if this fails: then so must the simulation.
    for (action, kinds) in &opinions.required {
        let of_action: BTreeSet<&str> =
            asks.iter().filter(|ask| ask.action == *action).map(|ask| kind_of(&ask.resource)).collect();
        if of_action.is_empty() {
            continue;
        }
        for kind in kinds {
            // `listener/app` and `listener/net` are one kind or the other.
            let first = kind.split('/').next().unwrap_or_default();
            assert!(of_action.contains(first), "{action} asks about {kind}, the simulation only {of_action:?}");
        }
    }
}

/// Their data knows only load balancers as things that AddTags tags: ELBv2 has the name of its predecessor's service, and of
/// two actions of one name they keep one.
pub(crate) fn is_in_their_data(ask: &Ask) -> bool {
    ask.action != "elasticloadbalancing:AddTags" || ask.resource.contains(":loadbalancer/app/")
}

/// One document with the statements of all: what an identity with several policies may do, as none of them denies.
fn joined(texts: &[String]) -> String {
    let statements = |text: &String| {
        let mut document: serde_json::Value = serde_json::from_str(text).unwrap();
        document["Statement"].as_array_mut().map(std::mem::take).unwrap_or_default()
    };
    let all: Vec<_> = texts.iter().flat_map(statements).enumerate().collect();
    let numbered = all.into_iter().map(|(number, mut one)| {
        one["Sid"] = format!("S{number}").into();
        one
    });
    serde_json::json!({"Version": "2012-10-17", "Statement": numbered.collect::<Vec<_>>()}).to_string()
}

/// IAM counts the characters of a managed policy without white space, and takes 6,144 (IAM user guide, "IAM and AWS STS
/// quotas").
#[test]
fn every_policy_fits_into_a_managed_policy() {
    const LIMIT: usize = 6_144;
    let docs = Path::new("../docs");
    let mut policies = 0;
    for file in std::fs::read_dir(docs).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !(name.starts_with("iam-") && name.ends_with(".json")) {
            continue;
        }
        policies += 1;
        let text = std::fs::read_to_string(&path).unwrap();
        // Names and numbers of a real account are longer than their places in the text.
        let filled = text.replace("ACCOUNT_ID", &"9".repeat(12)).replace("KUBERNETES_CLUSTER_UID", &"u".repeat(36));
        let count = filled.chars().filter(|c| !c.is_whitespace()).count();
        assert!(count <= LIMIT, "{name} has {count} characters, IAM takes {LIMIT}");
    }
    assert!(policies > 0);
}
