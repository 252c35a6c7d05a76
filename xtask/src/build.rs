//! The one place that builds: every binary with one cargo command line, the control plane beside it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use crate::disk::{create, lock};
use crate::{Outcome, Paths, controlplane, run};

/// The binaries that the lab and the tests start.
pub(crate) const BINARIES: [&str; 9] =
    ["operator", "worker", "starter", "balancer", "front", "puller", "loadgen", "lab", "kubectl-clusterbenchmark"];

pub(crate) struct Built {
    /// Holds a copy of each of [`BINARIES`].
    pub(crate) binaries: PathBuf,
    /// The control plane: our one binary, or a directory with etcd, kube-apiserver, ...
    pub(crate) controlplane: PathBuf,
    /// For tests of the chart. A lab needs none: it uses the chart's rendering.
    pub(crate) helm: Option<PathBuf>,
}

/// Builds what is not built yet. The two builds share two cores better than they follow each other: the Rust one
/// has long single-threaded stretches.
pub(crate) fn build(paths: &Paths) -> Outcome<Built> {
    if !run::in_path("cc") {
        return Err(run::missing("cc".as_ref(), &std::io::ErrorKind::NotFound.into()));
    }
    let present = controlplane::present()?;
    std::thread::scope(|scope| {
        let controlplane = scope.spawn(|| present.map_or_else(|| controlplane::provide(paths), Ok));
        let binaries = binaries(paths);
        let controlplane = controlplane.join().map_err(|_| "the control plane's build panicked".to_owned())?;
        Ok(Built { binaries: binaries?, controlplane: controlplane?, helm: None })
    })
}

/// Builds and copies in one critical section, so that the copies are of this clone's sources.
fn binaries(paths: &Paths) -> Outcome<PathBuf> {
    let _alone = lock(&paths.cache.join("build.lock"), "another clone builds")?;
    // Any other selection of packages could resolve to other features and compile the AWS SDK once more.
    run::step("build of all binaries", &mut run::cargo(paths, &["build", "--workspace", "--bins"]))?;
    let directory = paths.binaries();
    create(&directory)?;
    for name in BINARIES {
        copy(&paths.target.join("debug").join(name), &directory.join(name))?;
    }
    Ok(directory)
}

/// Replaces `to` at once: a program that runs from it keeps the file it was started from.
fn copy(from: &Path, to: &Path) -> Outcome {
    let modified = |path: &Path| fs::metadata(path).and_then(|data| data.modified()).ok();
    let temporary = to.with_extension(format!("new{}", std::process::id()));
    if modified(from).is_some() && modified(from) == modified(to) {
        return Ok(());
    }
    // `fs::copy` does not keep the time of modification, which is what tells the next build that nothing changed.
    fs::copy(from, &temporary)
        .and_then(|_| File::options().write(true).open(&temporary))
        .and_then(|file| file.set_modified(fs::metadata(from)?.modified()?))
        .and_then(|()| fs::rename(&temporary, to))
        .map_err(|error| format!("{} cannot be copied to {}: {error}", from.display(), to.display()))
}
