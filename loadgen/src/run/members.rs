//! Facts that the members tell themselves: their machine, its speed, and the CPU time that was taken from it.
//!
//! Our worker answers. Another program may not; then nothing is known of its instance, and the report says so.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::join_all;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use stats::CpuTime;
use wire::{ClusterFacts, ClusterReport, MemberFacts};

use crate::run::sight::Sight;
use crate::target::fetch::{Unfetched, fetch};
use crate::{Resolver, Target};

/// It answers from memory, and asking comes between two loads that follow each other. But a connection whose first packet
/// is lost is tried again after one second and after two more (RFC 6298, 2 and 5.5): a limit below three would make of a
/// lost packet a member that is not there.
pub(crate) const MEMBER_LIMIT: Duration = Duration::from_secs(4);
/// A quarter of a second of work where only a twentieth of a processor is left, and some more.
const CALIBRATION_LIMIT: Duration = Duration::from_secs(20);

/// All members that were met.
#[derive(Debug, Default)]
pub(crate) struct Members {
    /// Members by name of the cluster and id.
    met: BTreeMap<String, BTreeMap<String, Known>>,
    /// One of them was seen on the machine that this process is on.
    share_machine: bool,
}

/// A member that was met.
#[derive(Clone, Debug)]
struct Known {
    address: String,
    /// It was a member at the last look.
    is_here: bool,
    /// It has said that it does not speak of itself: it is not asked again.
    is_silent: bool,
    facts: MemberFacts,
}

/// Answer to `GET /machine`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Machine {
    #[serde(default)]
    cpu_model: String,
    #[serde(default)]
    kernel: String,
    #[serde(default)]
    kernel_boot: String,
    #[serde(default)]
    busy_millis: u64,
    #[serde(default)]
    stolen_millis: u64,
    #[serde(default)]
    total_millis: u64,
}

/// Answer to `GET /calibration`.
#[derive(Deserialize)]
struct Calibration {
    micros: u64,
}

/// CPU time since boot of the members of one cluster, by id.
pub(crate) type Readings = BTreeMap<String, CpuTime>;

impl Members {
    /// Meets whoever serves these clusters.
    pub(crate) async fn meet(&mut self, sight: &Sight, clusters: &[String]) {
        for cluster in clusters {
            self.look(sight, cluster).await;
        }
    }

    /// Has those that were met say how fast they are, before the first load and after the last: into `place`. All at
    /// the same time: each is an instance of its own.
    pub(crate) async fn calibrate(&mut self, place: fn(&mut MemberFacts) -> &mut Option<u64>) {
        let speaking = self.met.values_mut().flat_map(BTreeMap::values_mut).filter(|known| known.speaks());
        let calibrated = speaking.map(|known| async {
            let asked = ask::<Calibration>(&known.address, "/calibration", CALIBRATION_LIMIT).await;
            if let Ok(calibration) = note(known, asked) {
                *place(&mut known.facts) = Some(calibration.micros);
            }
        });
        join_all(calibrated).await;
    }

    /// Counters of the processors of a cluster's members. Members that joined are met.
    pub(crate) async fn look(&mut self, sight: &Sight, cluster: &str) -> Readings {
        let known = self.met.entry(cluster.to_owned()).or_default();
        known.values_mut().for_each(|known| known.is_here = false);
        for member in sight.of(cluster).into_iter().flat_map(|seen| &seen.members) {
            let known = known.entry(member.id.clone()).or_insert_with(|| Known::new(&member.id));
            known.is_here = true;
            known.address.clone_from(&member.address);
        }
        let speaking = known.values_mut().filter(|known| known.speaks());
        let readings = speaking.map(|known| async {
            let asked = ask::<Machine>(&known.address, "/machine", MEMBER_LIMIT).await;
            let machine = note(known, asked).ok()?;
            (known.facts.cpu_model, known.facts.kernel) = (machine.cpu_model, machine.kernel);
            let shares_machine = !machine.kernel_boot.is_empty() && machine.kernel_boot == agent::kernel_boot();
            let Machine { busy_millis, stolen_millis, total_millis, .. } = machine;
            // Without a kernel that counts there is nothing to compare.
            let reading = CpuTime { busy_millis, stolen_millis, total_millis };
            Some((shares_machine, (total_millis > 0).then(|| (known.facts.id.clone(), reading))))
        });
        let (share_machine, readings): (Vec<bool>, Vec<_>) = join_all(readings).await.into_iter().flatten().unzip();
        self.share_machine |= share_machine.contains(&true);
        readings.into_iter().flatten().collect()
    }

    /// Whether one of them and the generator, which are two instances, were seen to be one machine.
    pub(crate) fn share_machine(&self) -> bool {
        self.share_machine
    }

    /// Facts that were told of the clusters, with their members as they were seen.
    pub(crate) fn facts(&self, told: &[ClusterFacts]) -> Vec<ClusterFacts> {
        let is_told = |name: &String| told.iter().any(|told| told.cluster == *name);
        let untold = self.met.iter().filter(|(name, members)| !members.is_empty() && !is_told(name));
        let untold = untold.map(|(name, _)| ClusterFacts { cluster: name.clone(), ..ClusterFacts::default() });
        let mut clusters: Vec<ClusterFacts> = told.iter().cloned().chain(untold).collect();
        for facts in &mut clusters {
            let members = self.met.get(&facts.cluster).into_iter().flat_map(BTreeMap::values);
            facts.members = members.map(|known| known.facts.clone()).collect();
        }
        clusters
    }

    /// Clusters whose members do not say how fast they are, in words.
    pub(crate) fn silence(&self) -> Vec<String> {
        let is_silent = |members: &BTreeMap<String, Known>| members.values().any(|known| known.is_silent);
        let silent = self.met.iter().filter(|(_, members)| is_silent(members));
        silent.map(|(cluster, _)| format!("members of {cluster} do not say what they run on")).collect()
    }
}

impl Known {
    fn new(id: &str) -> Self {
        let facts = MemberFacts { id: id.to_owned(), launch: 1, ..MemberFacts::default() };
        Self { address: String::new(), is_here: true, is_silent: false, facts }
    }

    /// A member that left is not asked: nobody would answer, and that takes time.
    fn speaks(&self) -> bool {
        self.is_here && !self.is_silent
    }
}

/// Fills in the CPU time taken from the members of a cluster between two readings, and their speed: of each the worst. And
/// what they cost, which for unlimited burstable types depends on the CPU time that they used while load was on: `load_micros`
/// between the readings, of which less may count.
pub(crate) fn judge(
    report: &mut ClusterReport,
    load_micros: u64,
    (before, after): (&Readings, &Readings),
    facts: Option<&ClusterFacts>,
) {
    let used: Vec<CpuTime> = after.iter().filter_map(|(id, after)| after.since(before.get(id)?)).collect();
    report.steal_per_mille = used.iter().filter_map(CpuTime::steal_per_mille).max();
    // The slower one is the greater one.
    let Some(facts) = facts else { return };
    report.speed = facts.credits.and_then(|credits| used.iter().filter_map(|used| used.speed(&credits)).max());
    report.surplus_per_mille = stats::surplus_per_mille(&used, load_micros, facts);
    stats::price(report, facts);
}

async fn ask<T: DeserializeOwned>(address: &str, path: &str, limit: Duration) -> Result<T, Unfetched> {
    let not_ours = |why: String| Unfetched::Refused(why);
    let target =
        Target::parse("member", &format!("http://{address}{path}")).map_err(|why| not_ours(why.to_string()))?;
    let bytes = fetch(&target, &Resolver::system(), limit).await?;
    serde_json::from_slice(&bytes).map_err(|error| not_ours(error.to_string()))
}

/// Remembers that a member does not speak; one that cannot be reached now may speak later.
fn note<T>(known: &mut Known, asked: Result<T, Unfetched>) -> Result<T, ()> {
    asked.map_err(|why| {
        tracing::debug!(member = known.facts.id, %why, "a member did not say what it runs on");
        known.is_silent |= matches!(why, Unfetched::Refused(_));
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use wire::{BETWEEN_CLUSTERS_SECONDS, CreditMode, Credits, Price, Speed};

    use super::*;
    use crate::Settings;
    use crate::run::balancer::STATUS_LIMIT;

    pub(crate) fn readings(of: &[(&str, [u64; 3])]) -> Readings {
        let reading =
            |[busy_millis, stolen_millis, total_millis]: [u64; 3]| CpuTime { busy_millis, stolen_millis, total_millis };
        of.iter().map(|(id, numbers)| ((*id).to_owned(), reading(*numbers))).collect()
    }

    #[test]
    fn no_limit_ends_before_tcp_has_tried_to_connect_three_times() {
        // After 0 s, 1 s and 1 + 2 s: RFC 6298.
        let third_try = Duration::from_secs(3);
        let limits = [MEMBER_LIMIT, CALIBRATION_LIMIT, STATUS_LIMIT, Settings::GIVE_UP, Settings::REQUEST_LIMIT];
        assert!(limits.iter().all(|limit| *limit > third_try), "{limits:?}");
        let between = Duration::from_secs(u64::from(BETWEEN_CLUSTERS_SECONDS));
        assert!(between > STATUS_LIMIT.max(MEMBER_LIMIT) + MEMBER_LIMIT, "several generators would be late");
    }

    #[test]
    fn the_worst_member_counts() {
        let before = readings(&[("a", [0, 0, 0]), ("b", [0, 0, 0]), ("rebooted", [9, 9, 9])]);
        let credits = Some(Credits { mode: CreditMode::Standard, baseline_per_mille: 100 });
        let burstable = ClusterFacts { credits, ..ClusterFacts::default() };
        let judged = |after: &Readings, facts| {
            let mut report = ClusterReport::default();
            judge(&mut report, 0, (&before, after), facts);
            (report.steal_per_mille, report.speed)
        };
        let fine = readings(&[("a", [900, 10, 1_000]), ("b", [900, 20, 1_000])]);
        assert_eq!(judged(&fine, Some(&burstable)), (Some(20), Some(Speed::Burst)));
        assert_eq!(judged(&fine, None), (Some(20), None), "not burstable");
        let capped = readings(&[("a", [900, 10, 1_000]), ("b", [100, 900, 1_000])]);
        assert_eq!(judged(&capped, Some(&burstable)), (Some(900), Some(Speed::Baseline)));
        let unknown = readings(&[("new", [1, 1, 1]), ("rebooted", [1, 1, 1])]);
        assert_eq!(judged(&unknown, Some(&burstable)), (None, None));
    }

    /// Two vCPUs of which 30 % are in the price.
    const UNLIMITED: Credits = Credits { mode: CreditMode::Unlimited, baseline_per_mille: 300 };

    pub(crate) fn unlimited(surplus_usd_micros: Option<u64>) -> ClusterFacts {
        ClusterFacts {
            vcpus: 2,
            credits: Some(UNLIMITED),
            price: Some(Price { instances: 1, instance_usd_micros: 91_200, surplus_usd_micros, ..Price::default() }),
            ..ClusterFacts::default()
        }
    }

    #[test]
    fn an_unlimited_member_costs_what_it_used_above_its_baseline() {
        let before = readings(&[("a", [0, 0, 0])]);
        let judged = |after: &Readings| {
            let mut report = ClusterReport::default();
            judge(&mut report, 10_000_000, (&before, after), Some(&unlimited(Some(50_000))));
            (report.surplus_per_mille, report.hourly_usd_micros, report.hourly_is_at_most)
        };
        let busy = readings(&[("a", [18_000, 0, 20_000])]);
        assert_eq!(judged(&busy), (Some(1_200), Some(91_200 + 60_000), false));
        assert_eq!(judged(&before), (None, Some(91_200 + 70_000), true), "no time passed: nothing is known");
        assert_eq!(judged(&Readings::new()), (None, Some(91_200 + 70_000), true), "it does not speak");
    }
}
