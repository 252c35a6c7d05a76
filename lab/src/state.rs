//! The state directory: everything a lab writes is in it, and it says whether a lab is up.

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::called;

/// Name of the supervisor's log.
pub(crate) const SUPERVISOR: &str = "supervisor";

/// A state directory, whether a lab is up in it or not.
#[derive(Clone, Debug)]
pub(crate) struct State {
    directory: PathBuf,
}

/// The facts that other commands need of a lab that is up. Written by the supervisor.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    /// Process id of the supervisor.
    pub(crate) supervisor: i32,
    pub(crate) started_at: Timestamp,
    /// Absent until the lab is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) ready_at: Option<Timestamp>,
    pub(crate) admin: SocketAddr,
    pub(crate) aws_endpoint: String,
    pub(crate) region: String,
    pub(crate) kubeconfig: PathBuf,
    /// `127.31.0.0/16`
    pub(crate) network: String,
    /// Every port on 127.0.0.1 that is ours while the lab is up.
    pub(crate) ports: BTreeMap<String, u16>,
}

/// Proof that this process is the only lab of a state directory; ends with the process, however it ends.
#[derive(Debug)]
pub(crate) struct Claim {
    _lock: File,
}

impl State {
    /// `directory` as an absolute path; nothing is made yet.
    pub(crate) fn at(directory: &Path) -> anyhow::Result<Self> {
        let directory = std::path::absolute(directory)
            .with_context(|| format!("--state {} is not a usable path", directory.display()))?;
        Ok(Self { directory })
    }

    /// The lab of this user: below `XDG_CACHE_HOME` or `~/.cache`.
    pub(crate) fn of_user() -> anyhow::Result<Self> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let cache = variable("XDG_CACHE_HOME")
            .filter(|path| path.is_absolute())
            .or_else(|| variable("HOME").map(|home| home.join(".cache")))
            .context("neither XDG_CACHE_HOME nor HOME is set: give a directory with --state")?;
        Self::at(&cache.join("clusterbenchmark").join("lab"))
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    pub(crate) fn kubeconfig(&self) -> PathBuf {
        self.path("kubeconfig")
    }

    pub(crate) fn log(&self, part: &str) -> PathBuf {
        self.path("logs").join(format!("{part}.log"))
    }

    /// Names of the parts that have a log, sorted.
    pub(crate) fn logs(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path("logs")).into_iter().flatten().filter_map(Result::ok);
        let mut names: Vec<_> =
            entries.filter_map(|entry| Some(entry.file_name().to_str()?.strip_suffix(".log")?.to_owned())).collect();
        names.sort();
        names
    }

    /// Takes the directory for this process, or says who has it.
    pub(crate) fn claim(&self) -> anyhow::Result<Option<Claim>> {
        self.make("")?;
        let path = self.path("lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("{} cannot be opened", path.display()))?;
        match file.try_lock() {
            Ok(()) => {
                file.set_len(0)?;
                write!(&file, "{}", std::process::id())?;
                Ok(Some(Claim { _lock: file }))
            }
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }

    /// Whether a supervisor holds the directory.
    pub(crate) fn is_up(&self) -> bool {
        let Ok(file) = File::open(self.path("lock")) else { return false };
        matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock))
    }

    /// Process id of the supervisor that holds the directory.
    pub(crate) fn holder(&self) -> Option<i32> {
        let pid = fs::read_to_string(self.path("lock")).ok()?.parse().ok();
        pid.filter(|_| self.is_up())
    }

    /// The record of the lab that is up, or a sentence that says how to start one.
    pub(crate) fn record(&self) -> anyhow::Result<Record> {
        let way_out = format!("start one with `{} up`", called::words());
        if !self.is_up() {
            bail!("no lab is up in {}: {way_out}", self.directory.display());
        }
        let path = self.path("lab.json");
        let text = fs::read(&path).with_context(|| format!("the lab is starting and has no {} yet", path.display()))?;
        serde_json::from_slice(&text)
            .with_context(|| format!("{} is damaged: `lab down`, then {way_out}", path.display()))
    }

    /// The last record written here, whether that lab is up or not.
    pub(crate) fn last_record(&self) -> Option<Record> {
        serde_json::from_slice(&fs::read(self.path("lab.json")).ok()?).ok()
    }

    pub(crate) fn write_record(&self, record: &Record) -> anyhow::Result<()> {
        self.write("lab.json", &serde_json::to_vec_pretty(record)?)
    }

    /// Replaces a file at once; readable by this user only, as many of them hold keys.
    pub(crate) fn write(&self, name: &str, content: &[u8]) -> anyhow::Result<()> {
        let path = self.path(name);
        let temporary = path.with_extension("new");
        let write = || -> io::Result<()> {
            let mut options = OpenOptions::new();
            options.create(true).truncate(true).write(true).mode(0o600);
            options.open(&temporary)?.write_all(content)?;
            fs::rename(&temporary, &path)
        };
        write().with_context(|| format!("{} cannot be written", path.display()))
    }

    /// Makes a directory below this one (or this one).
    pub(crate) fn make(&self, name: &str) -> anyhow::Result<PathBuf> {
        let path = if name.is_empty() { self.directory.clone() } else { self.path(name) };
        fs::create_dir_all(&path).with_context(|| format!("{} cannot be made", path.display()))?;
        Ok(path)
    }

    /// Removes what an earlier lab left. Only names of ours: `--state` may point at somebody's directory.
    pub(crate) fn clear(&self) -> anyhow::Result<()> {
        // The supervisor's log is being written by whoever calls this.
        for log in self.logs().iter().filter(|log| *log != SUPERVISOR) {
            forgive_absence(fs::remove_file(self.log(log)))?;
        }
        forgive_absence(fs::remove_file(self.path("lab.json")))?;
        self.clear_all_but_logs()
    }

    /// Removes what is of no use without the lab that made it: keys, data, copies of binaries. Logs stay.
    pub(crate) fn clear_all_but_logs(&self) -> anyhow::Result<()> {
        for name in ["etcd", "pki", "bin", "instances", "kube-cache", "objects", "curl", "pods", "programs"] {
            forgive_absence(fs::remove_dir_all(self.path(name)))
                .with_context(|| format!("{} cannot be removed", self.path(name).display()))?;
        }
        for name in ["kubeconfig", "values.yaml", "artifacts.json", "hosts"] {
            forgive_absence(fs::remove_file(self.path(name)))
                .with_context(|| format!("{} cannot be removed", self.path(name).display()))?;
        }
        // A link of ours to a directory of the user; one that is no link is his.
        let images = lab::machine::images(&self.directory);
        if images.is_symlink() {
            fs::remove_file(&images).with_context(|| format!("{} cannot be removed", images.display()))?;
        }
        Ok(())
    }

    /// Removes the directory itself, as far as it holds nothing but ours.
    pub(crate) fn remove(&self) -> anyhow::Result<()> {
        self.clear()?;
        forgive_absence(fs::remove_dir_all(self.path("logs")))?;
        forgive_absence(fs::remove_file(self.path("lock")))?;
        forgive_absence(fs::remove_dir(&self.directory))
            .with_context(|| format!("{} cannot be removed", self.directory.display()))
    }
}

fn forgive_absence(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// A state directory of its own for each demo and each test.
pub(crate) fn temporary(purpose: &str) -> anyhow::Result<State> {
    let unique = format!("clusterbenchmark-{purpose}-{}-{:08x}", std::process::id(), rand::random::<u32>());
    State::at(&std::env::temp_dir().join(unique))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_claimed_once_and_freed_by_dropping() {
        let state = temporary("state-test").unwrap();
        assert!(!state.is_up());
        let claim = state.claim().unwrap();
        assert!(claim.is_some() && state.is_up());
        assert!(state.claim().unwrap().is_none());
        drop(claim);
        // A process that another test starts at this moment holds what we have open until it becomes another program.
        let since = std::time::Instant::now();
        while state.is_up() && since.elapsed() < std::time::Duration::from_secs(10) {
            std::thread::yield_now();
        }
        assert!(!state.is_up());
        assert!(state.record().unwrap_err().to_string().contains("cargo xtask lab up"));
        state.remove().unwrap();
    }

    #[test]
    fn foreign_files_survive() {
        let state = temporary("state-test").unwrap();
        state.make("logs").unwrap();
        fs::write(state.path("thesis.txt"), "years of work").unwrap();
        state.clear().unwrap();
        assert!(state.remove().is_err());
        assert!(!state.path("logs").exists());
        assert!(state.path("thesis.txt").exists());
        fs::remove_dir_all(state.directory()).unwrap();
    }
}
