//! All processes below this one, re-parented ones included (we are their subreaper).

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use rustix::process::{Pid, Signal, getpid, kill_process};

/// Process ids of everything below this process.
pub(super) fn descendants() -> Vec<Pid> {
    below(getpid().as_raw_pid(), &parents()).into_iter().filter_map(Pid::from_raw).collect()
}

/// Process ids of everything below this process that was started with this variable.
pub(super) fn descendants_with(name: &str, value: &str) -> Vec<Pid> {
    let variable = format!("{name}={value}");
    let has_it = |pid: &Pid| {
        let environment = fs::read(format!("/proc/{}/environ", pid.as_raw_pid())).unwrap_or_default();
        environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes())
    };
    descendants().into_iter().filter(has_it).collect()
}

/// Process ids of what a process started itself.
pub(super) fn children_of(parent: Pid) -> Vec<Pid> {
    let of_it = parents().into_iter().filter(|(_, of)| *of == parent.as_raw_pid());
    of_it.filter_map(|(pid, _)| Pid::from_raw(pid)).collect()
}

/// Sends `signal` to everything below this process; returns how many there were.
pub(super) fn signal_all(signal: Signal) -> usize {
    let all = descendants();
    for pid in &all {
        let _ = kill_process(*pid, signal); // it may be gone already
    }
    all.len()
}

/// Parent by process id.
fn parents() -> BTreeMap<i32, i32> {
    let Ok(processes) = fs::read_dir("/proc") else { return BTreeMap::new() };
    processes
        .flatten()
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            Some((pid, parent_of(&fs::read_to_string(entry.path().join("stat")).ok()?)?))
        })
        .collect()
}

/// `pid (name) state parent ...`, where the name may hold anything, parentheses and spaces too.
fn parent_of(stat: &str) -> Option<i32> {
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn below(root: i32, parents: &BTreeMap<i32, i32>) -> BTreeSet<i32> {
    let mut found = BTreeSet::from([root]);
    loop {
        let before = found.len();
        found.extend(
            parents.iter().filter(|(_, parent)| found.contains(parent)).map(|(pid, _)| *pid).collect::<Vec<_>>(),
        );
        if found.len() == before {
            found.remove(&root);
            return found;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_read_past_any_name() {
        assert_eq!(parent_of("12 (a) b) (c) S 7 12 12 0"), Some(7));
        assert_eq!(parent_of("12 (cut"), None);
    }

    #[test]
    fn descendants_are_followed_to_any_depth() {
        let parents = BTreeMap::from([(2, 1), (3, 9), (9, 2), (4, 3), (5, 1), (6, 5)]);
        assert_eq!(below(2, &parents), BTreeSet::from([3, 4, 9]));
        assert_eq!(below(4, &parents), BTreeSet::new());
    }
}
