//! Names of a run's targets and their addresses: looked up anew before each round, never while load is on.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures::future::join_all;

use crate::Resolver;
use crate::engine::addresses::Addresses;

/// How long name servers may take where addresses are known, which stay when nothing is said: no longer than the balancer
/// is waited for at the same time. Where none is known they may take their own time, and try as often as they are set to.
const LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug)]
pub(crate) struct Names {
    resolver: Resolver,
    known: Mutex<BTreeMap<String, Arc<Addresses>>>,
}

impl Names {
    pub(crate) fn new(resolver: Resolver) -> Self {
        Self { resolver, known: Mutex::default() }
    }

    /// Asks where these `host:port` lead now. What cannot be found out stays as it was.
    pub(crate) async fn look_up(&self, authorities: &BTreeSet<&str>) {
        let asked = authorities.iter().map(|authority| async move {
            let found = self.resolver.look_up(authority);
            let found = match self.of(authority).len() {
                0 => found.await,
                _ => tokio::time::timeout(LIMIT, found).await.map_err(Into::into).flatten(),
            };
            match found {
                Ok(addresses) => self.lead(authority, addresses),
                Err(error) => tracing::warn!(authority, %error, "its addresses cannot be found: those known stay"),
            }
        });
        join_all(asked).await;
    }

    /// Where `authority` leads; nowhere, before it was found: connections to it fail.
    pub(crate) fn of(&self, authority: &str) -> Arc<Addresses> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(authority).cloned().unwrap_or_default()
    }

    /// Name servers answer in another order every time: the same addresses keep whose turn it is.
    fn lead(&self, authority: &str, addresses: Vec<SocketAddr>) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.get(authority).is_some_and(|before| before.are(&addresses)) {
            return;
        }
        tracing::debug!(authority, ?addresses, "found");
        known.insert(authority.to_owned(), Arc::new(Addresses::new(addresses)));
    }
}
