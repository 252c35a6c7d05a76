//! Several launches of the workers in one run: new instances each time, a report of each, and one of all.

use std::collections::BTreeSet;

use serde_json::json;

use crate::bench::{Bench, runs, spec};
use crate::lab::shared;

const LAUNCHES: usize = 2;

/// The operator is killed while the workers are being replaced.
#[test]
fn a_run_of_two_launches_is_measured_on_new_workers_and_reported_as_one() {
    let Some(lab) = shared("launches") else { return };
    let mut wanted = spec(2, 2000);
    wanted["load"]["launches"] = json!(LAUNCHES);
    let bench = Bench::apply(lab, "launches", wanted);
    bench.wait_until("the first launch is recorded", |object| {
        runs(object).iter().any(|run| run["parts"].as_array().is_some_and(|parts| parts.len() == 1))
    });
    lab.kill("operator");
    let seen = bench.ready();
    let [run] = runs(&seen).try_into().unwrap_or_else(|runs| panic!("{runs:#?}"));
    assert_eq!((&run["launches"], &run["rounds"]), (&json!(2), &json!(4)), "{run:#}");
    assert_eq!(bench.outcomes(&seen), ["Valid"], "{run:#}");
    assert_eq!(seen["status"]["progress"], "4/4 rounds");

    let reports = bench.reports();
    let launch_of = |object: &serde_json::Value| object["metadata"]["labels"]["clusterbench.dev/launch"].clone();
    let (whole, parts): (Vec<_>, Vec<_>) = reports.iter().partition(|(object, _)| launch_of(object).is_null());
    let [(object, whole)] = whole[..] else { panic!("{} reports of the run", whole.len()) };
    assert_eq!((&object["metadata"]["name"], parts.len()), (&run["report"], LAUNCHES));
    assert_eq!(whole.rounds.iter().map(|round| round.launch).collect::<Vec<_>>(), [1, 1, 2, 2]);
    let members = |launch: u32| -> BTreeSet<&str> {
        let rounds = whole.rounds.iter().filter(|round| round.launch == launch);
        let clusters = rounds.flat_map(|round| &round.clusters);
        clusters.flat_map(|cluster| &cluster.members).map(|member| member.id.as_str()).collect()
    };
    assert!(!members(1).is_empty() && members(1).is_disjoint(&members(2)), "{:?} {:?}", members(1), members(2));
    bench.delete();
}
