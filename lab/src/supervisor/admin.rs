//! The supervisor's own little API, for `lab status`, `lab ledger`, `lab kill` and `lab chaos`.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use axum::extract::{Path, State as Shared};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::kubelet::board::Board;
use crate::kubernetes::kubectl::Kubectl;
use crate::kubernetes::served;
use crate::part::{Part, PartStatus};
use crate::supervisor::chaos::{InForce, KnobShown, Turn};
use crate::supervisor::ledger::{Bucket, Instance, Ledger, LoadBalancer, Queue};

/// The parts that run, in the order of their start, and beside them the containers of the kubelet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Parts {
    own: Arc<RwLock<Vec<Arc<Part>>>>,
    containers: Arc<OnceLock<Board>>,
}

impl Parts {
    pub(crate) fn add(&self, part: Part) -> Arc<Part> {
        let part = Arc::new(part);
        self.own.write().unwrap_or_else(PoisonError::into_inner).push(part.clone());
        part
    }

    pub(crate) fn all(&self) -> Vec<Arc<Part>> {
        self.own.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Those of the lab's one kubelet.
    pub(crate) fn show(&self, board: Board) {
        self.containers.get_or_init(|| board);
    }

    fn statuses(&self) -> Vec<PartStatus> {
        let containers = self.containers.get().map(Board::statuses).unwrap_or_default();
        self.all().iter().map(|part| part.status()).chain(containers).collect()
    }

    /// SIGKILL; whoever keeps it starts it again. The pid that was killed, if it ran; an error that names what there is.
    fn kill(&self, name: &str) -> Result<Option<i32>, String> {
        let parts = self.all();
        if let Some(part) = parts.iter().find(|part| part.name() == name) {
            return Ok(part.kill());
        }
        let killed = self.containers.get().map_or_else(|| Err(Vec::new()), |board| board.kill(name));
        killed.map_err(|containers| {
            let names: Vec<&str> =
                parts.iter().map(|part| part.name()).chain(containers.iter().map(String::as_str)).collect();
            format!("there is no part {name:?}; there are {}", names.join(", "))
        })
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
        parts: api.parts.statuses(),
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
    match api.parts.kill(&name) {
        Ok(Some(pid)) => pid.to_string().into_response(),
        Ok(None) => (StatusCode::CONFLICT, format!("{name} is down already; it is being started")).into_response(),
        Err(why) => (StatusCode::NOT_FOUND, why).into_response(),
    }
}
