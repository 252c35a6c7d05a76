//! Instance profiles: the role that an instance has, and what a launch with one needs.
//!
//! The lab makes no profiles and no roles; those that exist are settings ([`Settings::instance_profiles`]).

use super::instance::RunInstances;
use super::state::State;
use crate::engine::error::{Outcome, SimError};
use crate::iam::{Ask, Principal};
use crate::settings::Settings;

/// Who takes the role (Service Authorization Reference, "Condition keys for AWS Identity and Access Management":
/// iam:PassedToService).
const PASSED_TO: &str = "ec2.amazonaws.com";

/// ARN of an instance profile of the caller's account.
pub fn instance_profile_arn(account: &str, name: &str) -> String {
    format!("arn:aws:iam::{account}:instance-profile/{name}")
}

/// The id that EC2 shows of a profile.
pub fn instance_profile_id(name: &str) -> String {
    format!("AIPA{}", name.to_ascii_uppercase().replace(|c: char| !c.is_ascii_alphanumeric(), ""))
}

/// Refuses a profile that does not exist (aws/karpenter-provider-aws#3051; of one that was just made the same is said for a
/// while: hashicorp/terraform-provider-aws#27516).
pub(super) fn check(settings: &Settings, request: &RunInstances) -> Outcome<()> {
    match &request.instance_profile {
        Some(name) if !settings.instance_profiles.contains_key(name) => {
            let message = format!(
                "Value ({name}) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name"
            );
            Err(SimError::new("InvalidParameterValue", message))
        }
        _ => Ok(()),
    }
}

/// The question whether the caller may give the role of the profile to instances (aws/karpenter-provider-aws#6298). None without a profile, or with one that
/// does not exist: it has no role.
pub(super) fn ask_to_pass(settings: &Settings, request: &RunInstances) -> Option<Ask> {
    let role = settings.instance_profiles.get(request.instance_profile.as_ref()?)?;
    let arn = format!("arn:aws:iam::{}:role/{role}", settings.account);
    Some(Ask::new("iam:PassRole".to_owned(), arn).with("iam:PassedToService", PASSED_TO))
}

/// The role of a caller that is an instance.
pub(crate) fn role_of<'a>(settings: &'a Settings, state: &State, by: Principal) -> Option<&'a str> {
    let Principal::Instance(number) = by else { return None };
    let instance = state.instance(&number.id())?;
    settings.instance_profiles.get(instance.instance_profile.as_ref()?).map(String::as_str)
}
