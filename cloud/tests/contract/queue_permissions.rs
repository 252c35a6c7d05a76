//! Permissions of a tier behind queues: the operator's, and those of the role that its instances have.
//!
//! Whoever adds a call adds it to [`deeds`], and what must not pass to [`near_misses`].

use std::collections::BTreeMap;

use cloudsim::iam::Verdict;
use cloudsim::{Ask, Policy};
use planner::owner::{Owner, Tags};
use planner::ports::{BucketRequest, Compute, Objects, QueueRequest, Queues, Regions};

use crate::evaluator::{self, Row};
use crate::permissions::{OTHER_ACCOUNT, account, is_in_their_data, recorded, row, with};
use crate::target::Target;

/// Everything that the operator asks of SQS and S3.
pub(crate) async fn deeds<R: Regions>(on: &Target<R>, owner: &Owner) {
    let (cloud, tags, not_after) = (&on.cloud, owner.tags(&Tags::new()), jiff::Timestamp::MAX);
    let name = format!("clusterbench-{}-micro-in", on.fresh_word());
    let attributes = BTreeMap::from([("VisibilityTimeout".to_owned(), "20".to_owned())]);
    let queue = QueueRequest { name: name.clone(), attributes, tags: tags.clone(), not_after };
    cloud.create_queue(&queue).await.unwrap();
    let listed = async || cloud.queues().await.unwrap().into_iter().find(|queue| queue.name == name);
    let url = on.eventually("the queue", listed).await.url;
    cloud.delete_queue(&url).await.unwrap();
    let (account, region) = (on.account().await, &on.region);
    let name = format!("clusterbench-{}-{account}-{region}-an", on.fresh_word());
    cloud.create_bucket(&BucketRequest { name: name.clone(), tags, not_after }).await.unwrap();
    let listed = async || cloud.buckets().await.unwrap().into_iter().find(|bucket| bucket.name == name);
    on.eventually("the bucket", listed).await;
    on.put(&name, "in/micro/0").await;
    assert!(cloud.empty_bucket(&name, &account).await.unwrap());
    cloud.delete_bucket(&name, &account).await.unwrap();
}

/// What the operator does with instances of a pool that are started and stopped. They run.
pub(crate) async fn stop_and_start<R: Regions>(on: &Target<R>, ids: &[String]) {
    on.cloud.stop(ids).await.unwrap();
    on.once_visible("a start", async || on.cloud.start(ids).await).await;
}

/// The question about a launch with the instance profile of the role.
pub(crate) fn ask_to_pass_the_role() -> Ask {
    let resource = format!("arn:aws:iam::{}:role/clusterbench-queue", account());
    let context = vec![("iam:PassedToService".to_owned(), vec!["ec2.amazonaws.com".to_owned()])];
    Ask { action: "iam:PassRole".to_owned(), resource, context }
}

/// Whether tags do not matter: they are what is asked for.
pub(crate) fn goes_by_name(ask: &Ask) -> bool {
    ask.action == "sqs:ListQueueTags"
}

/// Whether a question is about everything that there is, or about tags of whatever has our prefix.
pub(crate) fn is_only_a_look(ask: &Ask) -> bool {
    ["sqs:ListQueues", "s3:GetBucketTagging"].contains(&&*ask.action)
}

/// From what is allowed of queues, buckets and roles, one step aside each.
pub(crate) fn near_misses(ask: &Ask, mut miss: impl FnMut(&str, Ask)) {
    let instead = |action: &str| Ask { action: action.to_owned(), ..ask.clone() };
    let is_of = |service: &str| ask.action.starts_with(service);
    if (is_of("sqs:") || is_of("s3:")) && ask.resource.contains("clusterbench-") {
        let resource = ask.resource.replace("clusterbench-", "clusterbank-");
        miss("another name", Ask { resource, ..ask.clone() });
    }
    let never: &[&str] = match ask.action.as_str() {
        "sqs:DeleteQueue" => &[
            "sqs:AddPermission",
            "sqs:PurgeQueue",
            "sqs:ReceiveMessage",
            "sqs:SendMessage",
            "sqs:SetQueueAttributes",
            "sqs:UntagQueue",
        ],
        "s3:DeleteBucket" => &[
            "s3:DeleteBucketPolicy",
            "s3:PutBucketPolicy",
            "s3:PutBucketTagging",
            "s3:PutBucketVersioning",
            "s3:PutLifecycleConfiguration",
            "s3:UntagResource",
        ],
        "s3:DeleteObject" => &["s3:DeleteObjectVersion", "s3:GetObject", "s3:PutObject"],
        "ec2:StopInstances" => &["ec2:MonitorInstances", "ec2:ResetInstanceAttribute", "ec2:SendDiagnosticInterrupt"],
        "ec2:StartInstances" => {
            &["ec2:AssociateAddress", "ec2:AttachVolume", "ec2:ReplaceIamInstanceProfileAssociation"]
        }
        "iam:PassRole" => &["iam:AttachRolePolicy", "iam:CreateRole", "iam:DeleteRole", "iam:PutRolePolicy"],
        _ => &[],
    };
    for action in never {
        miss("what the operator never does", instead(action));
    }
    if ask.action == "s3:CreateBucket" {
        for other in [Some("global"), None] {
            miss("a name that others can take", with(ask, "s3:x-amz-bucket-namespace", other));
        }
    }
    if is_of("s3:") && !is_only_a_look(ask) && ask.resource.contains("-an") {
        miss("not in a namespace", Ask { resource: ask.resource.replacen("-an", "", 1), ..ask.clone() });
    }
    if ask.action == "iam:PassRole" {
        for other in [Some("lambda.amazonaws.com"), Some("ecs-tasks.amazonaws.com"), None] {
            miss("to another service", with(ask, "iam:PassedToService", other));
        }
        for other in ["admin", "clusterbench-queue-2", "clusterbench"] {
            let resource = ask.resource.replace(":role/clusterbench-queue", &format!(":role/{other}"));
            miss("another role", Ask { resource, ..ask.clone() });
        }
    }
}

// The role of the instances

/// A question about each permission of front and pullers, for the queues and the bucket of one benchmark. That these are their
/// calls, `cargo xtask tidy` compares.
fn asks_of_instances() -> Vec<Ask> {
    let account = account();
    let queue = format!("arn:aws:sqs:eu-west-1:{account}:clusterbench-0123456789abcdef-micro-in");
    let object = format!("arn:aws:s3:::clusterbench-0123456789abcdef-{account}-eu-west-1-an/in/micro/0");
    let of_queue = [
        "sqs:ChangeMessageVisibility",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:GetQueueUrl",
        "sqs:ReceiveMessage",
        "sqs:SendMessage",
    ];
    let of_object = ["s3:GetObject", "s3:PutObject"];
    let ask = |(action, resource): (&str, &String)| {
        let (action, resource) = (action.to_owned(), resource.clone());
        Ask { action, resource, context: vec![("aws:RequestedRegion".to_owned(), vec!["eu-west-1".to_owned()])] }
    };
    let queues = of_queue.into_iter().map(|action| (action, &queue));
    queues.chain(of_object.into_iter().map(|action| (action, &object))).map(ask).collect()
}

/// Everything of the operator but what is the instances' too, other names and accounts, and what would change their things.
async fn misses_of_instances() -> Vec<Ask> {
    let mut misses = recorded().await;
    for ask in asks_of_instances() {
        let resource = ask.resource.replace("clusterbench-", "clusterbank-");
        misses.push(Ask { resource, ..ask.clone() });
        if ask.action.starts_with("sqs:") {
            misses.push(Ask { resource: ask.resource.replace(&account(), OTHER_ACCOUNT), ..ask.clone() });
        }
        let never: &[&str] = match ask.action.as_str() {
            "sqs:SendMessage" => &["sqs:PurgeQueue", "sqs:DeleteQueue", "sqs:SetQueueAttributes", "sqs:TagQueue"],
            "s3:PutObject" => &["s3:DeleteObject", "s3:PutObjectAcl", "s3:GetObjectVersion"],
            _ => &[],
        };
        misses.extend(never.iter().map(|action| Ask { action: (*action).to_owned(), ..ask.clone() }));
        if ask.action == "s3:GetObject" {
            let bucket = ask.resource.split('/').next().unwrap_or_default().to_owned();
            let actions = ["s3:ListBucket", "s3:DeleteBucket", "s3:GetBucketTagging", "s3:PutBucketPolicy"];
            let of_bucket = |action: &str| Ask { action: action.to_owned(), resource: bucket.clone(), ..ask.clone() };
            misses.extend(actions.map(of_bucket));
        }
    }
    misses
}

#[tokio::test]
async fn the_policy_of_instances_allows_what_they_do_and_nothing_of_the_operator() {
    let (policy, asks) = (Policy::shipped_instance(&account()).unwrap(), asks_of_instances());
    let granted: Vec<&str> = policy.actions().collect();
    let asked: Vec<&str> = asks.iter().map(|ask| ask.action.as_str()).collect();
    assert_eq!(asked, granted);
    for ask in &asks {
        assert_eq!(policy.judge(ask), Verdict::Allowed, "{ask:?}");
    }
    let misses = misses_of_instances().await;
    assert!(misses.iter().any(|ask| ask.action == "ec2:TerminateInstances"));
    for ask in &misses {
        assert_eq!(policy.judge(ask), Verdict::NotAllowed, "{ask:?}");
    }
}

#[tokio::test]
async fn somebody_elses_evaluator_agrees_on_the_policy_of_instances() {
    let home = match evaluator::install().await {
        Ok(home) => home,
        Err(why) => return evaluator::skipped(&why),
    };
    let (asks, mut misses) = (asks_of_instances(), misses_of_instances().await);
    misses.retain(is_in_their_data);
    let rows: Vec<Row> = asks.iter().chain(&misses).map(row).collect();
    let text = Policy::shipped_instance_text(&account());
    let opinions = evaluator::opinions(&home, &text, &account(), &rows).await;
    for (ask, opinion) in asks.iter().chain(&misses).zip(&opinions.rows) {
        assert_eq!(opinion.allowed, asks.contains(ask), "{ask:?}");
    }
}
