//! Signed requests of the control APIs: Ed25519 over everything that gives a request its meaning.
//!
//! A signature covers method, path, the instance it is for, `If-Match`, a deadline and the body's hash, so a
//! captured request can be neither altered, nor sent to another instance, nor replayed after two minutes.
//! Within these two minutes a replay is harmless because every signed document is level-triggered: `If-Match`
//! pins the version it replaces, and runs are idempotent by id.

use std::time::Duration;

use data_encoding::BASE64URL_NOPAD;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use jiff::Timestamp;

use crate::sha256_hex;

/// Base64url of the 64 signature bytes, without padding.
pub const SIGNATURE_HEADER: &str = "x-clusterbench-signature";
/// RFC 3339 time after which the request is refused.
pub const NOT_AFTER_HEADER: &str = "x-clusterbench-not-after";
/// How far ahead of the verifier's clock a deadline may lie. It bounds replay and absorbs clock skew.
pub const VALID_FOR: Duration = Duration::from_secs(120);

/// Request that is signed.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path and query as sent.
    pub path: &'a str,
    /// The instance the request is for.
    pub instance_id: &'a str,
    /// Value of `If-Match`, empty when there is none.
    pub if_match: &'a str,
    /// Body as sent.
    pub body: &'a [u8],
}

impl Request<'_> {
    fn canonical(&self, not_after: &str) -> String {
        // Every line but the last is free of line breaks: methods, paths and header values cannot hold one.
        format!(
            "clusterbench.dev/control/v1\n{}\n{}\n{}\n{}\n{not_after}\n{}",
            self.method,
            self.path,
            self.instance_id,
            self.if_match,
            sha256_hex(self.body)
        )
    }
}

/// Signs requests; held by the operator alone.
pub struct Signer(SigningKey);

impl Signer {
    /// Signer with the private key `seed`.
    pub fn new(seed: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&seed))
    }

    /// The public half as base64url, the form that instances are given.
    pub fn public_key(&self) -> String {
        BASE64URL_NOPAD.encode(self.0.verifying_key().as_bytes())
    }

    /// Values of [`SIGNATURE_HEADER`] and [`NOT_AFTER_HEADER`].
    pub fn sign(&self, request: &Request<'_>, not_after: Timestamp) -> (String, String) {
        let not_after = not_after.to_string();
        let signature = self.0.sign(request.canonical(&not_after).as_bytes());
        (BASE64URL_NOPAD.encode(&signature.to_bytes()), not_after)
    }
}

/// Why a request is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The verifier was given no key.
    #[error("the public key is not 32 bytes of base64url")]
    BadKey,
    /// A header is missing.
    #[error("the request carries no {SIGNATURE_HEADER} and {NOT_AFTER_HEADER}")]
    Unsigned,
    /// The deadline cannot be read.
    #[error("{NOT_AFTER_HEADER} is not an RFC 3339 time")]
    BadDeadline,
    /// The deadline is over.
    #[error("the request's deadline has passed")]
    Expired,
    /// The deadline is beyond [`VALID_FOR`].
    #[error("the request's deadline is more than two minutes ahead: check the clocks")]
    TooFarAhead,
    /// Signed with another key, for another instance, or changed since.
    #[error("the signature is not valid for this request on this instance")]
    BadSignature,
}

/// Checks requests; holds only the public key.
#[derive(Clone, Debug)]
pub struct Verifier(VerifyingKey);

impl Verifier {
    /// Verifier of requests that were signed with the private half of `public_key`, 32 bytes as base64url.
    ///
    /// # Errors
    /// [`Refused::BadKey`]: the key is none.
    pub fn new(public_key: &str) -> Result<Self, Refused> {
        let bytes = BASE64URL_NOPAD.decode(public_key.as_bytes()).map_err(|_| Refused::BadKey)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| Refused::BadKey)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| Refused::BadKey)
    }

    /// Accepts `request` when signed by our key, for this instance, and not past its deadline at `now`.
    pub fn verify(
        &self,
        request: &Request<'_>,
        signature: Option<&str>,
        not_after: Option<&str>,
        now: Timestamp,
    ) -> Result<(), Refused> {
        let (Some(signature), Some(deadline)) = (signature, not_after) else { return Err(Refused::Unsigned) };
        let not_after: Timestamp = deadline.parse().map_err(|_| Refused::BadDeadline)?;
        if not_after < now {
            return Err(Refused::Expired);
        }
        if not_after.duration_since(now).unsigned_abs() > VALID_FOR {
            return Err(Refused::TooFarAhead);
        }
        let bytes = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| Refused::BadSignature)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| Refused::BadSignature)?;
        self.0.verify_strict(request.canonical(deadline).as_bytes(), &signature).map_err(|_| Refused::BadSignature)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: Request<'_> =
        Request { method: "PUT", path: "/v1/membership", instance_id: "i-1", if_match: "7", body: b"{}" };

    fn now() -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap()
    }

    fn check(change: impl FnOnce(&mut Request<'static>), ahead: i64) -> Result<(), Refused> {
        let signer = Signer::new([7; 32]);
        let (signature, not_after) = signer.sign(&REQUEST, now() + jiff::SignedDuration::from_secs(ahead));
        let mut request = REQUEST;
        change(&mut request);
        Verifier::new(&signer.public_key()).unwrap().verify(&request, Some(&signature), Some(&not_after), now())
    }

    #[test]
    fn accepts_what_was_signed() {
        assert_eq!(check(|_| (), 60), Ok(()));
        assert_eq!(check(|_| (), 120), Ok(()));
    }

    #[test]
    fn refuses_any_change() {
        assert_eq!(check(|r| r.method = "GET", 60), Err(Refused::BadSignature));
        assert_eq!(check(|r| r.path = "/v1/runs/1", 60), Err(Refused::BadSignature));
        assert_eq!(check(|r| r.instance_id = "i-2", 60), Err(Refused::BadSignature));
        assert_eq!(check(|r| r.if_match = "8", 60), Err(Refused::BadSignature));
        assert_eq!(check(|r| r.body = b"{ }", 60), Err(Refused::BadSignature));
    }

    #[test]
    fn refuses_the_wrong_time() {
        assert_eq!(check(|_| (), -1), Err(Refused::Expired));
        assert_eq!(check(|_| (), 121), Err(Refused::TooFarAhead));
    }

    #[test]
    fn refuses_unsigned_and_foreign_keys() {
        let verifier = Verifier::new(&Signer::new([7; 32]).public_key()).unwrap();
        assert_eq!(verifier.verify(&REQUEST, None, None, now()), Err(Refused::Unsigned));
        let (signature, deadline) = Signer::new([8; 32]).sign(&REQUEST, now());
        assert_eq!(verifier.verify(&REQUEST, Some(&signature), Some(&deadline), now()), Err(Refused::BadSignature));
        assert!(matches!(Verifier::new("short"), Err(Refused::BadKey)));
    }
}
