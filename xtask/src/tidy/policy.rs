//! The permissions that users grant are those of the calls that crate `cloud` makes: no more, no fewer.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

/// Whose calls some policies are for, and where those calls are.
struct Caller {
    /// The policy without which all others are nothing.
    policy: &'static str,
    /// What the names of all its policies begin with: one for EC2, one beside it for each other kind of resource.
    policies: &'static str,
    calls: &'static str,
    /// Tests make calls of their own.
    not_calls: &'static str,
    manifest: &'static str,
    /// Fields that hold an SDK client, and the SDK.
    clients: &'static [(&'static str, &'static str)],
}

const OPERATOR: Caller = Caller {
    policy: "docs/iam-policy.json",
    policies: "docs/iam-policy",
    calls: "cloud/src/",
    not_calls: "cloud/src/wire_tests/",
    manifest: "cloud/Cargo.toml",
    clients: &[
        ("self.reads.", "aws-sdk-ec2"),
        ("self.effects.", "aws-sdk-ec2"),
        ("self.identity.", "aws-sdk-sts"),
        ("self.elb_reads.", "aws-sdk-elasticloadbalancingv2"),
        ("self.elb_effects.", "aws-sdk-elasticloadbalancingv2"),
        ("self.sqs_reads.", "aws-sdk-sqs"),
        ("self.sqs_effects.", "aws-sdk-sqs"),
        ("self.s3_reads.", "aws-sdk-s3"),
        ("self.s3_effects.", "aws-sdk-s3"),
        ("self.cloudwatch.", "aws-sdk-cloudwatch"),
        ("self.pricing.", "aws-sdk-pricing"),
    ],
};

/// Front and workers of a tier behind queues, whose role the user makes.
const INSTANCES: Caller = Caller {
    policy: "docs/iam-instance-policy.json",
    policies: "docs/iam-instance-policy.json",
    calls: "queue/src/",
    not_calls: "queue/src/tests/",
    manifest: "queue/Cargo.toml",
    clients: &[("self.sqs.", "aws-sdk-sqs"), ("self.s3.", "aws-sdk-s3")],
};

/// The service's name in policies.
fn service(sdk: &str) -> &str {
    match sdk.strip_prefix("aws-sdk-") {
        Some("elasticloadbalancingv2") => "elasticloadbalancing",
        Some(service) => service,
        None => sdk,
    }
}

const TAGS: &str = "planner/src/owner.rs";
/// What every tag of ours begins with.
const OURS: &str = "clusterbench.dev/";

/// Actions whose names in policies are not those of the API (Service Authorization Reference, "Actions, resources, and
/// condition keys for Amazon S3"; SQS developer guide, "Amazon SQS API permissions": a batch needs what one needs).
const RENAMED: [(&str, &str); 4] = [
    ("sqs:DeleteMessageBatch", "sqs:DeleteMessage"),
    ("s3:ListBuckets", "s3:ListAllMyBuckets"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
];

/// Needs no permission: everybody may ask who they are.
const FREE: &str = "sts:GetCallerIdentity";

/// Calls that create something with tags, and the second permission that their service wants for the tags (EC2 user guide,
/// "Grant permission to tag resources during creation"; ELB user guide, the same; API references of SQS and S3, CreateQueue,
/// CreateBucket).
const TAGGING: [(&str, &str); 8] = [
    ("ec2:RunInstances", "ec2:CreateTags"),
    ("ec2:CreateSecurityGroup", "ec2:CreateTags"),
    ("elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:AddTags"),
    ("elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:AddTags"),
    ("elasticloadbalancing:CreateListener", "elasticloadbalancing:AddTags"),
    ("elasticloadbalancing:CreateRule", "elasticloadbalancing:AddTags"),
    ("sqs:CreateQueue", "sqs:TagQueue"),
    ("s3:CreateBucket", "s3:TagResource"),
];

/// A call that makes the service's own role, the first time in an account, with the caller's permission (ELB user guide,
/// "Service-linked role").
const WITH_ROLE: (&str, &str) = ("elasticloadbalancing:CreateLoadBalancer", "iam:CreateServiceLinkedRole");

/// A launch with an instance profile gives its role away (EC2 user guide, "Grant permissions to pass an IAM role").
const WITH_PROFILE: (&str, &str) = (".set_iam_instance_profile(", "iam:PassRole");

pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    let instances = tree.files.keys().any(|path| path.starts_with(INSTANCES.calls));
    std::iter::once(&OPERATOR).chain(instances.then_some(&INSTANCES)).flat_map(|caller| of(caller, tree)).collect()
}

fn of(caller: &Caller, tree: &Tree) -> Vec<Finding> {
    let path = caller.policy;
    if !tree.files.contains_key(path) {
        return vec![Finding::new(path, "is not there: users take their permissions from it")];
    }
    let policies = tree.files.iter().filter(|(path, _)| path.starts_with(caller.policies) && path.ends_with(".json"));
    let policy = &policies.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
    let (granted, called) = (granted(policy), called(caller, tree));
    let missing = called.difference(&granted).map(|action| format!("{action} is called and not granted: add it"));
    let idle = granted.difference(&called).map(|action| format!("{action} is granted and not called: remove it"));
    let unknown = unknown_tags(tree, policy);
    let unknown = unknown.iter().map(|key| format!("{key} is no tag of {TAGS}: correct it"));
    let unseen = unseen_sdks(caller, tree).into_iter();
    let unseen = unseen.map(|sdk| {
        Finding::new(
            caller.manifest,
            format!("calls of {sdk} are not compared with the policy: name its clients in xtask/src/tidy/policy.rs"),
        )
    });
    missing.chain(idle).chain(unknown).map(|what| Finding::new(path, what)).chain(unseen).collect()
}

/// SDKs that a crate depends on and of which no client is known here: their calls would need no permission.
fn unseen_sdks<'a>(caller: &Caller, tree: &'a Tree) -> BTreeSet<&'a str> {
    let lines = tree.files.get(caller.manifest).map(String::as_str).unwrap_or_default().lines();
    let sdks = lines.filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| name.starts_with("aws-sdk-"));
    sdks.filter(|name| caller.clients.iter().all(|(_, sdk)| sdk != name)).collect()
}

/// What stands after every `"Action":`, one string or a list.
fn granted(policy: &str) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for (_, rest) in policy.match_indices("\"Action\":").map(|(at, key)| policy.split_at(at + key.len())) {
        let rest = rest.trim_start();
        let value = match rest.strip_prefix('[') {
            Some(list) => list.split(']').next(),
            None => rest.lines().next(),
        };
        actions.extend(value.unwrap_or_default().split('"').skip(1).step_by(2).map(str::to_owned));
    }
    actions
}

fn called(caller: &Caller, tree: &Tree) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for (path, text) in &tree.files {
        if !path.starts_with(caller.calls) || path.starts_with(caller.not_calls) {
            continue;
        }
        // Formatted code breaks lines before dots.
        let text: String = text.split_whitespace().collect();
        for (client, sdk) in caller.clients {
            let calls = text.match_indices(client).map(|(at, _)| &text[at + client.len()..]);
            actions.extend(calls.filter_map(|rest| Some(action(sdk, rest.split_once("()")?.0))));
            // A request that is built apart from its client.
            let module = format!("{}::operation::", sdk.replace('-', "_"));
            let operations = text.match_indices(&module).map(|(at, path)| &text[at + path.len()..]);
            actions.extend(operations.filter_map(|rest| Some(action(sdk, rest.split_once("::")?.0))));
        }
        if text.contains(WITH_PROFILE.0) {
            actions.insert(WITH_PROFILE.1.to_owned());
        }
    }
    for (action, besides) in TAGGING.into_iter().chain([WITH_ROLE]) {
        if actions.contains(action) {
            actions.insert(besides.to_owned());
        }
    }
    for (action, permission) in RENAMED {
        if actions.remove(action) {
            actions.insert(permission.to_owned());
        }
    }
    actions.remove(FREE);
    actions
}

/// `run_instances` -> `ec2:RunInstances`
fn action(sdk: &str, method: &str) -> String {
    let words = method.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    format!("{}:{}", service(sdk), words.collect::<String>())
}

/// Conditions on tags that the operator does not write would refuse all it does.
fn unknown_tags<'a>(tree: &Tree, policy: &'a str) -> BTreeSet<&'a str> {
    let known = tree.files.get(TAGS).map(String::as_str).unwrap_or_default();
    let keys = policy.match_indices(OURS).filter_map(|(at, _)| policy[at..].split('"').next());
    keys.filter(|key| !known.contains(&format!("\"{key}\""))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "let a = self\n.effects\n.create_security_group()\n.send(); self.reads.describe_vpcs();
        use aws_sdk_ec2::operation::run_instances::builders::RunInstancesInputBuilder;
        self.identity.get_caller_identity().send()";
    const TAG: &str = "pub const MANAGED_BY: &str = \"clusterbench.dev/managed-by\";";

    fn messages(policy: &str) -> Vec<String> {
        let tree = Tree::of([
            (OPERATOR.policy, policy),
            ("cloud/src/one.rs", CODE),
            ("cloud/src/wire_tests/mod.rs", "self.effects.stop_instances()"),
            (TAGS, TAG),
        ]);
        findings(&tree).into_iter().map(|one| one.what).collect()
    }

    #[test]
    fn an_sdk_whose_calls_nobody_looks_at_is_found() {
        let with = |sdk: &str| {
            let manifest = format!("[dependencies]\naws-sdk-ec2.workspace = true\n{sdk}.workspace = true\n");
            let tree = Tree::of([(OPERATOR.manifest, manifest.as_str())]);
            unseen_sdks(&OPERATOR, &tree).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(with("aws-sdk-sts"), Vec::<String>::new());
        assert_eq!(with("aws-sdk-sns"), ["aws-sdk-sns"]);
    }

    #[test]
    fn calls_and_permissions_are_equal() {
        let exact = r#"{"Action": "ec2:RunInstances",
            "Action": ["ec2:CreateSecurityGroup", "ec2:CreateTags",
            "ec2:DescribeVpcs"], "Condition": {"aws:RequestTag/clusterbench.dev/managed-by": "clusterbench"}}"#;
        assert_eq!(messages(exact), [""; 0]);
        let differs = r#"{"Action": ["ec2:CreateSecurityGroup", "ec2:CreateTags", "ec2:RunInstances", "ec2:StopInstances"],
            "aws:ResourceTag/clusterbench.dev/owner": "x"}"#;
        assert_eq!(
            messages(differs),
            [
                "ec2:DescribeVpcs is called and not granted: add it",
                "ec2:StopInstances is granted and not called: remove it",
                "clusterbench.dev/owner is no tag of planner/src/owner.rs: correct it",
            ]
        );
    }

    #[test]
    fn load_balancers_take_a_permission_for_their_tags_and_one_for_their_role() {
        let code = "self.elb_effects.create_load_balancer().send(); self.elb_reads.describe_tags();
            self.cloudwatch.get_metric_data()";
        let tree = Tree::of([(OPERATOR.policy, "{}"), ("cloud/src/one.rs", code)]);
        let missing: Vec<_> = findings(&tree).into_iter().map(|one| one.what).collect();
        let actions = [
            "cloudwatch:GetMetricData",
            "elasticloadbalancing:AddTags",
            "elasticloadbalancing:CreateLoadBalancer",
            "elasticloadbalancing:DescribeTags",
            "iam:CreateServiceLinkedRole",
        ];
        assert_eq!(missing, actions.map(|action| format!("{action} is called and not granted: add it")));
    }

    #[test]
    fn permissions_of_s3_have_names_of_their_own_and_a_profile_takes_one() {
        let code = "self.s3_reads.list_buckets(); self.s3_reads.list_objects_v2(); self.s3_effects.delete_objects();
            self.s3_effects.create_bucket(); self.sqs_effects.create_queue(); call.set_iam_instance_profile(None)";
        let tree = Tree::of([(OPERATOR.policy, "{}"), ("cloud/src/one.rs", code)]);
        let missing: Vec<_> = findings(&tree).into_iter().map(|one| one.what).collect();
        let actions = [
            "iam:PassRole",
            "s3:CreateBucket",
            "s3:DeleteObject",
            "s3:ListAllMyBuckets",
            "s3:ListBucket",
            "s3:TagResource",
            "sqs:CreateQueue",
            "sqs:TagQueue",
        ];
        assert_eq!(missing, actions.map(|action| format!("{action} is called and not granted: add it")));
    }

    #[test]
    fn instances_have_a_policy_of_their_own() {
        let code = "use aws_sdk_s3::operation::put_object::builders::B; self.sqs.receive_message().send()";
        let policy = r#"{"Action": ["s3:PutObject", "s3:GetObject"]}"#;
        let files = [(OPERATOR.policy, "{}"), ("queue/src/one.rs", code), (INSTANCES.policy, policy)];
        let found: Vec<_> = findings(&Tree::of(files)).into_iter().map(|one| (one.place, one.what)).collect();
        let expected = [
            "sqs:ReceiveMessage is called and not granted: add it",
            "s3:GetObject is granted and not called: remove it",
        ];
        assert_eq!(found, expected.map(|what| (INSTANCES.policy.to_owned(), what.to_owned())));
        assert_eq!(findings(&Tree::of([files[0], files[1]])).len(), 1);
    }

    #[test]
    fn a_policy_that_is_not_there_is_found() {
        assert_eq!(findings(&Tree::of([("cloud/src/one.rs", CODE)])).len(), 1);
    }
}
