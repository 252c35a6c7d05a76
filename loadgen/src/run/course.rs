//! State of one run while it is measured: targets, threads, watch, time limits, progress.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wire::{MemberFacts, RunSpec, Slice};

use crate::corpus::{Files, Turns};
use crate::engine::drivers::Drivers;
use crate::engine::wall_clock::WallClock;
use crate::engine::zones::Zones;
use crate::mutant::Mutation;
use crate::run::connection_limit::is_crowded;
use crate::run::histogram_log::HistogramLog;
use crate::run::members::Members;
use crate::run::names::Names;
use crate::run::send_log::SendLog;
use crate::run::series::Recorder;
use crate::run::settings::{MeasureError, SearchSettings, Settings, threads};
use crate::run::timetable::Timetable;
use crate::run::watch::Watch;
use crate::run::wrong_log::WrongLog;
use crate::target::trust::secure;
use crate::{Progress, Target};

/// Everything that the rounds of a run have in common.
pub(crate) struct Course<'a> {
    pub(crate) spec: &'a RunSpec,
    pub(crate) targets: Vec<Arc<Target>>,
    pub(crate) names: Names,
    pub(crate) zones: Arc<Zones>,
    pub(crate) drivers: Drivers,
    pub(crate) watch: Option<Watch>,
    pub(crate) request_limit: Duration,
    pub(crate) rest_holds: Duration,
    pub(crate) queue_looks: Duration,
    pub(crate) counted_within: Duration,
    pub(crate) give_up: Duration,
    pub(crate) idle_limit: Duration,
    pub(crate) most_connections: usize,
    /// Connections of loads that are over are closed before the next begins.
    pub(crate) is_crowded: bool,
    pub(crate) search: SearchSettings,
    pub(crate) instance_id: String,
    pub(crate) timetable: Option<Timetable>,
    pub(crate) series: Recorder,
    pub(crate) log: Option<Arc<HistogramLog>>,
    pub(crate) sends: Option<Arc<SendLog>>,
    /// Files that are sent in turn.
    pub(crate) files: Option<Arc<Files>>,
    pub(crate) wrong: Option<Arc<WrongLog>>,
    pub(crate) progress: &'a Progress,
    pub(crate) mutation: Mutation,
}

impl<'a> Course<'a> {
    /// Sets a run up: looks its names up, and starts its threads.
    ///
    /// # Errors
    /// No certificate could be believed, a control URL that is none, or threads that cannot be started.
    pub(crate) async fn new(
        spec: &'a RunSpec,
        settings: &Settings,
        progress: &'a Progress,
        mut targets: Vec<Target>,
    ) -> Result<Self, MeasureError> {
        secure(&mut targets, &settings.trust)?;
        let targets: Vec<Arc<Target>> = targets.into_iter().map(Arc::new).collect();
        let names = Names::new(settings.resolver.clone());
        // A name that is not found yet leads nowhere: requests to it fail as connections that cannot be made.
        names.look_up(&authorities(&targets)).await;
        let watch = Watch::of(spec, settings, targets.iter().map(|target| &**target))?;
        let most_connections = usize::try_from(settings.most_connections(spec)).unwrap_or(usize::MAX);
        let is_crowded = is_crowded(spec, authorities(&targets).len(), most_connections);
        Ok(Self {
            spec,
            targets,
            names,
            zones: Arc::new(Zones::new(&spec.zones)),
            drivers: Drivers::start(threads(spec))?,
            watch,
            request_limit: request_limit(spec, settings),
            rest_holds: settings.rest_holds,
            queue_looks: settings.queue_looks,
            counted_within: settings.counted_within,
            give_up: settings.give_up,
            idle_limit: settings.idle_limit,
            most_connections,
            is_crowded,
            search: settings.search,
            instance_id: settings.instance_id.clone(),
            // Alone, a run waits for its start and then takes the time it takes.
            timetable: Timetable::of(spec).filter(|_| spec.slice != Slice::default()),
            series: Recorder::new(WallClock::now()),
            log: settings.log.clone(),
            sends: settings.sends.clone(),
            files: settings.files.clone(),
            wrong: settings.wrong.clone(),
            progress,
            mutation: settings.mutation,
        })
    }

    /// Learns who the members are. Without an answer the first round says why.
    pub(crate) async fn meet(&self, seen: &mut Members) {
        let Some(watch) = &self.watch else { return };
        if let Ok(sight) = watch.settled(self.progress).await {
            seen.meet(&sight, watch.clusters()).await;
        }
        self.note_balancer();
    }

    /// Why nothing can be measured, if a file is longer than what gets through queues and somebody has told of these: each request
    /// with it would fail.
    pub(crate) fn unfit_files(&self) -> Option<String> {
        let is_behind_queues = self.watch.as_ref().is_some_and(Watch::has_queues);
        self.files.as_ref().filter(|_| is_behind_queues)?.unfit_for_queues()
    }

    /// What is not known of instances that come and go, in words.
    pub(crate) fn unseen(&self) -> Option<String> {
        let scaled = self.targets.iter().filter(|target| target.is_scaled && target.serves == target.cluster);
        let names: Vec<&str> = scaled.map(|target| target.cluster.as_str()).collect();
        let which = names.join(" and ");
        (!names.is_empty()).then(|| {
            format!(
                "instances of {which} come and go: steal, speed, slots and use above the baseline are not known of them"
            )
        })
    }

    /// Waits before the next round while somebody holds the run; then says how long that was.
    pub(crate) async fn stay(&self, rounds: u32) -> Option<String> {
        let since = Instant::now();
        let stayed = self.progress.stays().await;
        stayed.then(|| format!("the run was held for {} s after round {rounds}", since.elapsed().as_secs()))
    }

    /// Tells whoever asks for the run which balancer it is of.
    pub(crate) fn note_balancer(&self) {
        if let Some(met) = self.watch.as_ref().and_then(Watch::met) {
            self.progress.met(met);
        }
    }

    /// Why the run cannot go on, if it is of a balancer that another one has replaced.
    pub(crate) fn replaced(&self) -> Option<String> {
        self.watch.as_ref()?.replaced()
    }

    /// Has the members calibrated, by one of several generators: two calibrations would measure each other.
    pub(crate) async fn calibrate(&self, seen: &mut Members, place: fn(&mut MemberFacts) -> &mut Option<u64>) {
        if self.spec.slice.index == 0 {
            self.progress.waiting("the members are calibrated");
            seen.calibrate(place).await;
        }
    }

    /// Runs what comes before the first load. With several generators it is cut at `before` ahead of the moment at which
    /// they begin together, and then the result is `None`.
    pub(crate) async fn in_time<T>(&self, before: Duration, preparing: impl Future<Output = T>) -> Option<T> {
        match &self.timetable {
            None => Some(preparing.await),
            Some(timetable) => {
                let left = timetable.left().saturating_sub(before);
                let prepared = tokio::time::timeout(left, preparing).await.ok();
                if prepared.is_none() {
                    tracing::warn!("warm-up or calibration was cut: the generators begin");
                }
                prepared
            }
        }
    }

    /// The files in the order in which requests with this seed send them: that of their names where the command line gave them,
    /// and drawn from the seed where the run's document did.
    pub(crate) fn files_in_turn(&self, seed: u64) -> Option<Turns> {
        let seed = self.spec.request.corpus.as_ref().map(|_| seed);
        Some(Turns::new(self.files.clone()?, seed))
    }

    /// Every `host:port` once.
    pub(crate) fn authorities(&self) -> BTreeSet<&str> {
        authorities(&self.targets)
    }
}

fn authorities(targets: &[Arc<Target>]) -> BTreeSet<&str> {
    targets.iter().map(|target| target.authority.as_str()).collect()
}

fn request_limit(spec: &RunSpec, settings: &Settings) -> Duration {
    spec.timeout_seconds.map_or(settings.request_limit, |seconds| Duration::from_secs(u64::from(seconds)))
}
