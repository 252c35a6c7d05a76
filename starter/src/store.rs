//! The directory of the starter: programs and archives by their hash, what was made of archives, which of them served last,
//! and which was started in its place.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use wire::{Application, ApplicationFailure};

/// Name of the document of what served last. No hash of a program is spelled so.
const LAST: &str = "application.json";
/// Characters of an application's id in the name of its directory: paths in it stand in first lines of scripts, of which
/// Linux reads 127 to 255 bytes (execve(2), "Interpreter scripts").
const NAME_CHARACTERS: usize = 16;

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

fn name(application: &Application) -> String {
    application.id().chars().take(NAME_CHARACTERS).collect()
}

#[derive(Debug)]
pub(crate) struct Store {
    directory: PathBuf,
    /// Directory of programs that were brought to the instance.
    stock: Option<PathBuf>,
}

impl Store {
    pub(crate) fn new(directory: &Path, stock: Option<&Path>) -> Self {
        Self { directory: directory.to_owned(), stock: stock.map(Path::to_owned) }
    }

    /// Where programs lie that were brought to the instance.
    pub(crate) fn stock(&self) -> Option<&Path> {
        self.stock.as_deref()
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// The file of an application: its program, or its archive.
    pub(crate) fn file(&self, application: &Application) -> PathBuf {
        self.directory.join(&application.sha256)
    }

    /// The directory of what was made of an archive. Another setup has another one, so what serves keeps its own.
    pub(crate) fn tree(&self, application: &Application) -> PathBuf {
        self.directory.join(format!("app-{}", name(application)))
    }

    /// The file that says that the whole setup was run there.
    fn mark(&self, application: &Application) -> PathBuf {
        self.directory.join(format!("app-{}.set-up", name(application)))
    }

    /// What a step of a setup prints.
    pub(crate) fn log(&self) -> PathBuf {
        self.directory.join("step.log")
    }

    /// Whether there is nothing left to do before it can be started.
    pub(crate) fn is_there(&self, application: &Application) -> bool {
        if application.archive.is_some() { self.is_set_up(application) } else { self.file(application).exists() }
    }

    pub(crate) fn is_set_up(&self, application: &Application) -> bool {
        self.mark(application).exists() && self.tree(application).is_dir()
    }

    /// An empty directory for what is made of an archive.
    pub(crate) fn make_tree(&self, application: &Application) -> io::Result<()> {
        let tree = self.tree(application);
        self.discard(&self.mark(application));
        self.discard(&tree);
        fs::create_dir(tree)
    }

    /// Notes that the whole setup was run. A power cut takes what is not on the disk yet, and the note must not outlive it.
    pub(crate) async fn note_set_up(&self, application: &Application) -> io::Result<()> {
        tokio::task::spawn_blocking(rustix::fs::sync).await?;
        File::create(self.mark(application)).map(drop)
    }

    /// Removes what nothing names. Whoever made it may have taken the right to write to its directories from himself, as
    /// package managers do. What stays for all that takes room and nothing else.
    pub(crate) fn discard(&self, path: &Path) {
        let Ok(metadata) = fs::symlink_metadata(path) else { return };
        let remove = || if metadata.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        let removed = remove().or_else(|_| {
            Command::new("chmod").args(["--recursive", "u+rwX", "--"]).arg(path).status()?;
            remove()
        });
        if let Err(error) = removed {
            tracing::warn!(%error, path = %path.display(), "it cannot be removed");
        }
    }

    /// What served last, before a restart. `None`: nothing did, or that cannot be read.
    pub(crate) fn read(&self) -> Option<Served> {
        let bytes = fs::read(self.directory.join(LAST)).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    /// Writes down what serves, whole or not at all, and removes the programs that it does not name. It is on the disk when
    /// this returns: a program that takes all memory may take the whole instance down. Nothing is being set up meanwhile.
    pub(crate) fn write(&self, served: &Served) -> io::Result<()> {
        let (part, last) = (self.directory.join("application.part"), self.directory.join(LAST));
        let mut file = File::create(&part)?;
        file.write_all(&serde_json::to_vec(served)?)?;
        file.sync_all()?;
        fs::rename(&part, &last)?;
        File::open(&self.directory)?.sync_all()?;
        let named = std::iter::once(&served.application).chain(&served.trying);
        let kept: Vec<PathBuf> = named.flat_map(|one| [self.file(one), self.tree(one), self.mark(one)]).collect();
        let paths = fs::read_dir(&self.directory)?.map(|entry| entry.map(|entry| entry.path()));
        let mut rest: Vec<PathBuf> = paths.collect::<io::Result<_>>()?;
        rest.retain(|path| !kept.contains(path) && *path != last);
        // Marks first: half a directory is not set up.
        rest.sort_by_key(|path| path.is_dir());
        rest.iter().for_each(|path| self.discard(path));
        Ok(())
    }
}
