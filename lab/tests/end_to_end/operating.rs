//! Things that an operator shows beside status: events, a Lease, metrics, and the kill switch that needs no Kubernetes.

use std::path::Path;
use std::process::Command;

use crate::bench::{Bench, INSTANCES, runs, spec};
use crate::lab::{Lab, shared, until};
use crate::updates::get;

/// What Prometheus gets from the operator's pod; an error while other tests kill it.
fn metrics(lab: &Lab) -> Result<String, String> {
    let pods = lab.get("pods --namespace clusterbenchmark-system").unwrap();
    get(pods["items"][0]["status"]["podIP"].as_str().unwrap(), "/metrics")
}

#[test]
fn a_measured_benchmark_left_events_and_the_kill_switch_lists_it() {
    let Some(lab) = shared("operating") else { return };
    // Eight seconds of load: what a run says while it is on is new every five.
    let bench = Bench::apply(lab, "operating", spec(6, 10_000));
    until("the run is among the operator's metrics", || {
        let Ok(said) = metrics(lab) else { return false };
        let has = |metric: &str, more: &str| {
            let labels = "namespace=\"operating\",name=\"operating\",cluster=\"two\"";
            said.contains(&format!("\nclusterbench_live_{metric}{{{labels}{more}}} "))
        };
        has("round", "") && has("requests_per_second", "") && has("latency_seconds", ",quantile=\"0.99\"")
    });
    let seen = bench.ready();
    until("the run is over for the metrics too", || {
        metrics(lab).is_ok_and(|said| !said.contains("{namespace=\"operating\""))
    });
    let outcome = runs(&seen)[0]["outcome"].clone();
    let events = lab.kubectl("get events.events.k8s.io --namespace operating --output=jsonpath={.items[*].reason}");
    for reason in ["Placed", "Launching", "Running", "Healthy", outcome.as_str().unwrap()] {
        assert!(events.split(' ').any(|word| word == reason), "{reason} is not in {events}");
    }
    let lease = lab.get("lease/clusterbenchmark-operator --namespace clusterbenchmark-system").unwrap();
    let holder = lease["spec"]["holderIdentity"].as_str().unwrap();
    assert!(holder.starts_with("operator-"), "{holder} is no pod of the Deployment");

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
