//! The control plane's Go binary: built once, kept under the hash of everything that decides what it is.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::{Outcome, Paths, build, run, sha256};

/// Without the version the API server calls itself v0.0.0, which clients compare.
const LINK_FLAGS: &str = "-s -w -X k8s.io/component-base/version.gitVersion=v1.37.2";

/// In this order, with their names, they make the cache key.
const SOURCES: [&str; 3] = ["go.mod", "go.sum", "main.go"];

/// What is there already: the directory that `KUBEBUILDER_ASSETS` names. What is missing is said before anything is
/// built, not minutes later.
pub(crate) fn present() -> Outcome<Option<PathBuf>> {
    match env::var_os("KUBEBUILDER_ASSETS").filter(|value| !value.is_empty()) {
        Some(directory) => assets(PathBuf::from(directory)).map(Some),
        None if run::in_path("go") => Ok(None),
        None => Err(run::missing("go".as_ref(), &std::io::ErrorKind::NotFound.into())),
    }
}

/// The binary, built if it is not in the cache.
pub(crate) fn provide(paths: &Paths) -> Outcome<PathBuf> {
    let source = paths.root.join("lab").join("controlplane");
    let version = run::output(Command::new("go").arg("version").current_dir(&source).stdin(Stdio::null()))?;
    let directory = paths.cache.join("controlplane").join(key(&source, version.trim())?);
    let binary = directory.join("controlplane");
    if binary.is_file() {
        return Ok(binary);
    }
    let _alone = build::lock(&paths.cache.join("controlplane.lock"), "another clone builds the control plane")?;
    if !binary.is_file() {
        compile(paths, &source, &binary)?;
    }
    Ok(binary)
}

/// Sources and toolchain; the rest of the command line is in this file and changes with `KEY_VERSION`.
fn key(source: &Path, go_version: &str) -> Outcome<String> {
    const KEY_VERSION: &str = "1";
    let mut text = format!("{KEY_VERSION}\n{go_version}\n{LINK_FLAGS}\n");
    for name in SOURCES {
        let path = source.join(name);
        let bytes = fs::read(&path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
        text.push_str(&format!("{name} {}\n", sha256::hex(&bytes)));
    }
    Ok(sha256::hex(text.as_bytes())[..32].to_owned())
}

fn compile(paths: &Paths, source: &Path, binary: &Path) -> Outcome {
    let started = Instant::now();
    let build_cache = paths.cache.join("controlplane-gocache");
    let temporary = binary.with_extension(format!("new{}", std::process::id()));
    if let Some(directory) = binary.parent() {
        build::create(directory)?;
    }
    let label = "build of the control plane (once, about 10 minutes on two cores)";
    eprintln!("xtask: {label}");
    let mut command = Command::new("go");
    command
        .current_dir(source)
        .args(["build", "-trimpath", "-ldflags", LINK_FLAGS, "-o"])
        .arg(&temporary)
        .arg(".")
        .env("GOCACHE", &build_cache)
        .env("CGO_ENABLED", "0") // one file that depends on no library
        .env("GOFLAGS", "-mod=readonly")
        .env_remove("GOARCH")
        .env_remove("GOOS")
        .stdin(Stdio::null())
        .stdout(run::standard_error()?);
    let status = run::beat("build of the control plane", || run::status(&mut command))?;
    if !status.success() {
        return Err(format!(
            "the control plane could not be built: `go build` ended with {status}, its words are above. \
             It needs Go 1.26, the network for its modules and 6 GB below {}; or set KUBEBUILDER_ASSETS",
            paths.cache.display()
        ));
    }
    fs::rename(&temporary, binary).map_err(|error| format!("{} cannot be made: {error}", binary.display()))?;
    // 4.6 GB that nothing will read again: the next build has other modules or another toolchain.
    fs::remove_dir_all(&build_cache)
        .map_err(|error| format!("{} cannot be removed: {error}", build_cache.display()))?;
    eprintln!("xtask: build of the control plane: {}", run::duration(started.elapsed()));
    Ok(())
}

/// Checks what is there before a lab is started on it.
fn assets(directory: PathBuf) -> Outcome<PathBuf> {
    let directory = fs::canonicalize(&directory)
        .map_err(|error| format!("KUBEBUILDER_ASSETS is {}: {error}; correct or unset it", directory.display()))?;
    let missing: Vec<_> =
        ["etcd", "kube-apiserver"].into_iter().filter(|name| !directory.join(name).is_file()).collect();
    if !missing.is_empty() {
        return Err(format!(
            "KUBEBUILDER_ASSETS is {}, which has no {}: correct it, or unset it and the control plane is built",
            directory.display(),
            missing.join(" and no ")
        ));
    }
    if !directory.join("kube-controller-manager").is_file() {
        eprintln!(
            "xtask: KUBEBUILDER_ASSETS has no kube-controller-manager: namespaces will stay Terminating and nothing \
             is garbage-collected. Unset it to have one built"
        );
    }
    if !directory.join("kubectl").is_file() && !run::in_path("kubectl") {
        return Err("neither KUBEBUILDER_ASSETS nor PATH has kubectl: put it into one of them".to_owned());
    }
    Ok(directory)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(name: &str, main: &str) -> PathBuf {
        let directory = env::temp_dir().join(format!("xtask-controlplane-{name}-{}", std::process::id()));
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
        assert_eq!(key(&one, "go1.26").unwrap(), key(&one, "go1.26").unwrap());
        assert_ne!(key(&one, "go1.26").unwrap(), key(&one, "go1.27").unwrap());
        assert_ne!(key(&one, "go1.26").unwrap(), key(&other, "go1.26").unwrap());
        fs::remove_dir_all(one).unwrap();
        fs::remove_dir_all(other).unwrap();
    }

    #[test]
    fn incomplete_assets_are_named() {
        let directory = source("assets", "");
        let error = assets(directory.clone()).unwrap_err();
        assert!(error.contains("no etcd and no kube-apiserver"), "{error}");
        fs::remove_dir_all(directory).unwrap();
    }
}
