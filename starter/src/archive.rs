//! An archive as a program: its files in a directory of their own, and what runs there once before it serves. What served
//! before goes on meanwhile, in its own directory.
//!
//! It is done as the boot script does it for a worker that is not updated in place (`planner/templates/archive.sh`), so that
//! what can be set up at boot can be set up now. A step has no other rights than the program.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::{Instant, timeout_at};
use wire::{Application, Archive};

use crate::program::{Program, command};
use crate::store::Store;

/// So much of what a step printed is passed on, from its end.
const PASSED_ON_BYTES: u64 = 64 * 1024;
/// Characters of a last line that are told. A relay takes 64 KiB of an answer, and a condition is for people.
const TOLD_CHARACTERS: usize = 500;
/// What is told of a step that printed nothing.
const NOTHING: &str = "nothing";

/// Unpacks the archive `file` and runs its setup. All lines together have `patience`, and so has tar.
///
/// *Errors*: for people, with the last line of the step that failed; nothing of its directory is left.
/// *Cancellation*: the step is killed; its directory stays, and the next call begins with an empty one.
pub(crate) async fn set_up(
    application: &Application,
    archive: &Archive,
    file: &Path,
    store: &Store,
    patience: Duration,
) -> Result<(), String> {
    let tree = store.tree(application);
    let of_disk = |error: io::Error| format!("{} cannot be set up: {error}", tree.display());
    store.make_tree(application).map_err(of_disk)?;
    let made = match steps(application, archive, file, store, patience).await {
        Ok(()) => store.note_set_up(application).await.map_err(of_disk),
        Err(why) => Err(why),
    };
    if made.is_err() {
        store.discard(&tree);
    }
    made
}

async fn steps(
    application: &Application,
    archive: &Archive,
    file: &Path,
    store: &Store,
    patience: Duration,
) -> Result<(), String> {
    let (tree, log) = (store.tree(application), store.log());
    // The program's variables are none of its business.
    let mut tar = command(Path::new("tar"), &BTreeMap::new());
    tar.arg("--extract").arg("--file").arg(file).arg("--directory").arg(&tree);
    tar.args(["--no-same-owner", "--no-same-permissions"]);
    let unpacked = step(tar, &log, Instant::now() + patience).await;
    unpacked.map_err(|failed| format!("worker.archive: tar cannot unpack {}: {failed}", application.url))?;
    let end = Instant::now() + patience;
    for (index, line) in archive.setup.iter().enumerate() {
        let mut bash = among_files("/bin/bash", application, &tree);
        bash.arg("-c").arg(format!("set -euo pipefail\n{line}"));
        step(bash, &log, end).await.map_err(|failed| format!("worker.setup[{index}]: {failed}"))?;
    }
    Ok(())
}

/// The program of an archive: `env` looks names up and takes paths below the directory, as in a worker's unit.
pub(crate) fn program(application: &Application, archive: &Archive, tree: &Path) -> Command {
    let mut program = among_files("/usr/bin/env", application, tree);
    program.args(&archive.command);
    program
}

fn among_files(name: &str, application: &Application, tree: &Path) -> Command {
    let mut command = command(Path::new(name), &application.environment);
    command.current_dir(tree).env("HOME", tree);
    command
}

/// How a step ended that failed, and the last line of what it printed.
#[derive(Debug, thiserror::Error)]
#[error("{how}; it said: {last}")]
struct Failed {
    how: String,
    last: String,
}

/// Runs a step, and ends all that it left in the background, as systemd does with a unit (systemd.kill(5), "KillMode=").
async fn step(mut command: Command, log: &Path, end: Instant) -> Result<(), Failed> {
    let of_disk = |error: io::Error| Failed { how: error.to_string(), last: NOTHING.to_owned() };
    let printed = File::create(log).map_err(of_disk)?;
    command.stdout(printed.try_clone().map_err(of_disk)?).stderr(printed);
    let mut step = Program::start(command).map_err(of_disk)?;
    let ended = timeout_at(end, step.wait()).await;
    step.stop().await;
    let last = last_line(log).map_err(of_disk)?;
    let how = match ended {
        Ok(Ok(status)) if status.success() => return Ok(()),
        Ok(Ok(status)) => status.to_string(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "it took too long".to_owned(),
    };
    Err(Failed { how, last })
}

/// Passes on what was printed, to where our own words go, and returns the last line that says something.
fn last_line(log: &Path) -> io::Result<String> {
    let mut file = File::open(log)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(PASSED_ON_BYTES)))?;
    let mut printed = Vec::new();
    file.read_to_end(&mut printed)?;
    fs::remove_file(log)?;
    // Nobody may be there to read it.
    let _ = io::stderr().write_all(&printed);
    let text = String::from_utf8_lossy(&printed);
    let last = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or(NOTHING);
    // A console would act on a control character.
    Ok(last.chars().filter(|character| !character.is_control()).take(TOLD_CHARACTERS).collect())
}
