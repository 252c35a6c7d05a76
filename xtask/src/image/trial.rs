//! An image that was made, tried out by tools that know nothing of us: skopeo reads it, umoci unpacks it, and bwrap starts the
//! operator in it as the image's user, without a network or a right. What is not there is said and left out.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::layout::USER;
use crate::{Outcome, disk, run};

/// Words that a copy of an image is known by.
const TAG: &str = "trial";

/// Tries out the image of this machine's architecture.
pub(super) fn try_out(image: &Path, version: &str) -> Outcome {
    let Some(copy) = copy(image, version)? else { return Ok(()) };
    let outcome = unpack_and_start(&copy, version);
    disk::remove(&copy)?;
    outcome
}

/// Has skopeo copy the image of every architecture, then that of this machine's, to where umoci finds it. It compares each blob
/// with its digest. `None`: there is no skopeo.
pub(super) fn copy(image: &Path, version: &str) -> Outcome<Option<PathBuf>> {
    if !is_there("skopeo", "read by a registry's tool") {
        return Ok(None);
    }
    let copy = image.with_extension("trial");
    disk::remove(&copy)?;
    let from = format!("oci:{}:{version}", image.display());
    for (all, tag) in [(&["--all"][..], "all"), (&[], TAG)] {
        // What may be copied is the machine's policy, which there need not be: we know where this image comes from.
        let mut command = Command::new("skopeo");
        command.args(["--insecure-policy", "copy", "--quiet"]).args(all).arg(&from);
        command.arg(format!("oci:{}:{tag}", copy.display())).stdin(Stdio::null());
        run::step(&format!("copy of the image ({tag})"), &mut command)?;
    }
    Ok(Some(copy))
}

fn unpack_and_start(copy: &Path, version: &str) -> Outcome {
    let Some(root) = unpack(copy)? else { return Ok(()) };
    if !may_start(&[])? {
        return Ok(());
    }
    let said = run::output(sandbox(&root, &[]).args(["/operator", "--version"]))?;
    if said.trim() != format!("operator {version}") {
        return Err(format!("the operator of the image says `{}`, not `operator {version}`", said.trim()));
    }
    Ok(())
}

/// Has umoci unpack the copy of this machine's architecture; the directory that is its `/`. `None`: there is no umoci.
pub(super) fn unpack(copy: &Path) -> Outcome<Option<PathBuf>> {
    if !is_there("umoci", "unpacked") {
        return Ok(None);
    }
    let bundle = copy.join("bundle");
    let mut command = Command::new("umoci");
    command.args(["unpack", "--rootless", "--image"]).arg(format!("{}:{TAG}", copy.display())).arg(&bundle);
    run::step("unpacking of the image", command.stdin(Stdio::null()))?;
    Ok(Some(bundle.join("rootfs")))
}

/// Whether there is bwrap, and this machine allows it what a sandbox with `more` takes. If not, that is said.
pub(super) fn may_start(more: &[&OsStr]) -> Outcome<bool> {
    if !is_there("bwrap", "started") {
        return Ok(false);
    }
    let is_allowed = run::status(sandbox(Path::new("/"), more).arg("/bin/true").stderr(Stdio::null()))?.success();
    if !is_allowed {
        eprintln!("xtask: SKIPPED: the image was NOT started: this machine allows bwrap no namespaces");
    }
    Ok(is_allowed)
}

/// A command in `root`, as the image's user, alone; with `more` of bwrap's options.
pub(super) fn sandbox(root: &Path, more: &[&OsStr]) -> Command {
    let user = USER.to_string();
    let mut command = Command::new("bwrap");
    command.args([
        "--unshare-all",
        "--unshare-user",
        "--uid",
        &user,
        "--gid",
        &user,
        "--cap-drop",
        "ALL",
        "--clearenv",
    ]);
    command.args([OsStr::new("--ro-bind"), root.as_os_str(), OsStr::new("/")]).args(more);
    command.args(["--die-with-parent", "--"]).stdin(Stdio::null());
    command
}

fn is_there(program: &str, what: &str) -> bool {
    let is_there = run::in_path(program);
    if !is_there {
        eprintln!("xtask: SKIPPED: the image was NOT {what}: there is no `{program}` on the PATH");
    }
    is_there
}
