//! A front, and what it says of the queues behind it.

use std::time::Duration;

use wire::{BalancerStatus, QueueStatus, STATUS_PATH};

use crate::target::fetch::{Unfetched, fetch};
use crate::{Resolver, Target, TargetError};

/// How long it may take to answer, which it does from memory.
const LIMIT: Duration = Duration::from_secs(5);

/// The control address of a front.
#[derive(Debug)]
pub struct Front {
    url: String,
    status: Target,
    resolver: Resolver,
}

/// Why nothing is known of queues.
#[derive(Debug, thiserror::Error)]
pub enum NotAFront {
    #[error(transparent)]
    Url(#[from] TargetError),
    #[error("{0:?} is https: the control address of a front is plain http, write http://")]
    Https(String),
    /// Another time it may answer.
    #[error("{0} does not answer: {1}; give the control address of a front, such as http://10.0.0.5:8081")]
    Silent(String, String),
    #[error("{0} is no front: {1}; give the control address of a front, such as http://10.0.0.5:8081")]
    Other(String, String),
}

impl Front {
    /// Reads `url`, `http://host:port`; does no network access.
    ///
    /// # Errors
    /// It is no URL, or one of https.
    pub fn at(url: &str, resolver: Resolver) -> Result<Self, NotAFront> {
        let status = Target::parse("front", &format!("{}{STATUS_PATH}", url.trim_end_matches('/')))?;
        if status.server_name.is_some() {
            return Err(NotAFront::Https(url.to_owned()));
        }
        Ok(Self { url: url.to_owned(), status, resolver })
    }

    /// The state of the queues now, one for each cluster.
    ///
    /// # Errors
    /// Nobody answers, or it is no front who does.
    ///
    /// # Cancellation
    /// Safe: the connection closes.
    pub async fn queues(&self) -> Result<Vec<QueueStatus>, NotAFront> {
        let bytes = fetch(&self.status, &self.resolver, LIMIT).await.map_err(|error| match error {
            Unfetched::Unreachable(why) => NotAFront::Silent(self.url.clone(), why),
            Unfetched::Refused(why) => NotAFront::Other(self.url.clone(), why),
        })?;
        let other = |why: &str| NotAFront::Other(self.url.clone(), why.to_owned());
        let status: BalancerStatus =
            serde_json::from_slice(&bytes).map_err(|_| other("what it answers is not the status of one"))?;
        match (status.queues.is_empty(), status.clusters.is_empty()) {
            (true, false) => Err(other("it is a balancer, which has no queues")),
            _ => Ok(status.queues),
        }
    }
}
