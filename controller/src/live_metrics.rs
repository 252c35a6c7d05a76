//! Metrics of the runs that are on, by object and cluster: what `status.live` says. Opt-in, because their labels are names that people
//! choose, so there are as many series as there are clusters that are being measured.

use std::collections::HashMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use api::{Live, LiveCluster};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

type Labels = Vec<(&'static str, String)>;

/// Namespace and name of an object.
type Key = (String, String);

/// Gauges that exist while their run does.
#[derive(Clone, Default)]
pub(crate) struct LiveMetrics {
    round: Family<Labels, Gauge>,
    requests_per_second: Family<Labels, Gauge>,
    latency: Family<Labels, Gauge<f64, AtomicU64>>,
    /// Names of the clusters that are served, by object.
    served: Arc<Mutex<HashMap<Key, Vec<String>>>>,
}

/// A quantile as Prometheus labels it, and the value of it in microseconds.
type Quantile = (&'static str, fn(&LiveCluster) -> Option<i64>);

/// The quantiles that a run tells.
const QUANTILES: [Quantile; 2] = [("0.5", |cluster| cluster.p50_micros), ("0.99", |cluster| cluster.p99_micros)];

impl LiveMetrics {
    pub(crate) fn register(&self, registry: &mut Registry) {
        registry.register("live_round", "Round in which a cluster was last measured", self.round.clone());
        registry.register(
            "live_requests_per_second",
            "Answered requests per second of load, in that round",
            self.requests_per_second.clone(),
        );
        registry.register(
            "live_latency_seconds",
            "Latency by quantile, in that round; absent where too many failed",
            self.latency.clone(),
        );
    }

    /// What an object says of its run; of clusters that it says nothing of, nothing is served any more.
    pub(crate) fn say(&self, namespace: &str, name: &str, live: Option<&Live>) {
        let mut served = self.served.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (namespace.to_owned(), name.to_owned());
        let clusters = live.map(|live| live.clusters.as_slice()).unwrap_or_default();
        let labels = |cluster: &str| -> Labels {
            vec![("namespace", namespace.to_owned()), ("name", name.to_owned()), ("cluster", cluster.to_owned())]
        };
        let is_there = |cluster: &&String| clusters.iter().any(|one| one.name == **cluster);
        for gone in served.remove(&key).unwrap_or_default().iter().filter(|cluster| !is_there(cluster)) {
            self.round.remove(&labels(gone));
            self.requests_per_second.remove(&labels(gone));
            for (quantile, _) in QUANTILES {
                self.latency.remove(&quantiled(labels(gone), quantile));
            }
        }
        // What a search has not measured yet is there with round 0.
        for cluster in clusters.iter().filter(|cluster| cluster.round > 0) {
            let labels = labels(&cluster.name);
            self.round.get_or_create(&labels).set(cluster.round);
            self.requests_per_second.get_or_create(&labels).set(cluster.requests_per_second);
            for (quantile, micros) in QUANTILES {
                let labels = quantiled(labels.clone(), quantile);
                if let Some(micros) = micros(cluster) {
                    self.latency.get_or_create(&labels).set(micros as f64 / 1e6);
                } else {
                    self.latency.remove(&labels);
                }
            }
        }
        if !clusters.is_empty() {
            served.insert(key, clusters.iter().map(|cluster| cluster.name.clone()).collect());
        }
    }
}

fn quantiled(mut labels: Labels, quantile: &str) -> Labels {
    labels.push(("quantile", quantile.to_owned()));
    labels
}

#[cfg(test)]
mod tests {
    use crate::metrics::Metrics;

    use super::*;

    fn live(clusters: &[(&str, i64, Option<i64>)]) -> Live {
        let cluster = |(name, p50, p99): &(&str, i64, Option<i64>)| LiveCluster {
            name: (*name).to_owned(),
            round: 3,
            requests_per_second: 982,
            p50_micros: Some(*p50),
            p99_micros: *p99,
            ..LiveCluster::default()
        };
        Live { round: 3, clusters: clusters.iter().map(cluster).collect() }
    }

    #[test]
    fn a_run_is_served_while_it_is_on_and_each_cluster_by_its_name() {
        let metrics = Metrics::default().with_live(true);
        metrics.live("team", "a", Some(&live(&[("one", 99_400, Some(129_000)), ("two", 48_300, None)])));
        let text = metrics.text();
        for line in [
            "clusterbench_live_round{namespace=\"team\",name=\"a\",cluster=\"one\"} 3\n",
            "clusterbench_live_requests_per_second{namespace=\"team\",name=\"a\",cluster=\"two\"} 982\n",
            "clusterbench_live_latency_seconds{namespace=\"team\",name=\"a\",cluster=\"one\",quantile=\"0.5\"} 0.0994\n",
            "clusterbench_live_latency_seconds{namespace=\"team\",name=\"a\",cluster=\"one\",quantile=\"0.99\"} 0.129\n",
        ] {
            assert!(text.contains(line), "{line} is not in {text}");
        }
        assert_eq!(text.matches("clusterbench_live_latency_seconds{").count(), 3, "too many failed: {text}");
        // Another object keeps its own.
        metrics.live("team", "b", Some(&live(&[("one", 1, None)])));
        metrics.live("team", "a", Some(&live(&[("two", 50_000, None)])));
        let text = metrics.text();
        assert!(!text.contains("name=\"a\",cluster=\"one\"") && text.contains("name=\"b\",cluster=\"one\""), "{text}");
        metrics.live("team", "a", None);
        metrics.live("team", "b", None);
        assert!(!metrics.text().contains("live_round{"), "{}", metrics.text());
    }

    #[test]
    fn nobody_is_named_unless_that_is_asked_for() {
        let metrics = Metrics::default();
        metrics.live("team", "a", Some(&live(&[("one", 1, None)])));
        assert!(!metrics.text().contains("live"), "{}", metrics.text());
    }
}
