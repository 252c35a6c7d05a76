//! Programs that instances fetch from a mirror, where the operator is told so. Everywhere else it brings them.

use std::fs;

use crate::bench::{Bench, spec};
use crate::lab::{Lab, is_possible};

/// A lab of its own, whose operator has the index of the lab's mirror.
#[test]
fn a_benchmark_whose_programs_are_fetched_comes_to_its_result() {
    if !is_possible("pull") {
        return;
    }
    let lab = Lab::new("pull");
    let index = format!("--operator-arg=--artifacts={}", lab.state().join("artifacts.json").display());
    lab.while_up(&["up", "--operator-arg=--programs-delivery=Pull", &index], |lab| {
        let bench = Bench::apply(lab, "pull", spec(1, 1_000));
        bench.wait_until("a result", |object| bench.is_ready(object));
        for one in bench.made().0 {
            let console = lab.state().join("instances").join(&one.id).join("console");
            let console = fs::read_to_string(console).unwrap();
            assert!(console.contains("clusterbench: step 3/6 fetch http://"), "{console}");
        }
        bench.delete();
    });
}
