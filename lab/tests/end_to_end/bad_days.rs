//! Programs that are not what they should be, workers that crash, an API server that goes away.

use rustix::process::Signal;
use serde_json::{Value, json};
use wire::RoundOutcome;

use crate::bench::{Bench, INSTANCES, condition, holds, runs, spec};
use crate::lab::{send, shared};

/// Launches of a pool whose instances never get ready.
const LAUNCHES: usize = 3;

#[test]
fn a_program_with_another_hash_is_not_run_and_stalls_with_the_last_console_line() {
    let Some(lab) = shared("wrong hash") else { return };
    let index: Value = serde_json::from_slice(&std::fs::read(lab.state().join("artifacts.json")).unwrap()).unwrap();
    let (_, right) = index["sha256"]["worker"].as_object().unwrap().iter().next().unwrap();
    let right = right.as_str().unwrap();
    let (url, wrong) = (format!("{}/{right}/worker", index["baseUrl"].as_str().unwrap()), "0".repeat(64));
    let mut wanted = spec(6, 1000);
    wanted["worker"] = json!({ "artifactUrl": url, "artifactSha256": wrong });
    wanted["clusters"].as_array_mut().unwrap().truncate(1);
    let bench = Bench::apply(lab, "wrong-hash", wanted);

    let line = format!("clusterbench: error: {url} has sha256 {right}, not {wrong}: it was not run");
    bench.wait_until("a message quotes the console", |object| {
        ["Provisioned", "Deployed"].iter().any(|kind| condition(object, kind).2.contains(&line))
    });
    let seen = bench.wait_until("it is stalled", |object| holds(object, "Stalled"));
    for kind in ["Stalled", "Ready", "Provisioned"] {
        assert!(condition(&seen, kind).2.contains(&line), "{kind}: {seen:#}");
    }
    assert!(runs(&seen).is_empty());
    let launched = || bench.made().0.iter().filter(|one| one.pool == "one").count();
    assert_eq!(launched(), LAUNCHES);
    // Stalled means that nothing happens until somebody changes something.
    std::thread::sleep(std::time::Duration::from_secs(3));
    assert_eq!(launched(), LAUNCHES);
    bench.delete();
}

#[test]
fn a_worker_that_is_killed_voids_its_round_which_is_repeated() {
    let Some(lab) = shared("killed worker") else { return };
    const ROUNDS: u32 = 20;
    let bench = Bench::apply(lab, "killed-worker", spec(ROUNDS, 5000));
    bench.measuring(1);
    let victim = bench.only_running()["two"][0].clone();
    let processes = lab.processes_of(&victim);
    let workers: Vec<i32> =
        processes.iter().filter(|(_, program)| program.ends_with("worker")).map(|(pid, _)| *pid).collect();
    let [worker] = workers[..] else { panic!("{processes:?}") };
    send(worker, Signal::KILL);

    let seen = bench.ready();
    let [(_, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    let voided: Vec<_> = report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Voided).collect();
    assert!((1..=2).contains(&voided.len()), "{:#?}", report.rounds);
    assert!(voided[0].reason.starts_with(&format!("{victim} of two was ")), "{}", voided[0].reason);
    let counted: Vec<u32> =
        report.rounds.iter().filter(|round| round.outcome == RoundOutcome::Counted).map(|round| round.round).collect();
    assert_eq!(counted, (1..=ROUNDS).collect::<Vec<_>>(), "each of them is measured in the end");
    assert_eq!(bench.outcomes(&seen), ["Valid"], "{:?}", report.reasons);
    // It was started again where it was: an instance is not replaced because its program crashed.
    bench.only_running();
    bench.launched(INSTANCES);
    bench.delete();
}

#[test]
fn an_api_server_that_is_killed_delays_and_changes_nothing() {
    let Some(lab) = shared("killed API server") else { return };
    let bench = Bench::apply(lab, "api-server", spec(12, 5000));
    bench.launch_is_written_down();
    lab.kill("kube-apiserver");
    bench.measuring(1);
    lab.kill("kube-apiserver");
    let seen = bench.ready();
    assert_eq!((runs(&seen).len(), bench.reports().len()), (1, 1));
    bench.only_running();
    bench.launched(INSTANCES);
    bench.delete();
}
