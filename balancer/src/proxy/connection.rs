//! A client's connection: its requests, one after the other, from head to response.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::task::Poll;
use std::time::Duration;

use http1::{Method, RequestBody, RequestHead};
use tokio::io::AsyncWriteExt;
use tokio::sync::watch;

use super::access_log::{Line, Logged};
use super::attempts::{Attempts, Outcome};
use super::client::{Client, Heard, Request, poll_read};
use super::connections::Connections;
use super::dates;
use super::gathering;
use super::last_hop;
use super::local_reply::{LocalReply, Reply};
use super::scratch;
use super::tunnel;
use crate::cluster::Cluster;
use crate::cluster::routing::Routing;

/// Time for which a connection without a request is still listened to while draining. What its client has just sent is
/// answered; closing under it would fail it.
const LAST_CALL: Duration = Duration::from_millis(300);
/// Time for which a new connection may say nothing: nginx' default for a first request. Clients open one because they
/// have something to say; the longer pause is for those that know that they will again.
const FIRST_WORD: Duration = Duration::from_secs(60);
/// Time and bytes that are read from a client that was refused and sends on: closed at once, its system would throw
/// the response away unread.
const LINGER: Duration = Duration::from_secs(1);
const LINGER_BYTES: usize = 1024 * 1024;

/// A client connection and what it needs of the balancer.
pub(crate) struct Connection {
    connections: Arc<Connections>,
    client: Client,
    changes: watch::Receiver<Arc<Routing>>,
    /// The membership that this connection saw last. Looking for a newer one is one atomic read.
    routing: Arc<Routing>,
    shard: usize,
    /// No request has come yet.
    is_new: bool,
    /// Memory for the next request's head.
    bytes: Vec<u8>,
}

/// Notes on a request, taken while its head is there.
#[derive(Default)]
struct Noted {
    cluster: Option<Arc<Cluster>>,
    /// It asks the balancer itself how its members are.
    asks_status: bool,
    /// For a 404.
    path: Option<String>,
    logged: Option<Box<Logged>>,
}

/// The next step after a request.
enum Then {
    Next,
    Close,
    /// It may be sending on: it is listened to until it stops.
    Linger,
}

impl Connection {
    pub(crate) fn new(connections: Arc<Connections>, client: Client, shard: usize) -> Self {
        let mut changes = connections.balancer.changes();
        let routing = Arc::clone(&changes.borrow_and_update());
        Self { connections, client, changes, routing, shard, is_new: true, bytes: Vec::new() }
    }

    /// Answers requests until one side ends it.
    pub(crate) async fn run(mut self) {
        loop {
            let mut noted = Noted::default();
            let then = match self.next(&mut noted).await {
                Heard::Request(request) => self.answer(request, noted).await,
                Heard::Refused(refused) => {
                    tracing::debug!(%refused, "request refused");
                    self.refuse(&refused.into(), None).await;
                    Then::Linger
                }
                Heard::TooSlow => {
                    self.refuse(&LocalReply::closing(408, "the request's head did not come in time"), None).await;
                    Then::Linger
                }
                Heard::End => Then::Close,
            };
            match then {
                Then::Next => {}
                Then::Close => return,
                Then::Linger => return self.linger().await,
            }
        }
    }

    async fn next(&mut self, noted: &mut Noted) -> Heard {
        let Self { connections, client, changes, routing, is_new, bytes, .. } = self;
        let timeouts = connections.timeouts();
        client.deadline.set(match (client.is_between_requests(), std::mem::take(is_new)) {
            (true, true) => timeouts.idle.min(FIRST_WORD),
            (true, false) => timeouts.idle,
            (false, _) => timeouts.header,
        });
        let mut is_last_call = false;
        poll_fn(|context| {
            if connections.is_draining() && client.is_between_requests() && !std::mem::replace(&mut is_last_call, true)
            {
                client.deadline.shorten(LAST_CALL);
            }
            let mut seen = |text: &[u8], head: &RequestHead| {
                // An error means that the balancer is gone, and then so is this connection.
                if changes.has_changed().unwrap_or(false) {
                    *routing = Arc::clone(&changes.borrow_and_update());
                }
                // Judged: visible ASCII.
                let path = std::str::from_utf8(&text[head.path.clone()]).unwrap_or("/");
                let path = match path {
                    "" if head.method == Method::Options && head.target.is_empty() => "*",
                    "" => "/",
                    path => path,
                };
                // Any other method is routed, also by a client that does not know that somebody else answers here.
                let is_reading = matches!(&text[head.method_name.clone()], b"GET" | b"HEAD");
                noted.asks_status = is_reading && routing.is_public_status(path);
                noted.cluster = routing.cluster(path).filter(|_| !noted.asks_status).cloned();
                if noted.cluster.is_none() {
                    noted.path = Some(path.to_owned());
                }
                noted.logged = connections.access_log.sample(text, head);
            };
            scratch::with(|scratch| client.poll_next(context, scratch, timeouts, bytes, &mut seen))
        })
        .await
    }

    async fn answer(&mut self, request: Request, noted: Noted) -> Then {
        // What is asked of the whole of this host, and of no cluster, can only be answered here (RFC 9110, 9.3.7).
        let is_of_the_host = noted.path.as_deref() == Some("*");
        if request.head.ends_here() || is_of_the_host {
            let then = self.say(last_hop::answer(&request.head, &request.bytes), false, Some(&request)).await;
            self.bytes = request.bytes;
            return then;
        }
        if noted.asks_status {
            // It always serialises: plain structs and numbers.
            let content = serde_json::to_vec(&self.connections.balancer.status()).unwrap_or_default();
            let reply = Reply { status: 200, content_type: Some("application/json"), content: &content };
            let then = self.say(reply, false, Some(&request)).await;
            self.bytes = request.bytes;
            return then;
        }
        let Some(cluster) = noted.cluster else {
            let mut reply =
                LocalReply::new(404, format!("no cluster is served at {:?}", noted.path.unwrap_or_default()));
            reply.body["paths"] = serde_json::json!(self.routing.paths());
            let then = self.refuse(&reply, Some(&request)).await;
            self.bytes = request.bytes;
            return then;
        };
        let open = gathering::Open::new();
        let begun = self.connections.balancer.now();
        let mut attempts = Attempts {
            client: &mut self.client,
            request: &request,
            cluster: &cluster,
            connections: &self.connections,
            shard: self.shard,
            begun,
            made: 0,
            member: None,
        };
        let outcome = attempts.run().await;
        let (made, member) = (attempts.made, attempts.member.take());
        drop(open);
        let (status, body_bytes, upstream_micros, then) = match outcome {
            Outcome::Answered(answered) => {
                let then = match (answered.persists, request.body) {
                    (true, _) => Then::Next,
                    // It may still be sending what nobody wanted to read.
                    (false, RequestBody::Sized(_) | RequestBody::Chunked) => Then::Linger,
                    (false, RequestBody::None) => Then::Close,
                };
                (answered.status, answered.body_bytes, answered.upstream_micros, then)
            }
            Outcome::Refused(reply) => {
                // Before the client can ask how many there were.
                cluster.state.failures.fetch_add(u64::from(reply.status >= 500), Relaxed);
                let then = self.refuse(&reply, Some(&request)).await;
                (reply.status, 0, 0, then)
            }
            Outcome::Switched(connection) => {
                tunnel::run(&self.connections, &mut self.client, connection).await;
                (101, 0, 0, Then::Close)
            }
            Outcome::Broke(answered) => (answered.status, answered.body_bytes, answered.upstream_micros, Then::Close),
            Outcome::Gone => (499, 0, 0, Then::Close),
        };
        let took = self.connections.balancer.now().since(begun);
        if status != 499 && status != 101 {
            cluster.state.duration.observe(took);
        }
        if let Some(logged) = noted.logged {
            let member = member.as_ref().map_or("", |member| member.id.as_str());
            let (client, cluster) = (self.client.address(), cluster.name.as_str());
            let line = Line {
                logged: *logged,
                client,
                status,
                cluster,
                member,
                attempts: made,
                body_bytes,
                upstream_micros,
                took,
            };
            self.connections.access_log.write(line);
        }
        self.bytes = request.bytes;
        then
    }

    async fn refuse(&mut self, reply: &LocalReply, request: Option<&Request>) -> Then {
        self.say(reply.message(&reply.content()), reply.closes, request).await
    }

    /// Responds in the balancer's own name.
    async fn say(&mut self, reply: Reply<'_>, closes: bool, request: Option<&Request>) -> Then {
        let is_to_http_11 = request.is_none_or(|request| request.head.is_http_11);
        // A body that nobody read is in front of the next request.
        let has_body = request.is_none_or(|request| request.body != RequestBody::None);
        let persists = !closes
            && !has_body
            && !self.connections.is_draining()
            && request.is_some_and(|request| request.head.persists);
        let is_to_head = request.is_some_and(|request| request.head.method == Method::Head);
        let mut out = Vec::new();
        dates::with(|date| reply.write(&mut out, date, persists, is_to_head, is_to_http_11));
        let client = &mut self.client;
        client.deadline.set(self.connections.timeouts().body);
        let mut is_sent = false;
        let written = poll_fn(|context| {
            if !std::mem::replace(&mut is_sent, true) {
                client.write_buffer.send(&mut client.stream, context, &mut out, &[], &[])?;
            }
            match client.write_buffer.poll_flush(&mut client.stream, context) {
                Poll::Pending => client.deadline.poll(context).map(|()| Err(std::io::ErrorKind::TimedOut.into())),
                done => done,
            }
        })
        .await;
        match (written, persists) {
            (Err(_), _) => Then::Close,
            (Ok(()), true) => Then::Next,
            (Ok(()), false) => Then::Linger,
        }
    }

    async fn linger(mut self) {
        if self.client.stream.shutdown().await.is_err() {
            return;
        }
        self.client.deadline.set(LINGER);
        let (client, mut left) = (&mut self.client, LINGER_BYTES);
        poll_fn(|context| {
            loop {
                let read = scratch::with(|scratch| poll_read(&mut client.stream, context, &mut scratch.bytes));
                match read {
                    Poll::Ready(Ok(read @ 1..)) if read < left => left -= read,
                    Poll::Ready(_) => return Poll::Ready(()),
                    Poll::Pending => return client.deadline.poll(context),
                }
            }
        })
        .await;
    }
}

#[cfg(test)]
mod tests;
