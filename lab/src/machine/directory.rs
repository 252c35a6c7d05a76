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

/// The path of the stand-in for docker, and its service, of which it needs none.
const DOCKER_PATH: &str = "/usr/bin/docker";
const DOCKER: &str = "[Service]\nType=oneshot\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n";

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
    /// The directory of container images.
    pub images: PathBuf,
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

    /// The same for a path that may be one of this machine, below the instance's root.
    pub(super) fn inside(&self, path: &str) -> PathBuf {
        if Path::new(path).starts_with(self.root()) { PathBuf::from(path) } else { self.resolve(path) }
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
        for path in Command::ALL.map(Command::path).into_iter().chain([DOCKER_PATH]) {
            symlink(init_binary, self.resolve(path))?;
        }
        // An instance of the lab has no disk of its own; the machine's would make it wait for all others. Nor has it users:
        // all of its processes run as whoever runs the lab.
        for command in ["/usr/bin/sync", "/usr/sbin/useradd", "/usr/bin/chown"] {
            symlink("/bin/true", self.resolve(command))?;
        }
        fs::write(self.unit("docker.service"), DOCKER)?;
        fs::write(self.user_data(), &boot.spec.user_data)?;
        fs::write(self.boot(), serde_json::to_vec_pretty(boot)?)?;
        self.console_writer().map(drop)
    }

    /// Prepares another boot of an instance that was there before. Its disk stays, but for what lies in memory: `/tmp` and `/run`
    /// of Amazon Linux are of tmpfs.
    pub(super) fn prepare_again(&self, boot: &Boot) -> io::Result<()> {
        for path in ["/tmp", "/run"] {
            match fs::remove_dir_all(self.resolve(path)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        fs::create_dir_all(self.resolve("/tmp"))?;
        fs::write(self.boot(), serde_json::to_vec_pretty(boot)?)
    }

    /// Whether the user data are to run: once in the life of an instance, also if its power is cut meanwhile (cloud-init, "Scripts
    /// user": once per instance, by a semaphore that is made before).
    pub(super) fn take_user_data(&self) -> io::Result<bool> {
        let semaphores = self.resolve("/var/lib/cloud/instance/sem");
        fs::create_dir_all(&semaphores)?;
        match OpenOptions::new().write(true).create_new(true).open(semaphores.join("config_scripts_user")) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
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
