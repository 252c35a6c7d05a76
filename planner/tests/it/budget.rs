//! A budget as an expiry: what it pays, what is refused before anything is paid, and what changes of it do.

use std::collections::BTreeMap;

use api::Launch;
use insta::assert_snapshot;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use planner::ports::*;
use planner::provision::placement::{NoPlacement, choose};
use planner::world::*;
use planner::{Action, Goal, TeardownReason, budget, plan, status};

use crate::fixture::{COMPLETE, epoch, instance_type, seconds, world};

/// An address and 8 GiB for an hour, these at 2.2 times the price of us-east-1: the world is in eu-west-1.
const EXTRAS: i64 = 5_000 + 877 + 1_053;
/// What everything of [`COMPLETE`] costs an hour: two t2.micro and two c6i.large, each with 8 GiB and an address.
const HOURLY: i64 = 2 * (11_600 + EXTRAS) + 2 * (91_200 + EXTRAS);
const PRICES: &str = "prices t2.micro=11600 c6i.large=91200";

fn accepted(world: &World) -> String {
    let said = status(world, &plan(world), &[]);
    let condition = said.conditions.iter().find(|one| one.type_ == "Accepted").unwrap();
    format!("{} {}: {}", condition.status, condition.reason, condition.message)
}

/// Seconds from the placement to the expiry that this budget pays, or why there is none.
fn settled(max_usd: &str, change: impl FnOnce(&mut World)) -> Result<i64, String> {
    let mut world = world(&format!("{PRICES}\nnow 0s\nbudget {max_usd}"));
    change(&mut world);
    let placement = world.object.status.placement.clone().unwrap();
    match budget::settle(&world, placement) {
        Ok(placement) => {
            assert_eq!(placement.max_usd, max_usd);
            Ok(placement.expires_at.unwrap().0.duration_since(epoch()).as_secs())
        }
        Err(NoPlacement::Refused { reason, message }) => Err(format!("{reason}: {message}")),
        Err(NoPlacement::Unknown(why)) => panic!("{why:?}"),
    }
}

fn rounds(world: &mut World, seconds: i32, rounds: i32) {
    let phase = &mut world.object.spec.load.phases[0];
    (phase.requests, phase.duration_seconds) = (None, Some(seconds));
    world.object.spec.load.rounds = Some(rounds);
}

#[test]
fn the_expiry_is_what_the_budget_pays_less_the_teardown() {
    // An independent count: (max - 5 min of everything) / hourly, in seconds.
    let pays = |max: i64| (max - HOURLY * 300 / 3_600 - 1) * 3_600 / HOURLY;
    assert_eq!(settled("0.10", |_| {}), Ok(pays(100_000)));
    assert_eq!(settled("0.2", |_| {}), Ok(pays(200_000)));
    assert_eq!(settled("100", |_| {}), Ok(7_200), "the lifetime is the less");
    // Each further launch keeps back the minimum of its workers.
    let launches = settled("0.20", |world| world.object.spec.load.launches = 5).unwrap();
    let minimum = 2 * (11_600 + EXTRAS) * 60 / 3_600 + 1;
    assert_eq!(launches, (200_000 - HOURLY * 300 / 3_600 - 1 - 4 * minimum) * 3_600 / HOURLY);
}

#[test]
fn everything_at_its_full_count_and_busy_is_paid_for() {
    let with = |kind: &'static str, micros: i64| {
        let text = format!("clusters a={kind}*2\nprices {kind}={micros} c6i.large=91200\nnow 0s\nbudget 0.50");
        let world = world(&text);
        let placement = budget::settle(&world, world.object.status.placement.clone().unwrap()).ok().unwrap();
        placement.expires_at.unwrap().0.duration_since(epoch()).as_secs()
    };
    let (limited, unlimited) = (with("t2.large", 91_200), with("t3.large", 91_200));
    // Two instances with two vCPUs each, 70 % of them above the baseline, at 0.05 USD.
    let hourly = |each: i64| 2 * (each + EXTRAS) + 2 * (91_200 + EXTRAS);
    let pays = |hourly: i64| (500_000 - hourly * 300 / 3_600 - 1) * 3_600 / hourly;
    assert_eq!((limited, unlimited), (pays(hourly(91_200)), pays(hourly(91_200 + 70_000))));
}

#[test]
fn a_budget_that_does_not_pay_the_least_run_is_refused_with_the_arithmetic() {
    let long = |world: &mut World| rounds(world, 60, 14);
    assert_snapshot!(settled("0.05", long).unwrap_err(), @"OverBudget: budget.maxUsd 0.05 pays 7 min of 0.24 USD an hour; this run takes at least 21 min: raise it to 0.11, or lower load.rounds");
    let several = |world: &mut World| {
        rounds(world, 60, 3);
        world.object.spec.load.launches = 4;
    };
    assert_snapshot!(settled("0.05", several).unwrap_err(), @"OverBudget: budget.maxUsd 0.05 pays 7 min of 0.24 USD an hour; this run takes at least 34 min: raise it to 0.16, or lower load.launches or load.rounds");
    // What the message says is enough is enough, and a cent less is not.
    assert!(settled("0.11", long).is_ok());
    assert!(settled("0.10", long).is_err());
}

#[test]
fn without_a_price_no_budget_can_be_kept() {
    let unknown = |world: &mut World| {
        let placement = world.object.status.placement.as_mut().unwrap();
        placement.prices[0].hourly_usd_micros = None;
    };
    assert_snapshot!(settled("5", unknown).unwrap_err(), @"PriceUnknown: budget.maxUsd: there is no price for t2.micro in eu-west-1, so what it pays cannot be told: give the operator one (--prices), choose another type, or remove budget");
}

/// No source has a price for this type.
#[test]
fn a_placement_is_chosen_with_its_budget() {
    let mut world = world("unplaced\nnow 0s\nclusters a=t9.huge*2\nbudget 5");
    let architecture = Architecture::X86_64;
    let image = Image {
        id: "ami-1".into(),
        name: "al2023".into(),
        architecture,
        root_device: "/dev/xvda".into(),
        root_gib: 8,
        volumes: Vec::new(),
    };
    let subnet = Subnet {
        id: "subnet-a".into(),
        vpc_id: "vpc-1".into(),
        zone: "zone-a".into(),
        zone_id: "id-a".into(),
        cidr: "10.0.0.0/20".parse().ok(),
        free_addresses: 100,
        egress: Egress::InternetGateway,
    };
    let types = ["t9.huge", "c6i.large"];
    let site = Site {
        own_vpc: None,
        subnets: Facet::Known(vec![subnet]),
        offerings: Facet::Known(types.map(|kind| (kind.to_owned(), "zone-a".to_owned())).into()),
        images: Facet::Known(BTreeMap::from([(architecture, Some(image))])),
    };
    world.types = Facet::Known(types.map(instance_type).into());
    assert!(matches!(choose(&world, &site), Err(NoPlacement::Unknown(_))), "nobody was asked for the price yet");
    world.prices = types.map(|kind| (kind.to_owned(), Facet::Known(ListPrice::None))).into();
    let Err(NoPlacement::Refused { reason, message }) = choose(&world, &site) else { panic!("it has no price") };
    assert_eq!(reason.name(), "PriceUnknown");
    assert!(message.contains("t9.huge") && message.contains("eu-west-1") && message.contains("--prices"), "{message}");
    world.object.spec.budget = None;
    assert!(choose(&world, &site).is_ok(), "without a budget it is only not known what it costs");
}

/// A benchmark that runs since the epoch, with its lines as they are after a look.
fn running(text: &str) -> World {
    let mut world = world(&format!("{PRICES}\n{COMPLETE}\n{text}"));
    for line in &mut world.object.status.launches {
        line.launched_at = Some(Time(epoch()));
    }
    if let Facet::Known(all) = &mut world.cloud.instances {
        all.iter_mut().for_each(|one| one.launched_at = epoch());
    }
    world
}

fn left(world: &World) -> i64 {
    let placement = world.object.status.placement.as_ref().unwrap();
    budget::expiry(world, placement).unwrap().duration_since(world.now).as_secs()
}

#[test]
fn a_lowered_budget_moves_the_end_and_a_raised_one_moves_nothing() {
    assert_eq!(left(&running("now 600s\nbudget 5 placed 5")), 6_600, "as its timers have it");
    assert_eq!(left(&running("now 600s\nbudget 9 placed 5")), 6_600);
    assert_eq!(left(&running("now 600s")), 6_600);
    // 0.10 USD less 600 s and the teardown of five minutes.
    let expected = (100_000 - 2 * (HOURLY * 300 / 3_600 / 2) - HOURLY * 600 / 3_600) * 3_600 / HOURLY;
    for text in ["now 600s\nbudget 0.10 placed 5", "now 600s\nbudget 0.10"] {
        assert!((left(&running(text)) - expected).abs() <= 3, "{text}: {} is not {expected}", left(&running(text)));
    }
    assert_snapshot!(accepted(&running("now 600s\nbudget 9 placed 5")), @"True Placed: the spec can be placed; budget raised from 5 to 9: the instances keep their timers, which end at 2027-01-15T10:00:00Z");
    assert_snapshot!(accepted(&running("now 600s\nbudget 0.10 placed 5")), @"True Placed: the spec can be placed; budget lowered from 5 to 0.10: the operator ends the instances earlier, their timers do not");
    assert_snapshot!(accepted(&running("now 600s\nbudget 0.10")), @"True Placed: the spec can be placed; budget of 0.10 added: the operator ends the instances when it is spent, their timers do not, and end at 2027-01-15T10:00:00Z");
}

#[test]
fn a_budget_that_was_lowered_below_what_is_spent_ends_everything_for_good() {
    let mut world = running("now 3000s\nbudget 0.02 placed 5");
    let first = plan(&world);
    assert!(first.effects.is_empty(), "it is written down first");
    world.object.status = status(&world, &first, &[]);
    assert!(world.object.status.placement.as_ref().unwrap().budget_spent_at.is_some());
    let is_expired = |world: &World| planner::goal::goal(world) == Goal::Nothing(TeardownReason::Expired);
    assert!(is_expired(&world));
    let ends = plan(&world).actions().any(|action| matches!(action, Action::Terminate(ids) if ids.len() == 4));
    assert!(ends, "{:?}", plan(&world).effects);
    world.object.spec.budget = Some(api::Budget { max_usd: "100".into() });
    assert!(is_expired(&world), "what ended does not begin again");
}

/// Raised, used, and lowered again: also to what the timers were made for, or to more.
#[test]
fn what_was_grown_under_a_raised_budget_ends_earlier_when_it_is_lowered() {
    // Twenty workers more than the timers were made for.
    let grown = |budget: &str| {
        let ids: Vec<String> = (0..20).map(|n| format!("i-more{n}")).collect();
        let have: String = ids.iter().map(|id| format!("have {id} a/2 running\n")).collect();
        let line = format!("line a/2 x20 closed ids {}\n{have}", ids.join(","));
        running(&format!("clusters a=t2.micro*22\nnow 600s\nbudget {budget}\n{line}"))
    };
    let all = HOURLY + 20 * (11_600 + EXTRAS);
    for (budget, max) in [("0.60 placed 0.60", 600_000), ("0.70 placed 0.60", 700_000)] {
        let world = grown(budget);
        // Less what ten minutes cost, and two minutes of teardown.
        let expected = (max - all * 600 / 3_600 - all * 120 / 3_600) * 3_600 / all;
        assert!(expected < 6_600 && (left(&world) - expected).abs() <= 3, "{budget}: {} {expected}", left(&world));
        assert!(accepted(&world).ends_with("the operator ends them earlier"), "{}", accepted(&world));
    }
    assert_eq!(left(&grown("9 placed 0.60")), 6_600, "it pays all");
}

#[test]
fn an_edit_that_the_budget_does_not_pay_ends_nothing_that_runs() {
    let edited = |max: &str| {
        let mut world = running(&format!(
            "prices t2.micro=11600 m5.24xlarge=4608000 c6i.large=91200\nnow 600s\nbudget {max} placed {max}"
        ));
        world.object.spec.clusters[0].instance_type = "m5.24xlarge".into();
        let types = ["m5.24xlarge", "c6i.large"];
        world.types = Facet::Known(types.map(instance_type).into());
        let placement = world.object.status.placement.as_mut().unwrap();
        let price = |name: &str, micros| api::PlacedPrice {
            instance_type: name.into(),
            hourly_usd_micros: Some(micros),
            ..Default::default()
        };
        placement.prices = vec![price("m5.24xlarge", 4_608_000), price("c6i.large", 91_200), price("t2.micro", 11_600)];
        let ends = plan(&world).actions().any(|action| matches!(action, Action::Terminate(_)));
        (ends, accepted(&world))
    };
    let (ends, said) = edited("0.60");
    assert!(!ends && said.starts_with("False OverBudget: budget.maxUsd 0.60"), "{said}");
    let (ends, said) = edited("40");
    assert!(ends && said.starts_with("True Placed"), "{said}");
}

#[test]
fn a_budget_that_cannot_be_kept_early_because_a_price_is_missing_says_so() {
    let mut world = running("now 600s\nbudget 0.10 placed 5");
    world.object.status.placement.as_mut().unwrap().spent_unpriced =
        vec![api::UnpricedTime { instance_type: "x9.huge".into(), instance_seconds: 60 }];
    assert_eq!(left(&world), 6_600);
    let said = accepted(&world);
    assert!(said.starts_with("False PriceUnknown: budget.maxUsd: there is no price for x9.huge"), "{said}");
}

/// The run is stopped and its report brought home first, for two minutes at the most.
#[test]
fn a_budget_that_is_overdrawn_at_once_leaves_the_run_its_last_call() {
    let mut world = running("now 3000s\nbudget 0.02 placed 5\nbalancer healthy\nrun running");
    let first = plan(&world);
    assert!(first.actions().any(|action| matches!(action, Action::StopRun { .. })), "{:?}", first.effects);
    assert_eq!(first.placement.as_ref().unwrap().budget_spent_at, None);
    world.memory = first.memory;
    world.now += seconds(120);
    assert!(plan(&world).placement.unwrap().budget_spent_at.is_some(), "it is not waited for any longer");
}

#[test]
fn a_run_has_its_last_call_whatever_its_budget_is_lowered_to() {
    for cents in 2..400 {
        let max = format!("{}.{:02}", cents / 100, cents % 100);
        let world = running(&format!("now 3000s\nbudget {max} placed 5\nbalancer healthy\nrun running"));
        assert_eq!(plan(&world).placement.unwrap().budget_spent_at, None, "{max}");
    }
}

/// What "raise it to" names is not refused again for want of time: the last call is in it, and the boot of each launch.
#[test]
fn the_least_budget_leaves_time_to_boot_and_for_the_last_call() {
    let several = |world: &mut World| {
        rounds(world, 60, 3);
        world.object.spec.load.launches = 4;
    };
    let said = settled("0.05", several).unwrap_err();
    let enough = said.split_once("raise it to ").unwrap().1.split_once(',').unwrap().0.to_owned();
    let lasts = settled(&enough, several).unwrap();
    assert!(lasts >= 4 * (3 * 60 + 300) + 120, "{enough}: {lasts}");
}

fn new_lines(world: &World) -> Vec<Launch> {
    let written = &world.object.status.launches;
    plan(world).ledger.into_iter().filter(|line| !written.iter().any(|old| old.token == line.token)).collect()
}

#[test]
fn growth_that_the_budget_does_not_pay_is_refused_and_growth_that_it_pays_is_launched() {
    let grown = |max: &str| {
        let mut world = running(&format!("now 600s\nbudget {max} placed {max}"));
        world.object.spec.clusters[0].count = 20;
        world.memory = planner::Memory::default();
        let rehearsed = plan(&world);
        let asks = rehearsed.actions().any(|action| matches!(action, Action::Rehearse(_)));
        assert!(new_lines(&world).is_empty());
        (asks, accepted(&world))
    };
    let (asks, said) = grown("0.50");
    assert!(!asks);
    assert_snapshot!(said, @"False OverBudget: budget.maxUsd 0.50: 0.04 are spent, and 0.57 USD an hour until the instances end themselves in 110 min would make it 1.10: raise it to that, or lower clusters[].count; what is missing or is to be replaced waits until the budget pays it");
    assert!(grown("5").0, "it is asked about, and then launched");
}

/// Stopped instances cost less than running ones, and their timers stand still: a budget reckons with all of them running, and says
/// who ends them.
#[test]
fn a_budget_pays_a_pool_that_stops_its_instances_as_if_it_never_did() {
    let text = |pool: &str, max: &str| format!("queue\nscaled a depth=5 {pool}\n{PRICES}\nnow 0s\nbudget {max}");
    let lasts = |pool: &str| {
        let world = world(&text(pool, "0.20"));
        let placement = budget::settle(&world, world.object.status.placement.clone().unwrap()).ok().unwrap();
        placement.expires_at.unwrap().0.duration_since(epoch()).as_secs()
    };
    let pays = (200_000 - HOURLY * 300 / 3_600 - 1) * 3_600 / HOURLY;
    assert_eq!((lasts("startstop"), lasts("")), (pays, pays));
    let said = |pool: &str| accepted(&world(&text(pool, "5 placed 5")));
    let stopped = said("startstop");
    assert!(
        stopped.contains("instances that are stopped then, whose volumes are paid, queues and bucket"),
        "{stopped}"
    );
    assert!(said("").contains("by their timers: queues and bucket"), "{}", said(""));
}
