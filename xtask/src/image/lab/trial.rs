//! The image of the lab, tried out: bwrap runs a demo in it to its end, as the image's user, in a network that goes nowhere, as the
//! first process, as Docker would. What is not there is said and left out.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::image::{layout, trial};
use crate::{Outcome, disk, run};

/// Two workers, a moment of load.
const SAMPLE: &str = "\
apiVersion: clusterbench.dev/v1alpha1
kind: ClusterBenchmark
metadata: { name: trial }
spec:
  clusters:
    - { name: one, instanceType: t2.micro, count: 1 }
    - { name: two, instanceType: t2.micro, count: 1 }
  worker:
    work: { profile: Sleep, distribution: Exponential, meanMicros: 4000 }
  load:
    rounds: 1
    phases:
      - { arrivals: ClosedLoop, concurrency: 10, requests: 200 }
";
/// Where it is found in the sandbox.
const PLACE: &str = "/tmp/trial.yaml";
/// What every process of Linux may expect.
const MOUNTS: [&str; 4] = ["--proc", "/proc", "--dev", "/dev"];
/// The beginning of the demo's last line.
const LAST: &str = "nothing left: ";

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Tried {
    /// The last line of the demo.
    Ran(String),
    /// Why not has been said.
    Skipped,
}

/// Unpacks the image beside it, and runs `entrypoint demo`.
pub(super) fn demo(image: &Path, version: &str, entrypoint: &str, environment: &[String]) -> Outcome<Tried> {
    if !trial::may_start(&MOUNTS.map(OsStr::new))? {
        return Ok(Tried::Skipped);
    }
    let place = image.with_extension("sandbox");
    disk::remove(&place)?;
    disk::create(&place)?;
    let outcome = run_in(&place, image, version, entrypoint, environment);
    disk::remove(&place)?;
    outcome.map(Tried::Ran)
}

fn run_in(place: &Path, image: &Path, version: &str, entrypoint: &str, environment: &[String]) -> Outcome<String> {
    let copy = trial::copy(image, version)?;
    let root = copy.as_deref().map(trial::unpack).transpose()?.flatten();
    let root = root.map_or_else(|| unpack(place, image), Ok)?;
    let ran = start(place, &root, entrypoint, environment);
    copy.iter().try_for_each(|copy| disk::remove(copy))?;
    ran
}

/// The same with tar, where there are none of a registry's tools.
fn unpack(place: &Path, image: &Path) -> Outcome<PathBuf> {
    let root = place.join("root");
    disk::create(&root)?;
    let mut tar = Command::new("tar");
    tar.args(["--extract", "--no-same-owner", "--same-permissions", "--file"]).arg(layout::only_layer(image)?);
    run::step("unpacking of the image by tar", tar.arg("--directory").arg(&root).stdin(Stdio::null()))?;
    Ok(root)
}

/// Runs the demo; its last line.
fn start(place: &Path, root: &Path, entrypoint: &str, environment: &[String]) -> Outcome<String> {
    let sample = place.join("trial.yaml");
    disk::write(&sample, SAMPLE.as_bytes(), 0o644)?;
    let mut more: Vec<&OsStr> = MOUNTS.iter().map(OsStr::new).collect();
    more.extend(["--as-pid-1", "--tmpfs", "/tmp", "--ro-bind"].map(OsStr::new));
    more.extend([sample.as_os_str(), OsStr::new(PLACE)]);
    for (name, value) in environment.iter().filter_map(|variable| variable.split_once('=')) {
        more.extend(["--setenv", name, value].map(OsStr::new));
    }
    let mut command = trial::sandbox(root, &more);
    command.args([entrypoint, "demo", PLACE]);
    let said = run::beat("demo in the image", || run::output(&mut command))?;
    let last = said.lines().last().unwrap_or_default();
    if !last.starts_with(LAST) {
        return Err(format!("the demo of the image ended with `{last}`, not with `{LAST}...`; it said:\n{said}"));
    }
    Ok(last.to_owned())
}
