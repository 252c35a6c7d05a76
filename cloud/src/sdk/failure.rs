//! From an SDK error to the planner's.

use std::borrow::Cow;
use std::error::Error;

use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_ec2::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use planner::failure::codes::{failure_of, failure_of_launch, steady};
use planner::{CloudError, Failure};

use super::complete::Cut;

/// No answer within the time that the call was given.
pub(crate) const TIMEOUT: &str = "Timeout";
/// The call did not get through, or the connection broke before an answer.
pub(crate) const DISPATCH: &str = "Dispatch";
/// The answer ended too early.
pub(crate) const TRUNCATED: &str = "Truncated";
/// The answer came whole and is not what this call answers.
pub(crate) const MALFORMED: &str = "Malformed";
/// The answer lacks a field without which it cannot be believed.
pub(crate) const INCOMPLETE: &str = "Incomplete";
/// A list whose pages do not come to an end.
pub(crate) const PAGING: &str = "Paging";
/// An answer without a code: with its status after this.
const HTTP: &str = "Http";
/// No credentials could be had; nothing was sent.
pub(crate) const CREDENTIALS: &str = "Credentials";

/// The code with which DryRun is answered, with HTTP 412, when the call would be carried out.
pub(crate) const WOULD_SUCCEED: &str = "DryRunOperation";

/// Whether a code came from the cloud, and is not one of ours for its silence.
pub(crate) fn is_code(code: &str) -> bool {
    let ours = [TIMEOUT, DISPATCH, TRUNCATED, MALFORMED, INCOMPLETE, PAGING, CREDENTIALS];
    !ours.contains(&code) && !code.starts_with(HTTP)
}

/// The meaning of a failed call. Where the cloud gave a code, the code decides; where it gave none, the outcome is unknown.
pub(crate) fn failed<E>(error: SdkError<E>) -> CloudError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    classed(error, |code, _| failure_of(code))
}

/// The meaning of a failed RunInstances: a code that nobody listed is a refusal if its status says so.
pub(crate) fn failed_launch<E>(error: SdkError<E>) -> CloudError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    classed(error, failure_of_launch)
}

fn classed<E>(error: SdkError<E>, class: impl Fn(&str, u16) -> Failure) -> CloudError
where
    E: ProvideErrorMetadata + Error + Send + Sync + 'static,
{
    if let Some(credentials) = find::<CredentialsError>(&error) {
        return CloudError::new(
            Failure::CredentialsExpired,
            CREDENTIALS,
            format!("no AWS credentials: {}", words(credentials)),
        );
    }
    if let Some(cut) = find::<Cut>(&error) {
        return CloudError::new(Failure::Unreachable, TRUNCATED, cut.to_string());
    }
    let text = words(&error);
    let (code, message) = match &error {
        SdkError::TimeoutError(_) => (TIMEOUT.to_owned(), "no answer within the time allowed".to_owned()),
        SdkError::DispatchFailure(dispatch) if dispatch.is_timeout() => (TIMEOUT.to_owned(), text),
        SdkError::DispatchFailure(_) => (DISPATCH.to_owned(), text),
        SdkError::ResponseError(_) => (TRUNCATED.to_owned(), text),
        SdkError::ServiceError(service) => {
            let status = service.raw().status();
            match service.err().code() {
                Some(code) if !status.is_success() => {
                    return CloudError::new(
                        class(code, status.as_u16()),
                        code,
                        steady(service.err().message().unwrap_or_default()),
                    );
                }
                _ if status.is_success() => (MALFORMED.to_owned(), text),
                _ => (format!("{HTTP}{}", status.as_u16()), text),
            }
        }
        // Built wrongly by us, never sent: it will be built wrongly again.
        SdkError::ConstructionFailure(_) => return CloudError::new(Failure::Rejected, "Construction", text),
        _ => (DISPATCH.to_owned(), text),
    };
    CloudError::new(Failure::Unreachable, code, message)
}

/// The meaning of a failed attempt of an action, for counting; nothing where DryRun said what it is there to say. As in
/// [`failed`], from what the SDK shows while the call is still under way: errors that it has types for hide their code
/// there, so it is taken from the response.
pub(crate) fn of_attempt(
    error: &(dyn Error + 'static),
    action: &str,
    response: Option<&HttpResponse>,
) -> Option<Failure> {
    if find::<CredentialsError>(error).is_some() {
        return Some(Failure::CredentialsExpired);
    }
    // Half an answer has no code, whatever is found in it.
    let refusal = response.filter(|response| !response.status().is_success() && find::<Cut>(error).is_none());
    let Some((response, code)) = refusal.and_then(|response| Some((response, code_in(response)?))) else {
        return Some(Failure::Unreachable);
    };
    match &*code {
        WOULD_SUCCEED => None,
        code if action == "RunInstances" => Some(failure_of_launch(code, response.status().as_u16())),
        code => Some(failure_of(code)),
    }
}

/// The code of a refusal: in a header where the body is no XML (Smithy, "AWS Query compatible"), else in the first element
/// `Code`, or in the field `__type` of JSON, behind the name of its model (Smithy, awsJson1_1, "Operation error serialization").
fn code_in(response: &HttpResponse) -> Option<Cow<'_, str>> {
    if let Some(words) = response.headers().get("x-amzn-query-error") {
        return words.split(';').next().map(Cow::Borrowed);
    }
    let body = std::str::from_utf8(response.body().bytes()?).ok()?;
    if let Ok(document) = serde_json::from_str::<serde_json::Value>(body) {
        let code = document["__type"].as_str()?.rsplit('#').next()?;
        return Some(Cow::Owned(code.to_owned()));
    }
    let (_, rest) = body.split_once("<Code>")?;
    Some(Cow::Borrowed(rest.split_once("</Code>")?.0.trim()))
}

/// An answer that lacks `what`.
pub(crate) fn incomplete(what: impl std::fmt::Display) -> CloudError {
    CloudError::new(Failure::Unreachable, INCOMPLETE, format!("the answer has {what}"))
}

/// The value of a field that `of` must have.
pub(crate) fn need<T>(value: Option<T>, field: &str, of: &str) -> Result<T, CloudError> {
    value.ok_or_else(|| incomplete(format_args!("{of} without {field}")))
}

/// An error and its causes in one line, each said once. Nothing of the answer's body gets in.
fn words(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut at = Some(error);
    while let Some(error) = at {
        let next = error.to_string();
        if !next.is_empty() && !words.iter().any(|word| word.contains(&next)) {
            words.push(next);
        }
        at = error.source();
    }
    words.join(": ")
}

fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut at = Some(error);
    while let Some(error) = at {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        at = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn causes_are_said_once_each() {
        let layer = |text, source: Option<Layer>| Layer { text, source: source.map(Box::new) };
        let error = layer("dispatch", Some(layer("io: reset", Some(layer("", Some(layer("reset", None)))))));
        assert_eq!(words(&error), "dispatch: io: reset");
    }
}
