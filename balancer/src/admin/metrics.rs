//! `/metrics` in the OpenMetrics text format, read from the members' own counters at each scrape: the data path pays
//! nothing for it.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use wire::Health;

use crate::balancer::Balancer;
use crate::cluster::Cluster;
use crate::cluster::member::{BUCKETS_MICROS, Latency, Member};

/// Media type of [`exposition`].
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// All metrics as text.
pub(crate) fn exposition(balancer: &Arc<Balancer>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("balancer");
    registry.register_collector(Box::new(Members(Arc::downgrade(balancer))));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

struct Members(Weak<Balancer>);

impl fmt::Debug for Members {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Members")
    }
}

impl Collector for Members {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Some(balancer) = self.0.upgrade() else { return Ok(()) };
        let routing = balancer.current();
        let members: Vec<(&str, &Arc<Member>)> = routing
            .clusters
            .iter()
            .flat_map(|cluster| cluster.members.iter().map(|member| (cluster.name.as_str(), member)))
            .collect();
        answers(&mut encoder, &members)?;
        let counter = MetricType::Counter;
        let gauge = MetricType::Gauge;
        numbers(&mut encoder, &members, counter, "failures", "Requests without an answer or with one of 5xx", |m| {
            m.record.failures.load(Relaxed)
        })?;
        numbers(&mut encoder, &members, counter, "losses", "Times it fell ill, refused or reset a connection", |m| {
            m.record.losses.load(Relaxed)
        })?;
        numbers(&mut encoder, &members, gauge, "in_flight", "Requests sent and not finished", |m| {
            m.record.in_flight.load(Relaxed)
        })?;
        numbers(&mut encoder, &members, gauge, "healthy", "Whether the last health checks were good", |m| {
            u64::from(m.health() == Health::Healthy)
        })?;
        numbers(&mut encoder, &members, counter, "ejections", "Times the policy took it out after failures", |m| {
            m.record.ejections.load(Relaxed)
        })?;
        numbers(&mut encoder, &members, gauge, "pool", "Idle connections kept to it", |m| m.pool.idle() as u64)?;
        let of_members = members.iter().map(|(cluster, member)| {
            (vec![("cluster", *cluster), ("member", member.id.as_str())], &member.record.latency)
        });
        latencies(&mut encoder, "latency_seconds", "Time to the first byte of good answers", of_members)?;
        clusters(&mut encoder, &routing.served().collect::<Vec<_>>())?;
        connections(&mut encoder, &balancer)
    }
}

/// Counts of requests of clients by the path that they came by, whichever members they were sent to.
fn clusters(encoder: &mut DescriptorEncoder<'_>, clusters: &[&Arc<Cluster>]) -> Result<(), fmt::Error> {
    type Number = fn(&Cluster) -> u64;
    let counters: [(&str, &str, Number); 4] = [
        ("cluster_requests", "Requests of clients", |c| c.state.requests.load(Relaxed)),
        ("cluster_failures", "Of these, those answered with 5xx or not at all", |c| c.state.failures.load(Relaxed)),
        ("cluster_retries", "Second attempts", |c| c.state.retries.load(Relaxed)),
        ("cluster_parked", "Requests that were held back", |c| c.state.parked.load(Relaxed)),
    ];
    for (name, help, value) in counters {
        let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
        for cluster in clusters {
            let labels = [("cluster", cluster.name.as_str())];
            ConstCounter::new(value(cluster)).encode(metric.encode_family(&labels)?)?;
        }
    }
    let mut metric = encoder.encode_descriptor("cluster_parked_now", "Requests held back", None, MetricType::Gauge)?;
    for cluster in clusters {
        let labels = [("cluster", cluster.name.as_str())];
        gauge(cluster.state.parked_now() as u64).encode(metric.encode_family(&labels)?)?;
    }
    let durations = clusters.iter().map(|cluster| (vec![("cluster", cluster.name.as_str())], &cluster.state.duration));
    latencies(encoder, "cluster_duration_seconds", "From a request's head to the end of its answer", durations)
}

/// Counts of the clients' connections.
fn connections(encoder: &mut DescriptorEncoder<'_>, balancer: &Balancer) -> Result<(), fmt::Error> {
    let Some(connections) = balancer.serving() else { return Ok(()) };
    let gauges = [
        ("connections", "Open client connections, tunnels included", connections.open.load(Relaxed) as u64),
        ("tunnels", "Connections that switched to another protocol", connections.tunnels.load(Relaxed)),
    ];
    for (name, help, value) in gauges {
        gauge(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Gauge)?)?;
    }
    let counters = [
        ("turned_away", "Connections beyond the limit", connections.turned_away.load(Relaxed)),
        ("access_log_dropped", "Lines that the log's reader was too slow for", connections.access_log.dropped()),
    ];
    for (name, help, value) in counters {
        ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
    }
    Ok(())
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}

fn answers(encoder: &mut DescriptorEncoder<'_>, members: &[(&str, &Arc<Member>)]) -> Result<(), fmt::Error> {
    let help = "Requests by class of their answer";
    let mut metric = encoder.encode_descriptor("requests", help, None, MetricType::Counter)?;
    for (cluster, member) in members {
        for (class, answers) in CLASSES.iter().zip(&member.record.answers) {
            let labels = [("cluster", *cluster), ("member", member.id.as_str()), ("class", *class)];
            ConstCounter::new(answers.load(Relaxed)).encode(metric.encode_family(&labels)?)?;
        }
    }
    Ok(())
}

fn numbers(
    encoder: &mut DescriptorEncoder<'_>,
    members: &[(&str, &Arc<Member>)],
    kind: MetricType,
    name: &str,
    help: &str,
    value: impl Fn(&Member) -> u64,
) -> Result<(), fmt::Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
    for (cluster, member) in members {
        let labels = [("cluster", *cluster), ("member", member.id.as_str())];
        let value = value(member);
        match kind {
            MetricType::Gauge => {
                gauge(value).encode(metric.encode_family(&labels)?)?;
            }
            _ => ConstCounter::new(value).encode(metric.encode_family(&labels)?)?,
        }
    }
    Ok(())
}

fn latencies<'a>(
    encoder: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    all: impl Iterator<Item = (Vec<(&'a str, &'a str)>, &'a Latency)>,
) -> Result<(), fmt::Error> {
    let mut metric = encoder.encode_descriptor(name, help, None, MetricType::Histogram)?;
    for (labels, latency) in all {
        let ends = BUCKETS_MICROS.iter().map(|micros| *micros as f64 / 1e6).chain([f64::INFINITY]);
        let buckets: Vec<(f64, u64)> = ends.zip(latency.buckets.iter().map(|count| count.load(Relaxed))).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = latency.sum_micros.load(Relaxed) as f64 / 1e6;
        metric.encode_family(&labels)?.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)?;
    }
    Ok(())
}
