//! Signature Version 4 of a request: whose key signed it, and for which region and service.
//!
//! The scope is in the Authorization header, or in the query of a presigned URL (IAM user guide, "Elements of an AWS API
//! request signature": `Credential=KEY/DATE/REGION/SERVICE/aws4_request`, `X-Amz-Credential`). The signature itself is not
//! verified: the lab listens on loopback and protects nothing.

use std::borrow::Cow;

use cloudsim::{InstanceNumber, Outcome, Principal, ServiceName, SimError};
use http::header::AUTHORIZATION;
use http::request::Parts;
use jiff::Timestamp;
use planner::prices::list;

use super::api;
use super::protocol::Request;
use crate::machine::Secret;
use crate::machine::credentials::{Invalid, KEY_PREFIX};

/// The access key of whoever works with the lab: an administrator of its account.
pub const ACCESS_KEY: &str = "lab";
/// The access key of the operator, which may do what the policy says that is attached to it.
pub const OPERATOR_ACCESS_KEY: &str = "operator";
/// A secret to sign with. Signatures are not verified, so any will do; clients insist on one.
pub const SECRET_KEY: &str = "lab";

/// The scope that a request is signed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Signature {
    key: String,
    /// The session token of temporary credentials.
    token: Option<String>,
    region: String,
    pub(super) service: ServiceName,
}

impl Signature {
    /// *Errors*: a request without a signature, or signed for a service that is not served.
    pub(super) fn of(request: &Request<'_>) -> Outcome<Self> {
        let header = request.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let credential = in_header(header).map(Cow::Borrowed).or_else(|| of_query(request.query, "X-Amz-Credential"));
        // Common errors of the Query APIs (STS API reference, "Common errors"); what AWS says to an unsigned request is
        // "Missing Authentication Token" (IAM user guide, "Troubleshoot signed requests for AWS APIs").
        let credential = credential.ok_or_else(|| {
            let message = "Request is missing Authentication Token";
            SimError { status: 403, ..SimError::new("MissingAuthenticationToken", message) }
        })?;
        let mut scope = credential.split('/').map(str::to_owned);
        let (key, _date, region, service) = (scope.next(), scope.next(), scope.next(), scope.next());
        let name = service.unwrap_or_default();
        // Words and code as in timkay/aws#111 and many others.
        let service = ServiceName::parse(&name).ok_or_else(|| {
            let served: Vec<_> = ServiceName::ALL.iter().map(|service| service.name()).collect();
            let message =
                format!("Credential should be scoped to correct service: one of {}, not '{name}'.", served.join(", "));
            SimError::new("SignatureDoesNotMatch", message)
        })?;
        let token = session_token(request);
        Ok(Self { key: key.unwrap_or_default(), token, region: region.unwrap_or_default(), service })
    }

    /// Whose key it is. Requires a key that is known, of an instance with the token that came with it, and our region.
    pub(super) fn principal(&self, region: &str, secret: &Secret, now: Timestamp) -> Outcome<Principal> {
        let principal = match self.key.as_str() {
            ACCESS_KEY => Principal::Administrator,
            OPERATOR_ACCESS_KEY => Principal::Operator,
            key if key.starts_with(KEY_PREFIX) => {
                let id = secret.recognise(key, self.token.as_deref(), now).map_err(|invalid| match invalid {
                    Invalid::Unknown => api::unknown_key(self.service),
                    Invalid::Expired => api::expired_token(self.service),
                })?;
                let number = InstanceNumber::of(&id).ok_or_else(|| api::unknown_key(self.service))?;
                Principal::Instance(number)
            }
            _ => return Err(api::unknown_key(self.service)),
        };
        // The Price List has the prices of all regions in a few of them, which is where a call is signed for.
        let is_ours = self.region == region
            || self.service == ServiceName::Pricing && list::endpoint(region) == Some(self.region.as_str());
        if !is_ours {
            let message = format!("Credential should be scoped to a valid region: this one is {region}.");
            return Err(SimError::new("SignatureDoesNotMatch", message));
        }
        Ok(principal)
    }
}

fn session_token(request: &Request<'_>) -> Option<String> {
    let header = request.headers.get("x-amz-security-token").and_then(|value| value.to_str().ok());
    header.map(str::to_owned).or_else(|| of_query(request.query, "X-Amz-Security-Token").map(Cow::into_owned))
}

/// Whether a request is signed for S3, whose bodies are larger and whose methods are more.
pub(super) fn is_for_s3(head: &Parts) -> bool {
    let header = head.headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let credential = in_header(header)
        .map(Cow::Borrowed)
        .or_else(|| of_query(head.uri.query().unwrap_or_default(), "X-Amz-Credential"));
    credential.is_some_and(|scope| scope.split('/').nth(3) == Some(ServiceName::S3.name()))
}

fn in_header(header: &str) -> Option<&str> {
    let fields = header.strip_prefix("AWS4-HMAC-SHA256 ")?;
    fields.split(',').find_map(|field| field.trim().strip_prefix("Credential="))
}

fn of_query<'a>(query: &'a str, wanted: &str) -> Option<Cow<'a, str>> {
    form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == wanted).then_some(value))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue, Method};

    use super::*;

    fn signature(authorization: &str, query: &str) -> Outcome<(ServiceName, String)> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(authorization).unwrap());
        let request = Request { method: &Method::GET, path: "/", query, headers: &headers, body: b"" };
        Signature::of(&request).map(|signature| (signature.service, signature.region))
    }

    #[test]
    fn the_service_is_that_of_the_scope() {
        let header =
            "AWS4-HMAC-SHA256 Credential=lab/20261123/eu-west-1/sts/aws4_request, SignedHeaders=host, Signature=0";
        assert_eq!(signature(header, ""), Ok((ServiceName::Sts, "eu-west-1".to_owned())));
        let presigned = "Action=DescribeVpcs&X-Amz-Credential=lab%2F20261123%2Feu-west-1%2Fec2%2Faws4_request";
        assert_eq!(signature("", presigned), Ok((ServiceName::Ec2, "eu-west-1".to_owned())));
    }

    #[test]
    fn a_request_without_scope_or_for_another_service_is_refused() {
        for (header, query, code) in [
            ("", "", "MissingAuthenticationToken"),
            ("Basic bGFiOmxhYg==", "Action=DescribeVpcs", "MissingAuthenticationToken"),
            ("AWS4-HMAC-SHA256 Credential=lab/20261123/eu-west-1/mgn/aws4_request", "", "SignatureDoesNotMatch"),
            ("AWS4-HMAC-SHA256 Credential=lab", "", "SignatureDoesNotMatch"),
        ] {
            let refusal = signature(header, query).unwrap_err();
            assert_eq!((refusal.code.as_str(), refusal.status), (code, 403), "{header} {query}");
        }
    }
}
