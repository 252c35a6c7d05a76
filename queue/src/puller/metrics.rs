//! `/metrics` of a puller in the OpenMetrics text format.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

use crate::puller_status::{Duty, PullerStatus};

/// Media type of [`exposition`].
pub(super) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics as text.
pub(super) fn exposition(status: PullerStatus) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix("puller");
    registry.register_collector(Box::new(Figures(status)));
    let mut text = String::new();
    prometheus_client::encoding::text::encode(&mut text, &registry)?;
    Ok(text)
}

#[derive(Debug)]
struct Figures(PullerStatus);

impl Collector for Figures {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let Self(status) = self;
        let is_pulling = status.waits_for.is_none() && status.duty == Duty::Serve;
        let counters = [
            ("received", "Messages taken from the request queue", status.received),
            ("answered", "Messages that were answered", status.answered),
            ("failed", "Messages made visible again because the program gave no answer", status.failed),
            ("exhausted", "Messages answered with 502 because they were taken too often", status.exhausted),
            ("given_back", "Messages given back unfinished at the end", status.given_back),
            ("outrun", "Outputs of which another one was there before", status.outrun),
            ("call_failures", "Calls of SQS or S3 that were given up", status.call_failures),
            ("sqs_calls", "Requests sent to SQS, one for each 64 KiB", status.calls.sqs),
            ("s3_puts", "PUT requests sent to S3", status.calls.s3_puts),
            ("s3_gets", "GET requests sent to S3", status.calls.s3_gets),
        ];
        for (name, help, value) in counters {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            ConstCounter::new(value).encode(metric)?;
        }
        let gauges = [
            ("slots", "Requests that may be worked on at the same time", u64::from(status.slots)),
            ("in_flight", "Requests that are worked on", status.in_flight),
            ("pulling", "Whether requests are taken", u64::from(is_pulling)),
            ("drained", "Whether it was told to take none and works on none", u64::from(status.drained)),
        ];
        for (name, help, value) in gauges {
            let metric = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            ConstGauge::new(i64::try_from(value).unwrap_or(i64::MAX)).encode(metric)?;
        }
        Ok(())
    }
}
