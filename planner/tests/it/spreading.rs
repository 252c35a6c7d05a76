//! Worlds in several zones: every cluster has as many instances in each, balancer and generators are in the first.

use insta::assert_snapshot;
use planner::ports::Egress;
use planner::{Action, plan};

use crate::fixture::{seconds, world};
use crate::spelling::planned;

const COMPLETE: &str = "
    spread b
    line a/1 x1 closed ids i-1
    line a/2 x1 closed in b ids i-2
    line balancer/1 x1 closed ids i-b
    line generator/1 x1 closed ids i-g
    have i-1 a/1 running
    have i-2 a/2 running in b
    have i-b balancer/1 running
    have i-g generator/1 running
";

#[test]
fn each_zone_has_launches_of_its_own_with_the_numbers_of_the_pool() {
    assert_snapshot!(planned("spread b\nclusters a=t2.micro*4 b=t2.large*2"), @"
    write down a/1 x2
    write down a/2 x2
    write down b/1 x1
    write down b/2 x1
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False Launching: 0 of 8 instances run
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    let written = plan(&world("spread b\nclusters a=t2.micro*4 b=t2.large*2")).ledger;
    let said: Vec<_> =
        written.iter().map(|line| format!("{}/{} in {}", line.pool, line.number, line.subnet_id)).collect();
    assert_snapshot!(said.join(", "), @"a/1 in subnet-a, a/2 in subnet-b, b/1 in subnet-a, b/2 in subnet-b, balancer/1 in subnet-a, generator/1 in subnet-a");
}

#[test]
fn what_is_complete_stays() {
    assert_snapshot!(planned(&format!("{COMPLETE}\nbalancer healthy\nrun none")), @"
    start run 1 of 40 rounds
    Accepted=True Placed: the spec can be placed
    Provisioned=True Running: 4 of 4 instances run
    Deployed=True Healthy: 2 of 2 members are healthy, balancer and generator answer
    Measured=False Starting: the run is being started
    wake 1s
    ");
}

#[test]
fn what_one_zone_lacks_is_launched_there() {
    let without = COMPLETE.replace("have i-2 a/2 running in b", "have i-2 a/2 terminated in b");
    let plan = plan(&world(&without));
    let new = plan.ledger.iter().find(|line| line.number == 3).map(|line| (line.subnet_id.as_str(), line.count));
    assert_eq!(new, Some(("subnet-b", 1)));
}

/// Two of a zone are one too many, although two are wanted in all; and never are there more than wanted in all.
#[test]
fn what_one_zone_has_too_many_is_terminated_there() {
    let uneven =
        COMPLETE.replace("have i-2 a/2 running in b", "have i-3 a/1 running").replace("ids i-1", "ids i-1,i-3");
    let plan = plan(&world(&uneven));
    let terminated: Vec<_> = plan
        .actions()
        .filter_map(|action| match action {
            Action::Terminate(ids) => Some(ids.iter().cloned().collect::<Vec<_>>().join(" ")),
            _ => None,
        })
        .collect();
    assert_eq!(terminated, ["i-3"]);
    assert!(plan.ledger.iter().all(|line| line.number < 3), "the other zone gets its own when that one is gone");
}

/// No capacity in one zone moves all, and the zones that had some stay among those that are chosen.
#[test]
fn a_zone_without_capacity_is_replaced_by_another() {
    let starved = "
        spread b
        line a/1 x1 closed ids i-1
        line a/2 x1 closed in b age 20s reason NoCapacity
        have i-1 a/1 running
        run none
    ";
    assert_snapshot!(planned(&format!("{starved}\nzones b c")), @"
    leave eu-west-1b
    Accepted=True Placed: the spec can be placed; eu-west-1b had no capacity for t2.micro
    Provisioned=False Moving: no capacity for t2.micro in eu-west-1b: moving all to another zone
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    let left = "spread b\nleft b 5s\nline a/1 x1 closed\nline a/2 x1 closed in b reason NoCapacity\nzones b c";
    assert_snapshot!(planned(left), @"
    place in subnet-a Public
    Accepted=True Placed: the spec can be placed; eu-west-1b had no capacity for t2.micro
    Provisioned=False Moving: no capacity for t2.micro in eu-west-1b: moving all to eu-west-1a and eu-west-1c
    Deployed=False Moving: waits for the instances in another zone
    Measured=False Moving: waits for the instances in another zone
    wake 0s
    ");
    let moved = plan(&world(left)).placement.map(|placement| placement.zones());
    assert_eq!(moved.as_deref(), Some("eu-west-1a (id-eu-west-1a), eu-west-1c (id-eu-west-1c)"));
    assert_snapshot!(planned(&format!("{starved}\nzones b")), @"
    write down balancer/1 x1
    write down generator/1 x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False NoCapacity: 1 of 4 instances run; pool a: 1 x t2.micro in eu-west-1b: NoCapacity; no other zone at hand offers all types; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
}

/// Its own instances leave a subnet before it moves: their addresses are free for those that come.
#[test]
fn a_small_subnet_that_the_benchmark_fills_itself_is_moved_to_again() {
    let left = |free_addresses: u32, instances: &str| {
        let starved =
            "spread b\nline a/1 x1 closed ids i-1\nline a/2 x1 closed in b age 20s reason NoCapacity\nrun none";
        let mut world = world(&format!("{starved}\nzones b c\n{instances}"));
        let Some(planner::world::Facet::Known(subnets)) = world.site.as_mut().map(|site| &mut site.subnets) else {
            panic!("not looked at")
        };
        subnets[0].free_addresses = free_addresses;
        plan(&world).placement.is_some_and(|placement| !placement.left.is_empty())
    };
    // A worker, the balancer and the generator.
    assert!(left(3, ""));
    assert!(!left(2, ""));
    assert!(left(2, "have i-1 a/1 running"), "one of the three addresses is its own");
    assert!(!left(1, "have i-1 a/1 running"));
    assert!(!left(2, "have i-1 a/1 terminated"), "that one is free already");
}

#[test]
fn named_zones_are_waited_for() {
    let mut world = world(
        "
        spread b
        line a/1 x1 closed ids i-1
        line a/2 x1 closed in b age 20s reason NoCapacity
        have i-1 a/1 running
        zones b c
        run none
    ",
    );
    let network = world.object.spec.network.get_or_insert_default();
    (network.zone_count, network.zones) = (None, vec!["eu-west-1a".into(), "eu-west-1b".into()]);
    assert_snapshot!(crate::spelling::spell(&world, &plan(&world)), @"
    rehearse balancer/1 c6i.large x1
    rehearse generator/1 c6i.large x1
    Accepted=True Placed: the spec can be placed
    Provisioned=False NoCapacity: 1 of 4 instances run; pool a: 1 x t2.micro in eu-west-1b: NoCapacity; network.zones names the zones, so it waits for them; trying again in a while
    Deployed=False Waiting: the balancer's instance does not run yet
    Measured=False Waiting: waits for the instances
    wake 0s
    ");
    world.now += seconds(120);
    world.cloud.listed_at = world.now;
    let again = plan(&world);
    let is_rehearsed_there =
        |action: &Action| matches!(action, Action::Rehearse(request) if request.subnet_id == "subnet-b");
    assert!(again.actions().any(is_rehearsed_there), "{again:?}");
}

/// What one zone was refused is remembered beside what another was: each waits for its own pause.
#[test]
fn two_zones_that_are_refused_are_both_remembered_and_wait() {
    let mut world = world(
        "
        spread b
        line a/1 x1 closed age 20s reason QuotaReached
        line a/2 x1 closed in b age 20s reason QuotaReached
        line balancer/1 x1 closed ids i-b
        line generator/1 x1 closed ids i-g
        have i-b balancer/1 running
        have i-g generator/1 running
    ",
    );
    for _ in 0..3 {
        let plan = plan(&world);
        let asks = plan.actions().any(|action| matches!(action, Action::Rehearse(_) | Action::Launch(_)));
        assert!(!asks, "{plan:?}");
        let kept = planner::status(&world, &plan, &[]).launches;
        let refused: Vec<_> = kept.iter().filter(|line| line.pool == "a").map(|line| line.number).collect();
        assert_eq!(refused, [1, 2], "of each zone the last one");
        world.object.status.launches = kept;
        world.now += seconds(5);
        world.cloud.listed_at = world.now;
    }
}

fn unplaced(network: serde_json::Value, change: impl Fn(&mut planner::ports::Subnet)) -> String {
    let mut world = world("unplaced\nzones b c\nclusters a=t2.micro*6");
    world.object.spec.network = serde_json::from_value(network).unwrap();
    let mut site = world.site.clone().unwrap();
    if let planner::world::Facet::Known(subnets) = &mut site.subnets {
        subnets.iter_mut().for_each(change);
    }
    match planner::provision::placement::choose(&world, &site) {
        Ok(placement) => format!("{} {}", placement.zones(), placement.addressing),
        Err(planner::provision::placement::NoPlacement::Refused { reason, message }) => {
            format!("{}: {message}", reason.name())
        }
        Err(why) => format!("{why:?}"),
    }
}

#[test]
fn zones_are_named_or_chosen_or_refused_with_the_way_out() {
    let nothing = |_: &mut planner::ports::Subnet| ();
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    assert_snapshot!(unplaced(json(r#"{"zoneCount": 2}"#), nothing), @"eu-west-1a (id-eu-west-1a), eu-west-1b (id-eu-west-1b) Public");
    assert_snapshot!(unplaced(json(r#"{"zones": ["eu-west-1c", "eu-west-1b"]}"#), nothing), @"eu-west-1b (id-eu-west-1b), eu-west-1c (id-eu-west-1c) Public");
    assert_snapshot!(unplaced(json(r#"{"zones": ["eu-west-1a", "eu-west-1z"]}"#), nothing), @"UnknownZone: network.zones: no subnet at hand is in eu-west-1z, only in eu-west-1a, eu-west-1b, eu-west-1c: delete the benchmark and create it with zones among these, or with subnets of eu-west-1z in network.subnetIds");
    let narrow = |subnet: &mut planner::ports::Subnet| {
        if subnet.zone == "eu-west-1b" {
            subnet.free_addresses = 4
        }
    };
    assert_snapshot!(unplaced(json(r#"{"zoneCount": 2}"#), narrow), @"eu-west-1a (id-eu-west-1a), eu-west-1c (id-eu-west-1c) Public");
    assert_snapshot!(unplaced(json(r#"{"zones": ["eu-west-1a", "eu-west-1b"]}"#), narrow), @"SubnetFull: no subnet has 5 free addresses in each zone: delete the benchmark and create it with a larger one in network.subnetIds");
    let mixed = |subnet: &mut planner::ports::Subnet| {
        if subnet.zone == "eu-west-1b" {
            subnet.egress = Egress::Nat
        }
    };
    assert_snapshot!(unplaced(json(r#"{"zoneCount": 2}"#), mixed), @"eu-west-1a (id-eu-west-1a), eu-west-1c (id-eu-west-1c) Public");
    assert_snapshot!(unplaced(json(r#"{"zoneCount": 3}"#), mixed), @"TooFewZones: network: the subnets of the zones reach the internet in different ways, some with public addresses and some without: delete the benchmark and create it with subnets of one kind in network.subnetIds, or with network.addressing");
}
