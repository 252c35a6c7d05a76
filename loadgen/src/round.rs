//! One round: every cluster once, with the same seed, watched for losses.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use wire::{BalancerStatus, ClosedLoop, Phase, RoundOutcome, Stop};

use crate::balancer::Watch;
use crate::drive::Load;
use crate::drivers::{DriverLost, Drivers, from_zero};
use crate::environment::{Effort, cpu_time};
use crate::recording::Recording;
use crate::report::{Measured, Round};
use crate::{Attempt, Progress, Target};

/// What a run works with.
pub(crate) struct Course<'a> {
    pub(crate) targets: Vec<Arc<Target>>,
    pub(crate) phases: &'a [Phase],
    pub(crate) drivers: Drivers,
    pub(crate) watch: Option<Watch>,
    pub(crate) request_limit: Duration,
    pub(crate) progress: &'a Progress,
}

impl Course<'_> {
    /// Requests that are counted nowhere: they open connections and fill caches.
    pub(crate) async fn warm_up(&self, requests: u64, seed: u64) -> Result<(), DriverLost> {
        let concurrency = self.phases.iter().find_map(|phase| match phase {
            Phase::ClosedLoop(load) => Some(load.concurrency),
            Phase::Pause { .. } => None,
        });
        for target in self.targets.iter().filter(|_| requests > 0) {
            self.progress.warming_up(&target.cluster);
            let load = self.load(target, seed, from_zero(), Stop::Requests(requests));
            self.drivers.drive(Arc::new(load), concurrency.unwrap_or(1)).await?;
        }
        Ok(())
    }

    /// Measures each cluster once. The round ends at the first reason to void it: what follows would not count.
    pub(crate) async fn round(&self, number: u32, attempt: Attempt, effort: &mut Effort) -> Result<Round, DriverLost> {
        let mut round = Round {
            number,
            seed: attempt.seed,
            outcome: RoundOutcome::Counted,
            reason: String::new(),
            clusters: Vec::with_capacity(attempt.order.len()),
        };
        let void = |mut round: Round, reason: String| {
            (round.outcome, round.reason) = (RoundOutcome::Voided, reason);
            Ok(round)
        };
        let mut before = match self.settled().await {
            Ok(status) => status,
            Err(reason) => return void(round, reason),
        };
        for target in attempt.order.iter().filter_map(|index| self.targets.get(*index)) {
            let (measured, restarted) = self.cluster(target, attempt.seed, effort).await?;
            round.clusters.push(measured);
            if let Some(member) = restarted {
                return void(round, format!("{member} of {} was restarted", target.cluster));
            }
            before = match self.unchanged(before).await {
                Ok(status) => status,
                Err(reason) => return void(round, reason),
            };
        }
        Ok(round)
    }

    async fn settled(&self) -> Result<Option<BalancerStatus>, String> {
        match &self.watch {
            Some(watch) => watch.settled(self.progress).await.map(Some),
            None => Ok(None),
        }
    }

    async fn unchanged(&self, before: Option<BalancerStatus>) -> Result<Option<BalancerStatus>, String> {
        let (Some(watch), Some(before)) = (&self.watch, before) else { return Ok(None) };
        let after = watch.look().await?;
        watch.change(&before, &after).map_or(Ok(Some(after)), Err)
    }

    /// All phases for one cluster; also the name of a member that restarted meanwhile.
    async fn cluster(
        &self,
        target: &Arc<Target>,
        seed: u64,
        effort: &mut Effort,
    ) -> Result<(Measured, Option<String>), DriverLost> {
        let mut recording = Recording::default();
        let mut load_time = Duration::ZERO;
        let next = from_zero();
        for phase in self.phases {
            match phase {
                Phase::Pause { seconds } => {
                    self.progress.pausing(&target.cluster, *seconds);
                    tokio::time::sleep(Duration::from_secs(u64::from(*seconds))).await;
                }
                Phase::ClosedLoop(ClosedLoop { concurrency, stop }) => {
                    let load = Arc::new(self.load(target, seed, next.clone(), *stop));
                    self.progress.loading(&target.cluster, &next, load.end);
                    let (cpu, wall) = (cpu_time(), Instant::now());
                    let driven = self.drivers.drive(load.clone(), *concurrency).await?;
                    effort.add(cpu_time().saturating_sub(cpu), wall.elapsed());
                    // Users ask for one request too many each; the next phase starts where this one was told to end.
                    next.fetch_min(load.end, Ordering::Relaxed);
                    recording.merge(driven.recording);
                    load_time += driven.took;
                }
            }
        }
        let measured = Measured::new(&target.cluster, &recording, load_time.as_micros() as u64);
        tracing::debug!(cluster = target.cluster, requests = recording.requests(), ?load_time, "cluster measured");
        Ok((measured, recording.restarted()))
    }

    fn load(&self, target: &Arc<Target>, seed: u64, next: Arc<std::sync::atomic::AtomicU64>, stop: Stop) -> Load {
        let (end, deadline) = match stop {
            Stop::Requests(requests) => (next.load(Ordering::Relaxed).saturating_add(requests), None),
            Stop::DurationSeconds(seconds) => {
                (u64::MAX, Some(Instant::now() + Duration::from_secs(u64::from(seconds))))
            }
        };
        Load { target: target.clone(), seed, next, end, deadline, limit: self.request_limit }
    }
}
