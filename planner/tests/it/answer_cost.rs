//! Cost of answers in status: only where it may stand beside the cost of others.

use planner::effect::{Collected, Done, Outcome};
use planner::{Action, plan, status};
use wire::RunState;

use crate::results::{report, with_load};

fn cost(change: impl FnOnce(&mut wire::Report)) -> Option<i64> {
    let mut world = with_load("finished", serde_json::json!({}));
    let plan_now = plan(&world);
    let action = plan_now.actions().find(|action| matches!(action, Action::CollectReport { .. })).unwrap();
    let mut report = report(wire::RunSpec::default(), &[], Vec::new());
    let answer_cost = wire::AnswerCost { usd_micros_per_million: 190_000, interval: None, is_at_most: false };
    report.clusters = vec![wire::ClusterReport {
        cluster: "a".into(),
        answer_cost: Some(answer_cost),
        ..wire::ClusterReport::default()
    }];
    change(&mut report);
    let (name, sha256, state) = ("bench-1-ffff".into(), "f".repeat(64), RunState::Finished);
    let done = Done::Collected(Box::new(Collected { report, state, name, sha256 }));
    world.object.status = status(&world, &plan_now, &[Outcome::new(action.clone(), Ok(done))]);
    world.object.status.runs[0].clusters[0].usd_micros_per_million
}

/// A bound is in the report alone: nobody should compare it with a cost.
#[test]
fn what_answers_cost_is_in_status_where_it_is_no_bound() {
    let bounded = |is_at_most| cost(|report| report.clusters[0].answer_cost.as_mut().unwrap().is_at_most = is_at_most);
    assert_eq!((bounded(false), bounded(true)), (Some(190_000), None));
}

/// The cheapest answers at this rate may be those that came too late.
#[test]
fn under_a_fixed_rate_it_is_there_of_a_cluster_that_met_its_thresholds() {
    let judged = |cluster: &str, outcome| {
        cost(|report| {
            let open = wire::OpenLoop {
                arrivals: wire::Arrivals::Poisson,
                requests_per_second: 1_000,
                stop: wire::Stop::Requests(200),
                ramp: None,
                max_connections: None,
            };
            report.run.phases = vec![wire::Phase::OpenLoop(open)];
            let target = |name: &str, url: &str| wire::Target {
                cluster: name.into(),
                url: url.into(),
                ..wire::Target::default()
            };
            report.run.targets =
                vec![target("first", "http://b/a"), target("a", "http://b/a"), target("b", "http://b/b")];
            let limit = wire::Limit::AtMost(1);
            let threshold = wire::Threshold { cluster: cluster.into(), metric: wire::Metric::P50, limit };
            report.thresholds = vec![wire::ThresholdResult { threshold, outcome, sentence: String::new() }];
        })
    };
    use wire::ThresholdOutcome::{Met, NotMet, Undecided};
    assert_eq!([Met, NotMet, Undecided].map(|outcome| judged("first", outcome)), [Some(190_000), None, None]);
    assert_eq!(judged("b", NotMet), Some(190_000), "of another cluster");
}
