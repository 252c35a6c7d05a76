//! bwrap, which makes sandboxes without a right of its own where the kernel allows it.

use std::path::Path;
use std::process::{Command, Stdio};

pub(super) const BWRAP: &str = "bwrap";

/// Whether this machine has bwrap and allows it what a container takes; if not, why.
pub(super) fn is_possible() -> Result<(), String> {
    let mut command = Command::new(BWRAP);
    command.args([
        "--ro-bind",
        "/",
        "/",
        "--proc",
        "/proc",
        "--dev",
        "/dev",
        "--unshare-user",
        "--unshare-pid",
        "true",
    ]);
    let output = command.stdin(Stdio::null()).output();
    let output = output.map_err(|_| "this machine has no bwrap: install bubblewrap, or measure containers on AWS")?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("this machine allows bwrap no namespaces: {}", words.lines().last().unwrap_or_default()))
}

/// A command, to be named, that can write below `directory` and nowhere else.
pub(super) fn writing_only(directory: &Path) -> Command {
    let mut command = Command::new(BWRAP);
    command.args(["--ro-bind", "/", "/", "--dev", "/dev", "--bind"]).arg(directory).arg(directory);
    command.args(["--unshare-user", "--unshare-net", "--die-with-parent"]);
    command
}
