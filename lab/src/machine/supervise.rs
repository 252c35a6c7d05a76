//! Units at work: a thread per started unit, which keeps its service running or waits for its time.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::fs;
use std::io;
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
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
use super::endings::{NOT_EXECUTED, TIMED_OUT, ending};
use super::order::last;
use super::quoting;
use super::seen::{Seen, State};
use super::sockets::{self, Connection};
use super::units::{self, Kind, Places, Restart, Service, Socket, Timer, Unit};

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
#[derive(Debug)]
enum Word {
    Exited(ExitStatus),
    Stop,
}

/// How the wait for a process came to its end.
enum Attended {
    Ended(ExitStatus),
    Stopped,
    TooLong,
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

    /// The units that the next boot starts.
    pub(super) fn enabled(&self) -> BTreeSet<String> {
        let names = |path: PathBuf| {
            let entries = fs::read_dir(path).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let wants = names(self.directory.unit("")).into_iter().filter(|name| name.ends_with(".wants"));
        wants.flat_map(|wants| names(self.directory.unit(&wants))).collect()
    }

    /// The units that this one starts after; none of one that is not there.
    pub(super) fn after(&self, name: &str) -> Vec<String> {
        self.read(name).map(|text| units::after(&text)).unwrap_or_default()
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
        self.run(name, None)
    }

    /// Runs a unit, for one connection if it is made for such.
    fn run(
        self: &Arc<Self>,
        name: &str,
        connection: Option<TcpStream>,
    ) -> Result<Option<Receiver<Result<(), String>>>, String> {
        let (state, temporary) = (self.directory.resolve("/var/lib"), self.directory.resolve("/tmp"));
        let places = Places { state: &state.to_string_lossy(), temporary: &temporary.to_string_lossy() };
        let unit = units::parse(name, &self.read(name)?, places).map_err(|why| format!("{name}: {why}"))?;
        if let Unit::Service(service) = &unit
            && service.is_on_socket != connection.is_some()
        {
            return Err(format!(
                "{name}: a service is started by a connection if it has StandardInput=socket, and only then"
            ));
        }
        let mut started = self.lock();
        if started.get(name).is_some_and(|unit| !unit.thread.is_finished()) {
            return Ok(None);
        }
        let (say, hear) = channel();
        let (report, reported) = channel();
        let seen = Arc::new(Mutex::new(Seen { state: State::Activating, ..Seen::NOT_STARTED }));
        let run = Run {
            units: self.clone(),
            name: name.to_owned(),
            connection,
            seen: seen.clone(),
            say: say.clone(),
            hear,
            report,
        };
        let after = match &unit {
            Unit::Service(service) => service.after.clone(),
            Unit::Timer(_) | Unit::Socket(_) => Vec::new(),
        };
        let thread = thread::spawn(move || match unit {
            Unit::Service(service) => run.service(&service),
            Unit::Timer(timer) => run.timer(&timer),
            Unit::Socket(socket) => run.socket(&socket),
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
        let of_template = || sockets::template(name).map(|name| fs::read_to_string(self.directory.unit(&name)));
        let text = fs::read_to_string(self.directory.unit(name)).or_else(|error| of_template().unwrap_or(Err(error)));
        text.map_err(|_| format!("Unit {name} not found."))
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
    /// What its service is started for.
    connection: Option<TcpStream>,
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
                    let status = match self.attend(&invocation, service) {
                        Attended::Ended(status) => status,
                        Attended::Stopped => return self.end(State::Inactive, Ok(())),
                        Attended::TooLong => {
                            self.note(|seen| seen.ended = TIMED_OUT);
                            return self.end(State::Failed, Err(format!("{}: timed out", self.name)));
                        }
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

    /// Waits for the end of the process.
    fn attend(&self, invocation: &Invocation, service: &Service) -> Attended {
        let limit = if service.kind == Kind::Oneshot { service.run_limit } else { service.longest_run };
        let heard = match limit {
            Some(limit) => self.hear.recv_timeout(limit),
            None => self.hear.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        if let Ok(Word::Exited(status)) = heard {
            return Attended::Ended(status);
        }
        invocation.signal(Signal::TERM);
        if self.hear.recv_timeout(service.stop_limit).is_err() {
            invocation.signal(Signal::KILL);
            let _ = self.hear.recv();
        }
        invocation.signal(Signal::KILL);
        if heard == Err(RecvTimeoutError::Timeout) { Attended::TooLong } else { Attended::Stopped }
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
        let home = service.working_directory.as_deref().map_or_else(|| directory.root(), |path| directory.inside(path));
        command.args(&service.command[1..]).env_clear().envs(variables).current_dir(home);
        command.stdin(Stdio::null());
        let heard = match (&self.connection, &service.console) {
            (Some(stream), _) => {
                command.stdin(OwnedFd::from(stream.try_clone()?)).stdout(OwnedFd::from(stream.try_clone()?));
                command.stderr(journal.try_clone()?);
                None
            }
            (None, Some(name)) => {
                let (heard, spoken) = io::pipe()?;
                command.stdout(spoken.try_clone()?).stderr(spoken);
                Some((heard, name))
            }
            (None, None) => {
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

    /// Has a service run for each connection. Those that are on go on when it ends.
    fn socket(&self, socket: &Socket) {
        let listener = match sockets::listen(socket.address) {
            Ok(listener) => listener,
            Err(error) => return self.end(State::Failed, Err(format!("{}: {}: {error}", self.name, socket.address))),
        };
        self.set(State::Active);
        let _ = self.report.send(Ok(()));
        let of_ours = format!("{}@", self.name.trim_end_matches(".socket"));
        let has_room = |peer| {
            let mut started = self.units.lock();
            started.retain(|name, unit| !name.starts_with(&of_ours) || !unit.thread.is_finished());
            sockets::has_room(socket, peer, started.keys().filter(|name| name.starts_with(&of_ours)))
        };
        let serve = |connection: Connection| {
            let name = sockets::instance(&self.name, &connection);
            if let Err(why) = self.units.run(&name, Some(connection.stream)) {
                self.complain(&why);
            }
        };
        let is_stopped = |pause| self.hear.recv_timeout(pause) != Err(RecvTimeoutError::Timeout);
        sockets::accept(&listener, has_room, serve, is_stopped);
        self.end(State::Inactive, Ok(()));
    }

    fn complain(&self, why: &str) {
        let journal = self.units.directory.journal_writer(&self.name);
        let _ = journal.map(|mut log| io::Write::write_all(&mut log, format!("{why}\n").as_bytes()));
    }

    /// Waits for its time. One that has passed when the timer starts never comes, unless the timer was started before that
    /// time, and makes up for it.
    fn timer(&self, timer: &Timer) {
        self.set(State::Active);
        let now = Timestamp::now();
        let last = if timer.is_persistent { self.stamp().unwrap_or(now) } else { now };
        let _ = self.report.send(Ok(()));
        let missed = last > timer.due;
        loop {
            if !missed && Timestamp::now() >= timer.due {
                if timer.is_persistent {
                    let _ = fs::write(self.stamp_file(), ""); // at worst it comes again
                }
                if let Err(why) = self.units.start(&timer.service) {
                    self.complain(&why);
                }
                return self.end(State::Inactive, Ok(()));
            }
            if self.hear.recv_timeout(TIMER_POLL_INTERVAL) != Err(RecvTimeoutError::Timeout) {
                return self.end(State::Inactive, Ok(()));
            }
        }
    }

    /// When the timer came last, or was first started: the age of a file (systemd.timer(5), "Persistent=").
    fn stamp(&self) -> io::Result<Timestamp> {
        let path = self.stamp_file();
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        let file = fs::OpenOptions::new().create(true).append(true).open(path)?;
        Timestamp::try_from(file.metadata()?.modified()?).map_err(io::Error::other)
    }

    fn stamp_file(&self) -> PathBuf {
        self.units.directory.resolve("/var/lib/systemd/timers").join(format!("stamp-{}", self.name))
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
    fn the_start_limit_counts_within_its_interval_only() {
        let (mut starts, begin) = (VecDeque::new(), Instant::now());
        let limit = Some((2, Duration::from_secs(10)));
        let at = |seconds| begin + Duration::from_secs(seconds);
        let too_often = [0, 1, 2, 11].map(|seconds| is_too_often(&mut starts, at(seconds), limit));
        assert_eq!(too_often, [false, false, true, false]);
        assert!(!(0..99).any(|_| is_too_often(&mut starts, begin, None)));
    }
}
