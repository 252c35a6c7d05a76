//! Resolver of names to addresses.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

use futures::future::BoxFuture;

use crate::target::hosts;

type Lookup = dyn Fn(String) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> + Send + Sync;

/// Finds the addresses of `host:port`. Clones share it.
#[derive(Clone)]
pub struct Resolver(Arc<Lookup>);

impl Resolver {
    /// Lookup by this function, which is given `host:port`.
    pub fn new<F>(lookup: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Vec<SocketAddr>>> + Send + 'static,
    {
        Self(Arc::new(move |authority| Box::pin(lookup(authority))))
    }

    /// Resolver of the machine: its hosts file, then its name servers.
    pub fn system() -> Self {
        Self::new(|authority| async move { Ok(tokio::net::lookup_host(authority).await?.collect()) })
    }

    /// The same, but for the names in the hosts file `path`, which is read anew each time: those are where it says.
    pub fn with_hosts(self, path: Option<PathBuf>) -> Self {
        let Some(path) = path else { return self };
        Self::new(move |authority| {
            let (path, other) = (path.clone(), self.clone());
            async move {
                match hosts::look_up(&path, &authority).await? {
                    found if found.is_empty() => other.look_up(&authority).await,
                    found => Ok(found),
                }
            }
        })
    }

    /// The same, but for the names in `given`, nobody is asked for them.
    pub fn with(self, given: Vec<Given>) -> Self {
        if given.is_empty() {
            return self;
        }
        Self::new(move |authority| {
            let found = given.iter().find(|given| given.authority.eq_ignore_ascii_case(&authority));
            let found = found.map(|given| given.addresses.clone());
            let other = self.clone();
            async move {
                match found {
                    Some(addresses) => Ok(addresses),
                    None => other.look_up(&authority).await,
                }
            }
        })
    }

    /// Every address of `authority` once, in the order in which they should be tried.
    ///
    /// # Errors
    /// The name is unknown, has no address, or nobody could be asked.
    pub async fn look_up(&self, authority: &str) -> io::Result<Vec<SocketAddr>> {
        let mut addresses: Vec<SocketAddr> = Vec::new();
        for address in (self.0)(authority.to_owned()).await? {
            if !addresses.contains(&address) {
                addresses.push(address);
            }
        }
        if addresses.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "it has no address"));
        }
        Ok(addresses)
    }
}

impl fmt::Debug for Resolver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Resolver")
    }
}

/// `HOST:PORT:ADDRESS[,ADDRESS]`, as curl's `--resolve` has it (curl(1)): what the name is taken for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    authority: String,
    addresses: Vec<SocketAddr>,
}

/// Text that is no such address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not HOST:PORT:ADDRESS[,ADDRESS]: write it as example.test:80:10.0.0.1,10.0.0.2")]
pub struct NotGiven(String);

impl FromStr for Given {
    type Err = NotGiven;

    fn from_str(text: &str) -> Result<Self, NotGiven> {
        let wrong = || NotGiven(text.to_owned());
        // An IPv6 address as the host stands in brackets and holds colons.
        let after_host = if text.starts_with('[') { text.find(']').ok_or_else(wrong)? } else { 0 };
        let colon = after_host + text[after_host..].find(':').ok_or_else(wrong)?;
        let (host, rest) = (&text[..colon], &text[colon + 1..]);
        let (port, addresses) = rest.split_once(':').ok_or_else(wrong)?;
        let port: u16 = port.parse().map_err(|_| wrong())?;
        let address = |text: &str| {
            let bare = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
            bare.parse::<IpAddr>().map(|ip| SocketAddr::new(ip, port)).map_err(|_| wrong())
        };
        let addresses = addresses.split(',').map(address).collect::<Result<Vec<_>, _>>()?;
        if host.is_empty() || port == 0 {
            return Err(wrong());
        }
        Ok(Self { authority: format!("{host}:{port}"), addresses })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> (String, Vec<String>) {
        let given: Given = text.parse().unwrap();
        (given.authority, given.addresses.iter().map(ToString::to_string).collect())
    }

    #[test]
    fn names_are_given_addresses_as_curl_writes_it() {
        let two = vec!["127.0.0.2:80".to_owned(), "[::1]:80".to_owned()];
        assert_eq!(given("example.test:80:127.0.0.2,[::1]"), ("example.test:80".to_owned(), two.clone()));
        assert_eq!(given("example.test:80:127.0.0.2,::1"), ("example.test:80".to_owned(), two));
        assert_eq!(given("[::5]:81:127.0.0.2"), ("[::5]:81".to_owned(), vec!["127.0.0.2:81".to_owned()]));
        let wrong = ["", "h", "h:80", "h:80:", "h:x:127.0.0.1", "h:80:name", ":80:127.0.0.1", "h:0:127.0.0.1", "[::1"];
        for text in wrong {
            let error = text.parse::<Given>().unwrap_err().to_string();
            assert!(error.contains("example.test:80:10.0.0.1,10.0.0.2"), "{text}: {error}");
        }
    }

    #[tokio::test]
    async fn other_names_are_asked_for_and_none_is_tried_twice() {
        let asked = Resolver::new(|authority| async move {
            let port: u16 = authority.rsplit(':').next().unwrap().parse().unwrap();
            let address = |last| SocketAddr::from(([127, 0, 0, last], port));
            Ok(if authority.starts_with("empty") { vec![] } else { vec![address(9), address(8), address(9)] })
        });
        let resolver = asked.with(vec!["Known.test:80:127.0.0.2".parse().unwrap()]);
        let found = async |authority: &str| {
            resolver.look_up(authority).await.map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>())
        };
        assert_eq!(found("known.test:80").await.unwrap(), ["127.0.0.2:80"]);
        assert_eq!(found("known.test:81").await.unwrap(), ["127.0.0.9:81", "127.0.0.8:81"]);
        assert!(found("empty.test:81").await.unwrap_err().to_string().contains("no address"));
    }
}
