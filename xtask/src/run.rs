//! Running other programs: visibly, with the time they take, and with a way out when one is missing.

use std::ffi::OsStr;
use std::io::IsTerminal;
use std::os::fd::AsFd;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::{Outcome, Paths};

/// Nothing is silent for longer than this: a watcher must be able to tell slow from stuck.
const HEARTBEAT: Duration = Duration::from_secs(15);

/// A cargo command in the checkout, with the shared target directory.
pub(crate) fn cargo(paths: &Paths, arguments: &[&str]) -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(&paths.root).args(arguments).env("CARGO_TARGET_DIR", &paths.target).stdin(Stdio::null());
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_of_xtask)) {
        command.env_remove(name);
    }
    command
}

/// Whether `cargo run` sets this variable to say something of xtask itself. It must not reach build scripts of other
/// packages: ring's runs again when one of them is there and was not, or the other way round, and then ring, rustls and
/// kube are compiled once more, at each turn between `cargo xtask` and cargo by hand.
fn is_of_xtask(variable: &str) -> bool {
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"].iter().any(|prefix| variable.starts_with(prefix))
}

/// Runs a step to its end. Its standard output goes to our standard error: standard output is for results.
pub(crate) fn step(label: &str, command: &mut Command) -> Outcome {
    let started = Instant::now();
    eprintln!("xtask: {label}");
    command.stdout(standard_error()?);
    let status = heartbeat(label, || status(command))?;
    if status.success() {
        eprintln!("xtask: {label}: {}", duration(started.elapsed()));
        return Ok(());
    }
    Err(format!("{label}: `{}` ended with {status}", line(command)))
}

/// Standard output of a command that must succeed; its standard error is shown.
pub(crate) fn output(command: &mut Command) -> Outcome<String> {
    let output = command.stderr(Stdio::inherit()).output().map_err(|error| missing(command.get_program(), &error))?;
    if !output.status.success() {
        return Err(format!("`{}` ended with {}", line(command), output.status));
    }
    String::from_utf8(output.stdout).map_err(|_| format!("`{}` printed something that is not UTF-8", line(command)))
}

/// Prints a line each 15 s while `work` runs, unless a person sees cargo's own progress bar.
pub(crate) fn heartbeat<T>(label: &str, work: impl FnOnce() -> T) -> T {
    if std::io::stderr().is_terminal() {
        return work();
    }
    beat(label, work)
}

/// The same for work that shows nothing of its own.
pub(crate) fn beat<T>(label: &str, work: impl FnOnce() -> T) -> T {
    let started = Instant::now();
    let (done, waiting) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            while waiting.recv_timeout(HEARTBEAT) == Err(RecvTimeoutError::Timeout) {
                eprintln!("xtask: {label}: {} so far", duration(started.elapsed()));
            }
        });
        let result = work();
        drop(done);
        result
    })
}

/// Our standard error as a place to write to.
pub(crate) fn standard_error() -> Outcome<Stdio> {
    let clone = std::io::stderr().as_fd().try_clone_to_owned();
    clone.map(Stdio::from).map_err(|error| format!("standard error cannot be duplicated: {error}"))
}

pub(crate) fn status(command: &mut Command) -> Outcome<ExitStatus> {
    command.status().map_err(|error| missing(command.get_program(), &error))
}

/// A program that is not there is named with the way to get it.
pub(crate) fn missing(program: &OsStr, error: &std::io::Error) -> String {
    let program = program.to_string_lossy();
    if error.kind() != std::io::ErrorKind::NotFound {
        return format!("`{program}` cannot be started: {error}");
    }
    let way_out = match program.as_ref() {
        "go" => {
            "install Go 1.26 or newer (https://go.dev/dl), or set KUBEBUILDER_ASSETS to a directory with etcd, kube-apiserver and kube-controller-manager"
        }
        "cc" => "install a C compiler (Debian and Ubuntu: apt-get install gcc libc6-dev; Fedora: dnf install gcc)",
        "git" => "install git, or run from an unpacked release",
        _ => "install it, or put its directory into PATH",
    };
    format!("`{program}` is not in PATH: {way_out}")
}

/// Whether a program can be found.
pub(crate) fn in_path(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|directory| directory.join(program).is_file())
}

/// `8s`, `3m05s`
pub(crate) fn duration(time: Duration) -> String {
    match time.as_secs() {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds => format!("{}m{:02}s", seconds / 60, seconds % 60),
    }
}

fn line(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        assert_eq!(duration(Duration::from_secs(8)), "8s");
        assert_eq!(duration(Duration::from_secs(185)), "3m05s");
    }

    #[test]
    fn cargo_is_told_nothing_of_xtask_itself() {
        for name in ["CARGO_MANIFEST_DIR", "CARGO_PKG_NAME", "CARGO_PKG_VERSION_MAJOR", "CARGO_PKG_VERSION_PRE"] {
            assert!(is_of_xtask(name), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "CARGO", "CARGO_TERM_COLOR"] {
            assert!(!is_of_xtask(name), "{name}");
        }
        let paths = Paths { root: "/".into(), cache: "".into(), target: "/t".into() };
        let command = cargo(&paths, &["build"]);
        // Who runs this test under cargo sets them for it as well.
        let removed = |name: &str| command.get_envs().any(|(known, value)| known == name && value.is_none());
        for (name, _) in std::env::vars().filter(|(name, _)| is_of_xtask(name)) {
            assert!(removed(&name), "{name}");
        }
    }

    #[test]
    fn a_missing_program_is_named_with_the_way_out() {
        let error = status(&mut Command::new("no-such-program-here")).unwrap_err();
        assert_eq!(error, "`no-such-program-here` is not in PATH: install it, or put its directory into PATH");
    }
}
