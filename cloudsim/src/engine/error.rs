//! A refusal in EC2's own words.

/// EC2's error code, a message for people, and the HTTP status it comes with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct SimError {
    pub code: String,
    pub message: String,
    pub status: u16,
}

/// What an action answers.
pub type Outcome<T> = Result<T, SimError>;

impl SimError {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let code = code.into();
        let status = status_of(&code);
        Self { code, message: message.into(), status }
    }

    pub(crate) fn instance_not_found(ids: &[String]) -> Self {
        let (noun, verb) = if ids.len() == 1 { ("ID", "does") } else { ("IDs", "do") };
        Self::new("InvalidInstanceID.NotFound", format!("The instance {noun} '{}' {verb} not exist", ids.join(", ")))
    }

    pub(crate) fn group_not_found(id: &str) -> Self {
        Self::new("InvalidGroup.NotFound", format!("The security group '{id}' does not exist"))
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterValue", message)
    }

    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterCombination", message)
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new("MissingParameter", format!("The request must contain the parameter {parameter}"))
    }
}

/// HTTP status of a code. Capacity is a server error in EC2, which is why the SDK's own retries are off for it.
fn status_of(code: &str) -> u16 {
    match code {
        "InsufficientInstanceCapacity" | "InsufficientVolumeCapacity" | "InternalError" => 500,
        "RequestLimitExceeded" | "Unavailable" => 503,
        "UnauthorizedOperation"
        | "AccessDenied"
        | "ExpiredToken"
        | "SignatureDoesNotMatch"
        | "InvalidClientTokenId" => 403,
        "AuthFailure" => 401,
        "DryRunOperation" => 412,
        _ => 400,
    }
}
