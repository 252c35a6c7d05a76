//! Utilization of a cluster, estimated from what the generator saw.

use wire::ClusterReport;

use crate::metric::rate;

/// Above this share of its capacity a cluster's latency is mostly waiting, and waiting grows much faster than work: a
/// cluster that is 5 % slower shows latencies 34-55 % higher.
pub(crate) const BUSY: f64 = 0.70;

/// Above this one round of 1,000 requests carries next to nothing: differences below 10 % need 54 rounds.
pub(crate) const NEAR_SATURATION: f64 = 0.85;

/// Estimated utilization, 0 to 1, of a cluster under open-loop load; `None` when its slots are not known or it answered
/// nothing.
///
/// Little's law gives the mean number of requests in the cluster, `rate * mean latency`. Waiting ones are among them,
/// so that number over the slots is too high; the utilization is the one at which a queue with as many servers (M/M/c)
/// holds that number.
pub(crate) fn utilization(cluster: &ClusterReport) -> Option<f64> {
    let slots = cluster.slots.filter(|slots| *slots > 0)?;
    let in_cluster = rate(cluster) * cluster.latency_of_successes.mean_micros? as f64 / 1e6;
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..40 {
        let middle = (low + high) / 2.0;
        if requests_in_system(slots, middle) < in_cluster { low = middle } else { high = middle }
    }
    Some(low)
}

/// Mean number of requests in an M/M/c queue at utilization `busy`, waiting and served.
fn requests_in_system(slots: u32, busy: f64) -> f64 {
    let offered = f64::from(slots) * busy;
    // Erlang B by its recursion, then Erlang C from it.
    let blocked =
        (1..=slots).fold(1.0, |blocked, servers| offered * blocked / (f64::from(servers) + offered * blocked));
    let waits = blocked / (1.0 - busy * (1.0 - blocked));
    offered + waits * busy / (1.0 - busy).max(f64::EPSILON)
}

#[cfg(test)]
mod tests {
    use wire::Quantiles;

    use super::*;

    /// A cluster of `slots` that is asked for `busy` of its capacity, by the closed form of M/M/c.
    fn cluster(slots: u32, busy: f64, mean_in_services: f64) -> ClusterReport {
        let service_micros = 1000.0;
        ClusterReport {
            requests: 1_000_000,
            load_micros: (1e6 * service_micros / (f64::from(slots) * busy)) as u64,
            latency_of_successes: Quantiles {
                mean_micros: Some((mean_in_services * service_micros) as u64),
                ..Quantiles::default()
            },
            slots: Some(slots),
            ..ClusterReport::default()
        }
    }

    #[test]
    fn known_queues_are_recognised() {
        // Mean latency in service times: M/M/1 1/(1-rho); M/M/8 at .7 and .9 from tables.
        for (slots, busy, mean) in [(1, 0.5, 2.0), (1, 0.9, 10.0), (8, 0.7, 1.113), (8, 0.9, 1.877), (12, 0.95, 2.348)]
        {
            let found = utilization(&cluster(slots, busy, mean)).unwrap();
            assert!((found - busy).abs() < 0.005, "{slots} slots at {busy}: {found}");
        }
        assert!(utilization(&cluster(8, 1.2, 100.0)).unwrap() > 0.98, "overload is saturation");
        assert_eq!(utilization(&ClusterReport { slots: None, ..cluster(1, 0.5, 2.0) }), None);
    }
}
