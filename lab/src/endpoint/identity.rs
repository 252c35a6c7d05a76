//! STS: GetCallerIdentity. And whose key signed a request.

use cloudsim::{CallerIdentity, Outcome, Principal, SimError};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use serde::Serialize;

use super::exchange::{Exchange, Sent};
use super::xml::Service;

/// The access key of whoever works with the lab: an administrator of its account.
pub const ACCESS_KEY: &str = "lab";
/// The access key of the operator, which may do what the policy says that is attached to it.
pub const OPERATOR_ACCESS_KEY: &str = "operator";
/// A secret to sign with. Signatures are not verified, so any will do; clients insist on one.
pub const SECRET_KEY: &str = "lab";

#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Identity {
    arn: String,
    user_id: String,
    account: String,
}

pub(crate) fn caller(exchange: Exchange<'_>) -> Outcome<Sent> {
    let shape = |caller: CallerIdentity| Identity { arn: caller.arn, user_id: caller.user_id, account: caller.account };
    let by = exchange.principal;
    exchange.carry_out(|call| call, move |sim, now| sim.caller_identity(by, now), shape)
}

/// Whose key signed it. Requires a Signature Version 4 header with a key that is known, scoped to our region. The signature
/// itself is not verified: the lab listens on loopback and protects nothing.
pub(crate) fn principal(service: Service, headers: &HeaderMap, region: &str) -> Outcome<Principal> {
    let header = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let Some(credential) = credential(header) else {
        return Err(match service {
            Service::Ec2 => refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401),
            Service::Sts => refused("MissingAuthenticationToken", "Request is missing Authentication Token", 403),
        });
    };
    let mut scope = credential.split('/');
    let (key, _date, signed_region) = (scope.next(), scope.next(), scope.next());
    let principal = match key {
        Some(ACCESS_KEY) => Principal::Administrator,
        Some(OPERATOR_ACCESS_KEY) => Principal::Operator,
        _ => {
            return Err(match service {
                Service::Ec2 => {
                    refused("AuthFailure", "AWS was not able to validate the provided access credentials", 401)
                }
                Service::Sts => {
                    refused("InvalidClientTokenId", "The security token included in the request is invalid.", 403)
                }
            });
        }
    };
    if signed_region != Some(region) {
        let message = format!("Credential should be scoped to a valid region: this one is {region}.");
        return Err(refused("SignatureDoesNotMatch", &message, 403));
    }
    Ok(principal)
}

fn credential(header: &str) -> Option<&str> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))
}

fn refused(code: &str, message: &str, status: u16) -> SimError {
    SimError { status, ..SimError::new(code, message) }
}
