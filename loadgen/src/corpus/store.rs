//! Archives of a generator: fetched once, checked by their hash before anything of them is read, and kept between runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Mutex;
use wire::{Corpus, sha256_hex};

use super::MOST_BYTES;
use super::files::{Files, NoFiles};

/// How long one transfer may take: 256 MiB at 5 MB/s.
const TRANSFER: Duration = Duration::from_secs(60);

/// Why a corpus cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NoCorpus {
    /// What it holds is wrong, and will be wrong the next time.
    #[error(transparent)]
    Files(#[from] NoFiles),
    /// Another time it may be there.
    #[error("{0}")]
    Unfetched(String),
    #[error("the archive of the corpus cannot be kept: {0}; check --data-dir and the space on its disk")]
    Disk(#[from] io::Error),
}

/// A directory in which the archive of the last run is kept.
#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    /// One transfer at a time.
    turn: Mutex<()>,
}

impl Store {
    pub(crate) fn new(directory: PathBuf) -> Self {
        Self { directory, turn: Mutex::new(()) }
    }

    /// The files of a corpus, whose archive is fetched where it is not here yet.
    ///
    /// # Cancellation
    /// A part of the archive may stay, which the next fetch overwrites.
    pub(crate) async fn files(&self, corpus: &Corpus) -> Result<Arc<Files>, NoCorpus> {
        let _alone = self.turn.lock().await;
        let kept = self.directory.join(format!("{}.tar", corpus.sha256));
        let bytes = match fs::read(&kept).ok().filter(|bytes| sha256_hex(bytes) == corpus.sha256) {
            Some(bytes) => bytes,
            None => self.fetch(corpus, &kept).await?,
        };
        Ok(Arc::new(Files::unpack(&bytes, corpus.field.as_deref())?))
    }

    async fn fetch(&self, corpus: &Corpus, kept: &Path) -> Result<Vec<u8>, NoCorpus> {
        let Corpus { url, sha256: want, .. } = corpus;
        fs::create_dir_all(&self.directory)?;
        let part = self.directory.join(format!("{want}.part"));
        download(url, &part).await?;
        // Older versions of curl only heed the length that a server says.
        if fs::metadata(&part)?.len() > MOST_BYTES {
            fs::remove_file(&part)?;
            return Err(NoFiles::TooMuch.into());
        }
        let bytes = fs::read(&part)?;
        let got = sha256_hex(&bytes);
        if got != *want {
            fs::remove_file(&part)?;
            return Err(NoCorpus::Unfetched(format!("{url} has sha256 {got}, not {want}: it was not read")));
        }
        // A run is of one corpus: those of earlier benchmarks are not needed any more.
        for entry in fs::read_dir(&self.directory)? {
            let path = entry?.path();
            if path.extension().is_some_and(|suffix| suffix == "tar") {
                fs::remove_file(path)?;
            }
        }
        fs::rename(&part, kept)?;
        Ok(bytes)
    }
}

/// Runs curl as the boot script does, so that what can be fetched at boot can be fetched now.
async fn download(url: &str, to: &Path) -> Result<(), NoCorpus> {
    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--show-error", "--location", "--globoff", "--proto", "=http,https"])
        .args(["--connect-timeout", "10", "--speed-limit", "1024", "--speed-time", "30"])
        .args(["--max-filesize", &MOST_BYTES.to_string(), "--max-time", &TRANSFER.as_secs().to_string(), "--output"])
        .arg(to)
        .args(["--", url])
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = curl.output().await.map_err(|error| NoCorpus::Unfetched(format!("curl cannot be run: {error}")))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    Err(NoCorpus::Unfetched(format!("{url} cannot be fetched: {}", said.trim())))
}
