//! The rehearsal: every launch is asked for with DryRun before any of them is written down, so that a permission, a
//! policy of the organisation or a wrong parameter is found before anything is paid.
//!
//! DryRun answers whether the request would be taken, and makes nothing (EC2 API reference, RunInstances, "DryRun"). It
//! does not know quotas or capacity (aws-parallelcluster#1779): what it says of these is left to the launch. What was
//! heard is a fact about one request, remembered by the request's hash, and is asked for again when the request is
//! another one or the process is. Nothing is decided from it but to wait: a launch goes the same way as without it.

use std::collections::BTreeSet;

use api::{ConditionType, Launch};
use jiff::{SignedDuration, Timestamp};

use super::hint::{self, hint};
use crate::conditions::{ConditionStatus, Reason};
use crate::effect::Action;
use crate::failure::{CloudError, Failure};
use crate::owner;
use crate::plan::{Plan, SLOW};
use crate::ports::LaunchRequest;
use crate::world::World;
use crate::world::memory::Rehearsal;

/// A line that is not written down yet, with its call.
pub(crate) struct Draft {
    pub(crate) line: Launch,
    pub(crate) request: LaunchRequest,
    /// The count that makes it necessary.
    pub(crate) because: String,
}

impl Rehearsal {
    /// `None`: the answer says nothing about the request, and it is asked for again.
    pub fn heard<T>(answer: &Result<T, CloudError>, at: Timestamp) -> Option<Self> {
        match answer {
            Ok(_) => Some(Self { at, refusal: None }),
            Err(error) if is_refusal(error.failure) || is_gone(error) => {
                Some(Self { at, refusal: Some(error.clone()) })
            }
            Err(error) => is_for_the_launch(error.failure).then_some(Self { at, refusal: None }),
        }
    }
}

/// Whether nothing but a change by somebody makes the request pass. Everything else passes by itself: too many calls, no
/// answer, a group that is not visible yet.
pub(crate) fn is_refusal(failure: Failure) -> bool {
    matches!(failure, Failure::Unauthorized | Failure::AccountRestricted | Failure::Rejected)
}

/// What the placement names and somebody removed since. A group may not be visible yet, so it is not among these.
fn is_gone(error: &CloudError) -> bool {
    matches!(error.code.as_str(), "InvalidAMIID.NotFound" | "InvalidSubnetID.NotFound" | "InvalidVpcID.NotFound")
}

/// What another zone or a little time may have: the launch has its own ways for these.
fn is_for_the_launch(failure: Failure) -> bool {
    matches!(failure, Failure::NoCapacity | Failure::Unsupported | Failure::QuotaReached)
}

/// Writes the drafts down if each was heard to pass; else asks about those that were not. What is in the way, if it is
/// refused.
pub(crate) fn write_down(world: &World, drafts: Vec<Draft>, plan: &mut Plan) -> Option<String> {
    let hashes: BTreeSet<&String> = drafts.iter().map(|draft| &draft.line.request_sha256).collect();
    plan.memory.rehearsals.retain(|hash, _| hashes.contains(hash));
    let mut refused = None;
    let mut passed = true;
    for Draft { line, request, because } in &drafts {
        let heard = plan.memory.rehearsals.get(&line.request_sha256).cloned();
        let refusal = heard.as_ref().and_then(|heard| heard.refusal.as_ref());
        if let Some(error) = refusal {
            refused.get_or_insert((reason(world, error), said(world, request, error)));
        }
        let is_due = heard.as_ref().is_none_or(|heard| refusal.is_some() && is_old(heard, world.now));
        if is_due {
            plan.act(Action::Rehearse(request.clone()), because.clone());
            plan.wake = SignedDuration::ZERO;
        }
        passed &= heard.is_some() && refusal.is_none();
    }
    if passed && !drafts.is_empty() {
        plan.ledger.extend(drafts.into_iter().map(|draft| draft.line));
        plan.wake = SignedDuration::ZERO;
    }
    let (reason, message) = refused?;
    plan.conditions.accepted(ConditionStatus::False, reason, message.clone());
    plan.conditions.stall(ConditionType::Accepted);
    Some(message)
}

/// Somebody may have changed a policy meanwhile.
fn is_old(heard: &Rehearsal, now: Timestamp) -> bool {
    now.duration_since(heard.at) >= SLOW
}

/// The word for a refusal. Nothing is decided from it, so words may be read: EC2 has no code of its own for a profile that
/// does not exist.
pub(crate) fn reason(world: &World, error: &CloudError) -> Reason {
    if hint::lacks_profile(world, error) { Reason::NoInstanceProfile } else { error.failure.into() }
}

/// A refusal for people.
pub(crate) fn said(world: &World, request: &LaunchRequest, error: &CloudError) -> String {
    let LaunchRequest { count, instance_type, tags, .. } = request;
    let pool = tags.get(owner::POOL).map(String::as_str).unwrap_or_default();
    let advice = match error.failure {
        Failure::Unauthorized => format!("; {}", what_allows(error, instance_type)),
        _ => hint(world, instance_type, &error.to_string()),
    };
    format!(
        "pool {pool}: the launch of {count} x {instance_type} was rehearsed and refused: {error}{advice}; nothing is launched until it passes, which is tried each minute and when the spec changes"
    )
}

/// What EC2 asks a permission for in a launch, and the statement of the operator's policy that gives it.
const STATEMENTS: [(&str, &str); 6] = [
    (":instance/", "LaunchInstancesMarkedAsOurs"),
    (":volume/", "LaunchWithSmallVolumesMarkedAsOurs"),
    (":network-interface/", "LaunchWithInterfacesMarkedAsOurs"),
    (":subnet/", "LaunchInAnySubnetFromAnyImage"),
    ("image/", "LaunchInAnySubnetFromAnyImage"),
    (":security-group/", "LaunchIntoOurGroups"),
];
/// What the caller needs besides where instances get a role (IAM user guide, "Granting a user permissions to pass a role to an
/// AWS service").
const PASSING: &str = "iam:PassRole";
const PASSES_ROLE: &str = "a statement that allows iam:PassRole to ec2.amazonaws.com";
const TAGS: (&str, &str) = ("ec2:CreateTags", "TagOnlyWhatIsBeingCreated");

/// EC2 does not say which condition was not met, and only sometimes of which resource. Its words are read for the hint
/// only: nothing is decided from them.
pub(crate) fn what_allows(error: &CloudError, instance_type: &str) -> String {
    let is_in_list = format!("is {instance_type} in its list of ec2:InstanceType?");
    let resource = error.message.split_once("on resource:").map(|(_, resource)| resource);
    let first = resource.and_then(|words| words.split_whitespace().next()).unwrap_or_default();
    let (of_tags, tagging) = TAGS;
    if error.message.contains(PASSING) {
        return format!(
            "{PASSES_ROLE}, in docs/iam-policy-queue.json, would allow it: is its Resource the role in the instance profile of balancer.queue.instanceProfile?"
        );
    }
    let named = STATEMENTS.iter().find(|(kind, _)| first.contains(kind)).map(|(_, statement)| *statement);
    match named {
        _ if error.message.contains(of_tags) => format!("the policy's statement {tagging} would allow it"),
        Some(statement) if statement == STATEMENTS[0].1 => {
            format!("the policy's statement {statement} would allow it: {is_in_list}")
        }
        Some(statement) => format!("the policy's statement {statement} would allow it"),
        None => {
            let mut all: Vec<&str> = STATEMENTS.iter().map(|(_, statement)| *statement).collect();
            all.dedup();
            format!("the policy's statements {} and {tagging} would allow it: {is_in_list}", all.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unauthorized(message: &str) -> CloudError {
        CloudError::new(Failure::Unauthorized, "UnauthorizedOperation", message)
    }

    /// Users look these up in the policy that they attached.
    #[test]
    fn the_statements_are_those_of_the_policy() {
        let policy = include_str!("../../../docs/iam-policy.json");
        for (_, statement) in STATEMENTS.iter().chain([&TAGS]) {
            assert!(policy.contains(&format!("\"Sid\": \"{statement}\"")), "{statement}");
        }
    }

    #[test]
    fn the_statement_is_that_of_the_resource_where_ec2_names_it() {
        let of = |resource: &str| {
            let words = "You are not authorized to perform this operation. User: arn:aws:iam::1:user/image/x is not \
                         authorized to perform: ec2:RunInstances on resource: ";
            what_allows(
                &unauthorized(&format!("{words}{resource} because no identity-based policy allows it")),
                "c7g.large",
            )
        };
        for (resource, statement) in [
            ("arn:aws:ec2:eu-west-1:1:instance/*", "LaunchInstancesMarkedAsOurs"),
            ("arn:aws:ec2:eu-west-1::image/ami-1", "LaunchInAnySubnetFromAnyImage"),
            ("arn:aws:ec2:eu-west-1:1:subnet/subnet-1", "LaunchInAnySubnetFromAnyImage"),
            ("arn:aws:ec2:eu-west-1:1:security-group/sg-1", "LaunchIntoOurGroups"),
            ("arn:aws:ec2:eu-west-1:1:volume/*", "LaunchWithSmallVolumesMarkedAsOurs"),
        ] {
            assert!(of(resource).starts_with(&format!("the policy's statement {statement} would")), "{}", of(resource));
        }
        let nothing = what_allows(&unauthorized("You are not authorized to perform this operation."), "c7g.large");
        assert!(nothing.contains("LaunchIntoOurGroups") && nothing.contains("is c7g.large in its list"), "{nothing}");
        let tags = what_allows(&unauthorized("not authorized to perform: ec2:CreateTags on resource: x"), "c7g.large");
        assert_eq!(tags, "the policy's statement TagOnlyWhatIsBeingCreated would allow it");
        let role = "You are not authorized to perform this operation. User: u is not authorized to perform: iam:PassRole on \
                    resource: arn:aws:iam::1:role/queue because no identity-based policy allows the iam:PassRole action";
        let said = what_allows(&unauthorized(role), "c7g.large");
        assert!(said.contains("iam-policy-queue.json") && said.contains("balancer.queue.instanceProfile"), "{said}");
    }

    /// Every failure is one of three: a refusal, a matter of the launch, or nothing that was heard.
    #[test]
    fn what_passes_by_itself_is_no_refusal() {
        let heard = |failure| {
            let answer: Result<(), _> = Err(CloudError::new(failure, "Code", "words"));
            Rehearsal::heard(&answer, Timestamp::UNIX_EPOCH).map(|heard| heard.refusal.is_some())
        };
        for failure in [Failure::Unauthorized, Failure::AccountRestricted, Failure::Rejected] {
            assert_eq!(heard(failure), Some(true), "{failure:?}");
        }
        for failure in [Failure::NoCapacity, Failure::Unsupported, Failure::QuotaReached] {
            assert_eq!(heard(failure), Some(false), "{failure:?}");
        }
        for failure in [
            Failure::Throttled,
            Failure::Unreachable,
            Failure::CredentialsExpired,
            Failure::NotFound,
            Failure::NotYetVisible,
        ] {
            assert_eq!(heard(failure), None, "{failure:?}");
        }
        assert_eq!(Rehearsal::heard(&Ok(()), Timestamp::UNIX_EPOCH).map(|heard| heard.refusal), Some(None));
    }
}
