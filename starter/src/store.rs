//! The directory of the starter: programs by their hash, which of them served last, and which was started in its place.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wire::{Application, ApplicationFailure};

/// Name of the document of what served last. No hash of a program is spelled so.
const LAST: &str = "application.json";

/// What served last, and its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) version: u64,
    pub(crate) application: Application,
    /// What is being started in its place. Still there after a restart: it was started, and did not serve before the starter
    /// ended with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) trying: Option<Application>,
    /// What was started in its place and did not serve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) failure: Option<ApplicationFailure>,
}

impl Served {
    pub(crate) fn new(version: u64, application: Application) -> Self {
        Self { version, application, trying: None, failure: None }
    }
}

#[derive(Debug)]
pub(crate) struct Store(PathBuf);

impl Store {
    pub(crate) fn new(directory: &Path) -> Self {
        Self(directory.to_owned())
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.0
    }

    /// What served last, before a restart. `None`: nothing did, or that cannot be read.
    pub(crate) fn read(&self) -> Option<Served> {
        let bytes = fs::read(self.0.join(LAST)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes down what serves, whole or not at all, and removes the programs that it does not name. It is on the disk when
    /// this returns: a program that takes all memory may take the whole instance down.
    pub(crate) fn write(&self, served: &Served) -> io::Result<()> {
        let (part, last) = (self.0.join("application.part"), self.0.join(LAST));
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec(served)?)?;
        file.sync_all()?;
        fs::rename(&part, &last)?;
        File::open(&self.0)?.sync_all()?;
        let named = std::iter::once(&served.application).chain(&served.trying);
        let kept: Vec<PathBuf> = named.map(|application| self.0.join(&application.sha256)).collect();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if !kept.contains(&path) && path != last && path.is_file() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}
