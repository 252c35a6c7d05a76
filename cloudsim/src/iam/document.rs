//! Policy documents: reading one, and its verdict on a question.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::ask::Ask;
use super::condition::Condition;
use super::error::PolicyError;
use super::pattern::{covers, is_like};

/// A policy document as IAM takes it: what an identity may do.
#[derive(Clone, Debug)]
pub struct Policy {
    statements: Vec<Statement>,
}

/// The answer of a policy to one question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allowed,
    /// No statement allows it.
    NotAllowed,
    /// A statement denies it.
    Denied,
}

#[derive(Clone, Debug)]
struct Statement {
    effect: Effect,
    actions: Vec<String>,
    /// The same in small letters: names of actions are not case-sensitive (IAM user guide, "IAM JSON policy elements: Action").
    patterns: Vec<String>,
    resources: Vec<String>,
    conditions: Vec<Condition>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
enum Effect {
    Allow,
    Deny,
}

/// A document as it is written.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Document {
    version: String,
    /// Each is read apart, so that an error names the field.
    statement: serde_json::Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Written {
    #[serde(rename = "Sid")]
    _sid: Option<String>,
    effect: Effect,
    action: OneOrMany<String>,
    resource: OneOrMany<String>,
    #[serde(default)]
    condition: BTreeMap<String, BTreeMap<String, OneOrMany<Scalar>>>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

/// IAM takes numbers and booleans for their text.
#[derive(Deserialize)]
#[serde(untagged)]
enum Scalar {
    Text(String),
    Number(serde_json::Number),
    Truth(bool),
}

impl<T> OneOrMany<T> {
    fn all(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl Scalar {
    fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            Self::Number(number) => number.to_string(),
            Self::Truth(truth) => truth.to_string(),
        }
    }
}

impl Policy {
    /// *Errors*: what IAM would refuse, and what this simulation does not understand.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let document: Document = serde_json::from_str(text)?;
        if document.version != "2012-10-17" {
            return Err(PolicyError::Version(document.version));
        }
        if let Some(at) = text.find("${") {
            let variable = text[at..].split_inclusive('}').next().unwrap_or_default();
            return Err(PolicyError::Variable(variable.to_owned()));
        }
        let written = match document.statement {
            serde_json::Value::Array(many) => many,
            one => vec![one],
        };
        let read = |one| Statement::read(serde_json::from_value(one)?);
        let statements = written.into_iter().map(read).collect::<Result<_, PolicyError>>()?;
        Ok(Self { statements })
    }

    /// The policy that this project ships, filled in as its user would: docs/aws.md, "Permissions".
    pub fn shipped(account: &str, kubernetes_cluster: &str, installation: &str) -> Result<Self, PolicyError> {
        Self::parse(&Self::shipped_text(account, kubernetes_cluster, installation))
    }

    pub fn shipped_text(account: &str, kubernetes_cluster: &str, installation: &str) -> String {
        filled(include_str!("../../../docs/iam-policy.json"), account, kubernetes_cluster, installation)
    }

    /// The policy beside it for benchmarks with `kind: Application`.
    pub fn shipped_application(
        account: &str,
        kubernetes_cluster: &str,
        installation: &str,
    ) -> Result<Self, PolicyError> {
        Self::parse(&Self::shipped_application_text(account, kubernetes_cluster, installation))
    }

    pub fn shipped_application_text(account: &str, kubernetes_cluster: &str, installation: &str) -> String {
        let text = include_str!("../../../docs/iam-policy-application.json");
        filled(text, account, kubernetes_cluster, installation)
    }

    /// The policy of the role that instances behind queues have.
    pub fn shipped_instance(account: &str) -> Result<Self, PolicyError> {
        Self::parse(&Self::shipped_instance_text(account))
    }

    pub fn shipped_instance_text(account: &str) -> String {
        filled(include_str!("../../../docs/iam-instance-policy.json"), account, "", "")
    }

    /// The policy beside it for benchmarks with `kind: Queue`.
    pub fn shipped_queue(account: &str, kubernetes_cluster: &str, installation: &str) -> Result<Self, PolicyError> {
        Self::parse(&Self::shipped_queue_text(account, kubernetes_cluster, installation))
    }

    pub fn shipped_queue_text(account: &str, kubernetes_cluster: &str, installation: &str) -> String {
        filled(include_str!("../../../docs/iam-policy-queue.json"), account, kubernetes_cluster, installation)
    }

    /// All policies of the operator that this project ships.
    pub fn all_shipped(account: &str, kubernetes_cluster: &str, installation: &str) -> Result<[Self; 3], PolicyError> {
        let ec2 = Self::shipped(account, kubernetes_cluster, installation)?;
        let application = Self::shipped_application(account, kubernetes_cluster, installation)?;
        Ok([ec2, application, Self::shipped_queue(account, kubernetes_cluster, installation)?])
    }

    /// Actions that it allows, as they are written.
    pub fn actions(&self) -> impl Iterator<Item = &str> {
        let allowing = self.statements.iter().filter(|statement| statement.effect == Effect::Allow);
        allowing.flat_map(|statement| &statement.actions).map(String::as_str)
    }

    /// The verdict of several policies of one identity: a Deny of any outweighs every Allow (IAM user guide, "Policy
    /// evaluation logic").
    pub fn judge_all<'a>(policies: impl IntoIterator<Item = &'a Self>, ask: &Ask) -> Verdict {
        let mut verdict = Verdict::NotAllowed;
        for policy in policies {
            match policy.judge(ask) {
                Verdict::Denied => return Verdict::Denied,
                Verdict::Allowed => verdict = Verdict::Allowed,
                Verdict::NotAllowed => (),
            }
        }
        verdict
    }

    pub fn judge(&self, ask: &Ask) -> Verdict {
        let mut verdict = Verdict::NotAllowed;
        for statement in self.statements.iter().filter(|statement| statement.is_about(ask)) {
            match statement.effect {
                Effect::Deny => return Verdict::Denied,
                Effect::Allow => verdict = Verdict::Allowed,
            }
        }
        verdict
    }
}

/// A policy with the places filled in that users fill in.
fn filled(text: &str, account: &str, kubernetes_cluster: &str, installation: &str) -> String {
    text.replace("ACCOUNT_ID", account)
        .replace("KUBERNETES_CLUSTER_UID", kubernetes_cluster)
        .replace("/installation\": \"default\"", &format!("/installation\": \"{installation}\""))
}

impl Statement {
    fn read(written: Written) -> Result<Self, PolicyError> {
        let mut conditions = Vec::new();
        for (operator, keys) in written.condition {
            for (key, values) in keys {
                let values = values.all().into_iter().map(Scalar::text).collect();
                conditions.push(Condition::read(&operator, key, values)?);
            }
        }
        let actions = written.action.all();
        Ok(Self {
            effect: written.effect,
            patterns: actions.iter().map(|action| action.to_ascii_lowercase()).collect(),
            actions,
            resources: written.resource.all(),
            conditions,
        })
    }

    fn is_about(&self, ask: &Ask) -> bool {
        let action = ask.action.to_ascii_lowercase();
        self.patterns.iter().any(|pattern| is_like(pattern, &action))
            && self.resources.iter().any(|resource| covers(resource, &ask.resource))
            && self.conditions.iter().all(|condition| condition.holds(ask))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ask(action: &str, resource: &str, context: &[(&str, &str)]) -> Ask {
        let context = context.iter().map(|(key, value)| ((*key).to_owned(), vec![(*value).to_owned()])).collect();
        Ask { action: action.into(), resource: resource.into(), context }
    }

    #[test]
    fn a_deny_outweighs_an_allow_and_nothing_is_a_denial() {
        let policy = Policy::parse(
            r#"{"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "ec2:*", "Resource": "*"},
                {"Sid": "No", "Effect": "Deny", "Action": ["EC2:terminateInstances"], "Resource": "arn:*:ec2:*:*:instance/*",
                 "Condition": {"StringEquals": {"aws:ResourceTag/keep": "yes"}}}
            ]}"#,
        )
        .unwrap();
        let instance = "arn:aws:ec2:eu-west-1:111:instance/i-1";
        let tagged = [("AWS:resourcetag/Keep", "yes")];
        assert_eq!(policy.judge(&ask("ec2:TerminateInstances", instance, &[])), Verdict::Allowed);
        assert_eq!(policy.judge(&ask("ec2:TerminateInstances", instance, &tagged)), Verdict::Denied);
        assert_eq!(policy.judge(&ask("sts:AssumeRole", "*", &tagged)), Verdict::NotAllowed);
    }

    #[test]
    fn several_policies_allow_together_and_any_denies() {
        let policy = |effect: &str, action: &str| {
            Policy::parse(&format!(
                r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "{effect}", "Action": "{action}", "Resource": "*"}}}}"#
            ))
            .unwrap()
        };
        let policies = [policy("Allow", "ec2:*"), policy("Allow", "cloudwatch:*"), policy("Deny", "ec2:StopInstances")];
        let judge = |action: &str| Policy::judge_all(&policies, &ask(action, "*", &[]));
        assert_eq!(judge("ec2:RunInstances"), Verdict::Allowed);
        assert_eq!(judge("cloudwatch:GetMetricData"), Verdict::Allowed);
        assert_eq!(judge("ec2:StopInstances"), Verdict::Denied);
        assert_eq!(judge("sts:AssumeRole"), Verdict::NotAllowed);
        assert_eq!(Policy::judge_all([], &ask("ec2:RunInstances", "*", &[])), Verdict::NotAllowed);
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let with = |rest: &str| {
            let text = format!(
                r#"{{"Version": "2012-10-17", "Statement": {{"Effect": "Allow", "Action": "ec2:*", "Resource": "*"{rest}}}}}"#
            );
            Policy::parse(&text).map(drop).map_err(|error| error.to_string())
        };
        assert_eq!(with(""), Ok(()));
        for (rest, why) in [
            (r#", "NotAction": "ec2:*""#, "unknown field `NotAction`"),
            (r#", "Principal": "*""#, "unknown field `Principal`"),
            (r#", "Condition": {"DateLessThan": {"aws:CurrentTime": "2027"}}"#, "DateLessThan is not simulated"),
            (r#", "Condition": {"StringLike": {"a": "${aws:username}"}}"#, "${aws:username} is a policy variable"),
            (r#", "Condition": {"NumericEquals": {"a": "many"}}"#, "compares with many"),
        ] {
            let error = with(rest).unwrap_err();
            assert!(error.contains(why), "{rest}: {error}");
        }
        let old = Policy::parse(r#"{"Version": "2008-10-17", "Statement": []}"#).unwrap_err();
        assert!(old.to_string().contains("2012-10-17"), "{old}");
    }

    #[test]
    fn the_shipped_policy_is_understood_and_filled_in() {
        for fill in [Policy::shipped_text, Policy::shipped_application_text, Policy::shipped_queue_text] {
            let text = fill("111122223333", "k8s", "blue");
            for left in ["ACCOUNT_ID", "KUBERNETES_CLUSTER_UID", "\"default\""] {
                assert!(!text.contains(left), "{left}");
            }
            assert!(text.contains("111122223333") && text.contains("\"k8s\"") && text.contains("\"blue\""));
            Policy::parse(&text).unwrap();
        }
    }
}
