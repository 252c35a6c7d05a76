//! Surplus CPU credits in the cost: as runs have measured them, kept by the line of the launch, whoever dies when.

use planner::cost::spent::so_far;
use planner::effect::{Collected, Done, Outcome};
use planner::{Action, World, plan, status};
use wire::RunState;

use crate::fixture::{epoch, seconds};
use crate::results::{report, with_load_on};

/// Two t3.large were launched before the epoch, and a run of 600 s from there on is to be collected.
fn world() -> World {
    let mut world = with_load_on("clusters a=t3.large*2 b=t2.micro*1", "finished", serde_json::json!({}));
    let placement = world.object.status.placement.as_mut().unwrap();
    placement.prices = ["t3.large", "c6i.large"]
        .map(|name| api::PlacedPrice {
            instance_type: name.into(),
            hourly_usd_micros: Some(91_200),
            basis: "of a test".into(),
        })
        .to_vec();
    world
}

fn measured(surplus_per_mille: Option<u32>) -> wire::Report {
    let mut report = report(wire::RunSpec::default(), &[], Vec::new());
    report.finished_at = epoch() + seconds(600);
    report.clusters =
        vec![wire::ClusterReport { cluster: "a".into(), surplus_per_mille, ..wire::ClusterReport::default() }];
    let price = wire::Price { instances: 2, surplus_usd_micros: Some(50_000), ..wire::Price::default() };
    report.environment.clusters =
        vec![wire::ClusterFacts { cluster: "a".into(), price: Some(price), ..wire::ClusterFacts::default() }];
    report
}

/// Surplus credits that status counts after the report came home, an hour after the launch.
fn surplus(per_mille: Option<u32>, times: usize) -> (u64, api::Status) {
    let mut world = world();
    world.now = epoch() + seconds(600);
    for line in &mut world.object.status.launches {
        line.launched_at = Some(k8s_openapi::apimachinery::pkg::apis::meta::v1::Time(epoch()));
    }
    let plan_now = plan(&world);
    let collects = plan_now.actions().find(|action| matches!(action, Action::CollectReport { .. }));
    let collect = collects.unwrap_or_else(|| panic!("{:?}", plan_now.effects)).clone();
    let mut next = world.object.status.clone();
    for _ in 0..times {
        let (name, sha256, state) = ("bench-1-ffff".into(), "f".repeat(64), RunState::Finished);
        let done = Done::Collected(Box::new(Collected { report: measured(per_mille), state, name, sha256 }));
        next = status(&world, &plan_now, &[Outcome::new(collect.clone(), Ok(done))]);
    }
    let spent = so_far(next.placement.as_ref().unwrap(), &next.launches, epoch() + seconds(3_600));
    (spent.surplus_usd_micros, next)
}

/// Two that are always busy cost 0.07 USD an hour each; 400 thousandths of a vCPU, both together, 0.01 USD an hour each.
#[test]
fn a_run_that_measured_how_busy_workers_are_takes_the_upper_bound_off_its_time() {
    let (unmeasured, _) = surplus(None, 1);
    assert_eq!(unmeasured, 140_000);
    let expected = 2 * (70_000 * 3_000 / 3_600 + 1) + 2 * (10_000_u64 * 600).div_ceil(3_600);
    let (once, next) = surplus(Some(400), 1);
    assert!(once.abs_diff(expected) <= 2, "{once} is not {expected}");
    assert!(next.launches.iter().any(|line| line.measured_surplus.is_some()));
    assert!(next.cost.unwrap().basis.contains("surplus CPU credits in runs by what was measured"));
    // The write was lost, and the report is collected again.
    assert_eq!(surplus(Some(400), 2).0, once);
}
