//! The first process of an instance, and the last.

use std::fs;
use std::io::{self, PipeWriter, Write as _};
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use cloudsim::ec2::guest;
use jiff::Timestamp;
use rustix::process::{Signal, getpid, getppid, set_child_subreaper, set_parent_process_death_signal};
use signal_hook::consts::SIGCHLD;
use signal_hook::iterator::Signals;

use super::arguments::{self, Systemctl};
use super::children::Children;
use super::commands::{self, Answer, Request};
use super::console::Console;
use super::descendants::{descendants, signal_all};
use super::directory::{Boot, Directory};
use super::orphans::MARK;
use super::seen::State;
use super::startup::start_enabled;
use super::supervise::Units;
use super::{METADATA_PORT, containers, cores, metadata, packages, quota};

/// The word of init on standard error once the instance is up.
pub(super) const READY: &str = "ready";
/// Exit codes, for the lab. The guest shut itself down:
pub(super) const POWERED_OFF: u8 = 10;
/// The instance could not come up; standard error says why:
pub(super) const CANNOT_START: u8 = 11;

/// The time that processes of no unit may take to end by themselves, and all of them when the lab itself is ending: nothing
/// of theirs is needed any more. Units have their own (`TimeoutStopSec=`), because an instance that is terminated shuts its
/// operating system down first (EC2 user guide, "How instance termination works").
const GRACE: Duration = Duration::from_millis(500);
const POLL_INTERVAL: Duration = Duration::from_millis(5);
const BASH: &str = "/bin/bash";

enum Wake {
    ChildEnded,
    /// The operating system is to shut down.
    Terminate,
    PowerOff,
    /// The lab is ending.
    PowerCut,
}

/// What tells an init to shut its instance down.
pub(super) const SHUT_DOWN: Signal = Signal::TERM;
/// What tells it, and the kernel when the lab has died, that the lab is ending.
pub(super) const POWER_CUT: Signal = Signal::QUIT;

/// Runs an instance until it ends. `parent` is the process id of the lab.
pub(super) fn run(directory: &Path, parent: &str) -> ExitCode {
    match boot(&Directory::new(directory), parent) {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(CANNOT_START)
        }
    }
}

fn boot(directory: &Directory, parent: &str) -> io::Result<u8> {
    let mut signals = Signals::new([SHUT_DOWN.as_raw(), POWER_CUT.as_raw(), SIGCHLD])?;
    set_child_subreaper(Some(getpid()))?;
    set_parent_process_death_signal(Some(POWER_CUT))?;
    // It may have died before it could be heard.
    if getppid().map(|pid| pid.as_raw_pid().to_string()).as_deref() != Some(parent) {
        return Err(io::Error::other("the lab is gone"));
    }
    let boot = directory.read_boot()?;
    let console = Console::open(directory)?;
    let limits = limit(directory, &boot);

    let (wake, woken) = channel();
    let from_signals = wake.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            let wake = match signal {
                SIGCHLD => Wake::ChildEnded,
                signal if signal == POWER_CUT.as_raw() => Wake::PowerCut,
                _ => Wake::Terminate,
            };
            let _ = from_signals.send(wake);
        }
    });
    let children = Arc::new(Children::default());
    let socket = format!("clusterbench-init-{}-{:016x}", std::process::id(), rand::random::<u64>());
    let environment = environment(directory, &boot, &socket);
    let units = Units::new(directory.clone(), environment, children.clone(), console.clone());
    let address = boot.spec.address;
    metadata::serve(boot.spec)
        .map_err(|error| io::Error::new(error.kind(), format!("metadata at {address}:{METADATA_PORT}: {error}")))?;
    let commanded = units.clone();
    commands::serve(&socket, move |request| answer(&commanded, &request, &wake))?;
    console.kernel(&format!("lab: {} at {address}, {limits}", directory.path().display()));
    console.write(&guest::prompt(&format!("ip-{}", address.to_string().replace('.', "-"))));
    eprintln!("{READY}");
    start_enabled(&units, &console);
    if directory.take_user_data()? {
        run_user_data(&units, &console)?;
    } else {
        let words = guest::farewell(Timestamp::now(), console.uptime(), None);
        words.lines().for_each(|line| console.journal(guest::CLOUD_INIT, getpid(), line));
    }

    // The channel cannot close: the signal thread holds an end of it.
    let (code, is_cut) = loop {
        match woken.recv() {
            Ok(Wake::ChildEnded) => children.reap(),
            Ok(Wake::Terminate) => break (0, false),
            Ok(Wake::PowerCut) => break (0, true),
            Ok(Wake::PowerOff) => break (POWERED_OFF, false),
            Err(_) => break (CANNOT_START, true),
        }
    };
    children.close();
    if !is_cut {
        stop_units(&units, &children, &woken);
    }
    end_all(&children);
    console.drain();
    if code == POWERED_OFF {
        console.kernel("reboot: Power down");
    }
    Ok(code)
}

/// Applies the size of the instance type, and says what came of it.
fn limit(directory: &Directory, boot: &Boot) -> String {
    let (vcpus, cores) = (boot.spec.vcpus, &boot.cores);
    let affinity = match cores::bind(cores) {
        Ok(()) => format!("{vcpus} vCPUs on processors {cores:?} of {}", boot.cores_in_all),
        Err(error) => format!("{vcpus} vCPUs on any processor ({error})"),
    };
    let short = if (cores.len() as u64) < u64::from(vcpus) { ", fewer than the type has" } else { "" };
    let quota = match quota::apply(directory, &boot.spec.id, cores.len()) {
        Ok(()) => format!("quota {} %", cores.len() * 100),
        Err(why) => format!("no quota ({why})"),
    };
    format!("{affinity}{short}, {quota}")
}

/// The variables that every process of the instance inherits. Programs that talk to AWS find metadata and endpoint by those
/// that every SDK reads (AWS SDKs and Tools reference guide, "Service-specific endpoints").
fn environment(directory: &Directory, boot: &Boot, socket: &str) -> Vec<(String, String)> {
    let root = directory.root();
    let bin = |path: &str| root.join(path).to_string_lossy().into_owned();
    let endpoint = boot.spec.endpoint.iter().map(|url| ("AWS_ENDPOINT_URL", url.clone()));
    [
        ("PATH", format!("{}:{}:/usr/bin:/bin", bin("usr/sbin"), bin("usr/bin"))),
        ("DESTDIR", root.to_string_lossy().into_owned()),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", format!("http://{}:{METADATA_PORT}", boot.spec.address)),
        ("CURL_HOME", boot.curl_home.to_string_lossy().into_owned()),
        (containers::IMAGES, boot.images.to_string_lossy().into_owned()),
        ("HOSTS_FILE", boot.hosts_file.to_string_lossy().into_owned()),
        (MARK, directory.path().to_string_lossy().into_owned()),
        (commands::INIT, socket.to_owned()),
    ]
    .into_iter()
    .chain(endpoint)
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
}

/// Runs user data as cloud-init does: a text that is no script is left alone, and a script that fails is no reason to
/// stop. The script's output goes through the journal, and cloud-init has the last word.
fn run_user_data(units: &Units, console: &Arc<Console>) -> io::Result<()> {
    let directory = &units.directory;
    let path = directory.user_data();
    let text = fs::read_to_string(&path)?;
    if !text.starts_with("#!") {
        console.journal(guest::CLOUD_INIT, getpid(), &guest::not_understood(Timestamp::now(), &text));
        return Ok(());
    }
    let (heard, spoken) = io::pipe()?;
    let root = directory.root();
    let mut command = Command::new(BASH);
    command.arg(&path).env_clear().envs(units.environment.iter().cloned());
    command.env("HOME", &root).current_dir(&root);
    command.stdin(Stdio::null()).stdout(spoken.try_clone()?).stderr(spoken.try_clone()?);
    let (speaker, uptime) = (spoken, console.clone());
    let pid = units.children.spawn(&mut command, move |status| say_farewell(speaker, uptime.uptime(), status))?;
    drop(command); // it holds the pipe too
    console.listen(heard, guest::CLOUD_INIT, pid, None);
    Ok(())
}

/// Through the pipe of the script, so that it comes after the script's own words.
fn say_farewell(mut speaker: PipeWriter, uptime: Duration, status: ExitStatus) {
    // Killed: cloud-init is going down as well.
    if let Some(code) = status.code() {
        let words = guest::farewell(Timestamp::now(), uptime, (code != 0).then_some(code));
        let _ = speaker.write_all(words.as_bytes());
    }
}

/// Has units end in the order of systemd, each in the time that it has, until all have ended or the lab is ending.
fn stop_units(units: &Units, children: &Children, woken: &Receiver<Wake>) {
    while units.stop_next() {
        match woken.recv_timeout(POLL_INTERVAL) {
            Ok(Wake::PowerCut) => return,
            Ok(Wake::ChildEnded | Wake::Terminate | Wake::PowerOff) | Err(_) => children.reap(),
        }
    }
}

/// Ends everything below: asked first, killed after [`GRACE`], until nothing is left.
fn end_all(children: &Children) {
    signal_all(Signal::TERM);
    let asked = Instant::now();
    loop {
        children.reap();
        if descendants().is_empty() {
            return;
        }
        if asked.elapsed() > GRACE {
            signal_all(Signal::KILL);
        }
        thread::sleep(POLL_INTERVAL);
    }
}

fn answer(units: &Arc<Units>, request: &Request, wake: &Sender<Wake>) -> Answer {
    let arguments = &request.arguments;
    let outcome = match request.command {
        commands::Command::Systemctl => arguments::systemctl(arguments).and_then(|call| systemctl(units, call)),
        commands::Command::Shutdown => arguments::shutdown(arguments).map(|()| {
            let _ = wake.send(Wake::PowerOff); // init is going down already if nobody hears it
            Answer::default()
        }),
        commands::Command::Dnf => packages::dnf(arguments).map(|()| Answer::default()),
        commands::Command::Journalctl => arguments::journalctl(arguments).map(|(unit, lines)| {
            let bytes = fs::read(units.directory.journal(&unit)).unwrap_or_default();
            let text = String::from_utf8_lossy(&bytes);
            let all: Vec<&str> = text.lines().collect();
            Answer::said(
                all[all.len().saturating_sub(lines)..].iter().map(|line| format!("{line}\n")).collect::<String>(),
            )
        }),
    };
    outcome.unwrap_or_else(Answer::failed)
}

fn systemctl(units: &Arc<Units>, call: Systemctl) -> Result<Answer, String> {
    match call {
        // Units are read when they are started, so there is nothing stale to read again.
        Systemctl::DaemonReload => {}
        Systemctl::Enable { now, units: names } => {
            for name in &names {
                units.enable(name)?;
                if now {
                    units.start(name)?;
                }
            }
        }
        Systemctl::Disable(names) => names.iter().try_for_each(|name| units.disable(name))?,
        Systemctl::Start { wait: true, units: names } => names.iter().try_for_each(|name| units.start(name))?,
        Systemctl::Start { wait: false, units: names } => {
            names.iter().try_for_each(|name| units.begin(name).map(drop))?;
        }
        Systemctl::Stop(names) => names.iter().for_each(|name| units.stop(name)),
        Systemctl::Restart(names) => {
            for name in &names {
                units.stop(name);
                units.start(name)?;
            }
        }
        Systemctl::Show { properties, unit } => {
            let shown = units.seen(&unit).properties();
            let shown = shown.iter().filter(|(name, _)| properties.iter().any(|wanted| wanted == name));
            return Ok(Answer::said(shown.map(|(name, value)| format!("{name}={value}\n")).collect::<String>()));
        }
        Systemctl::IsActive(names) => {
            let states: Vec<State> = names.iter().map(|name| units.seen(name).state).collect();
            // systemd's own exit code for "not running".
            let code = if states.contains(&State::Active) { 0 } else { 3 };
            return Ok(Answer { code, text: states.iter().map(|state| format!("{}\n", state.name())).collect() });
        }
    }
    Ok(Answer::default())
}
