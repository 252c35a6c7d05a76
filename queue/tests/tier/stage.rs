//! A front and pullers over queues in memory, with programs that do as they are told.

use std::future::Future;
use std::sync::atomic::{AtomicU32, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use queue::front::{self, Front};
use queue::memory::Memory;
use queue::puller::{ORDER, Puller, Settings};
use queue::{Answer, Call, Objects, Outcome, Program, Queues, Sick};
use tokio::task::JoinSet;
use tokio::time::sleep;
use wire::{Membership, Policy};

pub(crate) const IN: &str = "s-micro-in";
pub(crate) const OUT: &str = "s-micro-out";

/// What a program does with a call: after a time, this.
type Conduct = Box<dyn Fn(&Call) -> (Duration, Outcome) + Send + Sync>;

/// A program that is a function.
pub(crate) struct Scripted {
    conduct: Conduct,
    calls: Arc<Mutex<Vec<Call>>>,
    health: Arc<Mutex<Result<Option<String>, Sick>>>,
    pub(crate) most_at_once: Arc<AtomicU32>,
    at_once: Arc<AtomicU32>,
}

impl Scripted {
    pub(crate) fn new(conduct: impl Fn(&Call) -> (Duration, Outcome) + Send + Sync + 'static) -> Self {
        Self {
            conduct: Box::new(conduct),
            calls: Arc::default(),
            health: Arc::new(Mutex::new(Ok(None))),
            most_at_once: Arc::default(),
            at_once: Arc::default(),
        }
    }

    /// Always the same answer, after a time.
    pub(crate) fn answering(status: u16, body: &[u8], after: Duration) -> Self {
        let answer = answer(status, body);
        Self::new(move |_| (after, Outcome::Answer(answer.clone())))
    }

    /// The calls that it got.
    pub(crate) fn calls(&self) -> Arc<Mutex<Vec<Call>>> {
        Arc::clone(&self.calls)
    }

    /// What it says of its health.
    pub(crate) fn health_switch(&self) -> Arc<Mutex<Result<Option<String>, Sick>>> {
        Arc::clone(&self.health)
    }
}

pub(crate) fn answer(status: u16, body: &[u8]) -> Answer {
    let content_type = Some("text/plain".to_owned());
    Answer { status, content_type, body: Bytes::copy_from_slice(body), boot: None }
}

impl Program for Scripted {
    async fn run(&self, call: Call) -> Outcome {
        let (after, outcome) = (self.conduct)(&call);
        self.calls.lock().unwrap().push(call);
        let now = self.at_once.fetch_add(1, SeqCst) + 1;
        self.most_at_once.fetch_max(now, SeqCst);
        sleep(after).await;
        self.at_once.fetch_sub(1, SeqCst);
        outcome
    }

    async fn health(&self) -> Result<Option<String>, Sick> {
        self.health.lock().unwrap().clone()
    }
}

pub(crate) fn front_settings() -> front::Settings {
    front::Settings {
        instance_id: "i-front".into(),
        queue_stem: "s-".into(),
        timeout: Duration::from_secs(120),
        most_held: front::MOST_HELD,
    }
}

pub(crate) fn puller_settings(instance_id: &str) -> Settings {
    Settings {
        instance_id: instance_id.into(),
        cluster: "micro".into(),
        paths: "/micro".parse().unwrap(),
        slots: 1,
        request_queue: IN.into(),
        answer_queue: OUT.into(),
        visibility: Duration::from_secs(20),
        attempts: 3,
        timeout: Duration::from_secs(30),
        order: ORDER,
    }
}

/// One cluster `micro` with these members, all of which have a closed port: nobody asks them in virtual time.
pub(crate) fn membership(members: &[&str]) -> Membership {
    let member = |id: &&str| wire::Member { id: (*id).into(), address: "127.0.0.1:1".into(), vcpus: None };
    let members = members.iter().map(member).collect();
    let cluster = wire::Cluster {
        name: "micro".into(),
        path: "/micro".into(),
        policy: Policy::default(),
        health: None,
        members,
        scaling: None,
    };
    Membership { clusters: vec![cluster], ..Membership::default() }
}

/// A front that serves [`membership`], with everything that it does by itself.
pub(crate) fn serve<C: Queues + Objects>(
    cloud: Arc<C>,
    settings: front::Settings,
    tasks: &mut JoinSet<()>,
) -> Arc<Front<C>> {
    let front = Front::new(cloud, settings);
    front.apply(membership(&[]), None).unwrap();
    let own = Arc::clone(&front);
    tasks.spawn(async move { match own.run().await {} });
    front
}

/// A puller at work.
pub(crate) fn pull<C: Queues + Objects, P: Program>(
    cloud: &Arc<C>,
    program: P,
    settings: Settings,
    tasks: &mut JoinSet<()>,
) -> Arc<Puller<C, P>> {
    let puller = Puller::new(Arc::clone(cloud), program, settings);
    let own = Arc::clone(&puller);
    tasks.spawn(async move { own.run().await });
    puller
}

pub(crate) fn post(path: &str, body: impl Into<Body>) -> Request<Body> {
    Request::post(path).header("content-type", "image/jpeg").body(body.into()).unwrap()
}

/// An answer of the front: status, header by name, body.
pub(crate) struct Told {
    pub(crate) status: StatusCode,
    response: Response<()>,
    pub(crate) body: Bytes,
}

impl Told {
    pub(crate) async fn of(response: Response<Body>) -> Self {
        let (head, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self { status: head.status, response: Response::from_parts(head, ()), body }
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.response.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Asks a front.
pub(crate) async fn ask<C: Queues + Objects>(front: &Front<C>, request: Request<Body>) -> Told {
    Told::of(front.answer(request).await).await
}

/// Waits until something is so; in virtual time that costs nothing.
pub(crate) async fn until(what: impl Fn() -> bool) {
    let awaited = async {
        while !what() {
            sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(3_600), awaited).await.expect("it never became so");
}

type Tier = (Arc<Memory>, Arc<Front<Memory>>, Arc<Puller<Memory, Scripted>>);

/// Kind queues, a front, and one puller with this program.
pub(crate) fn tier(program: Scripted, tasks: &mut JoinSet<()>) -> Tier {
    let memory = Arc::new(Memory::new());
    let front = serve(Arc::clone(&memory), front_settings(), tasks);
    let puller = pull(&memory, program, puller_settings("i-1"), tasks);
    (memory, front, puller)
}

/// Runs a test under a clock that passes at once when everybody waits.
pub(crate) fn in_virtual_time<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    runtime.block_on(test)
}
