//! The directory of the starter: programs by their hash, and which of them served last.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use wire::Application;

/// Name of the document of what served last. No hash of a program is spelled so.
const LAST: &str = "application.json";

/// What served last, and its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Served {
    pub(crate) version: u64,
    pub(crate) application: Application,
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

    /// Writes down what serves, whole or not at all, and removes the other programs.
    pub(crate) fn write(&self, served: &Served) -> io::Result<()> {
        let (part, last) = (self.0.join("application.part"), self.0.join(LAST));
        fs::write(&part, serde_json::to_vec(served)?)?;
        fs::rename(&part, &last)?;
        let kept = self.0.join(&served.application.sha256);
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if path != kept && path != last && path.is_file() {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }
}
