//! Runs on disk: a file is there whole or not at all.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use wire::{AloneReport, RoundReport, RunSpec, RunStatus};

use crate::run::JournalEntry;

const RECORD_SUFFIX: &str = ".run.json";
const REPORT_SUFFIX: &str = ".report.json";

/// State of a run; rewritten whenever it has found something out.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) spec: RunSpec,
    pub(crate) status: RunStatus,
    /// What one request at a time showed of each cluster of a search, until the report holds it. Earlier versions did not
    /// write it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) alone: BTreeMap<String, AloneReport>,
    /// The rounds so far, until the report holds them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) rounds: Vec<RoundReport>,
}

impl Record {
    /// A run of which nothing is known yet, or whose report holds all.
    pub(crate) fn of(spec: RunSpec, status: RunStatus) -> Self {
        Self { spec, status, alone: BTreeMap::new(), rounds: Vec::new() }
    }

    pub(crate) fn started_at(&self) -> Timestamp {
        self.status.started_at
    }

    pub(crate) fn entry(&self) -> JournalEntry<'_> {
        JournalEntry { alone: &self.alone, rounds: &self.rounds }
    }
}

/// The data directory.
#[derive(Clone, Debug)]
pub(crate) struct Disk(PathBuf);

impl Disk {
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let disk = Self(directory.to_owned());
        // Found out now and not when the first report is ready.
        let probe = disk.0.join(".writable");
        fs::write(&probe, b"")?;
        fs::remove_file(probe)?;
        Ok(disk)
    }

    /// Every run that is known. A file that cannot be read is logged and left where it is.
    pub(crate) fn records(&self) -> io::Result<Vec<Record>> {
        let mut records = Vec::new();
        for entry in fs::read_dir(&self.0)? {
            let path = entry?.path();
            if !path.file_name().is_some_and(|name| name.to_string_lossy().ends_with(RECORD_SUFFIX)) {
                continue;
            }
            match fs::read(&path)
                .map_err(|error| error.to_string())
                .and_then(|bytes| serde_json::from_slice::<Record>(&bytes).map_err(|error| error.to_string()))
            {
                Ok(record) => records.push(record),
                Err(error) => tracing::error!(path = %path.display(), error, "a run cannot be read: left alone"),
            }
        }
        Ok(records)
    }

    pub(crate) fn write_record(&self, record: &Record) -> io::Result<()> {
        self.write(&self.path(&record.spec.id, RECORD_SUFFIX), &serde_json::to_vec(record)?)
    }

    pub(crate) fn write_report(&self, id: &str, bytes: &[u8]) -> io::Result<()> {
        self.write(&self.path(id, REPORT_SUFFIX), bytes)
    }

    /// The exact bytes, or `None` when there is no report.
    pub(crate) fn report(&self, id: &str) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(id, REPORT_SUFFIX)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The record goes last: a crash in between leaves a run whose deletion can be repeated.
    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        for suffix in [REPORT_SUFFIX, RECORD_SUFFIX] {
            match fs::remove_file(self.path(id, suffix)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        self.sync()
    }

    fn path(&self, id: &str, suffix: &str) -> PathBuf {
        // Ids were validated: they hold no separator and do not start with a dot.
        self.0.join(format!("{id}{suffix}"))
    }

    /// Temporary file, flush to the disk, rename, flush the directory: after a crash there is the old file or the new.
    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let temporary = path.with_extension("new");
        let mut file = File::create(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&temporary, path)?;
        self.sync()
    }

    fn sync(&self) -> io::Result<()> {
        File::open(&self.0)?.sync_all()
    }
}
