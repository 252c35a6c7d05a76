//! The starter: it takes an order, has its program fetched while the old one serves, and puts the one in the place of the
//! other. One order at a time; whoever comes with another one meanwhile is told to wait.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agent::{Readiness, Termination};
use anyhow::{Context as _, anyhow};
use tokio::sync::mpsc;
use wire::{Application, ApplicationFailure, StarterStatus};

use crate::arguments::Limits;
use crate::fetch::fetch;
use crate::program::{Program, vacated};
use crate::store::{Served, Store};

/// Pause before a program that ended by itself is started again, as systemd does for other workers (`RestartSec=1`).
const PAUSE: Duration = Duration::from_secs(1);

/// Why an order is not taken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    #[error("{0}")]
    Invalid(String),
    #[error("another application is being started: wait until /status shows no other")]
    Busy,
    #[error("If-Match is {given:?}, but the version that serves is {version}: read /status and decide again")]
    Stale { given: String, version: u64 },
}

/// A program that was fetched and checked.
#[derive(Debug)]
pub(crate) struct Fetched {
    application: Application,
    path: PathBuf,
}

#[derive(Debug)]
pub(crate) struct Starter {
    listen: SocketAddr,
    limits: Limits,
    store: Store,
    state: Mutex<State>,
    ready: mpsc::Sender<Fetched>,
}

#[derive(Debug)]
struct State {
    status: StarterStatus,
    /// When the failure in the status was.
    failed_at: Instant,
}

impl Starter {
    /// A starter that runs nothing yet. What was fetched is sent to `ready`, for [`Starter::run`].
    pub(crate) fn new(
        instance_id: &str,
        listen: SocketAddr,
        limits: Limits,
        store: Store,
        ready: mpsc::Sender<Fetched>,
    ) -> Self {
        let status = StarterStatus { instance_id: instance_id.to_owned(), ..StarterStatus::default() };
        Self { listen, limits, store, state: Mutex::new(State { status, failed_at: Instant::now() }), ready }
    }

    pub(crate) fn status(&self) -> StarterStatus {
        let state = self.lock();
        let mut status = state.status.clone();
        if let Some(failure) = &mut status.failure {
            failure.age_seconds = state.failed_at.elapsed().as_secs();
        }
        status
    }

    /// Takes an order; the same one again changes nothing. Its failure before is no reason not to try it again, and is
    /// forgotten when what serves is what is asked for.
    pub(crate) fn accept(self: &Arc<Self>, application: Application, if_match: &str) -> Result<StarterStatus, Refused> {
        check(&application).map_err(Refused::Invalid)?;
        let (id, mut state) = (application.id(), self.lock());
        let status = &mut state.status;
        match &status.starting {
            Some(starting) if *starting == id => return Ok(status.clone()),
            Some(_) => return Err(Refused::Busy),
            None => {}
        }
        let is_seen = status.version.to_string() == if_match;
        if status.serving == id {
            if status.failure.take_if(|_| is_seen).is_some() {
                // After a restart it would be told of again.
                if let Err(error) = self.store.write(&Served::new(status.version, application)) {
                    tracing::error!(%error, "that a failure is forgotten cannot be written down");
                }
            }
            return Ok(status.clone());
        }
        if !is_seen {
            return Err(Refused::Stale { given: if_match.to_owned(), version: status.version });
        }
        (status.starting, status.failure) = (Some(id), None);
        tokio::spawn(Arc::clone(self).bring(application));
        Ok(status.clone())
    }

    async fn bring(self: Arc<Self>, application: Application) {
        match fetch(&application, self.store.directory(), self.limits.fetch).await {
            // Nobody hears it only when the process ends.
            Ok(path) => drop(self.ready.send(Fetched { application, path }).await),
            Err(why) => self.failed(failure(&application, false, why)),
        }
    }

    /// Runs `first`, then whatever is ordered, until the process is told to end. What served before a restart and cannot be
    /// started again is tried again until something else is ordered: an order is the way out of it.
    ///
    /// *Errors*: the very first program cannot be fetched, or does not listen; systemd starts us again.
    pub(crate) async fn run(
        &self,
        first: Served,
        mut orders: mpsc::Receiver<Fetched>,
        readiness: &Readiness,
        termination: &mut Termination,
    ) -> anyhow::Result<()> {
        let Served { version, application, .. } = self.take_up(first);
        let path = self.store.directory().join(&application.sha256);
        let mut current = Fetched { application, path };
        let first = tokio::select! {
            program = self.fetch_and_start(&current) => program,
            () = termination.received() => return Ok(()),
        };
        let mut program = match first {
            Ok(program) if version == 0 => {
                self.serves(&current.application, 1).context("what serves cannot be written down")?;
                Some(program)
            }
            Ok(program) => {
                self.lock().status.serving = current.application.id();
                Some(program)
            }
            Err(why) if version == 0 => return Err(anyhow!(why)),
            Err(why) => {
                tracing::error!(why, "what served before the restart is not started again yet");
                None
            }
        };
        self.lock().status.starting = None;
        readiness.ready();
        loop {
            tokio::select! {
                biased;
                () = termination.received() => break,
                // What cannot be started must not keep an order waiting.
                Some(next) = orders.recv() => self.replace(&mut current, &mut program, next).await,
                how = ended(&mut program) => {
                    tracing::warn!(how, "the program ended by itself and is started again");
                    let rest = program.take();
                    tokio::select! {
                        again = self.again(&current, rest) => program = again,
                        () = termination.received() => break,
                    }
                }
            }
        }
        if let Some(program) = program {
            program.stop().await;
        }
        Ok(())
    }

    /// Takes up where the process ended. What was being started then is not started again: it may have taken the process with
    /// it, as a program does that takes all memory. What serves is another version then: it was ended for that.
    fn take_up(&self, mut first: Served) -> Served {
        if let Some(Application { url, .. }) = &first.trying {
            let why = format!(
                "{url} was run: the starter ended before it served, as when memory runs out; what ran before is started again"
            );
            first.failure = first.trying.as_ref().map(|tried| failure(tried, true, why));
            (first.trying, first.version) = (None, first.version + 1);
            if let Err(error) = self.store.write(&first) {
                tracing::error!(%error, "what failed cannot be written down");
            }
        }
        let mut state = self.lock();
        let status = &mut state.status;
        (status.version, status.failure) = (first.version, first.failure.clone());
        status.starting = Some(first.application.id());
        first
    }

    async fn fetch_and_start(&self, current: &Fetched) -> Result<Program, String> {
        fetch(&current.application, self.store.directory(), self.limits.fetch).await?;
        self.start(current).await
    }

    /// Starts what ended by itself once more. What it left behind ends first.
    async fn again(&self, current: &Fetched, rest: Option<Program>) -> Option<Program> {
        if let Some(rest) = rest {
            rest.stop().await;
        }
        tokio::time::sleep(PAUSE).await;
        // It may be that it could not be fetched, and only then is it worth a look at its hash.
        let again = if current.path.exists() { self.start(current).await } else { self.fetch_and_start(current).await };
        match again {
            Ok(program) => {
                self.lock().status.serving = current.application.id();
                Some(program)
            }
            Err(why) => {
                tracing::error!(why, "it is not started again");
                None
            }
        }
    }

    /// Ends what runs and starts `next`; goes back when that does not serve. Either way it is another version: what served
    /// before was ended.
    async fn replace(&self, current: &mut Fetched, program: &mut Option<Program>, next: Fetched) {
        if let Some(old) = program.take() {
            old.stop().await;
        }
        let (before, failed) = (self.lock().status.version, &next.application);
        let version = before + 1;
        let trying = Served { trying: Some(failed.clone()), ..Served::new(before, current.application.clone()) };
        // It may take us with it: whoever takes up after that has to know.
        let started = match self.store.write(&trying) {
            Ok(()) => self.start(&next).await,
            Err(error) => Err(format!("{} was not run: that it is tried cannot be written down: {error}", failed.url)),
        };
        let why = match started {
            Ok(new) => match self.serves(&next.application, version) {
                Ok(()) => {
                    (*current, *program) = (next, Some(new));
                    return;
                }
                // After a restart the old one would run: then it has to run now.
                Err(error) => {
                    new.stop().await;
                    format!("{} cannot be written down: {error}", next.application.url)
                }
            },
            Err(why) => why,
        };
        let back = self.start(current).await;
        let (serving, why) = match back {
            Ok(old) => {
                *program = Some(old);
                (current.application.id(), format!("{why}; what ran before serves again"))
            }
            Err(worse) => (String::new(), format!("{why}; what ran before does not serve any more either: {worse}")),
        };
        let failure = failure(&next.application, true, why);
        let served = Served { failure: Some(failure.clone()), ..Served::new(version, current.application.clone()) };
        if let Err(error) = self.store.write(&served) {
            tracing::error!(%error, version, "the version cannot be written down");
        }
        {
            let mut state = self.lock();
            (state.status.serving, state.status.version) = (serving, version);
        }
        self.failed(failure);
    }

    async fn start(&self, fetched: &Fetched) -> Result<Program, String> {
        let Fetched { application: Application { url, environment, .. }, path } = fetched;
        vacated(self.listen).await.map_err(|why| format!("{url} was not run: {why}"))?;
        let mut program = Program::start(path, environment).map_err(|error| format!("{url} cannot be run: {error}"))?;
        match program.listens(self.listen, self.limits.start).await {
            Ok(()) => Ok(program),
            Err(why) => {
                program.stop().await;
                Err(format!("{url} was run: {why}"))
            }
        }
    }

    fn serves(&self, application: &Application, version: u64) -> std::io::Result<()> {
        self.store.write(&Served::new(version, application.clone()))?;
        let mut state = self.lock();
        let status = &mut state.status;
        (status.serving, status.version, status.starting, status.failure) = (application.id(), version, None, None);
        tracing::info!(url = application.url, sha256 = application.sha256, version, "serving");
        Ok(())
    }

    fn failed(&self, failure: ApplicationFailure) {
        tracing::error!(failure.why, "the application was not started");
        let mut state = self.lock();
        state.failed_at = Instant::now();
        (state.status.starting, state.status.failure) = (None, Some(failure));
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn failure(application: &Application, started: bool, why: String) -> ApplicationFailure {
    let (id, url) = (application.id(), application.url.clone());
    ApplicationFailure { application: id, url, started, age_seconds: 0, why }
}

async fn ended(program: &mut Option<Program>) -> String {
    match program {
        Some(program) => program.ended().await,
        None => "it could not be started".to_owned(),
    }
}

/// The operator checks all this; a starter does not rely on it.
fn check(application: &Application) -> Result<(), String> {
    let Application { url, sha256, environment } = application;
    if !(url.starts_with("https://") || url.starts_with("http://")) {
        return Err(format!("url {url:?}: it must start with http:// or https://"));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(format!("sha256 {sha256:?}: it must be 64 lower-case hexadecimal digits"));
    }
    let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
    match environment.iter().find(|(name, value)| !is_name(name) || value.contains('\0')) {
        Some((name, _)) => Err(format!("environment {name:?}: no name, or a value with a zero byte")),
        None => Ok(()),
    }
}
