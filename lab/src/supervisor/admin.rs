//! The supervisor's own little API, for `lab status`, `lab ledger`, `lab kill` and `lab chaos`.

use std::sync::{Arc, PoisonError, RwLock};

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kubernetes::kubectl::Kubectl;
use crate::kubernetes::served;
use crate::part::{Part, PartStatus};
use crate::supervisor::chaos::{InForce, KnobShown, Turn};
use crate::supervisor::ledger::{Bucket, Instance, Ledger, LoadBalancer, Queue};

/// The parts that run, in the order of their start.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts(Arc<RwLock<Vec<Arc<Part>>>>);

impl Parts {
    pub(crate) fn add(&self, part: Part) -> Arc<Part> {
        let part = Arc::new(part);
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(part.clone());
        part
    }

    pub(crate) fn all(&self) -> Vec<Arc<Part>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// The answer of `GET /status`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Status {
    pub(crate) supervisor: i32,
    pub(crate) started_at: Timestamp,
    pub(crate) parts: Vec<PartStatus>,
    /// Those that are not terminated.
    pub(crate) instances: Vec<Instance>,
    #[serde(default)]
    pub(crate) load_balancers: Vec<LoadBalancer>,
    #[serde(default)]
    pub(crate) queues: Vec<Queue>,
    #[serde(default)]
    pub(crate) buckets: Vec<Bucket>,
}

/// The cloud that the API speaks of.
pub(crate) trait Subject: Send + Sync + 'static {
    fn ledger(&self) -> Ledger;
    fn instances(&self) -> Vec<Instance>;
    /// Those that were not deleted.
    fn load_balancers(&self) -> Vec<LoadBalancer>;
    /// Those that were not deleted.
    fn queues(&self) -> Vec<Queue>;
    fn buckets(&self) -> Vec<Bucket>;
    /// Every knob with its value.
    fn knobs(&self) -> Vec<KnobShown>;
    /// Turns all of them, or says what is wrong with which.
    fn turn(&self, turn: &Turn) -> Result<InForce, String>;
    /// Back to the lab's own settings.
    fn calm(&self) -> InForce;
}

struct Api<S> {
    parts: Parts,
    subject: S,
    kubectl: Kubectl,
    started_at: Timestamp,
}

pub(crate) fn router<S: Subject>(parts: Parts, subject: S, kubectl: Kubectl) -> Router {
    let api = Arc::new(Api { parts, subject, kubectl, started_at: Timestamp::now() });
    Router::new()
        .route("/status", get(status::<S>))
        .route("/ledger", get(ledger::<S>))
        .route("/kill/{part}", post(kill::<S>))
        .route("/served", get(is_served::<S>))
        .route("/chaos", get(knobs::<S>).post(turn::<S>).delete(calm::<S>))
        .with_state(api)
}

async fn status<S: Subject>(Shared(api): Shared<Arc<Api<S>>>) -> Json<Status> {
    Json(Status {
        supervisor: std::process::id().cast_signed(),
        started_at: api.started_at,
        parts: api.parts.all().iter().map(|part| part.status()).collect(),
        instances: api.subject.instances(),
        load_balancers: api.subject.load_balancers(),
        queues: api.subject.queues(),
        buckets: api.subject.buckets(),
    })
}

async fn ledger<S: Subject>(Shared(api): Shared<Arc<Api<S>>>) -> Json<Ledger> {
    Json(api.subject.ledger())
}

async fn knobs<S: Subject>(Shared(api): Shared<Arc<Api<S>>>) -> Json<Vec<KnobShown>> {
    Json(api.subject.knobs())
}

async fn turn<S: Subject>(Shared(api): Shared<Arc<Api<S>>>, Json(wanted): Json<Turn>) -> Response {
    match api.subject.turn(&wanted) {
        Ok(in_force) => Json(in_force).into_response(),
        Err(why) => (StatusCode::BAD_REQUEST, why).into_response(),
    }
}

async fn calm<S: Subject>(Shared(api): Shared<Arc<Api<S>>>) -> Json<InForce> {
    Json(api.subject.calm())
}

/// Whether a user's kubectl would find our resources now.
async fn is_served<S: Subject>(Shared(api): Shared<Arc<Api<S>>>) -> Response {
    match served::look(&api.kubectl).await {
        Ok(()) => "served".into_response(),
        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why:#}")).into_response(),
    }
}

/// Answers the pid that was killed.
async fn kill<S: Subject>(Shared(api): Shared<Arc<Api<S>>>, Path(name): Path<String>) -> Response {
    let parts = api.parts.all();
    let Some(part) = parts.iter().find(|part| part.name() == name) else {
        let names = parts.iter().map(|part| part.name()).collect::<Vec<_>>().join(", ");
        return (StatusCode::NOT_FOUND, format!("there is no part {name:?}; there are {names}")).into_response();
    };
    match part.kill() {
        Some(pid) => pid.to_string().into_response(),
        None => (StatusCode::CONFLICT, format!("{name} is down already; it is being started")).into_response(),
    }
}
