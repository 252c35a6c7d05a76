//! The start of an instance that was there before: the units that are enabled, in the order of systemd.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::thread;

use rustix::process::getpid;

use super::console::Console;
use super::order::last;
use super::supervise::Units;

/// Starts all units that are enabled, each after those that it names (systemd.unit(5), "After="), and waits for none of them.
pub(super) fn start_enabled(units: &Arc<Units>, console: &Arc<Console>) {
    let (units, console) = (units.clone(), console.clone());
    let after = units.enabled().into_iter().map(|name| (name.clone(), units.after(&name))).collect();
    thread::spawn(move || {
        for together in in_order(after) {
            let begun: Vec<_> = together.iter().map(|name| (name, units.begin(name))).collect();
            for (name, begun) in begun {
                // Whoever ends before it was started has said why to its journal.
                let started = begun.map(|started| started.map_or(Ok(()), |started| started.recv().unwrap_or(Ok(()))));
                if let Err(why) = started.and_then(|started| started) {
                    console.journal("systemd", getpid(), &format!("Failed to start {name}: {why}"));
                }
            }
        }
    });
}

/// Groups of units that start together, one group after the other, each unit as late as it may.
fn in_order(mut after: BTreeMap<String, Vec<String>>) -> Vec<Vec<String>> {
    let mut groups = Vec::new();
    while !after.is_empty() {
        let all = after.iter().map(|(name, after)| (name.as_str(), after.as_slice())).collect();
        let group: Vec<String> = last(&all).into_iter().map(str::to_owned).collect();
        after.retain(|name, _| !group.contains(name));
        groups.push(group);
    }
    groups.reverse();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_start_after_those_that_they_name() {
        let after = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let row = |name: &str, names: &[&str]| (name.to_owned(), after(names));
        let all = [row("boot", &["network.target"]), row("puller", &["worker"]), row("worker", &["network.target"])];
        assert_eq!(in_order(all.into()), [after(&["worker"]), after(&["boot", "puller"])]);
        let ring = [row("puller", &["worker"]), row("worker", &["puller"])];
        assert_eq!(in_order(ring.into()), [after(&["puller", "worker"])]);
        assert!(in_order(BTreeMap::new()).is_empty());
    }
}
