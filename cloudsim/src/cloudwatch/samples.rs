//! The reports of load balancers: one sample for each request, as the user guide's page "CloudWatch metrics for your
//! Application Load Balancer" says.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::CloudWatch;
use super::metric::{Metric, NAMESPACE};
use super::store::MINUTE;

/// A request that a load balancer answered.
#[derive(Clone, Debug, PartialEq)]
pub struct Passed {
    pub at: Timestamp,
    /// `app/NAME/ID`.
    pub load_balancer: String,
    /// `None`: no target was chosen for it, as with a fixed response.
    pub served: Option<Served>,
    /// The status that the client got, when the load balancer made the answer itself; with a fixed response, none.
    pub elb_status: Option<u16>,
    /// The connection was refused, because the load balancer had too many.
    pub is_rejected: bool,
}

/// The target that was chosen for a request.
#[derive(Clone, Debug, PartialEq)]
pub struct Served {
    /// `targetgroup/NAME/ID`.
    pub target_group: String,
    /// Targets of the group that get traffic, at that moment.
    pub targets: u32,
    /// Status of the target's answer and seconds until it began. `None`: it did not answer.
    pub answer: Option<(u16, f64)>,
}

const COUNT: f64 = 1.0;

impl CloudWatch<'_> {
    /// Notes one request with all metrics that tell of it.
    pub fn passed(&mut self, passed: &Passed) {
        let Passed { at, load_balancer, served, elb_status, is_rejected } = passed;
        let group = served.as_ref().map(|served| served.target_group.as_str());
        let mut note = |name: &str, value: f64| self.put(name, load_balancer, group, *at, value, 1);
        if let Some(served) = served {
            note("RequestCount", COUNT);
            note("RequestCountPerTarget", COUNT / f64::from(served.targets.max(1)));
            if let Some((status, seconds)) = served.answer {
                note("TargetResponseTime", seconds);
                note(&format!("HTTPCode_Target_{}XX_Count", status / 100), COUNT);
            }
        }
        if let Some(status) = elb_status {
            note(&format!("HTTPCode_ELB_{}XX_Count", status / 100), COUNT);
            if *status >= 500 {
                note(&format!("HTTPCode_ELB_{status}_Count"), COUNT);
            }
        }
        if *is_rejected {
            note("RejectedConnectionCount", COUNT);
        }
    }

    /// Notes how many targets of a group a node finds healthy and unhealthy; to be told every minute.
    pub fn hosts(&mut self, load_balancer: &str, target_group: &str, at: Timestamp, healthy: u32, unhealthy: u32) {
        self.put("HealthyHostCount", load_balancer, Some(target_group), at, f64::from(healthy), 1);
        self.put("UnHealthyHostCount", load_balancer, Some(target_group), at, f64::from(unhealthy), 1);
    }

    /// Notes `count` samples of one value, under each combination of dimensions that AWS keeps for the metric. They
    /// show after the lag of metrics.
    pub fn put(
        &mut self,
        name: &str,
        load_balancer: &str,
        target_group: Option<&str>,
        at: Timestamp,
        value: f64,
        count: u64,
    ) {
        let lag = self.settings.load_balancing.metric_lag.draw(&mut self.state.lags);
        let shown_from = at.as_second() + i64::try_from(lag.div_ceil(1000)).unwrap_or(i64::MAX / 2);
        let minute = at.as_second().div_euclid(MINUTE) * MINUTE;
        for dimensions in combinations(name, load_balancer, target_group) {
            let metric = Metric { namespace: NAMESPACE.to_owned(), name: name.to_owned(), dimensions };
            self.state.series.entry(metric).or_default().entry(minute).or_default().add(shown_from, value, count);
        }
    }
}

/// Without zones: each is the sum of theirs.
fn combinations(name: &str, load_balancer: &str, target_group: Option<&str>) -> Vec<BTreeMap<String, String>> {
    let balancer = ("LoadBalancer".to_owned(), load_balancer.to_owned());
    let group = target_group.map(|group| ("TargetGroup".to_owned(), group.to_owned()));
    let of_balancer = BTreeMap::from([balancer.clone()]);
    let Some(group) = group else { return vec![of_balancer] };
    let of_both = BTreeMap::from([balancer, group.clone()]);
    match name {
        // Of target groups only.
        "HealthyHostCount" | "UnHealthyHostCount" => vec![of_both],
        "RequestCountPerTarget" => vec![of_both, BTreeMap::from([group])],
        // The load balancer's own.
        name if name.starts_with("HTTPCode_ELB") || name == "RejectedConnectionCount" => vec![of_balancer],
        _ => vec![of_balancer, of_both],
    }
}
