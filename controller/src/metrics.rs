//! What the operator counts. Labels are closed sets; no object names, no error texts.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use planner::Failure;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;

#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    passes: Family<Labels, Counter>,
    actions: Family<Labels, Counter>,
    pass_seconds: Histogram,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("clusterbench");
        let passes = Family::<Labels, Counter>::default();
        let actions = Family::<Labels, Counter>::default();
        // 4 ms (nothing to do) to 2 minutes (a call that hangs).
        let pass_seconds = Histogram::new(exponential_buckets(0.004, 2.0, 16));
        registry.register("passes", "Passes over objects, by outcome", passes.clone());
        registry.register("actions", "Effects tried, by action and result", actions.clone());
        registry.register("pass_duration_seconds", "Duration of a pass", pass_seconds.clone());
        Self { registry: Arc::new(Mutex::new(registry)), passes, actions, pass_seconds }
    }
}

impl Metrics {
    pub(crate) fn pass(&self, outcome: &'static str, took: Duration) {
        self.passes.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
        self.pass_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn action(&self, action: &'static str, failure: Option<Failure>) {
        let result = failure.map_or("Ok".to_owned(), |failure| format!("{failure:?}"));
        self.actions.get_or_create(&vec![("action", action.to_owned()), ("result", result)]).inc();
    }

    /// In the Prometheus text format.
    pub(crate) fn text(&self) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}
