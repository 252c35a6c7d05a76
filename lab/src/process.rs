//! Child processes that die with us, whatever kills us.
//!
//! Linux sends a signal to a child when the *thread* that made it ends. It must be asked for in the child itself;
//! as code between fork and exec would be unsafe, the child first runs this program again, which asks, makes sure
//! that its parent is still there, and becomes the wanted program.

use std::ffi::{OsStr, OsString};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::Context;
use rustix::process::{Pid, Signal, getppid, set_parent_process_death_signal};

/// First argument of a call that becomes another program.
const WORD: &str = "become";

/// A command for `program` (shown as `name` by ps) whose process is killed when the calling thread ends.
/// `lab` is the path of this program.
pub(crate) fn bound_to_us(lab: &Path, program: &Path, name: &str) -> Command {
    let mut command = Command::new(lab);
    command.arg(WORD).arg(std::process::id().to_string()).arg(program).arg(name);
    command
}

/// Becomes the program that [`bound_to_us`] named, if this call is one of those.
pub(crate) fn become_wanted(arguments: &[OsString]) -> Option<ExitCode> {
    let [_, word, parent, program, name, rest @ ..] = arguments else { return None };
    if word != WORD {
        return None;
    }
    let error = match bind(parent, Signal::KILL) {
        Ok(true) => anyhow::Error::from(Command::new(program).arg0(name).args(rest).exec())
            .context(format!("{} cannot be started", program.display())),
        Ok(false) => return Some(ExitCode::FAILURE),
        Err(error) => error,
    };
    eprintln!("lab: {error:#}");
    Some(ExitCode::FAILURE)
}

/// Asks for `signal` when the parent's thread ends. False: the parent was gone before.
pub(crate) fn bind(parent: &OsStr, signal: Signal) -> anyhow::Result<bool> {
    set_parent_process_death_signal(Some(signal)).context("the parent death signal cannot be set")?;
    let parent: i32 = parent.to_str().and_then(|pid| pid.parse().ok()).context("the parent's pid is not a number")?;
    Ok(getppid() == Pid::from_raw(parent))
}

/// Whether a process exists and is not just waiting to be reaped.
pub(crate) fn is_alive(pid: i32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    // The name in parentheses may hold anything, the state follows the last one.
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    !matches!(state, None | Some('Z' | 'X'))
}

#[cfg(test)]
mod tests {
    use super::is_alive;

    #[test]
    fn a_process_is_alive_until_it_ends() {
        assert!(is_alive(std::process::id().cast_signed()));
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let pid = child.id().cast_signed();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
        while is_alive(pid) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(!is_alive(pid), "a zombie counts as ended");
        child.wait().unwrap();
        assert!(!is_alive(pid));
    }
}
