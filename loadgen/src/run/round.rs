//! One round: every cluster once, with the same seed, watched for losses.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::{BETWEEN_CLUSTERS_SECONDS, ClusterFacts, ClusterReport, QueueCost, RoundOutcome, RoundReport};

use crate::engine::drivers::{Driven, DriverLost};
use crate::engine::load::Load;
use crate::engine::poller::now_nanos;
use crate::mutant::Mutant;
use crate::run::course::Course;
use crate::run::environment::{Effort, Reading};
use crate::run::measurement::{PhaseTallies, PhaseTally, cluster_report};
use crate::run::members::{MEMBER_LIMIT, Members, Readings, judge};
use crate::run::phases::{self, AHEAD_NANOS, load};
use crate::run::seconds::{Interval, Seconds};
use crate::run::sight::Sight;
use crate::run::timetable::Timetable;
use crate::run::watch::{Void, Watch};
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
    /// The round does not count.
    Void(Void),
    /// The run ends: the target let nobody in.
    Useless(String),
}

/// A round, and why the run cannot go on, if so.
pub(crate) struct Attempted {
    pub(crate) round: RoundReport,
    pub(crate) phases: PhaseTallies,
    pub(crate) useless: Option<String>,
    /// It is void because a cluster was not at rest in time.
    pub(crate) is_restless: bool,
}

impl Attempted {
    /// A round that does not count.
    pub(crate) fn voided(mut round: RoundReport, void: Void) -> Self {
        let Void { by, reason, is_restless } = void;
        (round.outcome, round.reason, round.voided_by) = (RoundOutcome::Voided, reason, by);
        Self { round, phases: PhaseTallies::new(), useless: None, is_restless }
    }
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
        let mut round = RoundReport::counted(number, attempt.seed, Vec::with_capacity(attempt.order.len()));
        // At the same time, because several generators have so much time in between and no more.
        let authorities = self.authorities();
        let (settled, ()) = tokio::join!(self.settled(), self.names.look_up(&authorities));
        let mut before = match settled {
            Ok(sight) => sight,
            Err(why) => return Ok(Attempted::voided(round, why)),
        };
        let slots = u64::from(attempt_number) * self.targets.len() as u64..;
        let targets = attempt.order.iter().filter_map(|index| self.targets.get(*index));
        for (target, slot) in targets.zip(slots) {
            let (sight, rested) = match &self.timetable {
                Some(timetable) => self.rested_in_time(before.as_ref(), target, timetable, slot).await,
                None if self.has_to_rest(before.as_ref(), target) => {
                    self.rested(before.as_ref(), target, Duration::ZERO).await
                }
                None => (None, Ok(())),
            };
            if let Err(why) = rested {
                return Ok(Attempted::voided(round, why));
            }
            before = sight.or(before);
            // Who will answer for a scaled cluster is not there yet.
            let known = before.as_ref().filter(|_| !target.is_scaled).and_then(|sight| sight.ids(&target.serves));
            let idle = self.readings(seen, before.as_ref(), target).await;
            let began = Instant::now();
            self.series.begin(&target.cluster, number);
            let mut visit = self.visit(target, attempt.seed, slot, known, effort).await?;
            self.series.end(&target.cluster);
            let loaded = began.elapsed();
            // At the same time: several generators leave no time for one after the other.
            let is_good = matches!(visit.fate, RoundFate::Good);
            let visited = &visit.report;
            let after =
                async { if is_good { self.after(before.as_ref(), target, visited).await } else { (None, Ok(())) } };
            let (spent, (after, fits)) = tokio::join!(self.readings(seen, before.as_ref(), target), after);
            let took = if target.is_scaled { began.elapsed() } else { loaded };
            self.progress.measured(number, &visit.report);
            visit.report.queue_cost = self.used(before.as_ref(), after.as_ref(), target, took);
            let load_micros = visit.report.load_micros;
            judge(&mut visit.report, load_micros, (&idle, &spent), self.told(target));
            let after = match visit.fate {
                RoundFate::Good => fits.map(|()| after),
                RoundFate::Void(why) => Err(why),
                // Counted, so that its counts are in the report; the run says that it failed.
                RoundFate::Useless(reason) => {
                    round.clusters.push(visit.report);
                    phases.extend(visit.phases);
                    return Ok(Attempted { round, phases, useless: Some(reason), is_restless: false });
                }
            };
            // After the visit every member has answered, and with its first answer it says how many slots it has.
            let sight = after.as_ref().ok().and_then(Option::as_ref).filter(|_| !target.is_scaled);
            visit.report.slots = sight.and_then(|sight| sight.slots(&target.serves));
            round.clusters.push(visit.report);
            phases.extend(visit.phases);
            before = match after {
                Ok(sight) => sight,
                Err(why) => return Ok(Attempted::voided(round, why)),
            };
        }
        Ok(Attempted { round, phases, useless: None, is_restless: false })
    }

    /// Counters of the processors of the target's members.
    pub(crate) async fn readings(&self, seen: &mut Members, sight: Option<&Sight>, target: &Target) -> Readings {
        let mut readings = Readings::new();
        if let (Some(sight), Some(watch)) = (sight, &self.watch) {
            for cluster in watch.clusters_of(target) {
                readings.extend(seen.look(sight, cluster).await);
            }
        }
        readings
    }

    /// Facts about the cluster that the target serves.
    pub(crate) fn told(&self, target: &Target) -> Option<&ClusterFacts> {
        self.spec.facts.clusters.iter().find(|told| told.cluster == target.serves)
    }

    pub(crate) async fn settled(&self) -> Result<Option<Sight>, Void> {
        match &self.watch {
            Some(watch) => watch.settled(self.progress).await.map(Some),
            None => Ok(None),
        }
    }

    /// What is seen after a visit, and why it does not count, if so. A scaled cluster is at rest again before.
    pub(crate) async fn after(
        &self,
        before: Option<&Sight>,
        target: &Target,
        visited: &ClusterReport,
    ) -> (Option<Sight>, Result<(), Void>) {
        let (Some(watch), Some(before)) = (&self.watch, before) else { return (None, Ok(())) };
        let (after, fits) = if target.is_scaled {
            watch.rested(before, &target.serves, self.rest_holds, self.progress).await
        } else {
            self.last_answers_are_counted(before, target).await;
            match watch.unchanged(before, &target.serves, visited).await {
                Ok(after) => (Some(after), Ok(())),
                Err(why) => (None, Err(why)),
            }
        };
        let both = before.of(&target.serves).zip(after.as_ref().and_then(|after| after.of(&target.serves)));
        let unknown = both.and_then(|(before, after)| before.unknown_answers(after, stats::answered(visited)));
        let fits = fits.and_then(|()| unknown.map_or(Ok(()), |why| Err(Void::new(&target.cluster, why))));
        (after, fits)
    }

    /// What workers did for the last answers, a front counts a little later. Several generators have no time for that, and
    /// say nothing of it.
    async fn last_answers_are_counted(&self, before: &Sight, target: &Target) {
        let is_queued = before.of(&target.serves).is_some_and(|cluster| cluster.queue.is_some());
        if is_queued && self.timetable.is_none() {
            tokio::time::sleep(self.counted_within).await;
        }
    }

    /// Whether rest is looked for before a visit. A scaled cluster was at rest, and others were measured since. A fixed number is as
    /// it was seen last, which is after its own visit where it has a twin.
    fn has_to_rest(&self, before: Option<&Sight>, target: &Target) -> bool {
        let is_restless =
            |(watch, sight): (&Watch, &Sight)| watch.unrest(sight, std::slice::from_ref(&target.serves)).is_some();
        target.is_scaled || self.watch.as_ref().zip(before).is_some_and(is_restless)
    }

    async fn rested(
        &self,
        before: Option<&Sight>,
        target: &Target,
        holds: Duration,
    ) -> (Option<Sight>, Result<(), Void>) {
        match (&self.watch, before) {
            (Some(watch), Some(before)) => watch.rested(before, &target.serves, holds, self.progress).await,
            _ => (None, Ok(())),
        }
    }

    /// Rest before a place in the timetable of several generators, which waits for nobody. It is looked for when all of them have
    /// stopped, the longest drain included: what is open then is left over, and would be worked on within the next load. All of
    /// them see the same front, and a round that one of them voids is void for all.
    async fn rested_in_time(
        &self,
        before: Option<&Sight>,
        target: &Target,
        timetable: &Timetable,
        slot: u64,
    ) -> (Option<Sight>, Result<(), Void>) {
        let watch = self.watch.as_ref().filter(|watch| watch.has_queues());
        let (Some(watch), Some(before)) = (watch, before) else { return (None, Ok(())) };
        let between = Duration::from_secs(u64::from(BETWEEN_CLUSTERS_SECONDS));
        tokio::time::sleep(timetable.until(slot).saturating_sub(between)).await;
        // Whoever is late says so himself: the others send already.
        if timetable.until(slot).is_zero() {
            return (None, Ok(()));
        }
        // After it the members are still to be asked for their counters.
        let most = timetable.until(slot).saturating_sub(MEMBER_LIMIT);
        watch.rested_within(before, &target.serves, most, self.progress).await
    }

    /// What a cluster behind queues used. Of several generators each would count the whole.
    fn used(
        &self,
        before: Option<&Sight>,
        after: Option<&Sight>,
        target: &Target,
        took: Duration,
    ) -> Option<QueueCost> {
        let of = |sight: Option<&'_ Sight>| sight.and_then(|sight| sight.of(&target.serves).cloned());
        let (before, after) = (of(before)?, of(after)?);
        let millis = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        before.used(&after, millis).filter(|_| self.timetable.is_none())
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
                        fate = RoundFate::Void(Void::new("", late));
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
        // An instance of a scaled cluster may be stopped and started again.
        let restarted = all.backends.restarted().filter(|_| !target.is_scaled);
        if let (RoundFate::Good, Some(member)) = (&fate, restarted) {
            let reason = format!("{member} of {} was restarted", target.cluster);
            fate = RoundFate::Void(Void::new(&target.cluster, reason));
        }
        let (requests, load_time) = (all.tally.requests(), all.took);
        tracing::debug!(cluster = target.cluster, requests, ?load_time, "cluster measured");
        let report = cluster_report(&target.cluster, &all, target.is_named(), self.files.is_some());
        Ok(Visit { report, phases, fate })
    }

    /// The load, when connections are ready for it: what is done for that is done before its clock starts. Only several
    /// generators have a common moment at which they begin (`may_move` is `false`).
    pub(crate) async fn prepared(&self, mut load: Load, may_move: bool) -> Load {
        self.drivers.prepare(&load, self.is_crowded).await;
        if may_move {
            load.begin_at(now_nanos() + AHEAD_NANOS);
        }
        load
    }

    pub(crate) async fn drive(&self, load: Load, effort: &mut Effort) -> Result<Driven, DriverLost> {
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
pub(crate) fn useless(target: &Target, driven: &Driven) -> String {
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
