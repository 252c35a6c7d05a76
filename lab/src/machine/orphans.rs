//! Processes of a lab, found without their cooperation.
//!
//! Every process of an instance inherits a variable that names the instance's directory. One that cleared its
//! environment is still known when it runs a program from that directory.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, kill_process};

use super::directory::Directory;
use super::quota;

/// The variable that marks a process; its value is the instance's directory.
pub(super) const MARK: &str = "CLUSTERBENCH_INSTANCE";

/// A process that was sent SIGKILL is gone within milliseconds unless it hangs in the kernel.
const SWEEP_LIMIT: Duration = Duration::from_secs(5);
const SWEEP_PAUSE: Duration = Duration::from_millis(5);

/// The directory of the instances of the lab in `state_dir`.
pub(super) fn instances_of(state_dir: &Path) -> PathBuf {
    state_dir.join("instances")
}

/// Variable and value that mark a process as one of this lab's cloud: it is counted, and swept when it is left over.
///
/// *Errors*: the directory of instances is not there.
pub fn mark_of(state_dir: &Path, name: &str) -> io::Result<(&'static str, PathBuf)> {
    Ok((MARK, instances_of(state_dir).canonicalize()?.join(name)))
}

/// Kills what a former lab of this state directory left behind: inits that were killed before they could sweep, and
/// their descendants. Returns how many processes there were.
///
/// *Assumes* that no lab of this state directory is running: its instances would be killed too.
///
/// *Errors*: processes that do not die.
pub fn sweep_leftovers(state_dir: &Path) -> io::Result<usize> {
    let Some(instances) = existing(&instances_of(state_dir)) else { return Ok(0) };
    let swept = sweep(&instances)?;
    for entry in fs::read_dir(&instances)?.flatten() {
        quota::remove(&Directory::new(entry.path()));
    }
    Ok(swept)
}

/// The number of processes that the instances of this state directory have, their inits included.
pub fn count_processes(state_dir: &Path) -> usize {
    existing(&instances_of(state_dir)).map_or(0, |instances| find(&instances).len())
}

/// Kills every process of an instance in or below `directory` until none is left.
pub(super) fn sweep(directory: &Path) -> io::Result<usize> {
    let (start, mut seen) = (Instant::now(), BTreeSet::new());
    loop {
        let found = find(directory);
        if found.is_empty() {
            return Ok(seen.len());
        }
        if start.elapsed() > SWEEP_LIMIT {
            let pids: Vec<i32> = found.iter().map(|pid| pid.as_raw_pid()).collect();
            return Err(io::Error::other(format!("processes {pids:?} of {} do not die", directory.display())));
        }
        for pid in found {
            // Between looking and killing it may have gone; its number is not given out again so soon.
            let _ = kill_process(pid, Signal::KILL);
            seen.insert(pid.as_raw_pid());
        }
        thread::sleep(SWEEP_PAUSE);
    }
}

fn existing(path: &Path) -> Option<PathBuf> {
    path.canonicalize().ok()
}

fn find(directory: &Path) -> Vec<Pid> {
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    let this = getpid();
    processes
        .flatten()
        .filter_map(|entry| {
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            (pid != this && is_marked(&entry.path(), directory)).then_some(pid)
        })
        .collect()
}

/// Whether the process runs in or below `directory`. Processes of other users cannot be read and are not ours.
fn is_marked(process: &Path, directory: &Path) -> bool {
    let environment = fs::read(process.join("environ")).unwrap_or_default();
    let mark = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(MARK.as_bytes()).and_then(|rest| rest.strip_prefix(b"=")));
    let marked = mark.is_some_and(|mark| Path::new(std::ffi::OsStr::from_bytes(mark)).starts_with(directory));
    marked || fs::read_link(process.join("exe")).is_ok_and(|program| program.starts_with(directory))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn only_processes_of_the_named_directory_are_found_and_killed() {
        let base = std::env::temp_dir().join(format!("marked-{}", std::process::id()));
        let (ours, other) = (instances_of(&base.join("a")), instances_of(&base.join("ab")));
        fs::create_dir_all(&ours).expect("directory");
        fs::create_dir_all(&other).expect("directory");
        let sleep = |mark: &Path| Command::new("sleep").arg("600").env(MARK, mark).spawn().expect("sleep");
        let (mut mine, mut theirs) = (sleep(&ours.join("i-1")), sleep(&other.join("i-1")));
        // A process that was just started shows its environment a moment later.
        while count_processes(&base.join("a")) + count_processes(&base.join("ab")) < 2 {
            std::thread::yield_now();
        }
        assert_eq!(count_processes(&base.join("a")), 1);
        assert_eq!(sweep_leftovers(&base.join("a")).expect("sweep"), 1);
        assert!(!mine.wait().expect("killed").success());
        assert_eq!(theirs.try_wait().expect("state"), None, "a neighbour's process lives on");
        assert_eq!(sweep_leftovers(&base.join("absent")).expect("nothing"), 0);
        theirs.kill().expect("kill");
        theirs.wait().expect("wait");
        fs::remove_dir_all(&base).expect("clean");
    }
}
