//! The word of a kubelet about a pod, to the API server: the last one, as often as it takes. A process never waits for it.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::watch;

use crate::kubelet::spec::Head;
use crate::kubernetes::api::{Api, Refused};

/// Before the next try, when the API server is away.
const RETRY: Duration = Duration::from_millis(200);

/// The end of one pod's worker.
#[derive(Debug)]
pub(super) struct Reports(Option<watch::Sender<Report>>);

#[derive(Clone, Debug, Default)]
struct Report {
    status: Option<Value>,
    is_last: bool,
}

impl Reports {
    /// Reports of a pod that no API server knows.
    pub(super) fn of_nobody() -> Self {
        Self(None)
    }

    /// What is said, and the task that carries it.
    pub(super) fn of(api: Api, head: Head) -> (Self, impl Future<Output = ()>) {
        let (reports, told) = watch::channel(Report::default());
        (Self(Some(reports)), carry(api, head, told))
    }

    pub(super) fn say(&self, status: Value) {
        if let Some(reports) = &self.0 {
            reports.send_modify(|report| report.status = Some(status));
        }
    }

    /// The pod goes when its last status is there: "the kubelet [...] triggers forcible removal of Pod object from the API server, by
    /// setting grace period to 0" (kubernetes.io, Pod Lifecycle, Termination of Pods).
    pub(super) fn then_delete(&self) {
        if let Some(reports) = &self.0 {
            reports.send_modify(|report| report.is_last = true);
        }
    }
}

async fn carry(api: Api, head: Head, mut told: watch::Receiver<Report>) {
    while told.changed().await.is_ok() {
        let report = told.borrow_and_update().clone();
        let Some(status) = report.status else { continue };
        // With its uid: another pod under this name is none of ours.
        let patch = json!({ "metadata": { "uid": head.uid }, "status": status });
        if !insist(&api, &head, &Word::Status(patch)).await {
            return;
        }
        if report.is_last {
            insist(&api, &head, &Word::Delete).await;
            return;
        }
    }
}

enum Word {
    Status(Value),
    Delete,
}

/// Until it is done; false if the pod is gone.
async fn insist(api: &Api, head: &Head, word: &Word) -> bool {
    let mut said = String::new();
    loop {
        let answer = match word {
            Word::Status(patch) => api.patch(&format!("{}/status", head.path()), patch).await.map(drop),
            Word::Delete => api.delete(&head.path(), &head.uid).await,
        };
        match answer {
            Ok(()) => return true,
            Err(Refused::Absent | Refused::Conflict(_)) => return false,
            Err(Refused::Unanswered(why)) if why != said => {
                tracing::warn!(pod = head.name, why, "a pod's status is not written yet");
                said = why;
            }
            Err(Refused::Unanswered(_)) => {}
        }
        tokio::time::sleep(RETRY).await;
    }
}
