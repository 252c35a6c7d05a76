//! A refusal in AWS's own words.

/// AWS's error code, a message for people, and the HTTP status it comes with.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct SimError {
    pub code: String,
    pub message: String,
    pub status: u16,
}

/// The answer of an action.
pub type Outcome<T> = Result<T, SimError>;

impl SimError {
    pub fn new(code: impl Into<String>, message: impl Into<String>) -> Self {
        let code = code.into();
        let status = status_of(&code);
        Self { code, message: message.into(), status }
    }

    pub(crate) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
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

    pub(crate) fn internal() -> Self {
        Self::new("InternalError", "An internal error has occurred")
    }

    pub(crate) fn unavailable() -> Self {
        Self::new("Unavailable", "The service is unavailable. Please try again shortly.")
    }
}

/// HTTP status of the codes that any service may answer with. A service gives its own codes their status where it makes
/// them ([`SimError::with_status`]).
fn status_of(code: &str) -> u16 {
    match code {
        "InternalError" => 500,
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
