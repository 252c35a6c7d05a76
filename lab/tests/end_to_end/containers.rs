//! A container under measurement: an image of our worker beside the worker itself.

use std::os::unix::fs::symlink;
use std::path::Path;

use serde_json::json;

use crate::bench::{Bench, REQUESTS, spec};
use crate::lab::shared;
use crate::oci;

const ROUNDS: u32 = 2;

#[test]
fn a_container_is_measured_beside_our_worker() {
    if !oci::is_possible("a container is measured") {
        return;
    }
    let Some(lab) = shared("a container is measured") else { return };
    let images = lab.directory().join("images");
    let worker = Path::new(&std::env::var_os("CLUSTERBENCHMARK_BIN").unwrap()).join("worker");
    let image = oci::write(&images, &worker);
    // As `lab up --images` does.
    symlink(&images, lab.state().join("images")).unwrap();
    let mut wanted = spec(ROUNDS, 1000);
    wanted["clusters"] = json!([
        { "name": "ours", "instanceType": "t2.medium", "count": 1 },
        { "name": "container", "instanceType": "t2.medium", "count": 1, "worker": {
            "container": { "image": image },
            "environment": [{ "name": "LOG_LEVEL", "value": "warn" }],
        } },
    ]);
    wanted["worker"] = json!({ "port": 8080 });
    let bench = Bench::apply(lab, "container", wanted);
    bench.ready();
    let [(_, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    for cluster in &report.clusters {
        let answered = (cluster.requests, cluster.failures.total());
        assert_eq!(answered, (REQUESTS * u64::from(ROUNDS), 0), "{}", cluster.cluster);
    }
    let document = serde_json::to_string(&report).unwrap();
    for word in [format!("container {image}"), "ours, echo".to_owned()] {
        assert!(document.contains(&word), "{word} is not in {document}");
    }
    bench.delete();
}
