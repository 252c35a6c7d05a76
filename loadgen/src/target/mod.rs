//! Target: one URL to measure, taken apart once.

pub(crate) mod distrust;
pub(crate) mod fetch;
pub(crate) mod greeting;
pub(crate) mod hosts;
pub(crate) mod resolver;
pub(crate) mod trust;
pub(crate) mod url_parts;

use std::net::IpAddr;
use std::sync::Arc;

use http::header::{HOST, USER_AGENT};
use http::uri::InvalidUri;
use http::{HeaderMap, HeaderValue, Uri};
use rustls::pki_types::ServerName;

use crate::target::trust::Tls;
use crate::target::url_parts::Parts;

/// Connections are kept and used again for one of these: `host:port`, and whether TLS is spoken.
pub(crate) type Origin = (String, bool);

/// A cluster and where it answers.
#[derive(Clone, Debug)]
pub struct Target {
    /// Name of the cluster.
    pub cluster: String,
    /// Name that balancer and answers know it by: that of the first target with this URL, whose twin it is.
    pub serves: String,
    /// The members of all other targets serve it together.
    pub is_shared: bool,
    /// Its number of instances follows its queue: it is measured from rest to rest.
    pub is_scaled: bool,
    /// `host:port`.
    pub authority: String,
    /// Name that a certificate has to be for, of https.
    pub(crate) server_name: Option<ServerName<'static>>,
    /// How TLS begins; filled by [`crate::secure`].
    pub(crate) tls: Option<Arc<Tls>>,
    /// Path and query, as sent.
    pub(crate) path: Uri,
    /// Every header but the seed.
    pub(crate) headers: HeaderMap,
}

/// Why a URL cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("{0:?} is not a URL: write it as http://host:port/path")]
    NotAUrl(String),
    #[error("{url:?} is not a URL ({why}): write it as http://host:port/path")]
    Malformed { url: String, why: String },
    #[error("{url:?} holds {character:?}: write it as {encoding}")]
    Forbidden { url: String, character: char, encoding: String },
    #[error("{url:?} holds {character:?} in its host: use letters, digits, '-' and '.', or an IP address")]
    Host { url: String, character: char },
    #[error("{0:?} does not start with http:// or https://: the generator speaks HTTP/1.1")]
    NotHttp(String),
    #[error("{url:?} wants TLS with {host:?}, which is no name that a certificate can hold: use another name")]
    NoServerName { url: String, host: String },
    #[error(
        "{0:?} held a user name or password: leave it out, and give --header 'Authorization: Basic ...' \
         (request.headers) if the server wants one"
    )]
    UserInfo(String),
}

impl Target {
    /// Reads `url`; does no network access.
    pub fn parse(cluster: &str, url: &str) -> Result<Self, TargetError> {
        let parts = Parts::of(url)?;
        let malformed = |why: String| TargetError::Malformed { url: url.to_owned(), why };
        let host = HeaderValue::from_str(&parts.host_header()).map_err(|error| malformed(error.to_string()))?;
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(HOST, host);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("loadgen/", env!("CARGO_PKG_VERSION"))));
        let server_name = if parts.is_https { Some(server_name(url, &parts.host)?) } else { None };
        Ok(Self {
            cluster: cluster.to_owned(),
            serves: cluster.to_owned(),
            is_shared: false,
            is_scaled: false,
            authority: format!("{}:{}", parts.host, parts.port),
            server_name,
            tls: None,
            path: parts.path.parse().map_err(|error: InvalidUri| malformed(error.to_string()))?,
            headers,
        })
    }

    /// Whether it is called by a name, which may lead anywhere, and not by an address.
    pub(crate) fn is_named(&self) -> bool {
        let host = self.authority.rsplit_once(':').map_or("", |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().is_err()
    }
}

impl Target {
    pub(crate) fn origin(&self) -> Origin {
        (self.authority.clone(), self.server_name.is_some())
    }
}

fn server_name(url: &str, host: &str) -> Result<ServerName<'static>, TargetError> {
    let named = ServerName::try_from(host.trim_matches(['[', ']']).to_owned());
    named.map_err(|_| TargetError::NoServerName { url: url.to_owned(), host: host.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_a_url_apart() {
        let target = Target::parse("cluster1", "http://10.0.0.5:8080/cluster1?a=b").unwrap();
        assert_eq!(target.authority, "10.0.0.5:8080");
        assert_eq!(target.path, "/cluster1?a=b");
        assert_eq!(target.headers[HOST], "10.0.0.5:8080");
        assert_eq!(Target::parse("c", "http://example.test").unwrap().authority, "example.test:80");
        assert_eq!(Target::parse("c", "http://example.test").unwrap().path, "/");
        assert_eq!(Target::parse("c", "http://[::1]:81/x").unwrap().authority, "[::1]:81");
        assert_eq!(Target::parse("c", "http://m\u{fc}nchen.test").unwrap().authority, "xn--mnchen-3ya.test:80");
        let secure = Target::parse("c", "https://[::1]/x").unwrap();
        assert_eq!((secure.authority.as_str(), secure.server_name.is_some()), ("[::1]:443", true));
        assert!(Target::parse("c", "https://a$b/").is_err(), "no certificate can hold it");
        assert!(Target::parse("c", &format!("http://h/{}", "a".repeat(70_000))).is_err(), "as long as none is");
        let is_named = |url| Target::parse("c", url).unwrap().is_named();
        assert!(is_named("http://example.test") && !is_named("http://[::1]:81") && !is_named("http://127.0.0.1/x"));
    }
}
