//! Cost of a cluster behind queues: its instances by the time that they were there, and the calls of SQS and S3. Pure.
//!
//! A price that is not known makes the whole unknown, and never 0.

use wire::{CallPrices, ClusterFacts, ClusterReport, Price, QueueCalls, QueueCost};

/// Seconds of an hour: micros an hour times milliseconds, divided by this, are billionths.
const NANOS: u128 = 3_600;
/// Prices of calls are for a million, and a millionth has a thousand billionths.
const OF_A_MILLION: u128 = 1_000;

/// Fills in what the cluster cost, where it is behind queues. The hourly cost of a fixed number of instances is filled in before.
pub(crate) fn price(report: &mut ClusterReport, facts: &ClusterFacts) {
    let hourly = report.hourly_usd_micros.map(|hourly| (hourly, report.hourly_is_at_most));
    let (Some(cost), price) = (&mut report.queue_cost, facts.price.as_ref()) else { return };
    let instances = match price {
        Some(price) if price.least.is_some() => scaled(cost, price, facts),
        _ => hourly.map(|(hourly, is_at_most)| (nanos(hourly, cost.millis), is_at_most)),
    };
    cost.calls_usd_nanos = price.and_then(|price| price.calls.as_ref()).and_then(|prices| calls(&cost.calls, prices));
    let both = instances.zip(cost.calls_usd_nanos);
    cost.usd_nanos = both.and_then(|((instances, _), calls)| u64::try_from(instances).ok()?.checked_add(calls));
    cost.is_at_most = cost.usd_nanos.is_some() && both.is_some_and(|((_, is_at_most), _)| is_at_most);
}

/// Instances that come and go, and whether that is an upper bound: how busy they are above their baseline nobody asks them.
fn scaled(cost: &QueueCost, price: &Price, facts: &ClusterFacts) -> Option<(u128, bool)> {
    if price.instance_usd_micros == 0 {
        return None;
    }
    let running = price.instance_usd_micros.checked_add(price.extras_usd_micros)?;
    let surplus = match price.surplus_usd_micros {
        Some(_) if facts.vcpus == 0 => return None,
        Some(vcpu_hour) => {
            let baseline = facts.credits.map_or(0, |credits| credits.baseline_per_mille);
            let above = u64::from(facts.vcpus) * u64::from(1_000_u32.saturating_sub(baseline));
            vcpu_hour.checked_mul(above)?.div_ceil(1_000)
        }
        None => 0,
    };
    let all = cost.millis.saturating_mul(u64::from(price.instances));
    let stopped = nanos(price.stopped_usd_micros.unwrap_or(0), all.saturating_sub(cost.instance_millis));
    Some((nanos(running.checked_add(surplus)?, cost.instance_millis) + stopped, price.surplus_usd_micros.is_some()))
}

/// Billionths of a US dollar for so many milliseconds of what costs so many millionths an hour.
pub(crate) fn nanos(hourly_usd_micros: u64, millis: u64) -> u128 {
    u128::from(hourly_usd_micros) * u128::from(millis) / NANOS
}

fn calls(calls: &QueueCalls, prices: &CallPrices) -> Option<u64> {
    let each = [
        (calls.sqs, prices.sqs_usd_micros),
        (calls.s3_puts, prices.s3_put_usd_micros),
        (calls.s3_gets, prices.s3_get_usd_micros),
    ];
    if each.iter().any(|(_, price)| *price == 0) {
        return None;
    }
    let all: u128 = each.iter().map(|(count, price)| u128::from(*count) * u128::from(*price)).sum();
    u64::try_from(all / OF_A_MILLION).ok()
}

/// The hourly cost of a fixed number of instances became another one, which is exact.
pub(crate) fn settle(report: &mut ClusterReport, hourly_usd_micros: u64) {
    let Some(cost) = report.queue_cost.as_mut().filter(|cost| cost.is_at_most) else { return };
    let instances = u64::try_from(nanos(hourly_usd_micros, cost.millis)).ok();
    cost.usd_nanos = instances.zip(cost.calls_usd_nanos).and_then(|(instances, calls)| instances.checked_add(calls));
    cost.is_at_most = false;
}

/// Costs of several rounds together. `None`: one of them does not have it.
#[derive(Debug, Default)]
pub(crate) struct QueueCosts {
    sum: Option<QueueCost>,
    is_lacking: bool,
}

impl QueueCosts {
    pub(crate) fn add(&mut self, part: &ClusterReport) {
        let Some(cost) = part.queue_cost else {
            self.is_lacking = true;
            return;
        };
        self.sum = Some(match self.sum {
            None => cost,
            Some(sum) => both(&sum, &cost),
        });
    }

    pub(crate) fn sum(self) -> Option<QueueCost> {
        self.sum.filter(|_| !self.is_lacking)
    }
}

fn both(one: &QueueCost, other: &QueueCost) -> QueueCost {
    let sum = |one: Option<u64>, other: Option<u64>| one.zip(other).and_then(|(one, other)| one.checked_add(other));
    let mut calls = one.calls;
    calls += other.calls;
    QueueCost {
        millis: one.millis + other.millis,
        instance_millis: one.instance_millis + other.instance_millis,
        starts: one.starts + other.starts,
        calls,
        usd_nanos: sum(one.usd_nanos, other.usd_nanos),
        calls_usd_nanos: sum(one.calls_usd_nanos, other.calls_usd_nanos),
        is_at_most: one.is_at_most || other.is_at_most,
    }
}

#[cfg(test)]
mod tests {
    use wire::{CreditMode, Credits};

    use super::*;
    use crate::metric::per_thousand;

    /// At most ten t3.micro of 11,277 millionths an hour, volumes of 877 among them.
    fn facts(change: fn(&mut Price)) -> ClusterFacts {
        let mut price = Price {
            instances: 10,
            instance_usd_micros: 10_400,
            extras_usd_micros: 877,
            least: Some(0),
            calls: Some(CallPrices {
                sqs_usd_micros: 400_000,
                s3_put_usd_micros: 5_000_000,
                s3_get_usd_micros: 400_000,
                basis: String::new(),
            }),
            ..Price::default()
        };
        change(&mut price);
        ClusterFacts { cluster: "a".into(), vcpus: 2, price: Some(price), ..ClusterFacts::default() }
    }

    /// A burst of 100: 4.2 calls of SQS, two PUT and one GET for each.
    fn burst(facts: &ClusterFacts) -> ClusterReport {
        let calls = QueueCalls { sqs: 420, s3_puts: 200, s3_gets: 100 };
        let cost = QueueCost { millis: 130_000, instance_millis: 720_000, starts: 10, calls, ..QueueCost::default() };
        let mut report = ClusterReport { requests: 100, queue_cost: Some(cost), ..ClusterReport::default() };
        crate::price::price(&mut report, facts);
        report
    }

    fn usd(change: fn(&mut Price)) -> (Option<u64>, bool) {
        let cost = burst(&facts(change)).queue_cost.unwrap();
        (cost.usd_nanos, cost.is_at_most)
    }

    #[test]
    fn a_scaled_cluster_costs_its_instances_for_their_time_and_its_calls() {
        let report = burst(&facts(|_| ()));
        let cost = report.queue_cost.unwrap();
        // 0.4 USD for a million of SQS, 5 and 0.4 for a million of S3.
        assert_eq!(cost.calls_usd_nanos, Some(168_000 + 1_000_000 + 40_000));
        assert_eq!(cost.usd_nanos, Some(11_277 * 720_000 / 3_600 + 1_208_000));
        assert_eq!((report.hourly_usd_micros, cost.is_at_most), (None, false), "no hour of it is like another");
        assert_eq!(per_thousand(&report).unwrap(), 34_634.0, "0.035 USD for a thousand");
    }

    #[test]
    fn stopped_instances_cost_their_volumes() {
        let running = 11_277 * 720_000 / 3_600 + 1_208_000;
        let stopped = 877 * (10 * 130_000 - 720_000) / 3_600;
        assert_eq!(usd(|price| price.stopped_usd_micros = Some(877)), (Some(running + stopped), false));
    }

    #[test]
    fn surplus_credits_are_in_it_as_if_instances_were_always_busy() {
        let mut facts = facts(|price| price.surplus_usd_micros = Some(50_000));
        facts.credits = Some(Credits { mode: CreditMode::Unlimited, baseline_per_mille: 100 });
        let cost = burst(&facts).queue_cost.unwrap();
        assert_eq!((cost.usd_nanos, cost.is_at_most), (Some((11_277 + 90_000) * 720_000 / 3_600 + 1_208_000), true));
        facts.vcpus = 0;
        assert_eq!(burst(&facts).queue_cost.unwrap().usd_nanos, None, "nobody knows of how many");
    }

    #[test]
    fn what_is_not_known_costs_not_nothing() {
        assert_eq!(usd(|price| price.instance_usd_micros = 0), (None, false));
        assert_eq!(usd(|price| price.calls = None), (None, false));
        assert_eq!(usd(|price| price.calls.as_mut().unwrap().s3_get_usd_micros = 0), (None, false));
        let unpriced = burst(&ClusterFacts::default());
        assert_eq!((unpriced.queue_cost.unwrap().usd_nanos, per_thousand(&unpriced)), (None, None));
        let mut nothing = burst(&facts(|_| ()));
        nothing.requests = 0;
        assert_eq!(per_thousand(&nothing), None, "no sum pays for an answer that does not come");
    }

    #[test]
    fn a_fixed_number_costs_its_hour_for_the_time_of_the_round() {
        let cost = burst(&facts(|price| price.least = None)).queue_cost.unwrap();
        assert_eq!(cost.usd_nanos, Some(10 * 11_277 * 130_000 / 3_600 + 1_208_000));
    }

    #[test]
    fn rounds_add_up_and_one_that_is_unknown_makes_the_sum_unknown() {
        let (known, unknown) = (burst(&facts(|_| ())), burst(&facts(|price| price.calls = None)));
        let sum = |parts: &[&ClusterReport]| {
            let mut costs = QueueCosts::default();
            parts.iter().for_each(|part| costs.add(part));
            costs.sum()
        };
        let two = sum(&[&known, &known]).unwrap();
        assert_eq!((two.instance_millis, two.starts, two.calls.s3_puts), (1_440_000, 20, 400));
        assert_eq!(two.usd_nanos, Some(2 * 3_463_400));
        assert_eq!(sum(&[&known, &unknown]).unwrap().usd_nanos, None);
        assert_eq!(sum(&[&known, &ClusterReport::default()]), None, "a round of a former version");
        assert_eq!(sum(&[]), None);
    }
}
