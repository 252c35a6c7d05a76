//! The request of a run, and its record in status.

use api::{Status, ThresholdsResult};
use insta::assert_snapshot;
use planner::effect::{Collected, Done, Outcome};
use planner::{Action, World, measure, plan, runs, status};
use wire::{RoundReport, RunSpec, RunState, ThresholdOutcome, ThresholdResult, Validity};

use crate::fixture::{epoch, world};

const COMPLETE: &str = "
    clusters a=t2.micro*2 b=t3.large*1
    line a/1 x2 closed ids i-1,i-2
    line b/1 x1 closed ids i-3
    line balancer/1 x1 closed ids i-b
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/1 running
    have i-3 b/1 running
    have i-b balancer/1 running
    have i-g generator/1 running
    balancer healthy
";

/// A world in which the run of this load is as far as `run` says.
pub(crate) fn with_load(run: &str, change: serde_json::Value) -> World {
    with_load_on("", run, change)
}

/// The same, with a world of these further lines.
pub(crate) fn with_load_on(lines: &str, run: &str, change: serde_json::Value) -> World {
    let mut world = world(&format!("{lines}\n{COMPLETE}\nrun none"));
    let mut spec = serde_json::to_value(&world.object.spec).unwrap();
    for (section, fields) in change.as_object().unwrap() {
        for (field, value) in fields.as_object().unwrap() {
            spec[section][field] = value.clone();
        }
    }
    world.object.spec = serde_json::from_value(spec).unwrap();
    let told = crate::fixture::world(&format!("{lines}\n{COMPLETE}\nrun {run}"));
    let key = runs::wanted(&world);
    let status = told.runs.unwrap().known().unwrap().values().next().unwrap().clone();
    world.runs = Some(planner::Facet::Known([(key.name(), status)].into()));
    world
}

fn told(change: serde_json::Value) -> RunSpec {
    let world = with_load("none", change);
    measure::run_request::run_spec(&world, &runs::wanted(&world)).unwrap()
}

fn text(value: &impl serde::Serialize) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[test]
fn without_rounds_it_is_looked_at_and_with_them_it_is_not() {
    let run = told(serde_json::json!({}));
    assert_eq!((run.rounds.count, run.judging.looks), (40, wire::Looks::Auto));
    let run = told(serde_json::json!({ "load": { "rounds": 20 } }));
    assert_eq!((run.rounds.count, run.judging.looks), (20, wire::Looks::AtTheEnd));
}

#[test]
fn work_that_is_drawn_is_drawn_once_for_all_clusters_of_a_round() {
    let work = |work: serde_json::Value| text(&told(serde_json::json!({ "worker": { "work": work } })).request.work);
    assert_snapshot!(work(serde_json::json!({ "profile": "Sleep", "distribution": "Exponential", "meanMicros": 4000 })), @r#"
    {
      "distribution": "Exponential",
      "meanMicros": 4000
    }
    "#);
    assert_snapshot!(work(serde_json::json!({ "profile": "Spin", "distribution": "Lognormal", "meanMicros": 500 })), @r#"
    {
      "distribution": "Lognormal",
      "meanMicros": 500
    }
    "#);
    assert_eq!(work(serde_json::json!({ "profile": "Spin", "meanMicros": 500 })), "null", "nothing is drawn");
    assert_eq!(work(serde_json::json!({ "profile": "Echo" })), "null");
    let own = serde_json::json!({ "artifactUrl": "http://127.0.0.1/x", "artifactSha256": "0".repeat(64) });
    assert_eq!(
        told(serde_json::json!({ "worker": own })).request.work,
        None,
        "a program of the user's has its own work"
    );
}

#[test]
fn a_self_test_is_a_second_name_for_the_first_cluster() {
    assert_snapshot!(text(&told(serde_json::json!({ "load": { "selfTest": true } })).targets), @r#"
    [
      {
        "cluster": "a",
        "url": "http://10.0.0.254:8080/a"
      },
      {
        "cluster": "b",
        "url": "http://10.0.0.254:8080/b"
      },
      {
        "cluster": "a again",
        "url": "http://10.0.0.254:8080/a"
      }
    ]
    "#);
}

#[test]
fn thresholds_are_told_as_they_are_asked() {
    let thresholds = serde_json::json!([
        { "cluster": "a", "metric": "P99Micros", "atMost": 50_000 },
        { "cluster": "a", "metric": "RequestsPerSecond", "atLeast": 900 },
        { "cluster": "b", "fasterThan": "a", "percent": 10 },
        { "cluster": "b", "metric": "P90Micros", "fasterThan": "a" },
    ]);
    assert_snapshot!(text(&told(serde_json::json!({ "load": { "thresholds": thresholds } })).judging), @r#"
    {
      "looks": "Auto",
      "metric": "p50Micros",
      "pairs": "AgainstFirst",
      "gapPercent": 5,
      "thresholds": [
        {
          "cluster": "a",
          "metric": "p99Micros",
          "limit": {
            "atMost": 50000
          }
        },
        {
          "cluster": "a",
          "metric": "requestsPerSecond",
          "limit": {
            "atLeast": 900
          }
        },
        {
          "cluster": "b",
          "metric": "p50Micros",
          "limit": {
            "fasterThan": {
              "cluster": "a",
              "percent": 10
            }
          }
        },
        {
          "cluster": "b",
          "metric": "p90Micros",
          "limit": {
            "fasterThan": {
              "cluster": "a",
              "percent": 0
            }
          }
        }
      ]
    }
    "#);
}

#[test]
fn what_a_request_is_and_how_it_is_compared_is_told_as_it_is_asked() {
    let run = told(serde_json::json!({ "load": {
        "warmupSeconds": 3,
        "drainSeconds": 4,
        "request": { "method": "POST", "headers": [{ "name": "a", "value": "b" }], "body": "{}",
            "connections": "PerRequest", "expectStatus": 201, "expectBody": "made" },
        "comparison": { "metric": "P99Micros", "pairs": "All", "gapPercent": 3 },
        "phases": [{ "arrivals": "Constant", "requestsPerSecond": 100, "toRequestsPerSecond": 500, "steps": 5, "durationSeconds": 50 }],
    } }));
    assert_eq!((run.warmup_seconds, run.drain_seconds), (3, Some(4)));
    let judging = (run.judging.metric, run.judging.pairs, run.judging.gap_percent);
    assert_eq!(judging, (wire::Metric::P99, wire::Pairs::All, 3));
    assert_snapshot!(text(&(run.request, run.phases)), @r#"
    [
      {
        "method": "POST",
        "headers": [
          {
            "name": "a",
            "value": "b"
          }
        ],
        "body": "{}",
        "connections": "PerRequest",
        "expect": {
          "status": 201,
          "body": "made",
          "clusterName": "InBody",
          "members": "Known"
        }
      },
      [
        {
          "openLoop": {
            "arrivals": "Constant",
            "requestsPerSecond": 100,
            "stop": {
              "durationSeconds": 50
            },
            "ramp": {
              "toRequestsPerSecond": 500,
              "steps": 5
            }
          }
        }
      ]
    ]
    "#);
}

#[test]
fn the_generator_is_told_where_and_on_what_it_measures() {
    let work = serde_json::json!({ "profile": "Sleep", "distribution": "Exponential", "meanMicros": 4000 });
    let mut facts = told(serde_json::json!({ "worker": { "work": work } })).facts;
    let asked = facts.benchmark.take().unwrap();
    assert_eq!((asked.namespace.as_str(), asked.name.as_str()), ("default", "bench"));
    assert!(asked.yaml.contains("meanMicros: 4000") && asked.yaml.starts_with("apiVersion: "), "{}", asked.yaml);
    assert_snapshot!(text(&facts), @r#"
    {
      "place": {
        "kind": "Aws",
        "region": "eu-west-1",
        "zone": "eu-west-1a (euw1-az1)"
      },
      "generatorType": "c6i.large",
      "clusters": [
        {
          "cluster": "a",
          "instanceType": "t2.micro",
          "vcpus": 1,
          "image": "ami-1",
          "credits": {
            "mode": "Standard",
            "baselinePerMille": 100
          }
        },
        {
          "cluster": "b",
          "instanceType": "t3.large",
          "vcpus": 2,
          "image": "ami-1",
          "credits": {
            "mode": "Unlimited",
            "baselinePerMille": 300
          }
        }
      ],
      "versions": [
        "worker 1",
        "balancer 1"
      ],
      "settings": [
        "worker: ours, sleep:exponential:4000us",
        "balancer: c6i.large, ShortestExpectedDelay",
        "generator: c6i.large"
      ],
      "beside": [
        {
          "what": "balancer",
          "instanceType": "c6i.large"
        },
        {
          "what": "generator",
          "instanceType": "c6i.large"
        }
      ]
    }
    "#);
}

#[test]
fn a_run_that_decides_itself_says_when_it_looks() {
    let world = with_load("running", serde_json::json!({}));
    assert_eq!(
        condition(&status(&world, &plan(&world), &[]), "Measured"),
        "False Running: 7 rounds are measured, the next look is after 20, the last after 40"
    );
    let world = with_load("running", serde_json::json!({ "load": { "rounds": 20 } }));
    assert_eq!(
        condition(&status(&world, &plan(&world), &[]), "Measured"),
        "False Running: 7 of 20 rounds are measured"
    );
}

#[test]
fn a_full_disk_of_the_generator_is_said() {
    let mut world = with_load("running", serde_json::json!({}));
    let Some(planner::Facet::Known(runs)) = &mut world.runs else { panic!("no runs") };
    runs.values_mut().flatten().for_each(|run| run.warning = "its disk is full".into());
    let said = condition(&status(&world, &plan(&world), &[]), "Measured");
    assert!(said.ends_with("; the generator: its disk is full"), "{said}");
}

pub(crate) fn condition(status: &Status, kind: &str) -> String {
    let found = status.conditions.iter().find(|condition| condition.type_ == kind);
    found.map_or("absent".into(), |one| format!("{} {}: {}", one.status, one.reason, one.message))
}

pub(crate) fn report(run: RunSpec, reasons: &[&str], thresholds: Vec<ThresholdResult>) -> wire::Report {
    let round = RoundReport::counted(1, 1, Vec::new());
    wire::Report {
        schema: wire::REPORT_SCHEMA.into(),
        run,
        started_at: epoch(),
        finished_at: epoch(),
        validity: if reasons.is_empty() { Validity::Valid } else { Validity::Invalid },
        reasons: reasons.iter().map(|reason| (*reason).to_owned()).collect(),
        gates: Vec::new(),
        environment: wire::Environment::default(),
        clusters: Vec::new(),
        rounds: vec![round; 10],
        series: Vec::new(),
        comparisons: Vec::new(),
        further_comparisons: Vec::new(),
        thresholds,
        self_test: None,
        cost: None,
        summary: "b 14 % faster [9, 19]".into(),
        verdict: "These instances.".into(),
    }
}

/// The status when the report of a run that ended in this state was collected, and the one at the next look.
fn collected(
    state: &str,
    change: &serde_json::Value,
    reasons: &[&str],
    thresholds: Vec<ThresholdResult>,
) -> [Status; 2] {
    let mut world = with_load(state, change.clone());
    let plan_now = plan(&world);
    let action = plan_now.actions().find(|action| matches!(action, Action::CollectReport { .. })).unwrap().clone();
    let state = match state {
        "failed" => RunState::Failed,
        "aborted" => RunState::Aborted,
        _ => RunState::Finished,
    };
    let report = report(RunSpec::default(), reasons, thresholds);
    let done =
        Done::Collected(Box::new(Collected { report, state, name: "bench-1-ffff".into(), sha256: "f".repeat(64) }));
    let first = status(&world, &plan_now, &[Outcome::new(action, Ok(done))]);
    world.object.status =
        Status { seal: planner::world::seal("uid-1", first.placement.as_ref(), &first.launches), ..first.clone() };
    let second = status(&world, &plan(&world), &[]);
    [first, second]
}

#[test]
fn a_target_that_refuses_everybody_ends_the_run_as_failed_and_it_is_not_tried_again() {
    let why =
        "a let nobody in for 10 s (4210 connect): check its address, its port and whether it runs after 1 of 20 rounds";
    let rounds = serde_json::json!({ "load": { "rounds": 20 } });
    let [first, second] = collected("failed", &rounds, &[why], Vec::new());
    let expected =
        format!("False Failed: run 1 ended early: {why}; mend that, then set another runId to measure again");
    assert_eq!(condition(&second, "Measured"), expected);
    assert_eq!(condition(&second, "Ready"), expected);
    assert_eq!(condition(&second, "Stalled"), expected.replacen("False", "True", 1));
    for status in [first, second] {
        let [run] = &status.runs[..] else { panic!("{:?}", status.runs) };
        assert_eq!((run.outcome.as_str(), &run.result), ("Failed", &format!("Failed: {why}")));
        let column = "Failed: a let nobody in for 10 s (4210 connect): check its addres...";
        assert_eq!(status.result.as_deref(), Some(column));
        assert_eq!(status.progress.as_deref(), Some("10/20 rounds"));
    }
}

#[test]
fn a_generator_that_sent_late_makes_the_run_invalid_in_condition_and_column() {
    let why = "a: one request in a hundred was sent more than 4200 us late, at most 1000 us is allowed: give the generator a machine of its own, or lower the rate";
    let [_, status] = collected("finished", &serde_json::json!({}), &[why], Vec::new());
    assert_eq!(
        condition(&status, "Measured"),
        format!("False Invalid: run 1 is not valid: {why}; mend that, then set another runId to measure again")
    );
    assert_eq!(status.runs[0].result, format!("Invalid: {why}"));
    let column = "Invalid: a: one request in a hundred was sent more than 4200 us l...";
    assert_eq!(status.result.as_deref(), Some(column));
}

/// A program of one's own that knows only `/`: the reason comes from the report, the way out from us.
#[test]
fn a_program_that_does_not_know_its_path_is_told_how_it_gets_it() {
    let own =
        serde_json::json!({ "worker": { "artifactUrl": "http://127.0.0.1/x", "artifactSha256": "0".repeat(64) } });
    let why = "every request to a failed (600 4xx): each answer was 404 to GET /a";
    let said = |load: &serde_json::Value, code: u16| {
        let mut world = with_load("finished", load.clone());
        let plan_now = plan(&world);
        let action = plan_now.actions().find(|action| matches!(action, Action::CollectReport { .. })).unwrap();
        let mut report = report(RunSpec::default(), &[why], Vec::new());
        report.clusters = vec![wire::ClusterReport {
            cluster: "a".into(),
            requests: 600,
            failures: wire::Failures { client_error: 600, ..wire::Failures::default() },
            failed_status: wire::FailedStatus::Each(code),
            ..wire::ClusterReport::default()
        }];
        let (name, sha256, state) = ("bench-1-ffff".into(), "f".repeat(64), RunState::Finished);
        let done = Done::Collected(Box::new(Collected { report, state, name, sha256 }));
        let outcomes = [Outcome::new(action.clone(), Ok(done))];
        world.object.status = status(&world, &plan_now, &outcomes);
        condition(&status(&world, &plan(&world), &[]), "Measured")
    };
    assert_eq!(
        said(&own, 404),
        format!(
            "False Invalid: run 1 is not valid: {why}; worker: the program has to answer at the path of its cluster, which it is given as CLUSTER_PATH (clusters[].path); mend that, then set another runId to measure again"
        )
    );
    let plain = format!("False Invalid: run 1 is not valid: {why}; mend that, then set another runId to measure again");
    assert_eq!(said(&own, 403), plain, "it knows the path");
    assert_eq!(said(&serde_json::json!({}), 404), plain, "our own worker knows every path");
}

#[test]
fn a_run_that_was_decided_by_its_first_look_is_whole() {
    let [_, status] = collected("finished", &serde_json::json!({}), &[], Vec::new());
    assert_eq!(status.progress.as_deref(), Some("10/10 rounds"));
    assert_eq!(condition(&status, "ThresholdsMet"), "absent");
}

#[test]
fn thresholds_are_a_condition_with_those_that_failed_and_their_values() {
    let asked = serde_json::json!({ "load": { "thresholds": [{ "cluster": "a", "atMost": 1 }] } });
    let result = |outcome, sentence: &str| ThresholdResult {
        threshold: wire::Threshold { cluster: "a".into(), metric: wire::Metric::P99, limit: wire::Limit::AtMost(1) },
        outcome,
        sentence: sentence.into(),
    };
    let met = result(ThresholdOutcome::Met, "p50 latency of a is 1.00 ms, at most 2.00 ms is asked");
    let missed = result(ThresholdOutcome::NotMet, "p99 latency of a is 43.10 ms, at most 40.00 ms is asked");
    let open = result(
        ThresholdOutcome::Undecided,
        "b is [-1, 12] % faster than a by p50 latency, at least 10 % faster is asked",
    );
    let said = |thresholds: Vec<ThresholdResult>| {
        let [first, second] = collected("finished", &asked, &[], thresholds);
        assert_eq!(condition(&first, "ThresholdsMet"), condition(&second, "ThresholdsMet"), "it stays");
        assert_eq!(condition(&second, "Ready"), "True Recorded: b 14 % faster [9, 19]", "a result is a result");
        condition(&second, "ThresholdsMet")
    };
    assert_snapshot!(said(vec![met.clone(), met.clone()]), @"True Met: 2 of 2 thresholds met: p50 latency of a is 1.00 ms, at most 2.00 ms is asked; p50 latency of a is 1.00 ms, at most 2.00 ms is asked");
    assert_snapshot!(said(vec![met.clone(), open.clone(), missed.clone()]), @"False NotMet: 1 of 3 thresholds not met: p99 latency of a is 43.10 ms, at most 40.00 ms is asked");
    assert_snapshot!(said(vec![met.clone(), open]), @"Unknown Undecided: 1 of 2 thresholds not decided: b is [-1, 12] % faster than a by p50 latency, at least 10 % faster is asked");
    let [_, invalid] = collected("finished", &asked, &["the clock stepped"], vec![met]);
    assert_snapshot!(condition(&invalid, "ThresholdsMet"), @"Unknown Invalid: nothing is decided by this run. Invalid: the clock stepped");
    let running = with_load("running", asked);
    assert_snapshot!(condition(&status(&running, &plan(&running), &[]), "ThresholdsMet"), @"Unknown Pending: there is no result yet");
}

#[test]
fn many_thresholds_fit_into_status() {
    let many = vec![
        ThresholdResult {
            threshold: wire::Threshold {
                cluster: "a".into(),
                metric: wire::Metric::P99,
                limit: wire::Limit::AtMost(1)
            },
            outcome: ThresholdOutcome::NotMet,
            sentence: "p99 latency of a is 43.10 ms, at most 40.00 ms is asked".into(),
        };
        32
    ];
    let asked = serde_json::json!({ "load": { "thresholds": [{ "cluster": "a", "atMost": 1 }] } });
    let [_, status] = collected("finished", &asked, &[], many);
    let Some(ThresholdsResult { message, .. }) = &status.runs[0].thresholds else { panic!("none") };
    assert!(message.chars().count() <= 1010 && message.starts_with("32 of 32 thresholds not met"), "{message}");
}
