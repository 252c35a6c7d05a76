//! Membership from a file, for a balancer that serves alone.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};
use wire::Membership;

use crate::balancer::{Balancer, Refused};

/// Time from one reading of the file to the next. It is small and in the page cache; reading it whole each time also
/// sees edits that keep size and time.
const INTERVAL: Duration = Duration::from_millis(500);

/// The reason why a file was not taken over.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    #[error("--membership {}: {error}", path.display())]
    Read { path: PathBuf, error: std::io::Error },
    #[error("--membership {}: not a membership: {error}", path.display())]
    Json { path: PathBuf, error: serde_json::Error },
    #[error("--membership {}: {error}", path.display())]
    Refused { path: PathBuf, error: Refused },
}

/// A file that is served.
pub struct MembershipFile {
    path: PathBuf,
    /// Contents when last read, good or bad, so that each change is reported once.
    seen: Result<Vec<u8>, std::io::ErrorKind>,
}

impl MembershipFile {
    /// Serves what the file says now.
    ///
    /// # Errors
    /// When it cannot be read, or does not hold a valid membership.
    pub async fn open(path: &Path, balancer: &Balancer) -> Result<Self, Unusable> {
        let bytes = read(path).await?;
        take_over(path, &bytes, balancer)?;
        Ok(Self { path: path.to_owned(), seen: Ok(bytes) })
    }

    /// Looks for changes for ever. A file that is gone or bad is reported, and the membership before stays.
    ///
    /// # Cancellation
    /// Safe at any moment.
    pub async fn follow(mut self, balancer: Arc<Balancer>) -> Infallible {
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            let taken = match read(&self.path).await {
                Ok(bytes) if self.seen.as_ref() == Ok(&bytes) => continue,
                Ok(bytes) => {
                    let taken = take_over(&self.path, &bytes, &balancer);
                    self.seen = Ok(bytes);
                    taken
                }
                Err(Unusable::Read { error, .. }) if self.seen == Err(error.kind()) => continue,
                Err(unusable) => {
                    if let Unusable::Read { error, .. } = &unusable {
                        self.seen = Err(error.kind());
                    }
                    Err(unusable)
                }
            };
            if let Err(unusable) = taken {
                tracing::error!("{unusable}; the membership before stays");
            }
        }
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, Unusable> {
    tokio::fs::read(path).await.map_err(|error| Unusable::Read { path: path.to_owned(), error })
}

fn take_over(path: &Path, bytes: &[u8], balancer: &Balancer) -> Result<(), Unusable> {
    let membership: Membership =
        serde_json::from_slice(bytes).map_err(|error| Unusable::Json { path: path.to_owned(), error })?;
    balancer.apply(membership, None).map_err(|error| Unusable::Refused { path: path.to_owned(), error })
}
