//! Programs in Go: built once, kept under the hash of everything that decides what they are.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Outcome, Paths, disk, run, sha256};

/// The files that make the cache key, in this order and with their names.
const SOURCES: [&str; 3] = ["go.mod", "go.sum", "main.go"];

/// A module with one main function.
pub(crate) struct Program {
    /// The directory that its own is in.
    pub(crate) parent: &'static str,
    /// Its directory in there, and below the cache.
    pub(crate) name: &'static str,
    /// For people.
    pub(crate) label: &'static str,
    /// What a build of it takes, for people.
    pub(crate) takes: &'static str,
    pub(crate) link_flags: &'static str,
    pub(crate) otherwise: &'static str,
}

/// Whether there is Go. Where there is none, `skipped` is said, and is a failure where `CI` is `true`.
pub(crate) fn is_there(skipped: &str) -> Outcome<bool> {
    if run::in_path("go") {
        return Ok(true);
    }
    if std::env::var("CI").is_ok_and(|ci| ci == "true") {
        return Err(skipped.to_owned());
    }
    eprintln!("xtask: SKIPPED: {skipped}");
    Ok(false)
}

impl Program {
    /// The binary, built if it is not in the cache.
    pub(crate) fn provide(&self, paths: &Paths) -> Outcome<PathBuf> {
        let source = paths.root.join(self.parent).join(self.name);
        let version = run::output(Command::new("go").arg("version").current_dir(&source).stdin(Stdio::null()))?;
        let directory = paths.cache.join(self.name).join(self.key(&source, version.trim())?);
        let binary = directory.join(self.name);
        if binary.is_file() {
            return Ok(binary);
        }
        let lock = paths.cache.join(format!("{}.lock", self.name));
        let _alone = disk::lock(&lock, &format!("another clone builds {}", self.label))?;
        if !binary.is_file() {
            self.compile(paths, &source, &binary)?;
        }
        Ok(binary)
    }

    /// Sources and toolchain; the rest of the command line is in this file and changes with `KEY_VERSION`.
    fn key(&self, source: &Path, go_version: &str) -> Outcome<String> {
        const KEY_VERSION: &str = "1";
        let mut text = format!("{KEY_VERSION}\n{go_version}\n{}\n", self.link_flags);
        for name in SOURCES {
            let path = source.join(name);
            let bytes = fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
            text.push_str(&format!("{name} {}\n", sha256::hex(&bytes)));
        }
        Ok(sha256::hex(text.as_bytes())[..32].to_owned())
    }

    fn compile(&self, paths: &Paths, source: &Path, binary: &Path) -> Outcome {
        let started = Instant::now();
        let build_cache = paths.cache.join(format!("{}-gocache", self.name));
        let temporary = binary.with_extension(format!("new{}", std::process::id()));
        if let Some(directory) = binary.parent() {
            disk::create(directory)?;
        }
        let label = self.label;
        eprintln!("xtask: build of {label} (once, {})", self.takes);
        let mut command = Command::new("go");
        command
            .current_dir(source)
            .args(["build", "-trimpath", "-ldflags", self.link_flags, "-o"])
            .arg(&temporary)
            .arg(".")
            .env("GOCACHE", &build_cache)
            .env("CGO_ENABLED", "0") // one file that depends on no library
            .env("GOFLAGS", "-mod=readonly")
            .env_remove("GOARCH")
            .env_remove("GOOS")
            .stdin(Stdio::null())
            .stdout(run::standard_error()?);
        let status = run::beat(&format!("build of {label}"), || run::status(&mut command))?;
        if !status.success() {
            return Err(format!(
                "{label} could not be built: `go build` ended with {status}, its words are above. It needs Go 1.26, the \
                 network for its modules and room below {}{}",
                paths.cache.display(),
                self.otherwise
            ));
        }
        fs::rename(&temporary, binary).map_err(|error| format!("{} cannot be made: {error}", binary.display()))?;
        // Gigabytes that nothing will read again: the next build has other modules or another toolchain.
        fs::remove_dir_all(&build_cache)
            .map_err(|error| format!("{} cannot be removed: {error}", build_cache.display()))?;
        eprintln!("xtask: build of {label}: {}", run::duration(started.elapsed()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    const PROGRAM: Program = Program {
        parent: "lab",
        name: "program",
        label: "a program",
        takes: "a moment",
        link_flags: "-s -w",
        otherwise: "",
    };

    fn source(name: &str, main: &str) -> PathBuf {
        let directory = env::temp_dir().join(format!("xtask-go-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        for file in ["go.mod", "go.sum"] {
            fs::write(directory.join(file), file).unwrap();
        }
        fs::write(directory.join("main.go"), main).unwrap();
        directory
    }

    #[test]
    fn the_key_follows_sources_and_toolchain() {
        let (one, other) = (source("one", "package main"), source("other", "package main // changed"));
        let key = |source, version| PROGRAM.key(source, version).unwrap();
        assert_eq!(key(&one, "go1.26"), key(&one, "go1.26"));
        assert_ne!(key(&one, "go1.26"), key(&one, "go1.27"));
        assert_ne!(key(&one, "go1.26"), key(&other, "go1.26"));
        let flagged = Program { link_flags: "-s", ..PROGRAM };
        assert_ne!(key(&one, "go1.26"), flagged.key(&one, "go1.26").unwrap());
        fs::remove_dir_all(one).unwrap();
        fs::remove_dir_all(other).unwrap();
    }
}
