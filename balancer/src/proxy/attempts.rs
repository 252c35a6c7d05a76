//! The attempts of one request: a member is found and asked, and another one where that is right.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use http1::RequestBody;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::client::{Client, Request};
use super::connections::Connections;
use super::exchange::{Ended, Exchange, Seen, Terms};
use super::local_reply::LocalReply;
use super::response::ResponseSummary;
use super::upstream::{self, Failed};
use crate::cluster::health;
use crate::cluster::member::Member;
use crate::cluster::{Called, Cluster, InFlight, Placed};
use crate::policy::Nanos;

/// Time that the opening of a connection may take before another member is asked, if there is one, and then again and
/// again. TCP sends a first packet that was lost again after 1 s (RFC 6298, 2.1): that is left its chance, with a
/// quarter of a second to come back.
const LATE: Duration = Duration::from_millis(1_250);

/// A request on its way.
pub(crate) struct Attempts<'a> {
    pub(crate) client: &'a mut Client,
    pub(crate) request: &'a Request,
    pub(crate) cluster: &'a Arc<Cluster>,
    pub(crate) connections: &'a Connections,
    pub(crate) shard: usize,
    pub(crate) begun: Nanos,
    /// Number of attempts that were made.
    pub(crate) made: u32,
    /// The member that was asked last.
    pub(crate) member: Option<Arc<Member>>,
}

/// The end of all attempts.
pub(crate) enum Outcome {
    Answered(ResponseSummary),
    Refused(LocalReply),
    Switched(TcpStream),
    Broke(ResponseSummary),
    Gone,
}

/// The reason why no member was found.
enum Unplaced {
    Refused(LocalReply),
    Gone,
}

impl Attempts<'_> {
    /// Makes the attempts.
    pub(crate) async fn run(&mut self) -> Outcome {
        let mut in_flight = match self.first_member().await {
            Ok(in_flight) => in_flight,
            Err(Unplaced::Refused(reply)) => return Outcome::Refused(reply),
            Err(Unplaced::Gone) => return Outcome::Gone,
        };
        loop {
            self.made += 1;
            let member = Arc::clone(in_flight.member());
            self.member = Some(Arc::clone(&member));
            in_flight.tell();
            let (ended, mut left) = self.attempt(in_flight).await;
            match ended {
                Ended::Answered(answered) => return Outcome::Answered(answered),
                Ended::Switched(connection) => return Outcome::Switched(connection),
                Ended::Gone => return Outcome::Gone,
                Ended::Broke(answered, broke) => {
                    tracing::debug!(member = member.id, %broke, "answer broke off");
                    member.record.lost(broke.is_loss());
                    left.iter_mut().for_each(InFlight::broke);
                    return Outcome::Broke(answered);
                }
                Ended::Instead(status, other) => {
                    tracing::debug!(member = member.id, status, "attempt failed");
                    in_flight = other;
                }
                Ended::Late(waited, other) => {
                    judge(&member, left.as_mut(), &Failed::ConnectTimeout(waited));
                    in_flight = other;
                }
                Ended::Failed(failed, seen) => {
                    judge(&member, left.as_mut(), &failed);
                    // The evidence goes in before the policy is asked again.
                    drop(left);
                    match self.other_member(&member, &failed, seen) {
                        Some(other) => in_flight = other,
                        None => return Outcome::Refused(self.reply(&member, &failed)),
                    }
                }
            }
        }
    }

    /// One attempt. What is left of the request's place at the member comes back, to be judged.
    async fn attempt(&mut self, in_flight: InFlight) -> (Ended, Option<InFlight>) {
        let queue_micros = in_flight.started().since(self.begun).micros();
        let member = in_flight.member();
        let idle = member.pool.take(self.shard, in_flight.started());
        let is_reused = idle.is_some();
        let connection = match idle {
            Some(connection) => connection,
            // Boxed: few requests open a connection, and the others need not have room for it.
            None => match Box::pin(self.connect(&in_flight)).await {
                Ok(connection) => connection,
                Err(ended) => return (ended, Some(in_flight)),
            },
        };
        let terms = Terms {
            timeouts: self.connections.timeouts(),
            retry: self.may_repeat().then_some(self.cluster),
            connections: self.connections,
            is_reused,
            queue_micros,
        };
        let mut in_flight = Some(in_flight);
        let exchange = Exchange::new(self.client, self.request, terms, &mut in_flight, connection, self.shard);
        let ended = exchange.run().await;
        (ended, in_flight)
    }

    /// A connection to the member. One that this process has no file left for takes that of an idle one.
    async fn connect(&mut self, in_flight: &InFlight) -> Result<TcpStream, Ended> {
        match self.open(in_flight).await {
            Err(Ended::Failed(Failed::Local(error), _)) => {
                tracing::warn!(%error, "a few idle connections to members are closed for a new one");
                self.connections.balancer.drop_idle();
                self.open(in_flight).await
            }
            opened => opened,
        }
    }

    /// Opens a connection to the member. While it is late, it is asked whether the client is still there, and whether
    /// another member is.
    async fn open(&mut self, in_flight: &InFlight) -> Result<TcpStream, Ended> {
        let limit = self.connections.timeouts().connect;
        let mut opening = pin!(upstream::connect(in_flight, limit));
        let begun = in_flight.now();
        loop {
            if let Ok(opened) = timeout(LATE, &mut opening).await {
                return opened.map_err(|failed| Ended::Failed(failed, Seen::Nothing));
            }
            let is_gone = poll_fn(|context| Poll::Ready(self.client.poll_gone(context))).await;
            if is_gone == Poll::Ready(true) {
                return Err(Ended::Gone);
            }
            let other = if self.made == 1 { self.cluster.retry(in_flight.member().key, false) } else { None };
            if let Some(other) = other {
                let waited = Duration::from_nanos(in_flight.now().since(begun).0);
                return Err(Ended::Late(waited, other));
            }
        }
    }

    /// It was sent once and can be sent again: it changes nothing to do it twice (RFC 9110, 9.2.2), and all of it is
    /// still here.
    fn may_repeat(&self) -> bool {
        let request = self.request;
        self.made == 1
            && request.head.method.is_idempotent()
            && request.body == RequestBody::None
            && !request.head.asks_websocket
    }

    /// The member for the one retry: another one; the same one only where nothing speaks against it but an old
    /// connection.
    fn other_member(&self, first: &Member, failed: &Failed, seen: Seen) -> Option<InFlight> {
        // Nothing of it was sent: no member can have done what it asks for (RFC 9110, 9.2.2), and its body is all still
        // to come.
        let is_unsent = self.made == 1 && failed.is_unsent();
        let is_right = seen == Seen::Nothing && !failed.is_by_client() && (self.may_repeat() || is_unsent);
        is_right.then(|| self.cluster.retry(first.key, failed.is_harmless())).flatten()
    }

    fn reply(&self, member: &Member, failed: &Failed) -> LocalReply {
        if failed.is_by_client() {
            return LocalReply::closing(failed.status(), failed.to_string());
        }
        let reply = LocalReply::new(failed.status(), format!("member {:?} gave no answer: {failed}", member.id));
        // What is behind a request for another protocol may be of that one.
        let closes = matches!(failed, Failed::Switched) && self.request.head.asks_websocket;
        LocalReply { closes, ..reply }
    }

    async fn first_member(&mut self) -> Result<InFlight, Unplaced> {
        let mut called = self.called(self.cluster.arrive()).await?;
        if matches!(called, Called::Probe) {
            let cluster = self.cluster;
            self.unless_gone(pin!(health::probe_all(cluster))).await?;
            called = self.called(cluster.again()).await?;
        }
        match called {
            Called::Send(in_flight) => Ok(in_flight),
            Called::Probe | Called::Nobody => Err(Unplaced::Refused(nobody(self.cluster))),
        }
    }

    /// Waits until the turn of a placed request has come.
    async fn called(&mut self, placed: Placed) -> Result<Called, Unplaced> {
        match placed {
            Placed::Now(called) => Ok(called),
            // The queue, and whoever calls from it, is gone with the cluster's state.
            Placed::Parked(called) => self.unless_gone(called).await.map(|called| called.unwrap_or(Called::Nobody)),
        }
    }

    /// Waits for something that this request needs, as long as its client does, and no longer than for a response.
    async fn unless_gone<T>(&mut self, mut awaited: impl Future<Output = T> + Unpin) -> Result<T, Unplaced> {
        let (client, cluster, limit) = (&mut *self.client, self.cluster, self.connections.timeouts().answer);
        client.deadline.set(limit);
        let mut is_watched = true;
        poll_fn(|context| {
            if let Poll::Ready(done) = Pin::new(&mut awaited).poll(context) {
                return Poll::Ready(Ok(done));
            }
            if is_watched {
                match client.poll_gone(context) {
                    Poll::Ready(true) => return Poll::Ready(Err(Unplaced::Gone)),
                    Poll::Ready(false) => is_watched = false,
                    Poll::Pending => {}
                }
            }
            client.deadline.poll(context).map(|()| {
                let error =
                    format!("no member of cluster {:?} became free within {} ms", cluster.name, limit.as_millis());
                Err(Unplaced::Refused(LocalReply::new(503, error)))
            })
        })
        .await
    }
}

fn nobody(cluster: &Cluster) -> LocalReply {
    let error = match cluster.members.len() {
        0 => format!("cluster {:?} has no members", cluster.name),
        members => format!("none of the {members} members of cluster {:?} is healthy", cluster.name),
    };
    LocalReply::new(503, error)
}

/// Books a failed attempt.
fn judge(member: &Member, in_flight: Option<&mut InFlight>, failed: &Failed) {
    tracing::debug!(member = member.id, reason = %failed, "attempt failed");
    if !failed.is_evidence() {
        return;
    }
    match failed {
        Failed::Refused => member.refused(),
        failed => member.record.lost(failed.is_loss()),
    }
    if let Some(in_flight) = in_flight {
        in_flight.failed();
    }
}
