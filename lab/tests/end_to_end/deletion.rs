//! Deleted at any phase, nothing is left.

use crate::bench::{Bench, INSTANCES, condition, spec};
use crate::lab::{shared, until};

#[test]
fn a_benchmark_that_is_deleted_at_any_phase_leaves_nothing() {
    let Some(lab) = shared("deletion") else { return };
    // A minute of rounds: none is over before it is deleted.
    let apply = |name| Bench::apply(lab, name, spec(80, 5000));
    let launching = apply("deleted-launching");
    launching.launch_is_written_down();
    launching.ask_deletion();
    let at_once = apply("deleted-at-once");
    at_once.ask_deletion();
    let [placed, deploying, measuring] = ["deleted-placed", "deleted-deploying", "deleted-measuring"].map(apply);
    placed.wait_until("it is placed", |object| object["status"]["placement"].is_object());
    placed.ask_deletion();
    deploying.wait_until("it is deployed", |object| condition(object, "Provisioned").0 == "True");
    deploying.ask_deletion();
    measuring.measuring(1);
    measuring.ask_deletion();
    for bench in [at_once, placed, launching, deploying, measuring] {
        bench.gone();
        let made = bench.made().0.len();
        assert!(made <= INSTANCES, "{}: {made} instances", bench.name);
    }
}

#[test]
fn a_namespace_that_is_deleted_takes_its_instances_along() {
    let Some(lab) = shared("deleted namespace") else { return };
    let bench = Bench::apply(lab, "doomed", spec(60, 5000));
    bench.measuring(1);
    bench.only_running();
    bench.launched(INSTANCES);
    lab.kubectl("delete namespace doomed --wait=false");
    until("the namespace is gone", || lab.get("namespace/doomed").is_none());
    bench.nothing_is_left();
    bench.launched(INSTANCES);
}
