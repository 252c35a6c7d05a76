//! An instance as processes of this machine: an init on its own loopback address that runs the user data.
//!
//! ```text
//! Processes (one thread spawns, so that PDEATHSIG means "the lab died")
//! └── lab init DIRECTORY        subreaper, own group, CPU affinity and quota; serves IMDSv2 on ADDRESS:1338
//!     ├── bash user-data        DESTDIR and HOME are the instance's root; PATH starts with the stand-ins
//!     │   └── systemctl, shutdown, dnf, ..     the lab binary again: they ask init through a socket
//!     └── units                 what systemctl started, restarted as their unit says
//! ```
//!
//! One that has ended can be started again, with the disk and the console that it had: user data run at the first boot only, and
//! the units that it enabled start at each.
//!
//! An instance ends in one of three ways: it is stopped, it powers itself off, or its init dies. In the first two its units
//! stop as systemd stops them, those that started last first, each within its `TimeoutStopSec=`. In each of the three
//! everything below init is killed before the end is reported, `setsid` children included; when the lab ends, or is
//! killed, init does that at once. What survives even that (an init killed with SIGKILL) carries a
//! mark in its environment by which [`sweep_leftovers`] finds it.

mod arguments;
mod children;
mod commands;
mod console;
mod containers;
mod cores;
pub(crate) mod credentials;
mod descendants;
mod directory;
mod endings;
mod init;
mod instances;
mod metadata;
mod order;
mod orphans;
mod packages;
mod quota;
mod quoting;
mod seen;
mod sockets;
mod spans;
mod startup;
mod supervise;
mod units;
mod watch;

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::{Deserialize, Serialize};

pub use credentials::{Credentials, Role, Secret};
pub use instances::Processes;
pub use metadata::METADATA_PORT;
pub use orphans::{count_processes, mark_of, sweep_leftovers};

/// The facts from which an instance is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineSpec {
    pub id: String,
    /// Its own address within 127.0.0.0/8.
    pub address: Ipv4Addr,
    pub vcpus: u32,
    pub instance_type: String,
    pub image_id: String,
    pub region: String,
    pub zone: String,
    pub zone_id: String,
    pub public_address: Option<Ipv4Addr>,
    /// Raw text.
    pub user_data: String,
    /// URL of the region's endpoint: what its programs find under `AWS_ENDPOINT_URL`.
    pub endpoint: Option<String>,
    /// The role of its instance profile.
    pub role: Option<Role>,
}

/// The file in which instances of the lab in `state_dir` look names up. Whoever runs load balancers writes it.
pub fn hosts_file(state_dir: &Path) -> PathBuf {
    state_dir.join("hosts")
}

/// The directory in which curl of instances of the lab in `state_dir` looks for its configuration (curl(1), `CURL_HOME`).
/// Whoever serves files to them writes it.
pub fn curl_home(state_dir: &Path) -> PathBuf {
    state_dir.join("curl")
}

/// The directory of container images for instances of the lab in `state_dir`: OCI archives and layouts, looked at when an
/// instance pulls. Whoever has some puts them there.
pub fn images(state_dir: &Path) -> PathBuf {
    state_dir.join("images")
}

/// A driver that makes instances real.
pub trait Machines: Send + Sync {
    /// Starts one; [`MachineEvent`]s say how it goes. One that was started before, and has ended, boots again from its disk.
    fn start(&self, spec: MachineSpec);

    /// Has one shut its operating system down, and kills what is left of it; [`MachineEvent::Stopped`] comes when that is
    /// done, also for an id that is not running.
    fn stop(&self, id: &str);

    /// The text that it has printed so far: at most the last 64 KiB, as EC2 keeps them.
    fn console(&self, id: &str) -> String;
}

/// An event in the life of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MachineEvent {
    /// Its init runs and its metadata can be read.
    Started { id: String },
    /// The guest shut itself down; nothing of it is left.
    PoweredOff { id: String },
    /// It was told to stop; nothing of it is left.
    Stopped { id: String },
    /// It could not start, or its init died; nothing of it is left.
    Failed { id: String, why: String },
}

/// The parts of the lab's binary that are an instance's init and its stand-ins. To be called first thing in `main`;
/// `None` means that the process is none of them.
pub fn run_as(arguments: impl IntoIterator<Item = OsString>) -> Option<ExitCode> {
    let arguments: Vec<String> =
        arguments.into_iter().map(|argument| argument.to_string_lossy().into_owned()).collect();
    let name = arguments.first().map(Path::new).and_then(Path::file_name)?;
    if name == "docker" {
        return Some(containers::docker(&arguments[1..]));
    }
    if let Some(command) = commands::Command::named(&name.to_string_lossy()) {
        return Some(commands::ask(command, &arguments[1..]));
    }
    match arguments.get(1..)? {
        [verb, directory, parent] if verb == "init" => Some(init::run(Path::new(directory), parent)),
        _ => None,
    }
}
