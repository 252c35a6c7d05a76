//! The permissions that users grant are those of the calls that crate `cloud` makes: no more, no fewer.

use std::collections::BTreeSet;

use super::Finding;
use super::tree::Tree;

const POLICY: &str = "docs/iam-policy.json";
/// What the names of all policies begin with: one for EC2, one beside it for each other kind of resource.
const POLICIES: &str = "docs/iam-policy";
const CALLS: &str = "cloud/src/";
/// Tests make calls of their own.
const NOT_CALLS: &str = "cloud/src/wire_tests/";
const TAGS: &str = "planner/src/owner.rs";
/// What every tag of ours begins with.
const OURS: &str = "clusterbench.dev/";

/// Fields of `cloud`'s `Region` that hold an SDK client, the prefix of their actions, and the SDK.
const CLIENTS: [(&str, &str, &str); 7] = [
    ("self.reads.", "ec2:", "aws-sdk-ec2"),
    ("self.effects.", "ec2:", "aws-sdk-ec2"),
    ("self.identity.", "sts:", "aws-sdk-sts"),
    ("self.elb_reads.", "elasticloadbalancing:", "aws-sdk-elasticloadbalancingv2"),
    ("self.elb_effects.", "elasticloadbalancing:", "aws-sdk-elasticloadbalancingv2"),
    ("self.cloudwatch.", "cloudwatch:", "aws-sdk-cloudwatch"),
    ("self.pricing.", "pricing:", "aws-sdk-pricing"),
];
const MANIFEST: &str = "cloud/Cargo.toml";

/// Needs no permission: everybody may ask who they are.
const FREE: &str = "sts:GetCallerIdentity";

/// Calls that create something with tags, and the second permission that their service wants for the tags (EC2 user guide,
/// "Grant permission to tag resources during creation"; ELB user guide, the same).
const TAGGING: [(&str, &str); 6] = [
    ("ec2:RunInstances", "ec2:CreateTags"),
    ("ec2:CreateSecurityGroup", "ec2:CreateTags"),
    ("elasticloadbalancing:CreateLoadBalancer", "elasticloadbalancing:AddTags"),
    ("elasticloadbalancing:CreateTargetGroup", "elasticloadbalancing:AddTags"),
    ("elasticloadbalancing:CreateListener", "elasticloadbalancing:AddTags"),
    ("elasticloadbalancing:CreateRule", "elasticloadbalancing:AddTags"),
];

/// A call that makes the service's own role, the first time in an account, with the caller's permission (ELB user guide,
/// "Service-linked role").
const WITH_ROLE: (&str, &str) = ("elasticloadbalancing:CreateLoadBalancer", "iam:CreateServiceLinkedRole");

pub(super) fn findings(tree: &Tree) -> Vec<Finding> {
    if !tree.files.contains_key(POLICY) {
        return vec![Finding::new(POLICY, "is not there: users take the operator's permissions from it")];
    }
    let policies = tree.files.iter().filter(|(path, _)| path.starts_with(POLICIES) && path.ends_with(".json"));
    let policy = &policies.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n");
    let (granted, called) = (granted(policy), called(tree));
    let missing = called.difference(&granted).map(|action| format!("{action} is called and not granted: add it"));
    let idle = granted.difference(&called).map(|action| format!("{action} is granted and not called: remove it"));
    let unknown = unknown_tags(tree, policy);
    let unknown = unknown.iter().map(|key| format!("{key} is no tag of {TAGS}: correct it"));
    let unseen = unseen_sdks(tree).into_iter();
    let unseen = unseen.map(|sdk| {
        Finding::new(
            MANIFEST,
            format!("calls of {sdk} are not compared with the policy: name its clients in xtask/src/tidy/policy.rs"),
        )
    });
    missing.chain(idle).chain(unknown).map(|what| Finding::new(POLICY, what)).chain(unseen).collect()
}

/// SDKs that `cloud` depends on and of which no client is known here: their calls would need no permission.
fn unseen_sdks(tree: &Tree) -> BTreeSet<&str> {
    let lines = tree.files.get(MANIFEST).map(String::as_str).unwrap_or_default().lines();
    let sdks = lines.filter_map(|line| line.split(['.', ' ', '=']).next()).filter(|name| name.starts_with("aws-sdk-"));
    sdks.filter(|name| CLIENTS.iter().all(|(_, _, sdk)| sdk != name)).collect()
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

fn called(tree: &Tree) -> BTreeSet<String> {
    let mut actions = BTreeSet::new();
    for (path, text) in &tree.files {
        if !path.starts_with(CALLS) || path.starts_with(NOT_CALLS) {
            continue;
        }
        // Formatted code breaks lines before dots.
        let text: String = text.split_whitespace().collect();
        for (client, prefix, _) in CLIENTS {
            let calls = text.match_indices(client).map(|(at, _)| &text[at + client.len()..]);
            actions.extend(calls.filter_map(|rest| Some(action(prefix, rest.split_once("()")?.0))));
        }
        // A request that is built apart from its client.
        let operations = text.match_indices("aws_sdk_ec2::operation::").map(|(at, path)| &text[at + path.len()..]);
        actions.extend(operations.filter_map(|rest| Some(action("ec2:", rest.split_once("::")?.0))));
    }
    for (action, besides) in TAGGING.into_iter().chain([WITH_ROLE]) {
        if actions.contains(action) {
            actions.insert(besides.to_owned());
        }
    }
    actions.remove(FREE);
    actions
}

/// `run_instances` -> `ec2:RunInstances`
fn action(prefix: &str, method: &str) -> String {
    let words = method.split('_').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    format!("{prefix}{}", words.collect::<String>())
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
            (POLICY, policy),
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
            let tree = Tree::of([(MANIFEST, manifest.as_str())]);
            unseen_sdks(&tree).into_iter().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(with("aws-sdk-sts"), Vec::<String>::new());
        assert_eq!(with("aws-sdk-sqs"), ["aws-sdk-sqs"]);
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
        let tree = Tree::of([(POLICY, "{}"), ("cloud/src/one.rs", code)]);
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
    fn a_policy_that_is_not_there_is_found() {
        assert_eq!(findings(&Tree::of([("cloud/src/one.rs", CODE)])).len(), 1);
    }
}
