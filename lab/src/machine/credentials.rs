//! Credentials of an instance's role: issued by its metadata, recognised at the endpoint.
//!
//! They are self-contained: the session token says whose they are and until when, under a hash keyed with a secret that the
//! region has and its instances get. So the instance's own process issues them, and the endpoint need not be told.

use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD, HEXLOWER};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// Access keys of temporary credentials begin with this (IAM user guide, "Understanding unique ID prefixes").
pub(crate) const KEY_PREFIX: &str = "ASIA";

/// Random characters of an access key.
const KEY_BYTES: usize = 10;

/// The role of an instance, as far as its metadata tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    pub name: String,
    pub profile_arn: String,
    pub profile_id: String,
    /// How long its credentials live.
    pub life_seconds: u64,
    /// The key that the region recognises them by.
    pub secret: Secret,
}

/// The key of a region's session tokens.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret(String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// Temporary credentials, as metadata answer them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    pub access_key: String,
    pub secret_key: String,
    /// Goes with every call.
    pub token: String,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Why an access key of temporary credentials is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Invalid {
    /// There is no token, or it is not of this key, or of another region.
    Unknown,
    Expired,
}

impl Secret {
    /// Another one each time.
    pub fn new() -> Self {
        Self(HEXLOWER.encode(&rand::random::<[u8; 32]>()))
    }

    /// Credentials of the instance `id`.
    pub fn issue(&self, id: &str, now: Timestamp, life_seconds: u64) -> Credentials {
        let key = BASE32_NOPAD.encode(&rand::random::<[u8; KEY_BYTES]>());
        let access_key = format!("{KEY_PREFIX}{key}");
        let life = SignedDuration::from_secs(i64::try_from(life_seconds).unwrap_or(i64::MAX));
        // Whole seconds, as metadata show them.
        let end = now.checked_add(life).unwrap_or(Timestamp::MAX);
        let expires_at = Timestamp::from_second(end.as_second()).unwrap_or(end);
        let said = format!("{id} {}", expires_at.as_second());
        let token = format!("{said} {}", self.mark(&access_key, &said));
        Credentials {
            access_key,
            secret_key: BASE64URL_NOPAD.encode(&rand::random::<[u8; 30]>()),
            token: BASE64URL_NOPAD.encode(token.as_bytes()),
            issued_at: now,
            expires_at,
        }
    }

    /// Id of the instance that these credentials were issued to.
    pub(crate) fn recognise(&self, access_key: &str, token: Option<&str>, now: Timestamp) -> Result<String, Invalid> {
        let bytes = token.and_then(|token| BASE64URL_NOPAD.decode(token.as_bytes()).ok()).ok_or(Invalid::Unknown)?;
        let text = String::from_utf8(bytes).map_err(|_| Invalid::Unknown)?;
        let (said, mark) = text.rsplit_once(' ').ok_or(Invalid::Unknown)?;
        if self.mark(access_key, said) != mark {
            return Err(Invalid::Unknown);
        }
        let (id, expires_at) = said.split_once(' ').ok_or(Invalid::Unknown)?;
        let expires_at: i64 = expires_at.parse().map_err(|_| Invalid::Unknown)?;
        if expires_at <= now.as_second() { Err(Invalid::Expired) } else { Ok(id.to_owned()) }
    }

    /// The secret is of one length and stands on both sides, so no other text has this hash.
    fn mark(&self, access_key: &str, said: &str) -> String {
        let text = format!("{}\n{access_key}\n{said}\n{}", self.0, self.0);
        HEXLOWER.encode(&Sha256::digest(text.as_bytes()))
    }
}

impl Default for Secret {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).expect("time")
    }

    #[test]
    fn credentials_are_recognised_until_they_expire() {
        let secret = Secret::new();
        let issued = secret.issue("i-0123456789abcdef0", at(0), 900);
        assert!(issued.access_key.starts_with(KEY_PREFIX) && issued.access_key.len() == 20, "{issued:?}");
        assert_eq!(issued.expires_at, at(900));
        let recognise = |second| secret.recognise(&issued.access_key, Some(&issued.token), at(second));
        assert_eq!(recognise(0), Ok("i-0123456789abcdef0".to_owned()));
        assert_eq!(recognise(899), Ok("i-0123456789abcdef0".to_owned()));
        assert_eq!(recognise(900), Err(Invalid::Expired));
    }

    #[test]
    fn a_token_is_good_for_its_key_and_its_region_only() {
        let (secret, other) = (Secret::new(), Secret::new());
        let issued = secret.issue("i-0123456789abcdef0", at(0), 900);
        let second = secret.issue("i-0123456789abcdef0", at(0), 900);
        assert_ne!(issued.access_key, second.access_key);
        let unknown = Err(Invalid::Unknown);
        assert_eq!(secret.recognise(&second.access_key, Some(&issued.token), at(0)), unknown);
        assert_eq!(other.recognise(&issued.access_key, Some(&issued.token), at(0)), unknown);
        for token in [None, Some(""), Some("?"), Some("aS0wIDk5OTk5OTk5OTkgMDA")] {
            assert_eq!(secret.recognise(&issued.access_key, token, at(0)), unknown, "{token:?}");
        }
    }
}
