//! One URL to measure, taken apart once.

use std::net::SocketAddr;

use http::header::{HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};

/// A cluster and where it answers.
#[derive(Clone, Debug)]
pub struct Target {
    /// Name of the cluster.
    pub cluster: String,
    /// Name that balancer and answers know it by: that of the first target with this URL, whose twin it is.
    pub serves: String,
    /// `host:port`: connections are kept and reused per authority.
    pub authority: String,
    /// Path and query, as sent.
    pub(crate) path: Uri,
    /// Every header but the seed.
    pub(crate) headers: HeaderMap,
    /// Where to connect; filled by [`Target::resolve`].
    pub(crate) addresses: Vec<SocketAddr>,
}

/// Why a URL cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TargetError {
    #[error("{0:?} is not a URL: write it as http://host:port/path")]
    NotAUrl(String),
    #[error("{0:?} does not start with http://: the generator speaks plain HTTP/1.1 only")]
    NotHttp(String),
    #[error("{0:?} holds a user name or password: leave it out")]
    UserInfo(String),
    #[error("cannot find the address of {host:?}: {why}; check the name, or give an IP address")]
    Unresolved { host: String, why: String },
}

impl Target {
    /// Reads `url`; does no network access.
    pub fn parse(cluster: &str, url: &str) -> Result<Self, TargetError> {
        let not_a_url = || TargetError::NotAUrl(url.to_owned());
        let parsed: Uri = url.parse().map_err(|_| not_a_url())?;
        match parsed.scheme_str() {
            Some("http") => {}
            Some(_) => return Err(TargetError::NotHttp(url.to_owned())),
            None => return Err(not_a_url()),
        }
        let authority = parsed.authority().ok_or_else(not_a_url)?;
        if authority.as_str().contains('@') {
            return Err(TargetError::UserInfo(url.to_owned()));
        }
        let host = authority.host();
        // Asked for its number, the library takes a port that is too large for no port at all.
        let port: u16 = match authority.as_str().strip_prefix(host) {
            Some("") => 80,
            Some(rest) => rest.trim_start_matches(':').parse().map_err(|_| not_a_url())?,
            None => return Err(not_a_url()),
        };
        if host.is_empty() || port == 0 {
            return Err(not_a_url());
        }
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(HOST, HeaderValue::from_str(authority.as_str()).map_err(|_| not_a_url())?);
        headers.insert(USER_AGENT, HeaderValue::from_static(concat!("loadgen/", env!("CARGO_PKG_VERSION"))));
        let path = parsed.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            cluster: cluster.to_owned(),
            serves: cluster.to_owned(),
            authority: format!("{host}:{port}"),
            path: path.parse().map_err(|_| not_a_url())?,
            headers,
            addresses: Vec::new(),
        })
    }

    /// Looks the host up, once for the whole run: a name server must not be part of what is measured.
    pub async fn resolve(mut self) -> Result<Self, TargetError> {
        let unresolved = |why: String| TargetError::Unresolved { host: self.authority.clone(), why };
        let found = tokio::net::lookup_host(&self.authority).await.map_err(|error| unresolved(error.to_string()))?;
        self.addresses = found.collect();
        if self.addresses.is_empty() {
            return Err(unresolved("no address".to_owned()));
        }
        Ok(self)
    }
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
    }

    #[test]
    fn refuses_what_it_cannot_measure() {
        let refused = |url| Target::parse("c", url).unwrap_err();
        assert_eq!(refused("10.0.0.5:8080/x"), TargetError::NotAUrl("10.0.0.5:8080/x".into()));
        assert_eq!(refused("cluster1"), TargetError::NotAUrl("cluster1".into()));
        assert_eq!(refused("http://host:99999/"), TargetError::NotAUrl("http://host:99999/".into()));
        assert_eq!(refused("http://host:0/"), TargetError::NotAUrl("http://host:0/".into()));
        assert_eq!(refused("https://host/"), TargetError::NotHttp("https://host/".into()));
        assert_eq!(refused("http://me:secret@host/"), TargetError::UserInfo("http://me:secret@host/".into()));
    }
}
