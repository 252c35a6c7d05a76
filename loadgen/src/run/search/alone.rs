//! Questions before the first round: whether one request at a time keeps the objective, and the most that a target answers to
//! users that wait.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use wire::{AloneReport, ClosedLoop, Stop};

use super::pulse::Pulse;
use super::{Search, per_mille};
use crate::Target;
use crate::engine::counted::Counted;
use crate::engine::drivers::{Driven, DriverLost};
use crate::run::course::Course;
use crate::run::measurement::cluster_report;
use crate::run::phases::{PlacedPhase, load};
use crate::run::validate_search::BEHIND_QUEUES;
use crate::run::watch::Watch;
use crate::run::{Early, JournalEntry, SoFar};
use crate::search::{Alone, Estimate, Seen, USERS_PER_SLOT, Verdict};

/// A member that is lost meanwhile, again and again, leaves nothing to find out.
const MOST_TRIES: u32 = 3;

/// One target that is asked one request at a time.
struct Asked {
    number: usize,
    alone: Alone,
    /// Not before.
    due: Instant,
}

/// What users that wait showed.
struct Shown {
    driven: Driven,
    /// The generator itself was held up.
    is_weak: bool,
}

impl Course<'_> {
    /// Finds out what the first round begins with. What one request at a time showed is in `so_far.alone`. An answer: the run
    /// ends here.
    pub(crate) async fn before_rounds(
        &self,
        search: &mut Search,
        so_far: &mut SoFar,
        journal: &mut impl FnMut(JournalEntry<'_>),
    ) -> Result<Option<Early>, DriverLost> {
        if self.watch.as_ref().is_some_and(Watch::has_queues) {
            return Ok(Some(Early::Useless(format!("search: {BEHIND_QUEUES}"))));
        }
        let now = Instant::now();
        let asked = |number| Asked { number, alone: Alone::default(), due: now };
        let mut queue: VecDeque<Asked> = (0..self.targets.len()).map(asked).collect();
        while let Some(mut asked) = queue.pop_front() {
            if asked.due > Instant::now() {
                self.progress.finding_out(format!("{} is asked alone once more", self.targets[asked.number].cluster));
            }
            sleep_until(asked.due).await;
            let target = self.targets[asked.number].clone();
            self.progress.finding_out(format!("{}: one request at a time", target.cluster));
            let shown = match self.undisturbed(&target, 1, self.search.alone_seconds, so_far).await? {
                Ok(shown) => shown,
                Err(early) => return Ok(Some(early)),
            };
            let seen = seen(&shown.driven);
            // Steps tell the generator's part of their times; here nothing does.
            let told = if shown.is_weak { Seen { slow: 0, ..seen } } else { seen };
            let verdict = asked.alone.seen(&search.objective, &told);
            let report = self.alone_report(&shown.driven, &seen, verdict);
            so_far.alone.insert(target.cluster.clone(), report);
            journal(so_far.entry());
            match verdict {
                Verdict::Again => {
                    asked.due = Instant::now() + self.search.between_alone;
                    queue.push_back(asked);
                }
                Verdict::Unmet if seen.failed == seen.requests => {
                    let report = cluster_report(&target.cluster, &shown.driven, false, false);
                    return Ok(Some(Early::Useless(every_request_failed(&report))));
                }
                Verdict::Unmet => {}
                Verdict::Keeps => match self.estimate(asked.number, &target, so_far).await? {
                    Ok(estimate) => search.targets[asked.number].estimate = Some(estimate),
                    Err(early) => return Ok(Some(early)),
                },
            }
        }
        Ok(None)
    }

    /// Where the first way of a target begins: at what an earlier launch found, or near what users that wait are answered.
    async fn estimate(
        &self,
        number: usize,
        target: &Arc<Target>,
        so_far: &mut SoFar,
    ) -> Result<Result<Estimate, Early>, DriverLost> {
        if let Some(milli_rps) = self.spec.targets.get(number).and_then(|target| target.estimate_milli_rps) {
            return Ok(Ok(Estimate::at(milli_rps as f64 / 1e3)));
        }
        let users = self.users(target).await;
        self.progress.finding_out(format!("{}: {users} users that wait", target.cluster));
        let shown = self.undisturbed(target, users, self.search.most_seconds, so_far).await?;
        Ok(shown.map(|shown| Estimate::new(answered_per_second(&shown.driven))))
    }

    /// Users that wait for their answers, while no member is lost.
    async fn undisturbed(
        &self,
        target: &Arc<Target>,
        users: u32,
        seconds: u32,
        so_far: &mut SoFar,
    ) -> Result<Result<Shown, Early>, DriverLost> {
        let mut why = String::new();
        for _ in 0..MOST_TRIES {
            let before = match self.settled().await {
                Ok(sight) => sight,
                Err(void) => {
                    why = void.reason;
                    continue;
                }
            };
            let known = before.as_ref().and_then(|sight| sight.ids(&target.serves));
            let stop = Stop::DurationSeconds(seconds);
            let placed = PlacedPhase::closed(u64::from(users > 1), ClosedLoop { concurrency: users, stop });
            let mut load = load(self, target, self.schedule_seed(), &placed, known, None);
            let in_time = self.objective_nanos();
            (load.counted, load.drain_nanos) = (Some(Counted::new(0, in_time, u64::MAX)), load.limit_nanos);
            let load = self.prepared(load, true).await;
            self.series.begin(&target.cluster, 0);
            let (mut effort, mut pulse) = (crate::run::environment::Effort::default(), Pulse::default());
            let driven = tokio::select! {
                driven = self.drive(load, &mut effort) => driven?,
                never = pulse.beat() => match never {},
            };
            self.series.end(&target.cluster);
            *so_far.warm_up.entry(target.cluster.clone()).or_default() += driven.tally.requests();
            so_far.warm_up_load += driven.took;
            if driven.gave_up {
                return Ok(Err(Early::Useless(crate::run::round::useless(target, &driven))));
            }
            let visited = cluster_report(&target.cluster, &driven, false, false);
            match self.after(before.as_ref(), target, &visited).await.1 {
                Ok(()) => return Ok(Ok(Shown { driven, is_weak: pulse.is_weak(self.search.most_lost_per_mille) })),
                Err(void) => why = void.reason,
            }
        }
        let cluster = &target.cluster;
        Ok(Err(Early::Useless(format!("{cluster} could not be asked before the first round: {why}"))))
    }

    fn alone_report(&self, driven: &Driven, seen: &Seen, verdict: Verdict) -> AloneReport {
        let quantile = self.spec.search.as_ref().map(|search| per_mille(search.objective.metric));
        let latency = driven.tally.response.quantiles_with_open(driven.tally.failures.total(), &driven.tally.open);
        let quantile_micros = match quantile {
            Some(500) => latency.p50_micros,
            Some(900) => latency.p90_micros,
            Some(999) => latency.p999_micros,
            _ => latency.p99_micros,
        };
        let Seen { requests, slow, failed, .. } = *seen;
        AloneReport { requests, slow, failed, quantile_micros, is_unmet: verdict == Verdict::Unmet }
    }

    /// Users that keep all slots of a target busy.
    async fn users(&self, target: &Target) -> u32 {
        let sight = match &self.watch {
            Some(watch) => watch.look().await.ok(),
            None => None,
        };
        let said = sight.as_ref().and_then(|sight| sight.slots(&target.serves));
        let told = || {
            let members = sight.as_ref()?.of(&target.serves)?.members.len();
            Some(self.told(target)?.vcpus.saturating_mul(u32::try_from(members).ok()?)).filter(|slots| *slots > 0)
        };
        let slots = said.or_else(told).unwrap_or(self.search.slots);
        let most = u32::try_from(self.most_connections).unwrap_or(u32::MAX);
        slots.saturating_mul(USERS_PER_SLOT).clamp(1, most.max(1))
    }

    fn schedule_seed(&self) -> u64 {
        crate::Schedule::new(self.spec.seed, self.targets.len()).warm_up_seed()
    }

    pub(super) fn objective_nanos(&self) -> u64 {
        let micros = self.spec.search.as_ref().map_or(0, |search| search.objective.at_most_micros);
        Duration::from_micros(micros).as_nanos() as u64
    }
}

/// What users that wait were answered a second, while they asked.
fn answered_per_second(driven: &Driven) -> f64 {
    let seconds = driven.took.as_secs_f64();
    if seconds > 0.0 { driven.tally.response.count() as f64 / seconds } else { 0.0 }
}

/// What counted of a load, as the rule sees it.
pub(super) fn seen(driven: &Driven) -> Seen {
    let tally = &driven.tally;
    Seen {
        requests: tally.requests(),
        slow: tally.slow,
        failed: tally.failures.total(),
        was_cut: driven.cut_after.is_some(),
    }
}

fn every_request_failed(report: &wire::ClusterReport) -> String {
    let kinds = report.failures.kinds();
    let named: Vec<String> =
        kinds.iter().filter(|(_, count)| *count > 0).map(|(kind, count)| format!("{count} {kind}")).collect();
    let status = match report.failed_status {
        wire::FailedStatus::Each(status) => format!(": each answer was {status}"),
        _ => String::new(),
    };
    format!("every request to {} failed ({}){status}", report.cluster, named.join(", "))
}
