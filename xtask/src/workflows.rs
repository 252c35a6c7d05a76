//! The workflows of continuous integration, judged by actionlint (xtask/actionlint, Go).

use std::fs;
use std::process::Command;

use crate::go::{self, Program};
use crate::{Outcome, Paths, run};

const DIRECTORY: &str = ".github/workflows";

const ACTIONLINT: Program = Program {
    parent: "xtask",
    name: "actionlint",
    label: "actionlint",
    takes: "half a minute on two cores",
    link_flags: "-s -w",
    otherwise: "",
};

/// Skipped with a word where there is no Go, a failure where `CI` is `true`.
pub(crate) fn check(paths: &Paths) -> Outcome {
    if !go::is_there(&format!("{DIRECTORY} was NOT checked: there is no `go` on the PATH"))? {
        return Ok(());
    }
    let binary = ACTIONLINT.provide(paths)?;
    let directory = paths.root.join(DIRECTORY);
    let entries = fs::read_dir(&directory).map_err(|error| format!("{DIRECTORY} cannot be read: {error}"))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    // Its checks of shell and Python are those of whatever version of another tool is there: not ours to depend on.
    let mut command = Command::new(binary);
    command.current_dir(&paths.root).args(["-shellcheck=", "-pyflakes="]).args(files);
    run::step("workflows", &mut command).map_err(|error| format!("{error}: correct {DIRECTORY} as it says above"))
}
