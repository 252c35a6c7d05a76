//! The words of nodes as the simulation takes them: checks of targets, and everything that passed as metrics.

use std::collections::BTreeMap;

use cloudsim::SharedSim;
use cloudsim::elb::Check;
use jiff::Timestamp;

use super::wanted::NodeKey;
use crate::albnode::{self, Event, Found, GroupSample, Sample};

const MINUTE: i64 = 60;

pub(super) struct Feed {
    sim: SharedSim,
    /// Numbers of healthy and unhealthy targets, and the minute, as they were told last.
    hosts: BTreeMap<(NodeKey, String), (i64, u64, u64)>,
}

impl Feed {
    pub(super) fn new(sim: SharedSim) -> Self {
        Self { sim, hosts: BTreeMap::new() }
    }

    /// Takes in what a node told. What one finds that has left its load balancer's name does not count any more; what
    /// passes through it does.
    pub(super) fn take_in(&mut self, node: &NodeKey, event: Event, is_current: bool) {
        match event {
            Event::Check(check) if is_current => self.checked(node, &check),
            Event::Sample(sample) => self.passed(node, &sample, is_current),
            Event::Refused { why } => tracing::error!(?node, why, "a node refuses its configuration"),
            Event::Check(_) | Event::Health(_) | Event::Listening { .. } | Event::Configured { .. } => {}
        }
    }

    fn checked(&self, node: &NodeKey, check: &albnode::Check) {
        let found = match check.found {
            Found::Answered(status) => Check::Answered(status),
            Found::Timeout => Check::Timeout,
            Found::Failed => Check::Failed,
        };
        let now = self.sim.now();
        self.sim.lock().elb(now).report_check(&check.group, &check.target, &node.zone, found);
    }

    fn passed(&mut self, node: &NodeKey, sample: &Sample, is_current: bool) {
        let Ok(at) = Timestamp::from_second(sample.second) else { return };
        let load_balancer = dimension(&node.load_balancer);
        let now = self.sim.now();
        let sim = self.sim.clone();
        let mut sim = sim.lock();
        let mut metrics = sim.cloudwatch(now);
        for Values { metric, group, value, count } in values(sample) {
            metrics.put(&metric, load_balancer, group, at, value, count);
        }
        for (group, of_group) in sample.groups.iter().filter(|_| is_current) {
            let GroupSample { healthy, unhealthy, .. } = *of_group;
            let told = (sample.second.div_euclid(MINUTE), healthy, unhealthy);
            if self.hosts.insert((node.clone(), group.clone()), told) != Some(told) {
                let count = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
                metrics.hosts(load_balancer, dimension(group), at, count(healthy), count(unhealthy));
            }
        }
    }
}

/// So many samples of one value of a metric.
#[derive(Clone, Debug, PartialEq)]
struct Values<'a> {
    metric: String,
    /// Dimension `TargetGroup`.
    group: Option<&'a str>,
    value: f64,
    count: u64,
}

/// The metrics of a second (user guide, "CloudWatch metrics for your Application Load Balancer"). Counters have a sample
/// of 1 for each request. A request and its answer are told apart: the answer may come in a later minute, or never.
fn values(sample: &Sample) -> Vec<Values<'_>> {
    let mut values = Vec::new();
    for (group, of_group) in &sample.groups {
        let mut add = |metric: &str, value: f64, count: u64| {
            values.push(Values { metric: metric.to_owned(), group: Some(dimension(group)), value, count });
        };
        // Requests divided by healthy targets; when none is healthy, all get traffic.
        let targets = if of_group.healthy > 0 { of_group.healthy } else { of_group.registered };
        add("RequestCount", 1.0, of_group.requests);
        add("RequestCountPerTarget", 1.0 / targets.max(1) as f64, of_group.requests);
        add("TargetConnectionErrorCount", 1.0, of_group.connection_errors);
        for (status, micros) in &of_group.answers {
            add(&format!("HTTPCode_Target_{}XX_Count", status / 100), 1.0, micros.len() as u64);
            micros.iter().for_each(|micros| add("TargetResponseTime", f64::from(*micros) / 1e6, 1));
        }
    }
    let mut add = |metric: &str, count: u64| {
        values.push(Values { metric: metric.to_owned(), group: None, value: 1.0, count });
    };
    for (status, count) in &sample.own {
        add(&format!("HTTPCode_ELB_{}XX_Count", status / 100), *count);
        if *status >= 500 {
            add(&format!("HTTPCode_ELB_{status}_Count"), *count);
        }
    }
    add("HTTP_Fixed_Response_Count", sample.fixed);
    add("RejectedConnectionCount", sample.rejected_connections);
    // No traffic is no point, and not one of 0.
    values.retain(|one| one.count > 0);
    values
}

/// The dimension of a resource: the end of its ARN, without `loadbalancer/`.
fn dimension(arn: &str) -> &str {
    let last = arn.rsplit(':').next().unwrap_or(arn);
    last.strip_prefix("loadbalancer/").unwrap_or(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_becomes_the_metrics_that_aws_keeps_of_it() {
        let group = GroupSample {
            requests: 4,
            answers: BTreeMap::from([(200, vec![500_000, 250_000]), (503, vec![125_000])]),
            registered: 4,
            healthy: 2,
            unhealthy: 2,
            ..GroupSample::default()
        };
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/cb-a/12";
        let sample = Sample {
            own: BTreeMap::from([(404, 1), (502, 1)]),
            groups: BTreeMap::from([(arn.to_owned(), group)]),
            ..Sample::default()
        };
        let sums = values(&sample).into_iter().fold(BTreeMap::new(), |mut sums, one| {
            *sums.entry((one.metric, one.group)).or_insert(0.0) += one.value * one.count as f64;
            sums
        });
        let of_group = Some("targetgroup/cb-a/12");
        let expected = [
            ("RequestCount", of_group, 4.0),
            ("RequestCountPerTarget", of_group, 2.0),
            ("HTTPCode_Target_2XX_Count", of_group, 2.0),
            ("HTTPCode_Target_5XX_Count", of_group, 1.0),
            ("TargetResponseTime", of_group, 0.875),
            ("HTTPCode_ELB_4XX_Count", None, 1.0),
            ("HTTPCode_ELB_5XX_Count", None, 1.0),
            ("HTTPCode_ELB_502_Count", None, 1.0),
        ];
        assert_eq!(sums, expected.map(|(metric, group, sum)| ((metric.to_owned(), group), sum)).into());
    }

    #[test]
    fn a_dimension_is_the_end_of_an_arn() {
        let arn = "arn:aws:elasticloadbalancing:eu-west-1:123456789012:loadbalancer/app/cb-x-1/50dc6c495c0c9188";
        assert_eq!(dimension(arn), "app/cb-x-1/50dc6c495c0c9188");
    }
}
