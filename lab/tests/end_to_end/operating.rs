//! Things that an operator shows beside status: events, a Lease, metrics, and the kill switch that needs no Kubernetes.

use std::path::Path;
use std::process::Command;

use crate::bench::{Bench, INSTANCES, spec};
use crate::lab::shared;

#[test]
fn a_measured_benchmark_left_events_and_the_kill_switch_lists_it() {
    let Some(lab) = shared("operating") else { return };
    let bench = Bench::apply(lab, "operating", spec(6, 1000));
    bench.ready();
    let events = lab.kubectl("get events.events.k8s.io --namespace operating --output=jsonpath={.items[*].reason}");
    for reason in ["Placed", "Launching", "Running", "Healthy", "Valid"] {
        assert!(events.split(' ').any(|word| word == reason), "{reason} is not in {events}");
    }
    let lease = lab.get("lease/clusterbenchmark-operator --namespace clusterbenchmark-system").unwrap();
    assert_eq!(lease["spec"]["holderIdentity"], "operator");

    let binaries = std::env::var_os("CLUSTERBENCHMARK_BIN").unwrap();
    let mut sweep = lab.program(&Path::new(&binaries).join("operator"));
    // Kubernetes is not asked.
    sweep.args(["sweep", "--dry-run", "--installation", "lab"]).env_remove("KUBECONFIG");
    let output = sweep.output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(output.status.code(), Some(3), "{said} {}", String::from_utf8_lossy(&output.stderr));
    let found = said.lines().find(|line| line.starts_with("operating/")).unwrap_or_else(|| panic!("{said}"));
    assert!(found.contains(&format!("{INSTANCES} instances, 2 groups")), "{found}");
    bench.delete();
}

/// `lab ledger | head`: what is not read any more is no failure, and no backtrace.
#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let Some(lab) = shared("closed pipe") else { return };
    let unread = |mut command: Command| {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = command.stdout(writer).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    for words in [&["ledger"][..], &["status"], &["logs"], &["env"], &["chaos", "list"]] {
        assert_eq!(unread(lab.command(words)), (Some(0), String::new()), "{words:?}");
    }
    let mut sweep = lab.program(&Path::new(&std::env::var_os("CLUSTERBENCHMARK_BIN").unwrap()).join("operator"));
    sweep.args(["sweep", "--dry-run", "--installation", "nobody"]).env_remove("KUBECONFIG");
    assert_eq!(unread(sweep), (Some(0), String::new()));
}
