//! Ends of processes in the words of systemd: a result, and an exit status or the number of a signal.

use std::os::unix::process::ExitStatusExt as _;
use std::process::ExitStatus;

/// The exit status that systemd gives a process which it could not start: 203 is its `EXIT_EXEC`.
pub(super) const NOT_EXECUTED: (&str, i32) = ("exit-code", 203);

/// Result and signal of a process that took longer than it may.
pub(super) const TIMED_OUT: (&str, i32) = ("timeout", 15);

/// Result and status of a process that has ended.
pub(super) fn ending(status: ExitStatus) -> (&'static str, i32) {
    match (status.code(), status.signal()) {
        (Some(0), _) => ("success", 0),
        (Some(code), _) => ("exit-code", code),
        (None, signal) => ("signal", signal.unwrap_or(0)),
    }
}
