//! Several generators that make one load.

use serde_json::json;
use wire::{PlaceKind, RoundOutcome};

use crate::bench::{Bench, runs, spec};
use crate::lab::shared;

#[test]
fn two_generators_send_one_load_and_are_reported_as_one() {
    let Some(lab) = shared("generators") else { return };
    let mut wanted = spec(2, 2000);
    wanted["load"]["generator"] = json!({ "count": 2 });
    wanted["load"]["drainSeconds"] = json!(1);
    // An open loop would be sent too late for its gate on a machine that everything shares.
    wanted["load"]["phases"] = json!([{ "arrivals": "ClosedLoop", "concurrency": 4, "durationSeconds": 2 }]);
    let bench = Bench::apply(lab, "generators", wanted);
    let seen = bench.ready();
    let [run] = runs(&seen).try_into().unwrap_or_else(|runs| panic!("{runs:#?}"));
    assert_eq!((&run["generators"], &run["rounds"]), (&json!(2), &json!(2)), "{run:#}");
    assert_eq!(bench.outcomes(&seen), ["Valid"], "{run:#}");
    let pools: Vec<&str> =
        seen["status"]["instances"].as_array().unwrap().iter().map(|one| one["pool"].as_str().unwrap()).collect();
    assert!(pools.contains(&"generator") && pools.contains(&"generator-2"), "{pools:?}");

    let reports = bench.reports();
    let (whole, parts): (Vec<_>, Vec<_>) =
        reports.iter().partition(|(object, _)| object["metadata"]["labels"]["clusterbench.dev/generator"].is_null());
    let [(object, whole)] = whole[..] else { panic!("{} reports of the run", whole.len()) };
    assert_eq!((&object["metadata"]["name"], parts.len()), (&run["report"], 2));
    // They began at one moment, which was still to come when they were told.
    let starts: Vec<_> = parts.iter().map(|(_, part)| part.run.start_at.expect("a moment")).collect();
    assert!(starts[0] == starts[1] && parts.iter().all(|(_, part)| part.started_at < starts[0]), "{starts:?}");
    // The load of both is one, and their counts are added.
    assert!(whole.rounds.iter().all(|round| round.outcome == RoundOutcome::Counted), "{:?}", whole.reasons);
    for cluster in &whole.clusters {
        let of_parts = parts.iter().flat_map(|(_, part)| &part.clusters).filter(|one| one.cluster == cluster.cluster);
        let requests: Vec<u64> = of_parts.map(|one| one.requests).collect();
        assert!(requests.iter().all(|requests| *requests > 0), "{requests:?}");
        assert_eq!(
            (requests.iter().sum::<u64>(), 0),
            (cluster.requests, cluster.failures.total()),
            "{}",
            cluster.cluster
        );
        // Two rounds of two seconds, whoever sent.
        assert!((3_900_000..6_000_000).contains(&cluster.load_micros), "{}", cluster.load_micros);
    }
    let environment = &whole.environment;
    assert_eq!((environment.generators.len(), environment.place.kind), (2, PlaceKind::Lab));
    bench.delete();
}
