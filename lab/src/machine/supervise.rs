//! Units at work: a thread per started unit, which keeps its service running or waits for its time.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use rustix::process::{Pid, Signal, getpgid, kill_process, kill_process_group};

use super::children::Children;
use super::console::Console;
use super::descendants::descendants_with;
use super::directory::Directory;
use super::quoting;
use super::units::{self, Kind, Restart, Service, Timer, Unit};

/// Pause between two looks of a timer at the clock, which may be set while it waits.
const TIMER_POLL_INTERVAL: Duration = Duration::from_millis(200);

/// Variable that names the start of a service to its processes.
const INVOCATION_ID: &str = "INVOCATION_ID";

/// All units of an instance.
pub(super) struct Units {
    pub directory: Directory,
    /// The environment of every process of the instance.
    pub environment: Vec<(String, String)>,
    pub children: Arc<Children>,
    console: Arc<Console>,
    started: Mutex<HashMap<String, Started>>,
}

struct Started {
    /// Units that it ends before.
    after: Vec<String>,
    /// Whether it was told to stop because the instance ends.
    is_told: bool,
    say: Sender<Word>,
    seen: Arc<Mutex<Seen>>,
    thread: JoinHandle<()>,
}

/// A message to a unit's thread.
enum Word {
    Exited(ExitStatus),
    Stop,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Activating,
    Active,
    Inactive,
    Failed,
}

/// The facts that can be told of a unit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    pub state: State,
    restarts: u32,
    /// Result and exit status (or number of the signal) of its last process, while none runs.
    ended: (&'static str, i32),
}

/// The exit status that systemd gives a process which it could not start: 203 is its `EXIT_EXEC`.
const NOT_EXECUTED: (&str, i32) = ("exit-code", 203);

impl Seen {
    const NOT_STARTED: Self = Self { state: State::Inactive, restarts: 0, ended: ("success", 0) };

    /// The lines that `systemctl show` prints.
    pub(super) fn properties(&self) -> [(&'static str, String); 3] {
        let (result, status) = self.ended;
        [
            ("Result", result.to_owned()),
            ("NRestarts", self.restarts.to_string()),
            ("ExecMainStatus", status.to_string()),
        ]
    }
}

/// Result and status of a process that has ended.
fn ending(status: ExitStatus) -> (&'static str, i32) {
    match (status.code(), status.signal()) {
        (Some(0), _) => ("success", 0),
        (Some(code), _) => ("exit-code", code),
        (None, signal) => ("signal", signal.unwrap_or(0)),
    }
}

impl State {
    /// The word that `systemctl is-active` prints.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Activating => "activating",
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Failed => "failed",
        }
    }
}

impl Units {
    pub(super) fn new(
        directory: Directory,
        environment: Vec<(String, String)>,
        children: Arc<Children>,
        console: Arc<Console>,
    ) -> Arc<Self> {
        Arc::new(Self { directory, environment, children, console, started: Mutex::default() })
    }

    /// Makes the links by which systemd would start it at the next boot.
    pub(super) fn enable(&self, name: &str) -> Result<(), String> {
        let text = self.read(name)?;
        for target in units::wanted_by(&text) {
            let wants = self.directory.unit(&format!("{target}.wants"));
            fs::create_dir_all(&wants).map_err(|error| error.to_string())?;
            match symlink(self.directory.unit(name), wants.join(name)) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error.to_string()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Takes those links away; a unit that runs goes on.
    pub(super) fn disable(&self, name: &str) -> Result<(), String> {
        for target in units::wanted_by(&self.read(name)?) {
            match fs::remove_file(self.directory.unit(&format!("{target}.wants")).join(name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error.to_string()),
                _ => {}
            }
        }
        Ok(())
    }

    /// Starts a unit unless it is running; returns when it is started as its kind understands that.
    pub(super) fn start(self: &Arc<Self>, name: &str) -> Result<(), String> {
        match self.begin(name)? {
            Some(started) => started.recv().unwrap_or_else(|_| Err(format!("{name}: ended before it was started"))),
            None => Ok(()),
        }
    }

    /// The same without waiting: the outcome comes through what is returned, if the unit was not running already.
    pub(super) fn begin(self: &Arc<Self>, name: &str) -> Result<Option<Receiver<Result<(), String>>>, String> {
        let state = self.directory.resolve("/var/lib");
        let unit =
            units::parse(name, &self.read(name)?, &state.to_string_lossy()).map_err(|why| format!("{name}: {why}"))?;
        let mut started = self.lock();
        if started.get(name).is_some_and(|unit| !unit.thread.is_finished()) {
            return Ok(None);
        }
        let (say, hear) = channel();
        let (report, reported) = channel();
        let seen = Arc::new(Mutex::new(Seen { state: State::Activating, ..Seen::NOT_STARTED }));
        let run =
            Run { units: self.clone(), name: name.to_owned(), seen: seen.clone(), say: say.clone(), hear, report };
        let after = match &unit {
            Unit::Service(service) => service.after.clone(),
            Unit::Timer(_) => Vec::new(),
        };
        let thread = thread::spawn(move || match unit {
            Unit::Service(service) => run.service(&service),
            Unit::Timer(timer) => run.timer(&timer),
        });
        started.insert(name.to_owned(), Started { after, is_told: false, say, seen, thread });
        Ok(Some(reported))
    }

    /// Stops a unit; returns when its processes are gone. A unit that does not run is no error.
    pub(super) fn stop(&self, name: &str) {
        let stopped = self.lock().remove(name);
        if let Some(unit) = stopped {
            let _ = unit.say.send(Word::Stop); // it may have ended by itself
            let _ = unit.thread.join();
        }
    }

    /// Tells all units to stop that none which still runs started after: systemd stops them in the reverse order of their
    /// start (systemd.unit(5), "After="). Whether any is left; to be asked again until none is.
    pub(super) fn stop_next(&self) -> bool {
        let mut started = self.lock();
        started.retain(|_, unit| !unit.thread.is_finished());
        let order: BTreeMap<&str, &[String]> =
            started.iter().map(|(name, unit)| (name.as_str(), unit.after.as_slice())).collect();
        let last: Vec<String> = last(&order).into_iter().map(str::to_owned).collect();
        for name in last {
            if let Some(unit) = started.get_mut(&name).filter(|unit| !unit.is_told) {
                unit.is_told = true;
                let _ = unit.say.send(Word::Stop); // it may have ended by itself
            }
        }
        !started.is_empty()
    }

    pub(super) fn seen(&self, name: &str) -> Seen {
        let started = self.lock();
        let seen = started.get(name).map(|unit| *unit.seen.lock().unwrap_or_else(PoisonError::into_inner));
        seen.unwrap_or(Seen::NOT_STARTED)
    }

    fn read(&self, name: &str) -> Result<String, String> {
        fs::read_to_string(self.directory.unit(name)).map_err(|_| format!("Unit {name} not found."))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Started>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A started service: the process that was started, and all that it started, which systemd keeps in one control group. Here
/// they are told by the variable that systemd gives them (systemd.exec(5), "$INVOCATION_ID") and that they inherit.
struct Invocation {
    leader: Pid,
    id: String,
}

impl Invocation {
    /// Signals all of it, as systemd's `KillMode=control-group` (systemd.kill(5)).
    fn signal(&self, signal: Signal) {
        let _ = kill_process_group(self.leader, signal);
        let is_outside = |pid: &Pid| getpgid(Some(*pid)).is_ok_and(|group| group != self.leader);
        for pid in descendants_with(INVOCATION_ID, &self.id).into_iter().filter(is_outside) {
            let _ = kill_process(pid, signal); // it may be gone already
        }
    }
}

/// One unit's thread.
struct Run {
    units: Arc<Units>,
    name: String,
    seen: Arc<Mutex<Seen>>,
    say: Sender<Word>,
    hear: Receiver<Word>,
    report: Sender<Result<(), String>>,
}

impl Run {
    fn service(&self, service: &Service) {
        let mut starts = VecDeque::new();
        loop {
            if is_too_often(&mut starts, Instant::now(), service.start_limit) {
                return self.end(State::Failed, Err(format!("{}: started too often", self.name)));
            }
            let failed = match self.spawn(service) {
                Ok(invocation) => {
                    if service.kind == Kind::Lasting {
                        self.note(|seen| (seen.state, seen.ended) = (State::Active, Seen::NOT_STARTED.ended));
                        let _ = self.report.send(Ok(())); // whoever asked may be gone
                    }
                    let Some(status) = self.attend(&invocation, service) else {
                        return self.end(State::Inactive, Ok(()));
                    };
                    invocation.signal(Signal::KILL);
                    let failed = !status.success();
                    self.note(|seen| seen.ended = ending(status));
                    if !is_restarted(service.restart, failed) {
                        let outcome = if failed { Err(format!("{} ended with {status}", self.name)) } else { Ok(()) };
                        return self.end(if failed { State::Failed } else { State::Inactive }, outcome);
                    }
                    failed
                }
                Err(error) => {
                    let why = format!("{}: {}: {error}", self.name, service.command[0]);
                    self.note(|seen| seen.ended = NOT_EXECUTED);
                    if !is_restarted(service.restart, true) {
                        return self.end(State::Failed, Err(why));
                    }
                    let _ = self.report.send(Err(why));
                    true
                }
            };
            self.set(if failed { State::Activating } else { State::Inactive });
            match self.hear.recv_timeout(service.restart_delay) {
                Err(RecvTimeoutError::Timeout) => self.note(|seen| seen.restarts += 1),
                _ => return self.end(State::Inactive, Ok(())),
            }
        }
    }

    /// Waits for the end of the process; `None` when it was told to stop it.
    fn attend(&self, invocation: &Invocation, service: &Service) -> Option<ExitStatus> {
        if let Ok(Word::Exited(status)) = self.hear.recv() {
            return Some(status);
        }
        invocation.signal(Signal::TERM);
        if self.hear.recv_timeout(service.stop_limit).is_err() {
            invocation.signal(Signal::KILL);
            let _ = self.hear.recv();
        }
        invocation.signal(Signal::KILL);
        None
    }

    fn spawn(&self, service: &Service) -> io::Result<Invocation> {
        let directory = &self.units.directory;
        let mut variables = self.units.environment.clone();
        for name in &service.state_directories {
            let path = directory.resolve("/var/lib").join(name);
            fs::create_dir_all(&path)?;
            variables.push(("STATE_DIRECTORY".to_owned(), path.to_string_lossy().into_owned()));
        }
        let id = format!("{:032x}", rand::random::<u128>());
        variables.push((INVOCATION_ID.to_owned(), id.clone()));
        variables.extend(service.environment.iter().cloned());
        for file in &service.environment_files {
            let (optional, path) = file.strip_prefix('-').map_or((false, file.as_str()), |path| (true, path));
            match fs::read_to_string(directory.resolve(path)) {
                Ok(text) => variables.extend(quoting::environment(&text).map_err(io::Error::other)?),
                Err(error) if optional && error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(io::Error::other(format!("{path}: {error}"))),
            }
        }
        let journal = directory.journal_writer(&self.name)?;
        let mut command = Command::new(directory.resolve_program(&service.command[0]));
        command.args(&service.command[1..]).env_clear().envs(variables).current_dir(directory.root());
        command.stdin(Stdio::null());
        let heard = match &service.console {
            Some(name) => {
                let (heard, spoken) = io::pipe()?;
                command.stdout(spoken.try_clone()?).stderr(spoken);
                Some((heard, name))
            }
            None => {
                command.stdout(journal.try_clone()?).stderr(journal.try_clone()?);
                None
            }
        };
        let say = self.say.clone();
        let pid = self.units.children.spawn(&mut command, move |status| {
            let _ = say.send(Word::Exited(status)); // the unit may have been given up
        })?;
        drop(command); // it holds the pipe too
        if let Some((heard, name)) = heard {
            self.units.console.listen(heard, name, pid, Some(journal));
        }
        Ok(Invocation { leader: pid, id })
    }

    /// Waits like systemd without a stamp file: a time that has passed when the timer starts never comes.
    fn timer(&self, timer: &Timer) {
        self.set(State::Active);
        let _ = self.report.send(Ok(()));
        let missed = Timestamp::now() > timer.due;
        loop {
            if !missed && Timestamp::now() >= timer.due {
                if let Err(why) = self.units.start(&timer.service) {
                    let _ = self
                        .units
                        .directory
                        .journal_writer(&self.name)
                        .map(|mut log| io::Write::write_all(&mut log, why.as_bytes()));
                }
                return self.end(State::Inactive, Ok(()));
            }
            if self.hear.recv_timeout(TIMER_POLL_INTERVAL) != Err(RecvTimeoutError::Timeout) {
                return self.end(State::Inactive, Ok(()));
            }
        }
    }

    fn end(&self, state: State, outcome: Result<(), String>) {
        self.set(state);
        let _ = self.report.send(outcome); // nobody listens after the first report
    }

    fn set(&self, state: State) {
        self.note(|seen| seen.state = state);
    }

    fn note(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Stop, Self::Stop) => true,
            (Self::Exited(one), Self::Exited(other)) => one == other,
            _ => false,
        }
    }
}

/// Those of the units that none of the others is after. Units in a ring are all of them: nobody waits for ever.
fn last<'a>(units: &BTreeMap<&'a str, &[String]>) -> Vec<&'a str> {
    let is_last =
        |name: &&str| !units.iter().any(|(other, after)| other != name && after.iter().any(|one| one == name));
    let last: Vec<&str> = units.keys().copied().filter(is_last).collect();
    if last.is_empty() { units.keys().copied().collect() } else { last }
}

fn is_restarted(restart: Restart, failed: bool) -> bool {
    match restart {
        Restart::No => false,
        Restart::OnFailure => failed,
        Restart::Always => true,
    }
}

/// Whether one more start at `now` would be over the limit; counts it if not.
fn is_too_often(starts: &mut VecDeque<Instant>, now: Instant, limit: Option<(u32, Duration)>) -> bool {
    let Some((burst, interval)) = limit else { return false };
    starts.retain(|start| now.duration_since(*start) < interval);
    if starts.len() >= burst as usize {
        return true;
    }
    starts.push_back(now);
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_end_before_those_that_they_started_after() {
        let after = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let (none, of_worker, of_puller) = (after(&["network.target"]), after(&["worker"]), after(&["puller"]));
        let all = BTreeMap::from([("worker", &none[..]), ("puller", &of_worker[..]), ("boot", &none[..])]);
        assert_eq!(last(&all), ["boot", "puller"]);
        assert_eq!(last(&BTreeMap::from([("worker", &none[..])])), ["worker"]);
        let ring = BTreeMap::from([("worker", &of_puller[..]), ("puller", &of_worker[..])]);
        assert_eq!(last(&ring), ["puller", "worker"]);
        assert!(last(&BTreeMap::new()).is_empty());
    }

    #[test]
    fn the_start_limit_counts_within_its_interval_only() {
        let (mut starts, begin) = (VecDeque::new(), Instant::now());
        let limit = Some((2, Duration::from_secs(10)));
        let at = |seconds| begin + Duration::from_secs(seconds);
        let too_often = [0, 1, 2, 11].map(|seconds| is_too_often(&mut starts, at(seconds), limit));
        assert_eq!(too_often, [false, false, true, false]);
        assert!(!(0..99).any(|_| is_too_often(&mut starts, begin, None)));
    }
}
