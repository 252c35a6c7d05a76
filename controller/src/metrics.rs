//! The metrics of the operator. Labels are closed sets: no object names, unless those of the runs that are on are asked for, and no
//! error texts. `docs/metrics.md` lists them.

use std::sync::atomic::AtomicI64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use api::Live;
use jiff::Timestamp;
use planner::Failure;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

use crate::live_metrics::LiveMetrics;

type Labels = Vec<(&'static str, String)>;

#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    passes: Family<Labels, Counter>,
    pass_seconds: Histogram,
    actions: Family<Labels, Counter>,
    calls: Family<Labels, Counter>,
    launched: Counter,
    open_launches: Gauge,
    leftovers: Gauge,
    cost: Gauge,
    hourly: Gauge,
    listed_at: Family<Labels, Gauge<i64, AtomicI64>>,
    swept: Family<Labels, Counter>,
    leads: Gauge,
    /// `None`: nobody asked for them.
    live: Option<LiveMetrics>,
}

impl Default for Metrics {
    fn default() -> Self {
        let metrics = Self {
            registry: Arc::new(Mutex::new(Registry::with_prefix("clusterbench"))),
            passes: Family::default(),
            // 4 ms (nothing to do) to 2 minutes (a call that hangs).
            pass_seconds: Histogram::new(exponential_buckets(0.004, 2.0, 16)),
            actions: Family::default(),
            calls: Family::default(),
            launched: Counter::default(),
            open_launches: Gauge::default(),
            leftovers: Gauge::default(),
            cost: Gauge::default(),
            hourly: Gauge::default(),
            listed_at: Family::default(),
            swept: Family::default(),
            leads: Gauge::default(),
            live: None,
        };
        metrics.register();
        metrics
    }
}

impl Metrics {
    /// The same with those of the runs that are on, whose labels are names of objects and clusters, if they are asked for.
    #[must_use]
    pub fn with_live(mut self, is_asked_for: bool) -> Self {
        if is_asked_for && self.live.is_none() {
            let live = LiveMetrics::default();
            live.register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
            self.live = Some(live);
        }
        self
    }

    fn register(&self) {
        let mut registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        registry.register("passes", "Passes over objects, by outcome", self.passes.clone());
        registry.register("pass_duration_seconds", "Duration of a pass", self.pass_seconds.clone());
        registry.register("actions", "Effects tried, by action and result", self.actions.clone());
        registry.register("aws_calls", "Calls to AWS, by action and result", self.calls.clone());
        registry.register("instances_launched", "Instances that launches were answered with", self.launched.clone());
        registry.register(
            "open_launches",
            "Ledger lines that are not settled, of all objects",
            self.open_launches.clone(),
        );
        registry.register(
            "leftovers",
            "Things that should not be there any more, of all objects",
            self.leftovers.clone(),
        );
        registry.register(
            "cost_usd_micros",
            "Cost so far of all objects that exist, in millionths of a US dollar; what has no price is not in it",
            self.cost.clone(),
        );
        registry.register(
            "hourly_usd_micros",
            "Cost of an hour of all that runs, in millionths of a US dollar; what has no price is not in it",
            self.hourly.clone(),
        );
        registry.register(
            "listed_at_seconds",
            "When the last whole lists of a region were begun, in seconds since 1970",
            self.listed_at.clone(),
        );
        registry.register(
            "swept",
            "Things without a benchmark that the sweeper met, by kind and result",
            self.swept.clone(),
        );
        registry.register("leads", "1 while this process holds the Lease", self.leads.clone());
    }

    pub(crate) fn pass(&self, outcome: &'static str, took: Duration) {
        self.passes.get_or_create(&vec![("outcome", outcome.to_owned())]).inc();
        self.pass_seconds.observe(took.as_secs_f64());
    }

    pub(crate) fn action(&self, action: &'static str, failure: Option<Failure>) {
        self.actions.get_or_create(&vec![("action", action.to_owned()), ("result", result(failure))]).inc();
    }

    /// Counts one call to AWS under AWS's own name for the action. The cloud tells of each: whoever makes one gives it this.
    pub fn count_call(&self, action: &str, failure: Option<Failure>) {
        self.calls.get_or_create(&vec![("action", action.to_owned()), ("result", result(failure))]).inc();
    }

    pub(crate) fn launched(&self, instances: usize) {
        self.launched.inc_by(u64::try_from(instances).unwrap_or(0));
    }

    /// What one object adds to the sums, less what it added before.
    pub(crate) fn owes(&self, before: Owed, now: Owed) {
        self.open_launches.inc_by(now.open_launches - before.open_launches);
        self.leftovers.inc_by(now.leftovers - before.leftovers);
        self.cost.inc_by(now.cost_usd_micros - before.cost_usd_micros);
        self.hourly.inc_by(now.hourly_usd_micros - before.hourly_usd_micros);
    }

    pub(crate) fn listed(&self, region: &str, at: Timestamp) {
        self.listed_at.get_or_create(&vec![("region", region.to_owned())]).set(at.as_second());
    }

    /// Nobody needs the lists of a region any more.
    pub(crate) fn unlisted(&self, region: &str) {
        self.listed_at.remove(&vec![("region", region.to_owned())]);
    }

    pub(crate) fn swept(&self, kind: &'static str, result: &'static str) {
        self.swept.get_or_create(&vec![("kind", kind.to_owned()), ("result", result.to_owned())]).inc();
    }

    /// What an object says of the run that is on. `None`: there is none any more.
    pub(crate) fn live(&self, namespace: &str, name: &str, live: Option<&Live>) {
        if let Some(metrics) = &self.live {
            metrics.say(namespace, name, live);
        }
    }

    pub(crate) fn leads(&self) {
        self.leads.set(1);
    }

    /// All metrics in the Prometheus text format.
    pub fn text(&self) -> String {
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing to a String cannot fail.
        let _ = encode(&mut text, &registry);
        text
    }
}

/// What one object adds to gauges.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Owed {
    pub(crate) open_launches: i64,
    pub(crate) leftovers: i64,
    pub(crate) cost_usd_micros: i64,
    pub(crate) hourly_usd_micros: i64,
}

fn result(failure: Option<Failure>) -> String {
    failure.map_or("Ok", Failure::name).to_owned()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const DOCUMENT: &str = include_str!("../../docs/metrics.md");

    #[test]
    fn the_document_lists_what_is_served() {
        let metrics = Metrics::default().with_live(true);
        metrics.pass("applied", Duration::ZERO);
        metrics.action("Launch", None);
        metrics.count_call("RunInstances", Some(Failure::Throttled));
        metrics.swept("instance", "removed");
        metrics.listed("eu-west-1", Timestamp::UNIX_EPOCH);
        let cluster =
            api::LiveCluster { name: "one".to_owned(), round: 1, p50_micros: Some(1), ..api::LiveCluster::default() };
        metrics.live("team", "a", Some(&Live { round: 1, clusters: vec![cluster] }));
        let text = metrics.text();
        let served: BTreeSet<String> = text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .filter_map(|line| line.split(['{', ' ']).next())
            .map(|name| name.trim_end_matches("_bucket").trim_end_matches("_sum").trim_end_matches("_count").to_owned())
            .collect();
        let documented: BTreeSet<String> = DOCUMENT
            .lines()
            .filter(|line| line.starts_with("| `clusterbench_"))
            .filter_map(|line| line.split(['`', '{']).nth(1))
            .map(str::to_owned)
            .collect();
        assert_eq!(served, documented);
    }

    #[test]
    fn sums_over_objects_follow_each_of_them() {
        let metrics = Metrics::default();
        let two = Owed { open_launches: 2, leftovers: 1, cost_usd_micros: 30, hourly_usd_micros: 40 };
        metrics.owes(Owed::default(), two);
        metrics.owes(Owed::default(), Owed { open_launches: 3, cost_usd_micros: 7, ..Owed::default() });
        metrics.owes(two, Owed::default());
        let text = metrics.text();
        assert!(text.contains("clusterbench_open_launches 3\n"), "{text}");
        assert!(text.contains("clusterbench_leftovers 0\n"), "{text}");
        assert!(text.contains("clusterbench_cost_usd_micros 7\n"), "{text}");
        assert!(text.contains("clusterbench_hourly_usd_micros 0\n"), "{text}");
    }
}
