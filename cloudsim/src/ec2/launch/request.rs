//! Checks of a launch request that look at nothing else, and its text in the story.

use planner::ports::InstanceType;

use crate::ec2::instance::RunInstances;
use crate::ec2::instance_types;
use crate::ec2::tags::check_tags;
use crate::engine::error::{Outcome, SimError};

/// EC2's limit on user data before base64.
const USER_DATA_LIMIT: usize = 16_384;
/// EC2's limit on client tokens.
const TOKEN_LIMIT: usize = 64;

/// The type of a request that is well-formed.
pub(super) fn kind_of(request: &RunInstances) -> Outcome<InstanceType> {
    check_shape(request)?;
    let kind = instance_types::instance_type(&request.instance_type).cloned();
    kind.ok_or_else(|| SimError::value(format!("Invalid value '{}' for InstanceType.", request.instance_type)))
}

fn check_shape(request: &RunInstances) -> Outcome<()> {
    if request.image_id.is_empty() {
        return Err(SimError::missing("ImageId"));
    }
    if request.min_count == 0 || request.max_count < request.min_count {
        let (min, max) = (request.min_count, request.max_count);
        return Err(SimError::value(format!("Invalid value for instance count: MinCount {min}, MaxCount {max}")));
    }
    if request.interface.is_some() && (request.subnet_id.is_some() || !request.group_ids.is_empty()) {
        let message = "Network interfaces and an instance-level subnet ID or security groups may not be specified on \
                       the same request";
        return Err(SimError::combination(message));
    }
    if request.user_data.len() > USER_DATA_LIMIT {
        return Err(SimError::value("User data is limited to 16384 bytes"));
    }
    let token = request.client_token.as_deref().unwrap_or_default();
    if token.len() > TOKEN_LIMIT || !token.is_ascii() {
        return Err(SimError::value("Invalid value for ClientToken: at most 64 ASCII characters"));
    }
    if request.http_tokens.as_deref().is_some_and(|tokens| tokens != "required" && tokens != "optional") {
        return Err(SimError::value("Invalid value for HttpTokens: required or optional"));
    }
    for (_, tags) in &request.tags {
        check_tags(tags)?;
    }
    if request.cpu_credits.as_deref().is_some_and(|credits| credits != "standard" && credits != "unlimited") {
        return Err(SimError::value("Invalid value for CpuCredits: standard or unlimited"));
    }
    Ok(())
}

pub(super) fn full_text(request: &RunInstances) -> String {
    format!("{}, token {}", text(request), request.client_token.as_deref().unwrap_or("none"))
}

pub(super) fn text(request: &RunInstances) -> String {
    let at = request.wanted_subnet().or(request.zone.as_deref()).unwrap_or("any subnet");
    format!("{} x {} at {at}", request.max_count, request.instance_type)
}
