//! The Lease that lets one operator work at a time. It lies in the operator's namespace.
//!
//! It saves work and conflicts and nothing else depends on it: tokens, deadlines and resource versions keep two
//! operators from doing anything twice. Our own and not a crate: those there are compare the clocks of two machines,
//! or write without a resource version, so that a holder that was paused overwrites its successor. Here a Lease has
//! run out when *we* saw it unchanged for as long as it lasts, as client-go does it, and every write names the version
//! that it replaces.

use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::Client;
use kube::api::{Api, ObjectMeta, PostParams};
use tokio::time::Instant;

use crate::kubernetes::chain;

/// Name of the Lease.
const NAME: &str = "clusterbenchmark-operator";
/// Between two reads of a Lease that another one holds, and two tries of what failed.
const LOOK: Duration = Duration::from_secs(2);

#[derive(Debug, thiserror::Error)]
#[error("the Lease {NAME} was lost: {0}")]
pub struct LeaseLost(String);

pub(crate) struct Leadership {
    api: Api<Lease>,
    identity: String,
    lasts: Duration,
    /// The Lease as it was written last.
    held: Lease,
    renewed_at: Instant,
}

/// What to do about a Lease that was read.
#[derive(Clone, Debug, PartialEq)]
enum Step {
    Create(Lease),
    Replace(Lease),
    Wait,
}

/// Somebody who wants the Lease.
struct Candidate {
    identity: String,
    lasts: Duration,
    /// The version that was seen last, and when it was seen first.
    seen: Option<(String, Instant)>,
}

impl Candidate {
    fn step(&mut self, lease: Option<Lease>, now: Instant, clock: Timestamp) -> Step {
        let Some(lease) = lease else {
            let metadata = ObjectMeta { name: Some(NAME.to_owned()), ..ObjectMeta::default() };
            let lease = Lease { metadata, spec: None };
            return Step::Create(taken(lease, &self.identity, self.lasts, clock));
        };
        let holder = lease.spec.as_ref().and_then(|spec| spec.holder_identity.as_deref()).unwrap_or_default();
        // A process of our name that was killed: nobody else has it.
        if holder.is_empty() || holder == self.identity {
            return Step::Replace(taken(lease, &self.identity, self.lasts, clock));
        }
        let lasts = lease.spec.as_ref().and_then(|spec| spec.lease_duration_seconds);
        let lasts = lasts.and_then(|seconds| u64::try_from(seconds).ok()).map_or(self.lasts, Duration::from_secs);
        let version = lease.metadata.resource_version.clone().unwrap_or_default();
        match &self.seen {
            Some((seen, since)) if *seen == version && now.duration_since(*since) > lasts => {
                Step::Replace(taken(lease, &self.identity, self.lasts, clock))
            }
            Some((seen, _)) if *seen == version => Step::Wait,
            _ => {
                self.seen = Some((version, now));
                Step::Wait
            }
        }
    }
}

/// The Lease in our hands.
fn taken(mut lease: Lease, identity: &str, lasts: Duration, clock: Timestamp) -> Lease {
    let old = lease.spec.take().unwrap_or_default();
    let ours = old.holder_identity.as_deref() == Some(identity);
    let transitions = old.lease_transitions.unwrap_or(0);
    lease.spec = Some(LeaseSpec {
        holder_identity: Some(identity.to_owned()),
        lease_duration_seconds: i32::try_from(lasts.as_secs()).ok(),
        acquire_time: if ours { old.acquire_time } else { Some(MicroTime(clock)) },
        renew_time: Some(MicroTime(clock)),
        lease_transitions: Some(if ours { transitions } else { transitions.saturating_add(1) }),
        ..old
    });
    lease
}

/// Waits until the Lease is ours.
///
/// *Cancellation*: the Lease may be ours afterwards; it runs out.
pub(crate) async fn acquire(client: Client, namespace: &str, identity: &str, lasts: Duration) -> Leadership {
    let api: Api<Lease> = Api::namespaced(client, namespace);
    let mut candidate = Candidate { identity: identity.to_owned(), lasts, seen: None };
    loop {
        let asked_at = Instant::now();
        let written = match api.get_opt(NAME).await {
            Ok(lease) => match candidate.step(lease, asked_at, Timestamp::now()) {
                Step::Create(lease) => Some(api.create(&PostParams::default(), &lease).await),
                Step::Replace(lease) => Some(api.replace(NAME, &PostParams::default(), &lease).await),
                Step::Wait => None,
            },
            Err(error) => Some(Err(error)),
        };
        match written {
            Some(Ok(held)) => {
                tracing::info!(identity, "holds the Lease {NAME}");
                return Leadership { api, identity: identity.to_owned(), lasts, held, renewed_at: asked_at };
            }
            Some(Err(error)) => tracing::warn!(error = %chain(&error), "no Lease yet"),
            None => tracing::debug!("another operator holds the Lease {NAME}"),
        }
        tokio::time::sleep(LOOK.min(lasts / 3)).await;
    }
}

impl Leadership {
    /// Renews the Lease until that cannot be done any more.
    pub(crate) async fn hold(&mut self) -> LeaseLost {
        // client-go's proportions: 15 s, of which the holder gives up after 10, so that it ends before another begins.
        let (pause, gives_up) = (self.lasts / 5, self.lasts * 2 / 3);
        loop {
            tokio::time::sleep(pause).await;
            let left = gives_up.saturating_sub(self.renewed_at.elapsed());
            let why = match tokio::time::timeout(left, self.renew()).await {
                Ok(Ok(())) => continue,
                Ok(Err(Lost::Taken(holder))) => return LeaseLost(format!("{holder} holds it now")),
                Ok(Err(Lost::NotYet(why))) => why,
                Err(_) => "no answer".to_owned(),
            };
            tracing::warn!(why, "the Lease was not renewed");
            if self.renewed_at.elapsed() >= gives_up {
                return LeaseLost(format!("not renewed for {} s: {why}", gives_up.as_secs()));
            }
        }
    }

    async fn renew(&mut self) -> Result<(), Lost> {
        let asked_at = Instant::now();
        let lease = taken(self.held.clone(), &self.identity, self.lasts, Timestamp::now());
        match self.api.replace(NAME, &PostParams::default(), &lease).await {
            Ok(held) => {
                (self.held, self.renewed_at) = (held, asked_at);
                Ok(())
            }
            Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => {
                let found = self.api.get_opt(NAME).await.map_err(|error| Lost::NotYet(chain(&error)))?;
                let holder = found.as_ref().and_then(|lease| lease.spec.as_ref()?.holder_identity.clone());
                match (found, holder) {
                    // Somebody touched it, or an answer was lost: it is ours all the same, under another version.
                    (Some(lease), Some(holder)) if holder == self.identity => {
                        self.held = lease;
                        Err(Lost::NotYet("its version changed".to_owned()))
                    }
                    (_, holder) => Err(Lost::Taken(holder.unwrap_or_else(|| "nobody".to_owned()))),
                }
            }
            Err(error) => Err(Lost::NotYet(chain(&error))),
        }
    }

    /// Gives it back, so that a successor need not wait.
    pub(crate) async fn release(mut self) {
        if let Some(spec) = &mut self.held.spec {
            spec.holder_identity = None;
            spec.lease_duration_seconds = Some(1);
        }
        if let Err(error) = self.api.replace(NAME, &PostParams::default(), &self.held).await {
            tracing::warn!(error = %chain(&error), "the Lease was not given back and runs out");
        }
    }
}

enum Lost {
    Taken(String),
    NotYet(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    const LASTS: Duration = Duration::from_secs(15);

    fn candidate(identity: &str) -> Candidate {
        Candidate { identity: identity.into(), lasts: LASTS, seen: None }
    }

    fn lease(holder: &str, version: &str) -> Lease {
        let mut lease = taken(Lease::default(), holder, LASTS, Timestamp::UNIX_EPOCH);
        lease.metadata.resource_version = Some(version.into());
        lease
    }

    fn holder(step: Step) -> Option<String> {
        match step {
            Step::Create(lease) | Step::Replace(lease) => lease.spec.unwrap().holder_identity,
            Step::Wait => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_is_taken_when_it_was_seen_unchanged_for_as_long_as_it_lasts() {
        let mut b = candidate("b");
        let begun = Instant::now();
        let mut look = |seconds: u64, version: &str| {
            let now = begun + Duration::from_secs(seconds);
            // The clock on the wall is of no interest: this Lease was renewed in 1970.
            holder(b.step(Some(lease("a", version)), now, Timestamp::now()))
        };
        assert_eq!(look(0, "1"), None);
        assert_eq!(look(14, "1"), None);
        assert_eq!(look(16, "2"), None, "it was renewed");
        assert_eq!(look(31, "2"), None);
        assert_eq!(look(32, "2").as_deref(), Some("b"));
    }

    #[tokio::test]
    async fn our_own_name_and_no_name_are_taken_at_once() {
        let now = Instant::now();
        for held in [Some(lease("a", "1")), Some(lease("", "1")), None] {
            assert_eq!(holder(candidate("a").step(held, now, Timestamp::now())).as_deref(), Some("a"));
        }
    }

    #[tokio::test]
    async fn changes_of_hands_are_counted_and_renewals_are_not() {
        let now = Instant::now();
        let transitions = |step: Step| match step {
            Step::Create(lease) | Step::Replace(lease) => lease.spec.unwrap().lease_transitions,
            Step::Wait => None,
        };
        assert_eq!(transitions(candidate("a").step(Some(lease("a", "1")), now, Timestamp::now())), Some(1));
        let mut given_back = lease("a", "1");
        given_back.spec.as_mut().unwrap().holder_identity = None;
        assert_eq!(transitions(candidate("b").step(Some(given_back), now, Timestamp::now())), Some(2));
    }
}
