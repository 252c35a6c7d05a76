//! The starter: it takes an order, has its program fetched and set up while the old one serves, and puts the one in the place
//! of the other. One order at a time; whoever comes with another one meanwhile is told to wait.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use agent::{Readiness, Termination};
use anyhow::{Context as _, anyhow};
use tokio::sync::mpsc;
use wire::{Application, ApplicationFailure, BROUGHT, StarterStatus};

use crate::archive;
use crate::arguments::Limits;
use crate::fetch::fetch;
use crate::program::{Program, command, vacated};
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

#[derive(Debug)]
pub(crate) struct Starter {
    listen: SocketAddr,
    limits: Limits,
    store: Store,
    state: Mutex<State>,
    ready: mpsc::Sender<Application>,
}

#[derive(Debug)]
struct State {
    status: StarterStatus,
    /// When the failure in the status was.
    failed_at: Instant,
}

impl Starter {
    /// A starter that runs nothing yet. What was fetched and set up is sent to `ready`, for [`Starter::run`].
    pub(crate) fn new(
        instance_id: &str,
        listen: SocketAddr,
        limits: Limits,
        store: Store,
        ready: mpsc::Sender<Application>,
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
        match self.prepare(&application).await {
            // Nobody hears it only when the process ends.
            Ok(()) => drop(self.ready.send(application).await),
            Err(why) => self.failed(failure(&application, false, why)),
        }
    }

    /// Fetches and checks the program, and sets up what is an archive. What was set up needs no mirror any more.
    async fn prepare(&self, application: &Application) -> Result<(), String> {
        let (store, limits) = (&self.store, self.limits);
        let Some(archive) = &application.archive else {
            return fetch(application, store, limits.fetch).await.map(drop);
        };
        if store.is_set_up(application) {
            return Ok(());
        }
        let file = fetch(application, store, limits.fetch).await?;
        archive::set_up(application, archive, &file, store, limits.setup).await
    }

    /// Runs `first`, then whatever is ordered, until the process is told to end. What served before a restart and cannot be
    /// started again is tried again until something else is ordered: an order is the way out of it.
    ///
    /// *Errors*: the very first program cannot be fetched or set up, or does not listen; systemd starts us again.
    pub(crate) async fn run(
        &self,
        first: Served,
        mut orders: mpsc::Receiver<Application>,
        readiness: &Readiness,
        termination: &mut Termination,
    ) -> anyhow::Result<()> {
        let Served { version, application: mut current, .. } = self.take_up(first);
        let first = tokio::select! {
            program = self.prepare_and_start(&current) => program,
            () = termination.received() => return Ok(()),
        };
        let mut program = match first {
            Ok(program) if version == 0 => {
                self.serves(&current, 1).context("what serves cannot be written down")?;
                Some(program)
            }
            Ok(program) => {
                self.lock().status.serving = current.id();
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

    async fn prepare_and_start(&self, current: &Application) -> Result<Program, String> {
        self.prepare(current).await?;
        self.start(current).await
    }

    /// Starts what ended by itself once more. What it left behind ends first.
    async fn again(&self, current: &Application, rest: Option<Program>) -> Option<Program> {
        if let Some(rest) = rest {
            rest.stop().await;
        }
        tokio::time::sleep(PAUSE).await;
        // It may be that it could not be fetched, and only then is it worth a look at its hash.
        let is_there = self.store.is_there(current);
        let again = if is_there { self.start(current).await } else { self.prepare_and_start(current).await };
        match again {
            Ok(program) => {
                self.lock().status.serving = current.id();
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
    async fn replace(&self, current: &mut Application, program: &mut Option<Program>, next: Application) {
        if let Some(old) = program.take() {
            old.stop().await;
        }
        let before = self.lock().status.version;
        let version = before + 1;
        let trying = Served { trying: Some(next.clone()), ..Served::new(before, current.clone()) };
        // It may take us with it: whoever takes up after that has to know.
        let started = match self.store.write(&trying) {
            Ok(()) => self.start(&next).await,
            Err(error) => Err(format!("{} was not run: that it is tried cannot be written down: {error}", next.url)),
        };
        let why = match started {
            Ok(new) => match self.serves(&next, version) {
                Ok(()) => {
                    (*current, *program) = (next, Some(new));
                    return;
                }
                // After a restart the old one would run: then it has to run now.
                Err(error) => {
                    new.stop().await;
                    format!("{} cannot be written down: {error}", next.url)
                }
            },
            Err(why) => why,
        };
        let back = self.start(current).await;
        let (serving, why) = match back {
            Ok(old) => {
                *program = Some(old);
                (current.id(), format!("{why}; what ran before serves again"))
            }
            Err(worse) => (String::new(), format!("{why}; what ran before does not serve any more either: {worse}")),
        };
        let failure = failure(&next, true, why);
        let served = Served { failure: Some(failure.clone()), ..Served::new(version, current.clone()) };
        if let Err(error) = self.store.write(&served) {
            tracing::error!(%error, version, "the version cannot be written down");
        }
        {
            let mut state = self.lock();
            (state.status.serving, state.status.version) = (serving, version);
        }
        self.failed(failure);
    }

    async fn start(&self, application: &Application) -> Result<Program, String> {
        let (url, store) = (&application.url, &self.store);
        vacated(self.listen).await.map_err(|why| format!("{url} was not run: {why}"))?;
        let command = match &application.archive {
            None => command(&store.file(application), &application.environment),
            Some(archive) => archive::program(application, archive, &store.tree(application)),
        };
        let mut program = Program::start(command).map_err(|error| format!("{url} cannot be run: {error}"))?;
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
    let Application { url, sha256, environment, archive } = application;
    if !(url.starts_with("https://") || url.starts_with("http://") || url == BROUGHT) {
        return Err(format!("url {url:?}: it must start with http:// or https://, or be {BROUGHT}"));
    }
    if sha256.len() != 64 || !sha256.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(format!("sha256 {sha256:?}: it must be 64 lower-case hexadecimal digits"));
    }
    let is_name = |name: &String| !name.is_empty() && !name.contains(['=', '\0']);
    if let Some((name, _)) = environment.iter().find(|(name, value)| !is_name(name) || value.contains('\0')) {
        return Err(format!("environment {name:?}: no name, or a value with a zero byte"));
    }
    let Some(archive) = archive else { return Ok(()) };
    if archive.command.first().is_none_or(String::is_empty) {
        return Err("archive.command: it must begin with the program".to_owned());
    }
    match archive.setup.iter().chain(&archive.command).find(|text| text.contains('\0')) {
        Some(odd) => Err(format!("archive {odd:?}: it holds a zero byte")),
        None => Ok(()),
    }
}
