//! The places of things: the checkout, the caches that clones share, and what belongs to this clone alone.

use std::env;
use std::path::{Path, PathBuf};

use crate::{Outcome, sha256};

pub(crate) struct Paths {
    /// The checkout.
    pub(crate) root: PathBuf,
    /// Shared by all clones of one user.
    pub(crate) cache: PathBuf,
    /// Where cargo builds. Shared as well: `aws-sdk-ec2` alone costs six minutes.
    pub(crate) target: PathBuf,
}

impl Paths {
    pub(crate) fn find() -> Outcome<Self> {
        let root = root()?;
        let cache = cache_home()?.join("clusterbenchmark");
        let target = match env::var_os("CARGO_TARGET_DIR") {
            Some(directory) if !directory.is_empty() => env::current_dir()
                .map_err(|error| format!("the current directory cannot be read: {error}"))?
                .join(directory),
            _ => cache.join("target"),
        };
        Ok(Self { root, cache, target })
    }

    /// Copies of this clone's binaries: another clone that shares the target directory overwrites those in there.
    pub(crate) fn binaries(&self) -> PathBuf {
        self.of_clone("bin")
    }

    /// This clone's programs for instances, by the profile that they are built with.
    pub(crate) fn programs(&self, profile: &str) -> PathBuf {
        self.of_clone("programs").join(profile)
    }

    /// What is made to be given away.
    pub(crate) fn given_away(&self, name: &str) -> PathBuf {
        self.root.join("target").join(name)
    }

    fn of_clone(&self, what: &str) -> PathBuf {
        let clone = sha256::hex(self.root.as_os_str().as_encoded_bytes());
        self.cache.join(what).join(&clone[..16])
    }
}

/// Cargo names the package at run time; a binary that is started by hand searches upwards.
fn root() -> Outcome<PathBuf> {
    let start = match env::var_os("CARGO_MANIFEST_DIR") {
        Some(directory) => PathBuf::from(directory),
        None => env::current_dir().map_err(|error| format!("the current directory cannot be read: {error}"))?,
    };
    let is_root = |directory: &&Path| {
        std::fs::read_to_string(directory.join("Cargo.toml")).is_ok_and(|text| text.contains("[workspace]"))
    };
    start
        .ancestors()
        .find(is_root)
        .map(Path::to_path_buf)
        .ok_or_else(|| format!("{} is not inside the checkout: change into it", start.display()))
}

fn cache_home() -> Outcome<PathBuf> {
    let directory = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    directory("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute()) // the specification says that a relative one is to be ignored
        .or_else(|| directory("HOME").map(|home| home.join(".cache")))
        .ok_or_else(|| "neither XDG_CACHE_HOME nor HOME is set: set one, the build is cached below it".to_owned())
}
