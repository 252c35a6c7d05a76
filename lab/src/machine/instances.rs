//! The instances of one lab: those that run, those that are being stopped, and how each ended.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::cores::Cores;
use super::directory::{Boot, Directory};
use super::init::{POWER_CUT, POWERED_OFF, SHUT_DOWN};
use super::orphans::{MARK, instances_of, sweep};
use super::watch::watch;
use super::{MachineEvent, MachineSpec, Machines, curl_home, hosts_file, images, quota};

/// The time that an instance may take to shut down before its init is killed and its processes are swept from outside: a
/// drain of each of its units (`TimeoutStopSec=40`), one after the other, and something for a machine under load.
const STOP_LIMIT: Duration = Duration::from_secs(120);
/// The same when the lab is ending: an init needs half a second for its own grace.
const CUT_LIMIT: Duration = Duration::from_secs(10);

/// Instances as real processes. Dropping it stops all of them and waits until they are gone.
pub struct Processes {
    say: Sender<Word>,
    directory: PathBuf,
    thread: Option<JoinHandle<()>>,
}

enum Word {
    Start(Box<MachineSpec>),
    Stop(String),
    Ended { id: String, status: Option<ExitStatus>, said: String },
    Quit,
}

impl Processes {
    /// Keeps instances below `state_dir`. `init_binary` is a program whose `main` begins with [`super::run_as`].
    ///
    /// One thread starts all inits and lives as long as this value: the kernel ends an init when *the thread* that
    /// started it ends.
    pub fn start_in(state_dir: &Path, init_binary: &Path) -> io::Result<(Self, UnboundedReceiver<MachineEvent>)> {
        fs::create_dir_all(instances_of(state_dir))?;
        // Processes are found by this path, so it has to be the one that the kernel reports.
        let directory = instances_of(state_dir).canonicalize()?;
        let ((say, hear), (events, received)) = (channel(), unbounded_channel());
        let instances = Instances {
            directory: directory.clone(),
            hosts_file: hosts_file(&state_dir.canonicalize()?),
            curl_home: curl_home(&state_dir.canonicalize()?),
            images: images(&state_dir.canonicalize()?),
            init_binary: init_binary.canonicalize()?,
            cores: Cores::available()?,
            running: HashMap::new(),
            known: HashSet::new(),
            say: say.clone(),
            events,
        };
        let thread = thread::Builder::new().name("instances".to_owned()).spawn(move || instances.run(&hear))?;
        Ok((Self { say, directory, thread: Some(thread) }, received))
    }
}

impl Machines for Processes {
    // The thread hears until this value is dropped, so a word always arrives.
    fn start(&self, spec: MachineSpec) {
        let _ = self.say.send(Word::Start(Box::new(spec)));
    }

    fn stop(&self, id: &str) {
        let _ = self.say.send(Word::Stop(id.to_owned()));
    }

    fn console(&self, id: &str) -> String {
        if is_plain(id) { Directory::new(self.directory.join(id)).console() } else { String::new() }
    }
}

impl Drop for Processes {
    fn drop(&mut self) {
        let _ = self.say.send(Word::Quit);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

struct Instances {
    directory: PathBuf,
    hosts_file: PathBuf,
    curl_home: PathBuf,
    images: PathBuf,
    init_binary: PathBuf,
    cores: Cores,
    running: HashMap<String, Running>,
    /// Those that were started: they have a disk.
    known: HashSet<String>,
    say: Sender<Word>,
    events: UnboundedSender<MachineEvent>,
}

struct Running {
    /// Names the process itself, not a number that may be given out again.
    init: OwnedFd,
    cores: Vec<usize>,
    /// When it was told to stop, and has not ended, it is killed at this time.
    kill_at: Option<Instant>,
}

impl Instances {
    fn run(mut self, hear: &Receiver<Word>) {
        let mut quitting = false;
        while !(quitting && self.running.is_empty()) {
            match self.next(hear) {
                Ok(Word::Start(spec)) => self.start(*spec),
                Ok(Word::Stop(id)) => self.stop(&id),
                Ok(Word::Ended { id, status, said }) => self.ended(id, status, &said),
                Ok(Word::Quit) | Err(RecvTimeoutError::Disconnected) => {
                    quitting = true;
                    self.running.values_mut().for_each(Running::cut);
                }
                Err(RecvTimeoutError::Timeout) => self.running.values_mut().for_each(Running::kill_if_due),
            }
        }
    }

    fn next(&self, hear: &Receiver<Word>) -> Result<Word, RecvTimeoutError> {
        match self.running.values().filter_map(|running| running.kill_at).min() {
            Some(due) => hear.recv_timeout(due.saturating_duration_since(Instant::now())),
            None => hear.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn start(&mut self, spec: MachineSpec) {
        let id = spec.id.clone();
        if !is_plain(&id) || self.running.contains_key(&id) {
            return self.tell(MachineEvent::Failed { id, why: "this id cannot be started now".to_owned() });
        }
        let cores = self.cores.take(spec.vcpus);
        match self.spawn(spec, &cores) {
            Ok(init) => drop(self.running.insert(id, Running { init, cores, kill_at: None })),
            Err(error) => {
                self.cores.release(&cores);
                self.tell(MachineEvent::Failed { id, why: error.to_string() });
            }
        }
    }

    fn spawn(&mut self, spec: MachineSpec, cores: &[usize]) -> io::Result<OwnedFd> {
        let (id, directory) = (spec.id.clone(), Directory::new(self.directory.join(&spec.id)));
        let boot = Boot {
            spec,
            cores: cores.to_vec(),
            cores_in_all: self.cores.count(),
            hosts_file: self.hosts_file.clone(),
            curl_home: self.curl_home.clone(),
            images: self.images.clone(),
        };
        if self.known.contains(&id) {
            directory.prepare_again(&boot)?;
        } else {
            directory.create(&boot, &self.init_binary)?;
            self.known.insert(id.clone());
        }
        let console: File = directory.console_writer()?;
        let child = Command::new(&self.init_binary)
            .arg("init")
            .arg(directory.path())
            .arg(std::process::id().to_string())
            .env_clear()
            .env(MARK, directory.path())
            .process_group(0) // a Ctrl-C on the lab's terminal is not the instance's
            .stdin(Stdio::null())
            .stdout(console)
            .stderr(Stdio::piped())
            .spawn()?;
        let init = pidfd_open(Pid::from_child(&child), PidfdFlags::empty());
        let (events, say, name) = (self.events.clone(), self.say.clone(), id.clone());
        watch(
            child,
            // Both ends outlive the thread at worst, and then nobody wants to know.
            move || drop(events.send(MachineEvent::Started { id: name })),
            move |status, said| drop(say.send(Word::Ended { id, status, said })),
        );
        Ok(init?)
    }

    fn stop(&mut self, id: &str) {
        match self.running.get_mut(id) {
            Some(running) => running.stop(),
            None => self.tell(MachineEvent::Stopped { id: id.to_owned() }),
        }
    }

    fn ended(&mut self, id: String, status: Option<ExitStatus>, said: &str) {
        let Some(running) = self.running.remove(&id) else { return };
        self.cores.release(&running.cores);
        let directory = Directory::new(self.directory.join(&id));
        // Init leaves nothing behind, unless it was killed itself.
        let swept = sweep(directory.path());
        quota::remove(&directory);
        let code = status.and_then(|status| status.code());
        self.tell(match swept {
            Err(error) => MachineEvent::Failed { id, why: error.to_string() },
            Ok(_) if running.kill_at.is_some() => MachineEvent::Stopped { id },
            Ok(_) if code == Some(i32::from(POWERED_OFF)) => MachineEvent::PoweredOff { id },
            Ok(_) => {
                let ended = status.map_or_else(|| "was lost".to_owned(), |status| format!("ended with {status}"));
                let why = if said.is_empty() { format!("its init {ended}") } else { said.to_owned() };
                MachineEvent::Failed { id, why }
            }
        });
    }

    fn tell(&self, event: MachineEvent) {
        // A lab that no longer listens is going down.
        let _ = self.events.send(event);
    }
}

impl Running {
    fn stop(&mut self) {
        if self.kill_at.is_none() {
            self.kill_at = Some(Instant::now() + STOP_LIMIT);
            let _ = pidfd_send_signal(&self.init, SHUT_DOWN); // it may have ended; its end is on the way
        }
    }

    /// The same at once, also of one that is shutting down.
    fn cut(&mut self) {
        self.kill_at = Some(Instant::now() + CUT_LIMIT);
        let _ = pidfd_send_signal(&self.init, POWER_CUT); // as above
    }

    fn kill_if_due(&mut self) {
        if self.kill_at.is_some_and(|due| due <= Instant::now()) {
            let _ = pidfd_send_signal(&self.init, Signal::KILL);
            self.kill_at = Some(Instant::now() + CUT_LIMIT);
        }
    }
}

/// Whether an id can be the name of a directory.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}
