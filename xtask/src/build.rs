//! The one place that builds: every binary with one cargo command line, the control plane beside it.

use std::path::PathBuf;

use crate::{Outcome, Paths, controlplane, disk, run};

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
    let _alone = disk::lock(&paths.cache.join("build.lock"), "another clone builds")?;
    // Any other selection of packages could resolve to other features and compile the AWS SDK once more.
    run::step("build of all binaries", &mut run::cargo(paths, &["build", "--workspace", "--bins"]))?;
    let directory = paths.binaries();
    disk::create(&directory)?;
    for name in BINARIES {
        disk::copy(&paths.target.join("debug").join(name), &directory.join(name))?;
    }
    Ok(directory)
}
