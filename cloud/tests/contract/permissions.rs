//! The policy that users attach to the operator's role: every call of the operator passes, and what is near to one does
//! not. Judged by the simulation's own evaluator and by one that is not ours; they must agree on every row.
//!
//! Whoever adds a call adds it to [`deeds`], and what must not pass to [`near_misses`].

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use cloudsim::iam::Verdict;
use cloudsim::{Ask, Policy, Settings};
use lab::aws::{OPERATOR_ACCESS_KEY, SECRET_KEY};
use planner::owner::{Owner, Tags};
use planner::ports::{
    Addressing, Architecture, Catalog, Compute, Credits, GroupRequest, ImageQuery, LaunchRequest, Regions, Rule,
    SecurityGroups, Selection, Source,
};

use crate::evaluator::{self, Row};
use crate::target::{Target, ids};

const CLUSTER: &str = "k-1";
const INSTALLATION: &str = "main";
const OTHER_ACCOUNT: &str = "999999999999";

fn owner() -> Owner {
    Owner {
        installation: INSTALLATION.into(),
        kubernetes_cluster: CLUSTER.into(),
        benchmark_uid: "uid-1".into(),
        namespace: "team".into(),
        name: "micro-vs-large".into(),
    }
}

fn account() -> String {
    Settings::default().account
}

fn policy() -> Policy {
    Policy::shipped(&account(), CLUSTER, INSTALLATION).unwrap()
}

/// Everything that the operator ever asks of EC2, over the wire and with the AWS SDK.
async fn deeds<R: Regions>(on: &Target<R>) {
    let cloud = &on.cloud;
    cloud.identity().await.unwrap();
    assert!(!cloud.regions().await.unwrap().is_empty());
    let subnet = on.subnets().await.remove(0);
    let image = on.image().await;
    cloud.image(&ImageQuery::Id(image.id.clone())).await.unwrap();
    let arm = ImageQuery::Alias { alias: "al2023".into(), architecture: Architecture::Arm64 };
    cloud.image(&arm).await.unwrap().unwrap();
    let names = ["t2.micro", "m5.large"].map(str::to_owned);
    cloud.instance_types(&names).await.unwrap();
    cloud.offerings(&names).await.unwrap();
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
    assert_eq!(cloud.groups(&owner().proof()).await.unwrap().len(), 1);
    cloud.groups_naming(&group_id).await.unwrap();
    cloud.interfaces(&group_id).await.unwrap();
    cloud.console(&made[0]).await.unwrap();
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

/// What EC2 asked IAM while the operator did all that, each once.
async fn recorded() -> Vec<Ask> {
    let settings = Settings { lag: cloudsim::Lag::default(), ..crate::settings() };
    let region = lab::region::Region::start_for_tests(settings.clone()).await;
    region.sim().lock().attach(Arc::new(policy()));
    region.sim().lock().record_asks();
    let regions = cloud::Aws::at(&format!("http://{}", region.endpoint()), OPERATOR_ACCESS_KEY, SECRET_KEY);
    deeds(&Target::new(&regions, &settings.region, || Duration::from_millis(20))).await;
    let mut asks: Vec<Ask> = Vec::new();
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

fn with(ask: &Ask, key: &str, value: Option<&str>) -> Ask {
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
        let is_tagging = ask.action == "ec2:CreateTags";
        for (key, values) in ask.context.iter().filter(proof).filter(|_| !is_tagging) {
            let value = &values[0];
            miss(&format!("without {key}"), with(ask, key, None));
            for other in [format!("{value}x"), value[1..].to_owned(), value.to_uppercase(), "*".to_owned()] {
                miss(&format!("{key} is {other}"), with(ask, key, Some(&other)));
            }
        }
        if is_tagging {
            miss("tagging what is there", with(ask, "ec2:CreateAction", None));
            miss("tagging by another call", with(ask, "ec2:CreateAction", Some("CreateVolume")));
        }
        let (is_image, is_place) =
            (ask.resource.contains(":image/"), ["subnet/", "vpc/"].iter().any(|kind| ask.resource.contains(kind)));
        if ask.resource.starts_with("arn:") && !is_image && !is_place {
            // Subnets and VPCs may be shared by another account; images have no account.
            miss(
                "in another account",
                Ask { resource: ask.resource.replace(&account(), OTHER_ACCOUNT), ..ask.clone() },
            );
        }
        let values = |key: &str| ask.context.iter().any(|(name, _)| name == key);
        for (key, others) in [
            ("ec2:MetadataHttpTokens", vec![Some("optional"), None]),
            ("ec2:InstanceType", vec![Some("p5.48xlarge"), Some("u-6tb1.metal"), Some("m5n.large"), Some("t2"), None]),
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
            for action in ["ec2:StopInstances", "ec2:RebootInstances", "ec2:ModifyInstanceAttribute", "ec2:DeleteTags"]
            {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
        if ask.action == "ec2:DescribeRegions" {
            for action in ["account:EnableRegion", "ec2:DescribeAvailabilityZones"] {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
        if ask.action == "ec2:DeleteSecurityGroup" {
            for action in ["ec2:RevokeSecurityGroupIngress", "ec2:AuthorizeSecurityGroupEgress"] {
                miss("what the operator never does", Ask { action: action.into(), ..ask.clone() });
            }
        }
    }
    misses
}

/// Things to be created have no id yet; the other evaluator would take `*` for all that there are.
fn row(ask: &Ask) -> Row {
    let resource = match ask.resource.strip_suffix("/*") {
        Some(kind) => format!("{kind}/new"),
        None => ask.resource.clone(),
    };
    Row { action: ask.action.clone(), resource, context: ask.context.clone() }
}

fn kind_of(resource: &str) -> &str {
    resource.rsplit(':').next().and_then(|rest| rest.split('/').next()).unwrap_or_default()
}

#[tokio::test]
async fn the_policy_allows_what_the_operator_does_and_nothing_near_it() {
    let (asks, policy) = (recorded().await, policy());
    let granted: BTreeSet<&str> = policy.actions().collect();
    let asked: BTreeSet<&str> = asks.iter().map(|ask| ask.action.as_str()).collect();
    assert_eq!(asked, granted, "what the policy grants, and what was done here");
    for ask in &asks {
        assert_eq!(policy.judge(ask), Verdict::Allowed, "{ask:?}");
    }
    let misses = near_misses(&asks);
    assert!(misses.len() > 100, "{}", misses.len());
    for Miss { what, ask } in &misses {
        assert_eq!(policy.judge(ask), Verdict::NotAllowed, "{what}: {ask:?}");
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
    let asks = recorded().await;
    let misses = near_misses(&asks);
    let rows: Vec<Row> = asks.iter().chain(misses.iter().map(|miss| &miss.ask)).map(row).collect();
    let text = Policy::shipped_text(&account(), CLUSTER, INSTALLATION);
    let opinions = evaluator::opinions(home, &text, &account(), &rows).await;
    for (ask, opinion) in asks.iter().zip(&opinions.rows) {
        assert!(opinion.allowed, "denied: {ask:?}");
        assert_eq!(opinion.unknown_keys, [""; 0], "AWS supplies no such key: {ask:?}");
    }
    for (Miss { what, ask }, opinion) in misses.iter().zip(&opinions.rows[asks.len()..]) {
        assert!(!opinion.allowed, "allowed although {what}: {ask:?}");
    }
    // EC2 asks about more than we thought of, if this fails: then so must the simulation.
    for (action, kinds) in &opinions.required {
        let of_action: BTreeSet<&str> =
            asks.iter().filter(|ask| ask.action == *action).map(|ask| kind_of(&ask.resource)).collect();
        if of_action.is_empty() {
            continue;
        }
        for kind in kinds {
            assert!(of_action.contains(kind.as_str()), "{action} asks about {kind}, the simulation only {of_action:?}");
        }
    }
}

/// IAM counts the characters of a managed policy without white space, and takes 6,144 (IAM user guide, "IAM and AWS STS
/// quotas").
#[test]
fn every_policy_fits_into_a_managed_policy() {
    const LIMIT: usize = 6_144;
    let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs");
    let mut policies = 0;
    for file in std::fs::read_dir(docs).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if !(name.starts_with("iam-policy") && name.ends_with(".json")) {
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
