//! `/metrics` of a front in the OpenMetrics text format, read from its status at each scrape.

use std::fmt;
use std::sync::atomic::Ordering::Relaxed;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;
use wire::{BalancerStatus, Health, MemberStatus, QueueStatus, ScalingStatus};

use super::Front;

/// Media type of [`exposition`].
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics as text.
pub(super) fn exposition<C>(front: &Front<C>) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("front");
    registry.register_collector(Box::new(Figures {
        held: front.open() as u64,
        turned_away: front.turned_away.load(Relaxed),
        call_failures: front.call_failures.load(Relaxed),
        status: front.status_unasked(),
    }));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Figures {
    held: u64,
    turned_away: u64,
    call_failures: u64,
    status: BalancerStatus,
}

type Number<T> = (&'static str, &'static str, fn(&T) -> u64);

/// Counters of each cluster.
const OF_QUEUES: [Number<QueueStatus>; 13] = [
    ("accepted", "Requests that were put into the queue", |queue| queue.accepted),
    ("answered", "Of these, those that got an answer of a worker", |queue| queue.answered),
    ("failed", "Of these, those that got none in time, or whose client went away", |queue| queue.failed),
    ("duplicates", "Answers to requests that had one already", |queue| queue.duplicates),
    ("unknown", "Answers to requests that nobody waited for", |queue| queue.unknown),
    ("inputs", "Objects put for requests", |queue| queue.inputs),
    ("outputs", "Objects that an answer told of", |queue| queue.outputs),
    ("sqs_calls", "Requests sent to SQS by front and workers, one for each 64 KiB", |queue| queue.calls.sqs),
    ("s3_puts", "PUT requests sent to S3 by front and workers", |queue| queue.calls.s3_puts),
    ("s3_gets", "GET requests sent to S3 by front and workers", |queue| queue.calls.s3_gets),
    ("starts", "Boots of members of a scaled cluster", |queue| scaled(queue, |scaling| scaling.starts)),
    ("instance_seconds", "Time of these boots, 60 seconds each at least", |queue| {
        scaled(queue, |scaling| scaling.instance_millis / 1_000)
    }),
    ("lost", "Boots of these that ended undrained, and restarts within them", |queue| {
        scaled(queue, |scaling| scaling.lost)
    }),
];

/// Gauges of each cluster.
const NOW_OF_QUEUES: [Number<QueueStatus>; 10] = [
    ("waiting", "Messages that no worker has taken, by SQS", |queue| queue.waiting),
    ("in_flight", "Messages that workers have taken, by SQS", |queue| queue.in_flight),
    ("answers_waiting", "Messages in the answer queue, by SQS", |queue| queue.answers_waiting),
    ("open", "Requests that were put into the queue and have no answer", |queue| queue.open),
    ("inherited", "Messages in the queue that another front sent, as far as SQS's counts prove them", |queue| {
        queue.inherited
    }),
    ("lacking", "Workers that are wanted and cannot be had", |queue| scaled(queue, |scaling| scaling.lacking.into())),
    ("running", "Workers that take requests", |queue| queue.running),
    ("starting", "Workers of a scaled cluster on their way", |queue| scaled(queue, |scaling| scaling.starting.into())),
    ("draining", "Workers that finish what they have", |queue| scaled(queue, |scaling| scaling.draining.len() as u64)),
    ("drained", "Workers that have finished", |queue| scaled(queue, |scaling| scaling.drained.len() as u64)),
];

/// Counters of each member.
const OF_MEMBERS: [Number<MemberStatus>; 3] = [
    ("member_requests", "Requests that it answered first", |member| member.requests),
    ("member_failures", "Of these, those answered with 5xx", |member| member.failures),
    ("member_losses", "Times it fell ill", |member| member.losses),
];

/// Gauges of each member.
const NOW_OF_MEMBERS: [Number<MemberStatus>; 2] = [
    ("member_healthy", "Whether its puller takes requests", |member| u64::from(member.health == Health::Healthy)),
    ("member_in_flight", "Requests that it works on", |member| member.in_flight),
];

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let held = encoder.encode_descriptor("held", "Requests that are held", None, MetricType::Gauge)?;
        gauge(self.held).encode(held)?;
        for (name, help, value) in [
            ("turned_away", "Requests beyond the limit of held ones", self.turned_away),
            ("call_failures", "Calls of SQS or S3 that were given up", self.call_failures),
        ] {
            ConstCounter::new(value).encode(encoder.encode_descriptor(name, help, None, MetricType::Counter)?)?;
        }
        let queues = || self.status.queues.iter().map(|queue| (vec![("cluster", queue.cluster.as_str())], queue));
        family(&mut encoder, MetricType::Counter, &OF_QUEUES, queues)?;
        family(&mut encoder, MetricType::Gauge, &NOW_OF_QUEUES, queues)?;
        let members = || {
            self.status.clusters.iter().flat_map(|cluster| {
                let labels = |id| vec![("cluster", cluster.name.as_str()), ("member", id)];
                cluster.members.iter().map(move |member| (labels(member.id.as_str()), member))
            })
        };
        family(&mut encoder, MetricType::Counter, &OF_MEMBERS, members)?;
        family(&mut encoder, MetricType::Gauge, &NOW_OF_MEMBERS, members)
    }
}

fn family<'a, T: 'a, I: Iterator<Item = (Vec<(&'a str, &'a str)>, &'a T)>>(
    encoder: &mut DescriptorEncoder<'_>,
    kind: MetricType,
    numbers: &[Number<T>],
    all: impl Fn() -> I,
) -> Result<(), fmt::Error> {
    for (name, help, value) in numbers {
        let mut metric = encoder.encode_descriptor(name, help, None, kind)?;
        for (labels, one) in all() {
            match kind {
                MetricType::Gauge => gauge(value(one)).encode(metric.encode_family(&labels)?)?,
                _ => ConstCounter::new(value(one)).encode(metric.encode_family(&labels)?)?,
            }
        }
    }
    Ok(())
}

/// A number of a scaled cluster; 0 of one that is not.
fn scaled(queue: &QueueStatus, number: fn(&ScalingStatus) -> u64) -> u64 {
    queue.scaling.as_ref().map_or(0, number)
}

fn gauge(value: u64) -> ConstGauge<i64> {
    ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX))
}
