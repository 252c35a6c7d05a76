//! Edits of a benchmark, and their effect on its instances and its results.

use serde_json::json;

use crate::bench::{Bench, INSTANCES, condition, runs, spec};
use crate::lab::shared;

#[test]
fn edits_measure_again_on_the_same_instances_grow_clusters_and_terminate() {
    let Some(lab) = shared("editing") else { return };
    let mut wanted = spec(6, 1000);
    let bench = Bench::apply(lab, "edited", wanted.clone());
    bench.ready();
    let before = bench.only_running();
    assert_eq!(before.values().flatten().count(), INSTANCES);

    // Another runId: the same instances, a second result.
    bench.patch(json!({ "runId": "again" }));
    let seen = bench.ready();
    let ids: Vec<_> = runs(&seen).iter().map(|run| run["id"].clone()).collect();
    assert_eq!((ids, bench.outcomes(&seen)), (vec![json!("1"), json!("again")], vec!["Valid".into(), "Valid".into()]));
    assert_eq!(bench.only_running(), before);
    assert_eq!(bench.reports().len(), 2);

    // One more instance while a run is on: that run ends, the other instances stay, the new cluster is measured.
    wanted["runId"] = json!("grown");
    wanted["load"]["rounds"] = json!(100);
    bench.apply_spec(wanted.clone());
    bench.measuring(1);
    wanted["load"]["rounds"] = json!(6);
    wanted["clusters"][0]["count"] = json!(2);
    bench.apply_spec(wanted);
    let seen = bench.ready();
    assert_eq!(bench.outcomes(&seen), ["Valid", "Aborted", "Valid"], "{:#?}", runs(&seen));
    let after = bench.only_running();
    assert_eq!((after["one"].len(), after.values().flatten().count()), (2, INSTANCES + 1));
    assert!(before.iter().all(|(pool, ids)| ids.iter().all(|id| after[pool].contains(id))), "{before:?} {after:?}");

    // The instances go, the object and its result stay.
    bench.patch(json!({ "lifecycle": { "afterRun": "Terminate" } }));
    let seen = bench.wait_until("it is finished", |object| object["status"]["phase"] == "Finished");
    bench.nothing_is_left();
    let is_valid = runs(&seen)[2]["outcome"] == "Valid";
    assert_eq!(condition(&seen, "Ready").0 == "True", is_valid, "{seen:#}");
    bench.launched(INSTANCES + 1);
    assert_eq!(runs(&seen).len(), 3);
    assert_eq!(seen["status"]["instancesReady"], "0/0");
    let took = bench.delete();
    assert!(took.as_secs() < 30, "nothing was left to be removed, and yet it took {took:?}");
    assert_eq!(bench.reports().len(), 4, "an aborted run has a report as well");
}
