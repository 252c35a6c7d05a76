//! The directory of one instance.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::MachineSpec;
use super::commands::Command;

/// The part of a console that is kept for reading, as EC2 does.
const CONSOLE_BYTES: usize = 64 * 1024;

/// The directory of one instance.
#[derive(Clone, Debug)]
pub(super) struct Directory(PathBuf);

/// The facts that an init is started with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Boot {
    pub spec: MachineSpec,
    /// The processors it may use.
    pub cores: Vec<usize>,
    /// The number of processors that the lab has in all.
    pub cores_in_all: usize,
    /// The file in which names of load balancers are looked up.
    pub hosts_file: PathBuf,
    /// The directory of curl's configuration.
    pub curl_home: PathBuf,
}

impl Directory {
    pub(super) fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// `/` of the instance.
    pub(super) fn root(&self) -> PathBuf {
        self.0.join("root")
    }

    pub(super) fn unit(&self, name: &str) -> PathBuf {
        self.root().join("etc/systemd/system").join(name)
    }

    /// The file of what a unit printed.
    pub(super) fn journal(&self, unit: &str) -> PathBuf {
        self.0.join("journal").join(unit)
    }

    pub(super) fn user_data(&self) -> PathBuf {
        self.0.join("user-data")
    }

    fn boot(&self) -> PathBuf {
        self.0.join("boot.json")
    }

    fn console_file(&self) -> PathBuf {
        self.0.join("console")
    }

    /// The cgroup that the instance got, for its removal.
    pub(super) fn quota(&self) -> PathBuf {
        self.0.join("quota")
    }

    /// A file as the instance names it: an absolute path below its root.
    pub(super) fn resolve(&self, path: &str) -> PathBuf {
        self.root().join(path.trim_start_matches('/'))
    }

    /// The same for a program, with those of this machine (`/bin/bash`) behind the instance's own.
    pub(super) fn resolve_program(&self, path: &str) -> PathBuf {
        let own = self.resolve(path);
        if own.exists() { own } else { PathBuf::from(path) }
    }

    /// Makes a new instance, removing what an earlier one of this name left.
    pub(super) fn create(&self, boot: &Boot, init_binary: &Path) -> io::Result<()> {
        match fs::remove_dir_all(&self.0) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        for path in ["etc/systemd/system", "opt", "usr/bin", "usr/sbin", "var/lib", "tmp"] {
            fs::create_dir_all(self.root().join(path))?;
        }
        fs::create_dir_all(self.0.join("journal"))?;
        for command in Command::ALL {
            symlink(init_binary, self.resolve(command.path()))?;
        }
        // An instance of the lab has no disk of its own; the machine's would make it wait for all others.
        symlink("/bin/true", self.resolve("/usr/bin/sync"))?;
        fs::write(self.user_data(), &boot.spec.user_data)?;
        fs::write(self.boot(), serde_json::to_vec_pretty(boot)?)?;
        self.console_writer().map(drop)
    }

    pub(super) fn read_boot(&self) -> io::Result<Boot> {
        Ok(serde_json::from_slice(&fs::read(self.boot())?)?)
    }

    /// Appends, so that many writers keep their lines whole.
    pub(super) fn console_writer(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.console_file())
    }

    pub(super) fn journal_writer(&self, unit: &str) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(self.journal(unit))
    }

    pub(super) fn console(&self) -> String {
        let bytes = fs::read(self.console_file()).unwrap_or_default();
        String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(CONSOLE_BYTES)..]).into_owned()
    }
}
