//! From apply to a result and back to nothing, while the operator is killed again and again.

use std::path::Path;

use planner::status::column::line;
use serde_json::{Value, json};
use wire::RoundOutcome;

use crate::bench::{Bench, REQUESTS, condition, rounds_done, runs, spec};
use crate::lab::{Lab, at_once_when, shared, skipped};

const ROUNDS: u32 = 8;

/// A name that no pool of another test has.
const FLAMES: &str = "flames";

#[test]
fn an_operator_that_is_killed_again_and_again_makes_exactly_what_was_asked_for_and_one_result() {
    let Some(lab) = shared("main path") else { return };
    let mut wanted = spec(ROUNDS, 5000);
    wanted["clusters"][1] = json!({ "name": FLAMES, "instanceType": "t2.large", "count": 2 });
    let bench = Bench::apply(lab, "under-fire", wanted);

    // Written down, and being made; then made, and not written down.
    bench.launch_is_written_down();
    lab.kill("operator");
    let made = format!(r#""pool":"{FLAMES}""#);
    // Without a pause: the answer is on its way for some milliseconds only.
    at_once_when("a launch is made", || lab.ask("GET", "/status").1.contains(&made));
    lab.kill("operator");
    bench.measuring(1);
    lab.kill("operator");
    let seen = bench.ready();

    bench.launched(5);
    let pools = bench.only_running();
    let counts: Vec<(&str, usize)> = pools.iter().map(|(pool, ids)| (pool.as_str(), ids.len())).collect();
    assert_eq!(counts, [("balancer", 1), (FLAMES, 2), ("generator", 1), ("one", 1)]);
    assert_eq!(bench.made().1.len(), 2, "groups");
    let run = one_run(&seen);
    let (is_valid, kinds) = (run["outcome"] == "Valid", ["Accepted", "Provisioned", "Deployed", "Measured", "Ready"]);
    for kind in &kinds[..if is_valid { 5 } else { 3 }] {
        assert_eq!(condition(&seen, kind).0, "True", "{kind}: {seen:#}");
    }
    assert_eq!(seen["status"]["instancesReady"], "5/5");
    assert_eq!(seen["status"]["progress"], format!("{ROUNDS}/{ROUNDS} rounds"));
    assert_eq!(rounds_done(&seen), None, "no run is on");
    shares_are_shown(&bench);
    assert_eq!(bench.outcomes(&seen), ["Valid"]);
    let report = one_report(&bench, &run);
    columns_show_the_result(lab, &run);
    aws_lists_what_is_there(lab, &bench, 5);

    bench.delete();
    bench.launched(5);
    let [(after, _)] = bench.reports().try_into().expect("the report outlives its benchmark");
    assert_eq!(after, report);
}

/// The run of status: valid, with the numbers of each cluster.
fn one_run(object: &Value) -> Value {
    let [run] = runs(object).try_into().unwrap_or_else(|runs| panic!("{runs:#?}"));
    assert_eq!(run["id"], "1", "{run:#}");
    assert!(run["startedAt"].is_string() && run["finishedAt"].is_string());
    let clusters = run["clusters"].as_array().unwrap();
    assert_eq!(clusters.iter().map(|one| one["name"].clone()).collect::<Vec<_>>(), ["one", FLAMES]);
    for cluster in clusters {
        let number = |name: &str| cluster[name].as_u64().unwrap_or_else(|| panic!("no {name}: {cluster:#}"));
        assert_eq!((number("requests"), number("failed")), (REQUESTS * u64::from(ROUNDS), 0));
        assert!(number("requestsPerSecond") > 0);
        // Every request waits for 5 ms.
        let quantiles = ["p50Micros", "p90Micros", "p99Micros", "p999Micros"].map(number);
        assert!(quantiles[0] >= 5000 && quantiles.is_sorted(), "{cluster:#}");
    }
    let result = run["result"].as_str().unwrap();
    assert_eq!(object["status"]["result"], line(result), "status has it as wide as a column is");
    // Four requests at a time: one slot against four.
    let is_compared = result.contains(FLAMES) && result.contains("faster");
    assert!(is_compared || run["outcome"] == "Invalid", "{result}");
    run
}

fn one_report(bench: &Bench, run: &Value) -> Value {
    let [(object, report)] = bench.reports().try_into().unwrap_or_else(|reports| panic!("{reports:#?}"));
    assert_eq!((&object["metadata"]["name"], &object["spec"]["reportSha256"]), (&run["report"], &run["reportSha256"]));
    assert_eq!((&object["spec"]["benchmark"], &object["spec"]["runId"]), (&json!(bench.name), &json!("1")));
    assert!(object["metadata"]["ownerReferences"].is_null(), "it would be deleted along");
    assert_eq!(report.rounds.len(), ROUNDS as usize);
    assert!(report.rounds.iter().all(|round| round.outcome == RoundOutcome::Counted));
    let members: Vec<usize> = report.clusters.iter().map(|cluster| cluster.members.len()).collect();
    assert_eq!(members, [1, 2]);
    for cluster in &report.clusters {
        assert_eq!(cluster.members.iter().map(|one| one.requests).sum::<u64>(), cluster.requests);
        // Least requests over equal members.
        assert!(cluster.members.iter().all(|one| one.share_per_mille > 250), "{:?}", cluster.members);
        assert!(cluster.steal_per_mille.is_some(), "the members' kernels were asked");
    }
    let facts: Vec<_> = report.environment.clusters.iter().flat_map(|cluster| &cluster.members).collect();
    assert_eq!(facts.len(), 3);
    for member in facts {
        assert!(!member.cpu_model.is_empty() && !member.kernel.is_empty(), "{member:?}");
        assert!(member.calibration_before_micros.is_some() && member.calibration_after_micros.is_some(), "{member:?}");
    }
    object
}

/// Each worker's share of its cluster, in status.
fn shares_are_shown(bench: &Bench) {
    let object = bench.wait_until("shares are shown", |object| {
        let instances = object["status"]["instances"].as_array().unwrap();
        instances.iter().filter(|one| one["sharePerMille"].is_number()).count() == 3
    });
    let instances = object["status"]["instances"].as_array().unwrap();
    assert!(instances.iter().all(|one| one["state"] == "ready"), "{instances:#?}");
    let share_of = |pool: &str| -> u64 {
        let own = instances.iter().filter(|one| one["pool"] == pool);
        own.map(|one| one["sharePerMille"].as_u64().unwrap()).sum()
    };
    assert_eq!(share_of("one"), 1000);
    assert!((998..=1002).contains(&share_of(FLAMES)), "{instances:#?}");
}

fn columns_show_the_result(lab: &Lab, run: &Value) {
    let result = &line(run["result"].as_str().unwrap());
    let benchmarks = lab.kubectl("get cbench --namespace under-fire");
    let phase = if run["outcome"] == "Valid" { "Ready" } else { "Stalled" };
    assert!(benchmarks.contains(result) && benchmarks.contains(phase), "{benchmarks}");
    let reports = lab.kubectl("get creport --namespace under-fire");
    let titles: Vec<&str> = reports.lines().next().unwrap().split_whitespace().collect();
    assert_eq!(titles, ["NAME", "BENCHMARK", "RESULT", "RPS", "P99", "FINISHED"]);
    assert!(reports.contains(result), "{reports}");
}

/// With the official command line and what `lab env` prints.
fn aws_lists_what_is_there(lab: &Lab, bench: &Bench, instances: usize) {
    let aws = |words: &str| -> Option<Value> {
        let output = lab.program(Path::new("aws")).args(words.split_whitespace()).args(["--output", "json"]).output();
        let output = output.ok()?;
        assert!(output.status.success(), "aws {words}: {}", String::from_utf8_lossy(&output.stderr));
        Some(serde_json::from_slice(&output.stdout).unwrap())
    };
    let Some(identity) = aws("sts get-caller-identity") else {
        return skipped("aws command line", "there is no aws on PATH (pip install awscli)");
    };
    assert!(identity["Account"].is_string() && identity["Arn"].is_string(), "{identity}");
    let own = format!("Name=tag:clusterbench.dev/namespace,Values={}", bench.name);
    let listed =
        aws(&format!("ec2 describe-instances --filters {own} Name=instance-state-name,Values=running")).unwrap();
    let reservations = listed["Reservations"].as_array().unwrap();
    let seen = reservations.iter().flat_map(|one| one["Instances"].as_array().unwrap());
    let mut ids: Vec<String> = seen.map(|one| one["InstanceId"].as_str().unwrap().to_owned()).collect();
    let mut known: Vec<String> = bench.only_running().into_values().flatten().collect();
    ids.sort();
    known.sort();
    assert_eq!((ids.len(), &ids), (instances, &known));
    let groups = aws(&format!("ec2 describe-security-groups --filters {own}")).unwrap();
    assert_eq!(groups["SecurityGroups"].as_array().unwrap().len(), 2);
}
