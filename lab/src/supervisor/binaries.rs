//! Binaries of a lab, which are its own: a build must not change what a running lab restarts.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::Context;
use wire::Programs;

use super::artifacts::{NAMES, architecture};
use crate::state::State;

/// The directory of operator, plugin, lab and, unless [`PROGRAMS`] is set, the programs of instances.
const DIRECTORY: &str = "CLUSTERBENCHMARK_BIN";
/// A manifest of the programs of instances, as `cargo xtask programs` and images have it.
const PROGRAMS: &str = "CLUSTERBENCHMARK_PROGRAMS";

/// What kubectl runs as `kubectl clusterbenchmark`, from any directory of the PATH.
pub(crate) const PLUGIN: &str = "kubectl-clusterbenchmark";

/// Links or copies all binaries into the lab's own directory, and returns it.
pub(super) fn install(state: &State) -> anyhow::Result<PathBuf> {
    let itself = std::env::current_exe().context("the path of this program is unknown")?;
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let from = Sources::find(&itself, set(DIRECTORY), set(PROGRAMS))?;
    let bin = state.make("bin")?;
    for name in ["operator", PLUGIN].iter().chain(&NAMES) {
        let from = from.path(name)?;
        link(&from, &bin.join(name))
            .with_context(|| format!("{} is missing: start the lab with `cargo xtask lab up`", from.display()))?;
    }
    link(&itself, &bin.join("lab")).context("lab cannot be copied")?;
    Ok(bin)
}

/// A link keeps the file that a later build replaces by another one; across file systems it is a copy.
fn link(from: &Path, to: &Path) -> std::io::Result<()> {
    fs::hard_link(from, to).or_else(|_| fs::copy(from, to).map(drop))
}

/// Where binaries come from.
struct Sources {
    directory: PathBuf,
    programs: Option<(PathBuf, Programs)>,
}

impl Sources {
    fn find(itself: &Path, directory: Option<OsString>, manifest: Option<OsString>) -> anyhow::Result<Self> {
        let directory = match directory {
            Some(directory) => PathBuf::from(directory),
            None => itself.parent().context("this program is in no directory")?.to_owned(),
        };
        let programs = manifest.map(|path| {
            let path = PathBuf::from(path);
            let read = || anyhow::Ok(Programs::parse(&fs::read(&path)?)?);
            let programs = read().with_context(|| format!("{PROGRAMS} is {}", path.display()))?;
            anyhow::Ok((path, programs))
        });
        Ok(Self { directory, programs: programs.transpose()? })
    }

    fn path(&self, name: &str) -> anyhow::Result<PathBuf> {
        let Some((manifest, programs)) = self.programs.as_ref().filter(|_| NAMES.contains(&name)) else {
            return Ok(self.directory.join(name));
        };
        let file = programs.file(name, architecture()).with_context(|| {
            format!(
                "{PROGRAMS} is {}, which has no {name} for {}: run `cargo xtask programs` on this machine",
                manifest.display(),
                architecture()
            )
        })?;
        let beside = manifest.parent().unwrap_or(Path::new(""));
        // A mirror has names below its hashes, an image has hashes alone.
        let [named, bare] = [beside.join(file.path()), beside.join(&file.sha256)];
        Ok(if bare.is_file() { bare } else { named })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(name: &str, architecture: &str) -> (PathBuf, PathBuf) {
        let directory = std::env::temp_dir().join(format!("lab-binaries-{name}-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let manifest = directory.join("manifest.json");
        let text = format!(
            r#"{{"version":"1","programs":[{{"name":"worker","architecture":"{architecture}","sha256":"{}","bytes":1}}]}}"#,
            "1".repeat(64)
        );
        fs::write(&manifest, text).unwrap();
        (directory, manifest)
    }

    #[test]
    fn programs_come_from_the_manifest_and_the_rest_from_the_directory() {
        let (directory, manifest) = stage("manifest", architecture());
        let found = Sources::find(Path::new("/built/lab"), None, Some(manifest.into())).unwrap();
        assert_eq!(found.path("operator").unwrap(), Path::new("/built/operator"));
        let hash = directory.join("1".repeat(64));
        assert_eq!(found.path("worker").unwrap(), hash.join("worker"), "a mirror");
        fs::write(&hash, "").unwrap();
        assert_eq!(found.path("worker").unwrap(), hash, "an image");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn without_a_manifest_all_come_from_the_directory() {
        let found = Sources::find(Path::new("/built/lab"), Some("/given".into()), None).unwrap();
        assert_eq!(found.path("worker").unwrap(), Path::new("/given/worker"));
    }

    #[test]
    fn a_manifest_without_this_machines_programs_is_named_with_the_way_out() {
        let other = if architecture() == "arm64" { "x86_64" } else { "arm64" };
        let (directory, manifest) = stage("other", other);
        let found = Sources::find(Path::new("/built/lab"), None, Some(manifest.into())).unwrap();
        let error = found.path("worker").unwrap_err().to_string();
        assert!(error.contains("has no worker for") && error.contains("run `cargo xtask programs`"), "{error}");
        let gone = Sources::find(Path::new("/lab"), None, Some("/nowhere".into())).err().unwrap();
        assert!(format!("{gone:#}").starts_with("CLUSTERBENCHMARK_PROGRAMS is /nowhere: No such file"), "{gone:#}");
        fs::remove_dir_all(directory).unwrap();
    }
}
