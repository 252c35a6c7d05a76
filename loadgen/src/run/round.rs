//! One round: every cluster once, with the same seed, watched for losses.

use std::collections::HashSet;
use std::sync::Arc;

use wire::{ClusterFacts, ClusterReport, RoundOutcome, RoundReport};

use crate::engine::drivers::{Driven, DriverLost};
use crate::engine::load::Load;
use crate::engine::poller::now_nanos;
use crate::mutant::Mutant;
use crate::run::course::Course;
use crate::run::environment::{Effort, Reading};
use crate::run::measurement::{PhaseTallies, PhaseTally, cluster_report};
use crate::run::members::{Members, Readings, judge};
use crate::run::phases::{self, AHEAD_NANOS, load};
use crate::run::seconds::{Interval, Seconds};
use crate::run::sight::Sight;
use crate::{Attempt, Target};

/// Measurement of one cluster in one round, and its consequence.
struct Visit {
    report: ClusterReport,
    phases: PhaseTallies,
    fate: RoundFate,
}

/// Consequence of one visit for its round.
enum RoundFate {
    /// The round goes on.
    Good,
    /// The round does not count: by which cluster, if by one, and why.
    Void(String, String),
    /// The run ends: the target let nobody in.
    Useless(String),
}

/// A round, and why the run cannot go on, if so.
pub(crate) struct Attempted {
    pub(crate) round: RoundReport,
    pub(crate) phases: PhaseTallies,
    pub(crate) useless: Option<String>,
}

impl Course<'_> {
    /// Requests that are counted nowhere: they open connections and fill caches. How many there were.
    pub(crate) async fn warm_up(&self, target: &Arc<Target>, seed: u64) -> Result<Driven, DriverLost> {
        let mut all = Driven::default();
        self.series.begin(&target.cluster, 0);
        for segment in phases::of_warm_up(self.spec) {
            self.progress.loading(&target.cluster, true);
            let load = self.prepared(load(self, target, seed, &segment, None, None), true).await;
            let mut series = self.series.segment(&load, self.drivers.threads(&load));
            let driven = self.drivers.drive(Arc::new(load), |second| {
                self.progress.second(second);
                series.add(second);
            });
            let driven = driven.await?;
            series.finish(driven.took);
            all.add(driven);
        }
        self.series.end(&target.cluster);
        Ok(all)
    }

    /// Measures each cluster once. The round ends at the first reason to void it: what follows would not count.
    pub(crate) async fn round(
        &self,
        number: u32,
        attempt_number: u32,
        attempt: Attempt,
        effort: &mut Effort,
        seen: &mut Members,
    ) -> Result<Attempted, DriverLost> {
        let mut phases = PhaseTallies::new();
        let mut round = RoundReport {
            round: number,
            seed: attempt.seed,
            launch: 1,
            outcome: RoundOutcome::Counted,
            reason: String::new(),
            voided_by: String::new(),
            clusters: Vec::with_capacity(attempt.order.len()),
        };
        let void = |mut round: RoundReport, by: &str, reason: String| {
            (round.outcome, round.reason, round.voided_by) = (RoundOutcome::Voided, reason, by.to_owned());
            Ok(Attempted { round, phases: PhaseTallies::new(), useless: None })
        };
        // At the same time, because several generators have so much time in between and no more.
        let authorities = self.authorities();
        let (settled, ()) = tokio::join!(self.settled(), self.names.look_up(&authorities));
        let mut before = match settled {
            Ok(sight) => sight,
            Err(reason) => return void(round, "", reason),
        };
        let slots = u64::from(attempt_number) * self.targets.len() as u64..;
        let targets = attempt.order.iter().filter_map(|index| self.targets.get(*index));
        for (target, slot) in targets.zip(slots) {
            let known = before.as_ref().and_then(|sight| sight.ids(&target.serves));
            let idle = self.readings(seen, before.as_ref(), target).await;
            self.series.begin(&target.cluster, number);
            let mut visit = self.visit(target, attempt.seed, slot, known, effort).await?;
            self.series.end(&target.cluster);
            // At the same time: several generators leave no time for one after the other.
            let is_good = matches!(visit.fate, RoundFate::Good);
            let visited = &visit.report;
            let after =
                async { if is_good { self.unchanged(before.as_ref(), target, visited).await } else { Ok(None) } };
            let (spent, after) = tokio::join!(self.readings(seen, before.as_ref(), target), after);
            judge(&mut visit.report, &idle, &spent, self.told(target));
            let after = match visit.fate {
                RoundFate::Good => after,
                RoundFate::Void(by, reason) => Err((by, reason)),
                // Counted, so that its counts are in the report; the run says that it failed.
                RoundFate::Useless(reason) => {
                    round.clusters.push(visit.report);
                    phases.extend(visit.phases);
                    return Ok(Attempted { round, phases, useless: Some(reason) });
                }
            };
            // After the visit every member has answered, and with its first answer it says how many slots it has.
            visit.report.slots = after.as_ref().ok().and_then(|sight| sight.as_ref()?.slots(&target.serves));
            round.clusters.push(visit.report);
            phases.extend(visit.phases);
            before = match after {
                Ok(sight) => sight,
                Err((by, reason)) => return void(round, &by, reason),
            };
        }
        Ok(Attempted { round, phases, useless: None })
    }

    /// Counters of the processors of the target's members.
    async fn readings(&self, seen: &mut Members, sight: Option<&Sight>, target: &Target) -> Readings {
        let mut readings = Readings::new();
        if let (Some(sight), Some(watch)) = (sight, &self.watch) {
            for cluster in watch.clusters_of(target) {
                readings.extend(seen.look(sight, cluster).await);
            }
        }
        readings
    }

    /// Facts about the cluster that the target serves.
    fn told(&self, target: &Target) -> Option<&ClusterFacts> {
        self.spec.facts.clusters.iter().find(|told| told.cluster == target.serves)
    }

    async fn settled(&self) -> Result<Option<Sight>, String> {
        match &self.watch {
            Some(watch) => watch.settled(self.progress).await.map(Some),
            None => Ok(None),
        }
    }

    async fn unchanged(
        &self,
        before: Option<&Sight>,
        target: &Target,
        visited: &ClusterReport,
    ) -> Result<Option<Sight>, (String, String)> {
        match (&self.watch, before) {
            (Some(watch), Some(before)) => watch.unchanged(before, &target.serves, visited).await.map(Some),
            _ => Ok(None),
        }
    }

    /// All phases for one cluster.
    async fn visit(
        &self,
        target: &Arc<Target>,
        seed: u64,
        slot: u64,
        known: Option<HashSet<Vec<u8>>>,
        effort: &mut Effort,
    ) -> Result<Visit, DriverLost> {
        let (mut all, mut fate, mut phases) = (Driven::default(), RoundFate::Good, PhaseTallies::new());
        if self.mutation.is(Mutant::WarmUpIncluded) {
            all.tally = self.warm_up(target, seed).await?.tally;
        }
        for segment in phases::of_round(self.spec) {
            if !segment.pause.is_zero() {
                self.progress.pausing(&target.cluster, segment.pause.as_secs() as u32);
                let began = now_nanos();
                tokio::time::sleep(segment.pause).await;
                self.series.paused(&target.cluster, began);
                continue;
            }
            let begins = match &self.timetable {
                None => None,
                Some(timetable) => match timetable.begins(slot, segment.number) {
                    Ok(begins) => Some(begins),
                    Err(late) => {
                        fate = RoundFate::Void(String::new(), late);
                        break;
                    }
                },
            };
            self.progress.loading(&target.cluster, false);
            let load = load(self, target, seed, &segment, known.clone(), begins);
            let load = self.prepared(load, begins.is_none()).await;
            let driven = self.drive(load, effort).await?;
            let key = (target.cluster.clone(), segment.number);
            phases.insert(key, PhaseTally::new(&driven.tally, driven.peak));
            let useless = driven.gave_up.then(|| useless(target, &driven));
            all.add(driven);
            if let Some(useless) = useless {
                fate = RoundFate::Useless(useless);
                break;
            }
        }
        if let (RoundFate::Good, Some(member)) = (&fate, all.backends.restarted()) {
            fate = RoundFate::Void(target.cluster.clone(), format!("{member} of {} was restarted", target.cluster));
        }
        let (requests, load_time) = (all.tally.requests(), all.took);
        tracing::debug!(cluster = target.cluster, requests, ?load_time, "cluster measured");
        let report = cluster_report(&target.cluster, &all, target.is_named(), self.files.is_some());
        Ok(Visit { report, phases, fate })
    }

    /// The load, when connections are ready for it: what is done for that is done before its clock starts. Only several
    /// generators have a common moment at which they begin (`may_move` is `false`).
    async fn prepared(&self, mut load: Load, may_move: bool) -> Load {
        self.drivers.prepare(&load, self.is_crowded).await;
        if may_move {
            load.begin_at(now_nanos() + AHEAD_NANOS);
        }
        load
    }

    async fn drive(&self, load: Load, effort: &mut Effort) -> Result<Driven, DriverLost> {
        let begin = Reading::now();
        let log = self.log.as_ref().map(|log| log.of(&load));
        let threads = self.drivers.threads(&load);
        let cluster = load.target.cluster.clone();
        let mut series = self.series.segment(&load, threads);
        let mut seconds = Seconds::of(threads as usize);
        let write = |intervals: Vec<Interval>| {
            if let Some(log) = &log {
                intervals.iter().for_each(|interval| log.write(interval));
            }
        };
        let driven = self.drivers.drive(Arc::new(load), |second| {
            self.progress.second(second);
            series.add(second);
            write(seconds.add(second));
            if let Some(sends) = &self.sends {
                sends.write(&second.sends);
            }
            if let Some(log) = &self.wrong {
                log.write(&cluster, &second.tally.wrong);
            }
        });
        let driven = driven.await?;
        series.finish(driven.took);
        write(seconds.finish(driven.took));
        effort.add_since(&begin);
        Ok(driven)
    }
}

/// Why going on with a target that let nobody in would be useless.
fn useless(target: &Target, driven: &Driven) -> String {
    let cluster = &target.cluster;
    if let Some(why) = &driven.refused {
        return format!("{cluster}: {why}");
    }
    let speaks = if target.tls.is_some() { ", and that it speaks TLS" } else { "" };
    let (seconds, failed) = (driven.took.as_secs(), driven.tally.failures.connect);
    // The gate says which limit of the generator it was, and the way out.
    if driven.tally.limits.is_empty() {
        format!(
            "{cluster} let nobody in for {seconds} s ({failed} connect): check its address, its port and whether it \
             runs{speaks}"
        )
    } else {
        format!("the generator could not connect to {cluster} for {seconds} s")
    }
}
