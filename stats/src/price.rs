//! Cost of a cluster's instances while load was on. Pure.
//!
//! Workers only: balancer and generators serve all clusters of a benchmark, and none of them alone. A price that is not known
//! is absent and never 0: what costs nothing would win every comparison.

use std::collections::BTreeSet;

use wire::{ClusterFacts, ClusterReport, Price, RoundReport};

use crate::numbers::rounds as counted_rounds;
use crate::queue_cost;
use crate::rounds::counted_of;
use crate::speed::CpuTime;

/// One round in so many may lack readings before the cost of all is an upper bound. What is compared is a Hodges-Lehmann median over
/// the rounds, which bears 29 % of wild values (J. L. Hodges, Proceedings of the Fifth Berkeley Symposium, 1967, on tolerance of
/// extreme values), and what is taken in their place is not wild.
const LACKING_ONE_IN: usize = 4;

/// CPU time that members used above their baseline while load was on, in thousandths of one vCPU, of all together: what
/// surplus credits are paid for (AWS, "Unlimited mode for burstable performance instances": a CPU utilization above the
/// baseline, averaged over 24 hours or the instance's life, is charged by the vCPU-hour). Credits from the launch and from
/// idle hours before are left out: what it costs to go on like this is meant.
///
/// `used` are the readings of its members around the load. `None`: it pays no surplus, or not every member was read.
pub fn surplus_per_mille(used: &[CpuTime], load_micros: u64, facts: &ClusterFacts) -> Option<u32> {
    let (price, credits) = (facts.price.as_ref()?, facts.credits?);
    price.surplus_usd_micros?;
    if facts.vcpus == 0 || used.len() < price.instances as usize {
        return None;
    }
    // Pauses are no load: what was used is counted against the time that load was on.
    let on = load_micros / 1000 * u64::from(facts.vcpus);
    let above = |time: &CpuTime| {
        let all = if on == 0 { time.total_millis } else { time.total_millis.min(on) };
        let share = (time.busy_millis * 1000).checked_div(all)?.min(1000);
        Some(share.saturating_sub(u64::from(credits.baseline_per_mille)) * u64::from(facts.vcpus))
    };
    let all = used.iter().map(above).sum::<Option<u64>>()?;
    u32::try_from(all).ok()
}

/// Fills in what the instances cost in this round. Where members did not say how busy they are, surplus credits are in it as
/// if they were always busy, and the cost is an upper bound: the list price would make them look cheaper than they are.
///
/// A cluster whose number of instances follows its queue has no hour that is like another: it has the cost of the round alone.
pub fn price(report: &mut ClusterReport, facts: &ClusterFacts) {
    let of_fixed = facts.price.as_ref().filter(|price| price.least.is_none());
    let cost = of_fixed.and_then(|price| cost(price, report.surplus_per_mille, facts));
    (report.hourly_usd_micros, report.hourly_is_at_most) =
        cost.map_or((None, false), |(hourly, is_at_most)| (Some(hourly), is_at_most));
    queue_cost::price(report, facts);
}

/// Cost of all instances in millionths of a US dollar an hour, and whether that is an upper bound.
fn cost(price: &Price, surplus_per_mille: Option<u32>, facts: &ClusterFacts) -> Option<(u64, bool)> {
    let instances = u64::from(price.instances);
    let list = (price.instance_usd_micros.checked_add(price.extras_usd_micros)?).checked_mul(instances)?;
    if instances == 0 || price.instance_usd_micros == 0 {
        return None;
    }
    let Some(vcpu_hour) = price.surplus_usd_micros else { return Some((list, false)) };
    let (above, is_at_most) = match surplus_per_mille {
        Some(measured) => (u64::from(measured), false),
        None if facts.vcpus == 0 => return None,
        None => {
            let baseline = facts.credits.map_or(0, |credits| credits.baseline_per_mille);
            let each = u64::from(facts.vcpus) * u64::from(1000_u32.saturating_sub(baseline));
            (each * instances, true)
        }
    };
    Some((list.checked_add(vcpu_hour.checked_mul(above)?.div_ceil(1000))?, is_at_most))
}

/// Takes the highest measured cost of a cluster for its rounds in which not every member said how busy it was, where these are
/// few: one answer that came late in one round of forty should not cost the verdict. Returns what was done, in words.
///
/// The price is one in all rounds, so that the highest cost is that of the highest surplus. Done twice it does nothing.
pub fn settle(rounds: &mut [RoundReport]) -> Vec<String> {
    let names: BTreeSet<String> =
        rounds.iter().flat_map(|round| &round.clusters).map(|cluster| cluster.cluster.clone()).collect();
    names.into_iter().filter_map(|name| settle_one(rounds, &name)).collect()
}

fn settle_one(rounds: &mut [RoundReport], name: &str) -> Option<String> {
    let of_it: Vec<&ClusterReport> = counted_of(rounds, name).collect();
    let lacking = of_it.iter().filter(|cluster| cluster.hourly_is_at_most).count();
    if lacking == 0 || lacking * LACKING_ONE_IN > of_it.len() {
        return None;
    }
    let measured = of_it.iter().filter(|cluster| !cluster.hourly_is_at_most);
    let (hourly, surplus) =
        measured.filter_map(|cluster| Some((cluster.hourly_usd_micros?, cluster.surplus_per_mille))).max()?;
    let note = format!(
        "in {lacking} of {} not every member of {name} said how busy it was: the highest cost of the others is taken",
        counted_rounds(of_it.len() as u32)
    );
    for cluster in rounds.iter_mut().flat_map(|round| &mut round.clusters) {
        if cluster.cluster == name && cluster.hourly_is_at_most {
            (cluster.hourly_usd_micros, cluster.surplus_per_mille) = (Some(hourly), surplus);
            cluster.hourly_is_at_most = false;
            queue_cost::settle(cluster, hourly);
        }
    }
    Some(note)
}

/// Whose members did not say how busy they are, and in how many of the rounds: `whose` is `members of a and b` or `its members`,
/// and `silent` has a number for each of them.
pub fn silence(whose: &str, silent: &[u32], rounds: u32) -> String {
    let words = format!("{whose} do not say how busy they are");
    if silent.iter().all(|silent| *silent == rounds) {
        return words;
    }
    let silent = silent.iter().map(u32::to_string).collect::<Vec<_>>().join(" and ");
    format!("in {silent} of {} {words}", counted_rounds(rounds))
}

/// Costs of several parts of a measurement together.
#[derive(Debug, Default)]
pub(crate) struct Costs {
    hourly: Mean,
    surplus: Mean,
    is_at_most: bool,
}

/// Mean by time; none when a part has no value.
#[derive(Debug, Default)]
struct Mean {
    sum: u128,
    weight: u128,
    is_lacking: bool,
}

impl Costs {
    pub(crate) fn of<'a>(parts: impl IntoIterator<Item = &'a ClusterReport>) -> Self {
        let mut costs = Self::default();
        parts.into_iter().for_each(|part| costs.add(part));
        costs
    }

    pub(crate) fn add(&mut self, part: &ClusterReport) {
        let weight = u128::from(part.load_micros.max(1));
        self.hourly.add(part.hourly_usd_micros, weight);
        self.surplus.add(part.surplus_per_mille.map(u64::from), weight);
        self.is_at_most |= part.hourly_is_at_most;
    }

    /// Millionths of a US dollar an hour. `None`: it is not known of a part.
    pub(crate) fn hourly_usd_micros(&self) -> Option<u64> {
        self.hourly.value()
    }

    pub(crate) fn into_report(self, all: &mut ClusterReport) {
        all.hourly_usd_micros = self.hourly.value();
        all.surplus_per_mille = self.surplus.value().and_then(|surplus| u32::try_from(surplus).ok());
        all.hourly_is_at_most = self.is_at_most && all.hourly_usd_micros.is_some();
    }
}

impl Mean {
    fn add(&mut self, value: Option<u64>, weight: u128) {
        self.is_lacking |= value.is_none();
        self.sum += u128::from(value.unwrap_or(0)) * weight;
        self.weight += weight;
    }

    /// Rounded to the nearest.
    fn value(&self) -> Option<u64> {
        if self.is_lacking {
            return None;
        }
        u64::try_from((self.sum + self.weight / 2).checked_div(self.weight)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use wire::{CreditMode, Credits};

    use super::*;

    /// Two t3.large in eu-west-1: 0.0912 USD an hour each, and 0.05 for each vCPU above 30 %.
    fn t3_large() -> ClusterFacts {
        ClusterFacts {
            cluster: "a".into(),
            vcpus: 2,
            credits: Some(Credits { mode: CreditMode::Unlimited, baseline_per_mille: 300 }),
            price: Some(Price {
                instances: 2,
                instance_usd_micros: 91_200,
                extras_usd_micros: 5_900,
                surplus_usd_micros: Some(50_000),
                ..Price::default()
            }),
            ..ClusterFacts::default()
        }
    }

    fn cpu(busy_millis: u64, total_millis: u64) -> CpuTime {
        CpuTime { busy_millis, total_millis, ..CpuTime::default() }
    }

    /// Cost in a round of ten seconds.
    fn priced(facts: &ClusterFacts, used: &[CpuTime]) -> (Option<u64>, bool) {
        let mut report = ClusterReport { load_micros: 10_000_000, ..ClusterReport::default() };
        report.surplus_per_mille = surplus_per_mille(used, report.load_micros, facts);
        price(&mut report, facts);
        (report.hourly_usd_micros, report.hourly_is_at_most)
    }

    #[test]
    fn surplus_is_what_each_member_uses_above_its_baseline() {
        let facts = t3_large();
        let list = 2 * (91_200 + 5_900);
        assert_eq!(priced(&facts, &[cpu(6_000, 20_000), cpu(5_000, 20_000)]), (Some(list), false), "at the baseline");
        // 90 % busy: 1.2 vCPUs above the baseline each, which is most of the price.
        let busy = cpu(18_000, 20_000);
        assert_eq!(priced(&facts, &[busy, busy]), (Some(list + 120_000), false));
        // One of them: what the other one has left does not pay for it.
        assert_eq!(priced(&facts, &[busy, cpu(0, 20_000)]), (Some(list + 60_000), false));
        // The readings span twice the time that load was on.
        assert_eq!(priced(&facts, &[cpu(18_000, 40_000), cpu(18_000, 40_000)]), (Some(list + 120_000), false));
    }

    #[test]
    fn members_that_do_not_say_how_busy_they_are_are_priced_as_always_busy_and_it_is_said() {
        let facts = t3_large();
        let most = 2 * (91_200 + 5_900) + 140_000;
        assert_eq!(priced(&facts, &[]), (Some(most), true));
        assert_eq!(priced(&facts, &[cpu(0, 20_000)]), (Some(most), true), "one of two");
        assert_eq!(priced(&ClusterFacts { vcpus: 0, ..facts }, &[]), (None, false), "nobody knows of how many");
    }

    #[test]
    fn nothing_costs_nothing() {
        let of = |change: fn(&mut Price)| {
            let mut facts = t3_large();
            change(facts.price.as_mut().unwrap());
            priced(&facts, &[cpu(0, 20_000), cpu(0, 20_000)])
        };
        assert_eq!(of(|price| price.instance_usd_micros = 0), (None, false));
        assert_eq!(of(|price| price.instances = 0), (None, false));
        assert_eq!(of(|price| price.instance_usd_micros = u64::MAX), (None, false));
        assert_eq!(of(|price| price.surplus_usd_micros = None), (Some(2 * (91_200 + 5_900)), false));
        assert_eq!(priced(&ClusterFacts { price: None, ..t3_large() }, &[]), (None, false));
    }

    #[test]
    fn the_cost_of_all_rounds_is_the_mean_by_time_and_unknown_when_one_is() {
        let part =
            |hourly, load_micros| ClusterReport { hourly_usd_micros: hourly, load_micros, ..ClusterReport::default() };
        let parts = [part(Some(100), 1_000), part(Some(400), 3_000)];
        assert_eq!(Costs::of(&parts).hourly_usd_micros(), Some(325));
        assert_eq!(Costs::of(&[part(Some(100), 1_000), part(None, 1)]).hourly_usd_micros(), None);
        assert_eq!(Costs::of(&[]).hourly_usd_micros(), None);
    }
}
