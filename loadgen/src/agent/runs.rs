//! Runs of a generator under control: at most one is on, ended ones are kept until they are deleted.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{mpsc, watch};
use wire::{Hold, Report, RoundOutcome, RoundReport, RunBalancer, RunSpec, RunState, RunStatus, Slice, sha256_hex};

use crate::agent::disk::{Disk, Record};
use crate::agent::metrics::{self, Counts};
use crate::corpus::Files;
use crate::corpus::store::{NoCorpus, Store};
use crate::run::measurement::Measurement;
use crate::run::progress::Wish;
use crate::run::settings::{MeasureError, Settings};
use crate::run::{JournalEntry, measure};
use crate::{InvalidSpec, NoTrust, Progress, secure, validate};

/// Pause before a report that could not be written is tried again: a full disk may be emptied.
const WRITE_AGAIN: Duration = Duration::from_secs(5);

/// Why a request about runs is refused.
#[derive(Debug, thiserror::Error)]
pub enum RunsError {
    #[error(transparent)]
    Invalid(#[from] InvalidSpec),
    #[error("run {0:?} is here with another document: choose a new id, or delete it first")]
    OtherDocument(String),
    #[error("run {running:?} is still on: wait for its end, or delete it first")]
    Busy { running: String },
    #[error("request.corpus.url: {0}")]
    NoCorpus(NoCorpus),
    #[error("there is no run {0:?}")]
    NotFound(String),
    #[error("run {0:?} keeps to a timetable with other generators and cannot be held: let it end, or delete it")]
    CannotBeHeld(String),
    #[error("run {0:?} has no report yet: it is still on")]
    NoReportYet(String),
    #[error("run {0:?} is on, or has another report than If-Match names: read its status again")]
    OtherReport(String),
    #[error("the data directory cannot be used: {0}; check --data-dir and the space on its disk")]
    Disk(#[from] io::Error),
}

/// All runs of this process. Clones share them.
#[derive(Clone, Debug)]
pub struct Runs(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    disk: Disk,
    corpora: Store,
    settings: Settings,
    state: Mutex<State>,
    /// A run that failed by a defect of ours: the process ends and says so.
    fatal: mpsc::UnboundedSender<String>,
}

#[derive(Debug, Default)]
struct State {
    runs: BTreeMap<String, Held>,
    counts: Counts,
}

#[derive(Debug)]
struct Held {
    record: Record,
    on: Option<On>,
    /// A report that the disk did not take: kept here until it does.
    unwritten: Option<Vec<u8>>,
}

/// A run that is on.
#[derive(Clone, Debug)]
struct On {
    progress: Arc<Progress>,
    /// The reason to stop, once there is one.
    abort: watch::Sender<Option<String>>,
    /// Closed when the report is on disk.
    ended: watch::Receiver<()>,
}

impl Held {
    fn status(&self) -> RunStatus {
        let mut status = self.record.status.clone();
        if let Some(on) = &self.on {
            (status.rounds_done, status.rounds_total, status.rounds_voided) = on.progress.rounds();
            status.message = on.progress.message();
            status.warning = on.progress.warning();
            note_balancer(&mut status, &on.progress);
            status.live = on.progress.live();
            status.hold = status.hold.map(|_| on.progress.hold());
        }
        status
    }
}

impl Runs {
    /// Finds the runs in `directory` again. One that was on when its process died is reported as aborted, with the
    /// rounds that it had finished. The receiver is told when a run ends by a defect of the generator.
    ///
    /// # Errors
    /// When the directory cannot be created, read or written.
    pub fn open(directory: &Path, settings: Settings) -> Result<(Self, mpsc::UnboundedReceiver<String>), RunsError> {
        let disk = Disk::open(directory)?;
        let mut state = State::default();
        for mut record in disk.records()? {
            if record.status.state == RunState::Running {
                record = recover(&disk, record, &settings.instance_id)?;
            }
            state.runs.insert(record.spec.id.clone(), Held { record, on: None, unwritten: None });
        }
        let (fatal, defects) = mpsc::unbounded_channel();
        let state = Mutex::new(state);
        let corpora = Store::new(directory.join("corpus"));
        Ok((Self(Arc::new(Inner { disk, corpora, settings, state, fatal })), defects))
    }

    /// Starts `spec`; `false` in the answer: it was here already, with the same document. The files of its corpus are fetched
    /// before.
    ///
    /// # Guarantees
    /// When it answers, the run is on disk and will be reported, whatever happens to this process.
    ///
    /// # Cancellation
    /// The files are fetched all the same, so that the next try finds them.
    pub async fn start(&self, spec: RunSpec) -> Result<(RunStatus, bool), RunsError> {
        let mut targets = validate(&spec, self.0.settings.most_connections(&spec))?;
        let untrusting = |why: NoTrust| InvalidSpec { field: "targets".to_owned(), problem: why.to_string() };
        secure(&mut targets, &self.0.settings.trust).map_err(untrusting)?;
        if let Some(status) = self.state().present(&spec)? {
            return Ok((status, false));
        }
        let files = self.files(&spec).await?;
        let mut state = self.state();
        // Again: others may have asked meanwhile.
        if let Some(status) = state.present(&spec)? {
            return Ok((status, false));
        }
        let status = RunStatus {
            id: spec.id.clone(),
            state: RunState::Running,
            rounds_done: 0,
            rounds_total: spec.rounds.count,
            rounds_voided: 0,
            started_at: Timestamp::now(),
            message: "preparing".to_owned(),
            warning: String::new(),
            hold: (spec.slice == Slice::default()).then_some(Hold::No),
            balancer: balancer(&spec),
            live: Vec::new(),
            report_sha256: None,
        };
        let record = Record::of(spec, status.clone());
        self.0.disk.write_record(&record)?;
        let on = self.spawn(&record, files);
        state.runs.insert(status.id.clone(), Held { record, on: Some(on), unwritten: None });
        Ok((status, true))
    }

    /// Files of the run's corpus, if it has one.
    async fn files(&self, spec: &RunSpec) -> Result<Option<Arc<Files>>, RunsError> {
        let Some(corpus) = spec.request.corpus.clone() else { return Ok(None) };
        let inner = self.0.clone();
        // Whoever asked may not wait so long, and asks again.
        match tokio::spawn(async move { inner.corpora.files(&corpus).await }).await {
            Ok(Ok(files)) => Ok(Some(files)),
            Ok(Err(NoCorpus::Files(why))) => {
                Err(InvalidSpec { field: "request.corpus".to_owned(), problem: why.to_string() }.into())
            }
            Ok(Err(why)) => Err(RunsError::NoCorpus(why)),
            Err(lost) => Err(io::Error::other(lost).into()),
        }
    }

    pub fn status(&self, id: &str) -> Result<RunStatus, RunsError> {
        self.state().runs.get(id).map(Held::status).ok_or_else(|| RunsError::NotFound(id.to_owned()))
    }

    pub fn statuses(&self) -> Vec<RunStatus> {
        self.state().runs.values().map(Held::status).collect()
    }

    /// The exact bytes whose hash the status names.
    pub fn report(&self, id: &str) -> Result<Vec<u8>, RunsError> {
        let status = self.status(id)?;
        if let Some(bytes) = self.state().runs.get(id).and_then(|held| held.unwritten.clone()) {
            return Ok(bytes);
        }
        match (status.report_sha256, self.0.disk.report(id)?) {
            (Some(_), Some(bytes)) => Ok(bytes),
            (Some(_), None) => Err(RunsError::NotFound(id.to_owned())),
            (None, _) => Err(RunsError::NoReportYet(id.to_owned())),
        }
    }

    /// Aborts a run that is on and waits until its report is on disk. One that has ended stays as it is.
    ///
    /// # Cancellation
    /// The run is aborted all the same.
    pub(crate) async fn abort(&self, id: &str) -> Result<RunStatus, RunsError> {
        let on = {
            let state = self.state();
            state.runs.get(id).ok_or_else(|| RunsError::NotFound(id.to_owned()))?.on.clone()
        };
        if let Some(on) = on {
            on.stop("aborted by a DELETE").await;
        }
        self.status(id)
    }

    /// Holds a run between two rounds, or lets it go on. Nothing happens to one that has ended.
    pub(crate) fn hold(&self, id: &str, wish: Wish) -> Result<RunStatus, RunsError> {
        let state = self.state();
        let held = state.runs.get(id).ok_or_else(|| RunsError::NotFound(id.to_owned()))?;
        match &held.on {
            Some(_) if held.record.status.hold.is_none() => return Err(RunsError::CannotBeHeld(id.to_owned())),
            Some(on) => on.progress.wish(wish),
            None => {}
        }
        Ok(held.status())
    }

    /// Forgets a run that has ended with this very report. Whoever asks late, for a run that was forgotten and begun
    /// again meanwhile, does not take the new one's report along.
    pub(crate) fn forget(&self, id: &str, report_sha256: &str) -> Result<(), RunsError> {
        let mut state = self.state();
        let held = state.runs.get(id).ok_or_else(|| RunsError::NotFound(id.to_owned()))?;
        if held.on.is_some() || held.status().report_sha256.as_deref() != Some(report_sha256) {
            return Err(RunsError::OtherReport(id.to_owned()));
        }
        self.0.disk.remove(id)?;
        state.runs.remove(id);
        Ok(())
    }

    /// Aborts the run that is on, if any, and waits until its report is on disk.
    pub async fn stop(&self) {
        let on: Vec<On> = self.state().runs.values().filter_map(|held| held.on.clone()).collect();
        for on in on {
            on.stop("the generator was stopped").await;
        }
    }

    pub(crate) fn metrics(&self) -> String {
        let statuses = self.statuses();
        metrics::text(&self.state().counts, &statuses)
    }

    pub(crate) fn instance_id(&self) -> &str {
        &self.0.settings.instance_id
    }

    fn spawn(&self, record: &Record, files: Option<Arc<Files>>) -> On {
        let progress = Arc::new(Progress::new(record.spec.rounds.count));
        let (abort, aborted) = watch::channel(None);
        let (ending, ended) = watch::channel(());
        let (runs, record, progress_of_run) = (self.clone(), record.clone(), progress.clone());
        let run = tokio::spawn(async move { runs.carry_out(record, files, &progress_of_run, aborted).await });
        let fatal = self.0.fatal.clone();
        tokio::spawn(async move {
            // Held until here, so that whoever waits for the end sees a report or a process that ends.
            let _ending = ending;
            let defect = match run.await {
                Ok(Ok(())) => return,
                Ok(Err(error)) => error.to_string(),
                Err(panic) => panic.to_string(),
            };
            // Not received: the process is ending already.
            let _ending_already = fatal.send(format!("a run ended by a defect: {defect}"));
        });
        On { progress, abort, ended }
    }

    async fn carry_out(
        &self,
        mut record: Record,
        files: Option<Arc<Files>>,
        progress: &Progress,
        mut aborted: watch::Receiver<Option<String>>,
    ) -> Result<(), MeasureError> {
        let abort = async move {
            match aborted.wait_for(Option::is_some).await {
                Ok(reason) => reason.clone().unwrap_or_default(),
                Err(_) => "the generator was stopped".to_owned(),
            }
        };
        let journal = |entry: JournalEntry<'_>| self.journal(&record, entry, progress);
        let settings = Settings { files, ..self.0.settings.clone() };
        let measurement = measure(&record.spec, &settings, progress, journal, abort).await?;
        let aborted = measurement.aborted.is_some();
        note_balancer(&mut record.status, progress);
        let bytes = document(&measurement)
            .map_err(|error| InvalidSpec { field: "report".to_owned(), problem: error.to_string() })?;
        let record = ended(record, &measurement, aborted, &bytes);
        let id = record.spec.id.clone();
        tracing::info!(id, message = record.status.message, "run ended");
        if let Err(error) = self.write(&record, &bytes) {
            self.keep_in_memory(record.clone(), &bytes, &error);
            // The run has ended and its report can be collected; writing it is tried again until it is not needed.
            tokio::spawn(self.clone().write_later(record, bytes));
            return Ok(());
        }
        self.state().runs.insert(id, Held { record, on: None, unwritten: None });
        Ok(())
    }

    fn write(&self, record: &Record, bytes: &[u8]) -> io::Result<()> {
        self.0.disk.write_report(&record.spec.id, bytes).and_then(|()| self.0.disk.write_record(record))
    }

    fn keep_in_memory(&self, mut record: Record, bytes: &[u8], error: &io::Error) {
        let id = record.spec.id.clone();
        tracing::error!(%error, id, "the report cannot be written: kept in memory, trying again");
        record.status.warning = format!("the report is kept in memory only, the disk refuses it: {error}");
        self.state().runs.insert(id, Held { record, on: None, unwritten: Some(bytes.to_vec()) });
    }

    async fn write_later(self, record: Record, bytes: Vec<u8>) {
        let id = record.spec.id.clone();
        loop {
            tokio::time::sleep(WRITE_AGAIN).await;
            // Under the lock: a run that is being forgotten must not be written again behind that.
            let mut state = self.state();
            let Some(held) = state.runs.get_mut(&id).filter(|held| held.unwritten.is_some()) else { return };
            match self.write(&record, &bytes) {
                Ok(()) => {
                    *held = Held { record, on: None, unwritten: None };
                    tracing::info!(id, "the report is written after all");
                    return;
                }
                Err(error) => tracing::error!(%error, id, "the report still cannot be written"),
            }
        }
    }

    /// Whenever something was found out, between loads: what a crash would leave.
    fn journal(&self, record: &Record, entry: JournalEntry<'_>, progress: &Progress) {
        let JournalEntry { alone, rounds } = entry;
        let voided = rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided).count() as u32;
        let mut now = Record { alone: alone.clone(), rounds: rounds.to_vec(), ..record.clone() };
        (now.status.rounds_done, now.status.rounds_voided) = (rounds.len() as u32 - voided, voided);
        note_balancer(&mut now.status, progress);
        let written = self.0.disk.write_record(&now);
        if let Err(error) = &written {
            tracing::error!(%error, id = record.spec.id, "the rounds so far cannot be written; a crash would lose them");
        }
        let warning = |error| format!("the rounds so far are kept in memory only, the disk refuses them: {error}");
        progress.warn(written.err().map(warning).unwrap_or_default());
        // What is written before the first round is of none.
        if let Some(last) = rounds.last() {
            self.state().counts.add(last);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Status of this very run if it is here. An error: another document has its id, or another run is on.
    fn present(&self, spec: &RunSpec) -> Result<Option<RunStatus>, RunsError> {
        if let Some(held) = self.runs.get(&spec.id) {
            let is_same = held.record.spec == *spec;
            return if is_same { Ok(Some(held.status())) } else { Err(RunsError::OtherDocument(spec.id.clone())) };
        }
        match self.runs.iter().find(|(_, held)| held.on.is_some()) {
            Some((running, _)) => Err(RunsError::Busy { running: running.clone() }),
            None => Ok(None),
        }
    }
}

impl On {
    async fn stop(mut self, reason: &str) {
        self.abort.send_if_modified(|known| {
            let first = known.is_none();
            known.get_or_insert_with(|| reason.to_owned());
            first
        });
        // The sender is dropped at the end, never used: an error is the signal.
        while self.ended.changed().await.is_ok() {}
    }
}

/// The balancer of a run that begins: nobody has answered yet.
fn balancer(spec: &RunSpec) -> Option<RunBalancer> {
    spec.balancer().map(|control| RunBalancer { control, instance_id: String::new() })
}

fn note_balancer(status: &mut RunStatus, progress: &Progress) {
    if let Some(balancer) = &mut status.balancer {
        balancer.instance_id = progress.balancer();
    }
}

fn document(measurement: &Measurement) -> io::Result<Vec<u8>> {
    let report: Report = measurement.report().map_err(io::Error::other)?;
    stats::document(report).map_err(io::Error::from)
}

/// A run whose process died: its report says so and holds what was written down.
fn recover(disk: &Disk, record: Record, instance_id: &str) -> Result<Record, RunsError> {
    let measurement = Measurement::recovered(record.spec.clone(), record.started_at(), record.entry(), instance_id);
    let bytes = document(&measurement)?;
    let record = ended(record, &measurement, true, &bytes);
    disk.write_report(&record.spec.id, &bytes)?;
    disk.write_record(&record)?;
    tracing::warn!(id = record.spec.id, "a run was on when the process died: reported as aborted");
    Ok(record)
}

fn ended(record: Record, measurement: &Measurement, aborted: bool, bytes: &[u8]) -> Record {
    let voided = measurement.rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided).count() as u32;
    let done = measurement.rounds.len() as u32 - voided;
    let total = measurement.planned_rounds;
    let status = RunStatus {
        state: match (measurement.failed, aborted) {
            (true, _) => RunState::Failed,
            (false, true) => RunState::Aborted,
            (false, false) => RunState::Finished,
        },
        rounds_done: done,
        rounds_total: total,
        rounds_voided: voided,
        message: match &measurement.aborted {
            Some(why) => format!("{why} after {done} of {total} rounds"),
            None => format!("finished: {done} of {total} rounds, {voided} voided"),
        },
        warning: String::new(),
        report_sha256: Some(sha256_hex(bytes)),
        ..record.status
    };
    Record::of(record.spec, status)
}

impl Counts {
    fn add(&mut self, round: &RoundReport) {
        self.rounds += 1;
        self.voided += u64::from(round.outcome == RoundOutcome::Voided);
        for cluster in &round.clusters {
            self.requests += cluster.requests;
            self.failures += cluster.failures.total();
        }
    }
}
