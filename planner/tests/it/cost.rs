//! Cost of a ledger: nothing of it is lost or counted twice.

use api::{Launch, PlacedImage, Placement};
use insta::assert_snapshot;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use planner::cost::spent::{hourly_now, so_far};
use planner::ports::InstanceState;
use planner::{Facet, World, plan, status};
use serde_json::json;

use crate::fixture::{epoch, seconds, world};

/// A line that was launched at the epoch. `ended`: seconds later.
fn line(kind: &str, count: i32, price: Option<i64>, ended: Option<i64>) -> Launch {
    let ids: Vec<String> = (0..count).filter(|_| ended.is_none()).map(|n| format!("i-{kind}-{n}")).collect();
    let text = json!({
        "pool": "a", "number": 1, "instanceType": kind, "imageId": "ami-1", "count": count, "state": "Closed",
        "hourlyUsdMicros": price, "launchedAt": epoch().to_string(), "instanceIds": ids,
        "endedAt": ended.map(|after| (epoch() + seconds(after)).to_string()),
    });
    serde_json::from_value(text).unwrap()
}

fn placement(addressing: &str, gib: i32) -> Placement {
    let image = PlacedImage { id: "ami-1".into(), root_gib: gib, ..PlacedImage::default() };
    Placement { addressing: addressing.into(), images: vec![image], region: "eu-west-1".into(), ..Placement::default() }
}

/// Independent arithmetic: 11,600 + 877 (8 GiB at 0.08 a month of 730 h) + 5,000 an hour.
#[test]
fn instances_cost_their_seconds_with_volumes_and_addresses_and_at_least_sixty() {
    let (bare, whole) = (placement("Private", 0), placement("Public", 8));
    let rows = [
        ("an hour", &bare, line("t2.micro", 1, Some(11_600), Some(3_600)), 11_600),
        ("two of them", &bare, line("t2.micro", 2, Some(11_600), Some(3_600)), 23_200),
        ("volume and address", &whole, line("t2.micro", 2, Some(11_600), Some(3_600)), 2 * 17_477),
        ("half an hour", &whole, line("t2.micro", 2, Some(11_600), Some(1_800)), 17_477),
        ("one second", &bare, line("t2.micro", 1, Some(3_600_000), Some(1)), 60_000),
        ("59 seconds", &bare, line("t2.micro", 1, Some(3_600_000), Some(59)), 60_000),
        ("61 seconds", &bare, line("t2.micro", 1, Some(3_600_000), Some(61)), 61_000),
        (
            "ended before it was launched, by another clock",
            &bare,
            line("t2.micro", 1, Some(3_600_000), Some(-5)),
            60_000,
        ),
        ("runs on", &bare, line("t2.micro", 3, Some(3_600_000), None), 3 * 100_000),
        ("rounded up, once", &bare, line("t2.micro", 1, Some(1), Some(3_601)), 2),
    ];
    for (name, placement, line, expected) in rows {
        let spent = so_far(placement, &[line], epoch() + seconds(100));
        assert_eq!((spent.usd_micros, spent.is_at_most), (expected, false), "{name}");
    }
}

#[test]
fn a_launch_that_was_never_seen_costs_nothing() {
    let unseen = Launch { launched_at: None, ..line("t2.micro", 5, Some(11_600), None) };
    assert_eq!(so_far(&placement("Private", 0), &[unseen], epoch() + seconds(9_000)).usd_micros, 0);
}

/// t3.large: two vCPUs, 0.05 USD each above the baseline of 30 %.
#[test]
fn unlimited_types_are_counted_as_always_busy_and_said_to_be_an_upper_bound() {
    let spent = |kind| so_far(&placement("Private", 0), &[line(kind, 1, Some(91_200), Some(3_600))], epoch());
    let unlimited = spent("t3.large");
    assert_eq!((unlimited.usd_micros, unlimited.is_at_most), (91_200 + 70_000, true));
    assert_eq!(unlimited.certain(), 91_200);
    assert!(!spent("t2.large").is_at_most, "T2 is launched without surplus");
}

#[test]
fn a_load_balancer_is_paid_by_the_hour_that_has_begun() {
    let since = |seconds_until: Option<i64>| Placement {
        balancer_since: Some(Time(epoch())),
        balancer_until: seconds_until.map(|after| Time(epoch() + seconds(after))),
        ..placement("Private", 0)
    };
    let cost = |placement: &Placement, after| so_far(placement, &[], epoch() + seconds(after)).usd_micros;
    assert_eq!([0, 1, 3_600, 3_601].map(|after| cost(&since(None), after)), [22_500, 22_500, 22_500, 45_000]);
    assert_eq!(cost(&since(Some(60)), 9_000), 22_500);
    assert_eq!((hourly_now(&since(None), &[]), hourly_now(&since(Some(60)), &[])), (22_500, 0));
}

const PRICES: &str = "prices t2.micro=11600 c6i.large=91200";

/// Lines of the pool a and instances, beside balancer and generator that are not there.
fn started(text: &str) -> World {
    world(&format!("{PRICES}\nnow 1000s\n{text}"))
}

/// Looks again and again: what is written is what the next look reads.
fn look(world: &mut World, after: i64) -> api::Status {
    world.now += seconds(after);
    world.cloud.listed_at = world.now;
    let plan = plan(world);
    world.object.status = status(world, &plan, &[]);
    world.memory = plan.memory;
    world.object.status.clone()
}

fn summary(world: &World) -> String {
    world.object.status.cost.as_ref().unwrap().summary.clone()
}

fn end(world: &mut World, id: &str) {
    let Facet::Known(all) = &mut world.cloud.instances else { panic!("known") };
    all.iter_mut().filter(|one| one.id == id).for_each(|one| one.state = InstanceState::Terminated);
}

const TWO: &str = "
    line a/1 x2 closed ids i-1,i-2
    have i-1 a/1 running age 400s
    have i-2 a/1 running age 400s
";

#[test]
fn the_end_is_when_the_last_was_seen_terminated_and_nothing_is_added_afterwards() {
    let mut world = started(TWO);
    look(&mut world, 0);
    end(&mut world, "i-1");
    end(&mut world, "i-2");
    let ended = world.now + seconds(10);
    let status = look(&mut world, 10);
    let line = status.launches.iter().find(|line| line.number == 1).unwrap().clone();
    assert_eq!(line.launched_at.as_ref().unwrap().0, epoch() + seconds(600));
    assert_eq!((line.ended_at.as_ref().unwrap().0, line.bound.as_str()), (ended, ""));
    // Listed as terminated for an hour: it ends once.
    let later = look(&mut world, 600);
    assert_eq!(later.launches.iter().find(|line| line.number == 1), Some(&line));
    assert_eq!(
        so_far(later.placement.as_ref().unwrap(), &[line], world.now).usd_micros,
        (2 * 17_477 * 410_u64).div_ceil(3_600)
    );
}

#[test]
fn instances_that_end_before_others_are_booked_when_they_end() {
    let mut apart = started(TWO);
    look(&mut apart, 0);
    end(&mut apart, "i-1");
    let before = apart.clone();
    let status = look(&mut apart, 10);
    let first = status.launches.iter().find(|line| line.number == 1).unwrap().clone();
    assert_eq!((first.booked, first.count, first.bound.as_str()), (1, 2, ""));
    let booked = i64::try_from((17_477 * 410_u64).div_ceil(3_600)).unwrap();
    assert_eq!(status.placement.as_ref().unwrap().spent_usd_micros, booked);
    // A write that was lost is decided again from the same status; one that was not adds nothing again.
    let mut again = before;
    assert_eq!(look(&mut again, 10).placement, status.placement);
    assert_eq!(look(&mut apart, 80).placement, status.placement);
    end(&mut apart, "i-2");
    let status = look(&mut apart, 80);
    let line = status.launches.iter().find(|line| line.number == 1).unwrap().clone();
    assert_eq!(line.bound, "", "each end was seen when it happened");
    let spent = so_far(status.placement.as_ref().unwrap(), &[line], apart.now + seconds(5_000));
    let expected = (17_477 * 410_u64).div_ceil(3_600) + (17_477 * 570_u64).div_ceil(3_600);
    assert_eq!((spent.usd_micros, spent.is_at_most), (expected, false));
    assert!(!summary(&apart).contains("at most"), "{}", summary(&apart));
}

/// All of a line is counted while it may still make instances.
#[test]
fn a_partial_end_that_is_not_booked_yet_is_an_upper_bound() {
    let open = Launch { state: "Open".into(), ..line("t2.micro", 3, Some(3_600_000), None) };
    let ended =
        Launch { ended_at: Some(Time(epoch() + seconds(50))), instance_ids: open.instance_ids[1..].to_vec(), ..open };
    let spent = so_far(&placement("Private", 0), &[ended], epoch() + seconds(100));
    assert_eq!((spent.usd_micros, spent.is_at_most), (300_000, true));
}

#[test]
fn ends_that_nobody_watched_are_an_upper_bound() {
    let mut unwatched = started(TWO);
    look(&mut unwatched, 0);
    end(&mut unwatched, "i-1");
    end(&mut unwatched, "i-2");
    unwatched.memory = planner::Memory::default();
    let status = look(&mut unwatched, 3_000);
    assert_eq!(status.launches.iter().find(|line| line.number == 1).unwrap().bound, "AtMost");
}

/// The operator was dead until long after the timers had ended everything.
#[test]
fn instances_that_their_timers_ended_did_not_live_until_somebody_looked() {
    let mut world = started(TWO);
    look(&mut world, 0);
    let Facet::Known(all) = &mut world.cloud.instances else { panic!("known") };
    for one in all.iter_mut() {
        one.state = InstanceState::Terminated;
        one.state_reason = Some("Client.InstanceInitiatedShutdown: Instance initiated shutdown".into());
    }
    world.memory = planner::Memory::default();
    let status = look(&mut world, 20_000);
    let line = status.launches.iter().find(|line| line.number == 1).unwrap();
    assert_eq!((line.ended_at.as_ref().unwrap().0, line.bound.as_str()), (epoch() + seconds(7_200 + 120), "AtMost"));
}

/// Nor did those that no list shows any more.
#[test]
fn instances_that_went_unseen_are_paid_until_their_timers_at_the_latest() {
    let mut world = started(TWO);
    look(&mut world, 0);
    world.cloud.instances = Facet::Known(Vec::new());
    look(&mut world, 250_000);
    let status = look(&mut world, 61);
    let line = status.launches.iter().find(|line| line.number == 1).unwrap();
    assert_eq!((line.ended_at.as_ref().unwrap().0, line.bound.as_str()), (epoch() + seconds(7_200 + 120), "AtMost"));
}

/// The call was made and the operator died; an hour after the timers no list shows what it made.
#[test]
fn a_launch_that_nobody_saw_for_longer_than_lists_show_it_is_an_upper_bound_and_not_nothing() {
    let forgotten = |after: i64| {
        let mut world = started("line a/1 x2 open age 10s");
        look(&mut world, after);
        let status = look(&mut world, 61);
        let line = status.launches.iter().find(|line| line.pool == "a" && line.number == 1).unwrap().clone();
        assert_eq!((line.state.as_str(), line.reason.as_str()), ("Closed", "NeverSeen"));
        let spent = so_far(status.placement.as_ref().unwrap(), &[line], world.now);
        (spent.usd_micros, spent.is_at_most)
    };
    // Written 10 s before the second 1000; the timers end at 7200.
    assert_eq!(forgotten(12_000), ((2 * 17_477 * (7_200 + 120 - 990_u64)).div_ceil(3_600), true));
    assert_eq!(forgotten(500), (0, false), "what it made would still be listed");
}

#[test]
fn a_line_without_a_price_of_its_own_has_the_frozen_one() {
    let mut placement = placement("Private", 0);
    let frozen =
        api::PlacedPrice { instance_type: "t2.micro".into(), hourly_usd_micros: Some(11_600), ..Default::default() };
    placement.prices = vec![frozen];
    let spent = so_far(&placement, &[line("t2.micro", 1, None, Some(3_600))], epoch());
    assert_eq!((spent.usd_micros, spent.unpriced.len()), (11_600, 0));
}

/// Nothing is missing of a type that was asked about and never launched; of one that was launched it is, for good.
#[test]
fn only_what_was_launched_without_a_price_is_missing_from_the_cost() {
    let prices = "prices t2.micro=11600 c6i.large=91200 x9.huge=none";
    let mut never = world(&format!("{prices}\nnow 1000s\n{TWO}"));
    look(&mut never, 0);
    assert_eq!(summary(&never), "0.01 USD");
    let mut dropped = world(
        "clusters a=x9.huge*1\nprices x9.huge=none c6i.large=91200\nnow 1000s
         line a/1 x1 closed ids i-1
         line a/2 x1 closed ids i-2
         have i-1 a/1 running age 400s
         have i-2 a/2 running age 100s",
    );
    look(&mut dropped, 0);
    end(&mut dropped, "i-1");
    let placement = look(&mut dropped, 0).placement.unwrap();
    // Its volume and its address are known.
    let extras = i64::try_from((5_877 * 400_u64).div_ceil(3_600)).unwrap();
    let without = api::UnpricedTime { instance_type: "x9.huge".into(), instance_seconds: 400 };
    assert_eq!((placement.spent_usd_micros, placement.spent_unpriced.clone()), (extras, vec![without]));
    assert!(so_far(&placement, &[], dropped.now).unpriced.contains("x9.huge"));
    // Once it has a price, nothing is missing, and it is booked once.
    for price in &mut dropped.object.status.placement.as_mut().unwrap().prices {
        price.hourly_usd_micros = Some(3_600_000);
    }
    let known = dropped.object.status.placement.clone().unwrap();
    let spent = so_far(&known, &[], dropped.now);
    assert_eq!((spent.usd_micros, spent.unpriced.len()), (u64::try_from(extras).unwrap() + 400_000, 0));
    for _ in 0..2 {
        let placement = look(&mut dropped, 0).placement.unwrap();
        assert_eq!((placement.spent_usd_micros, placement.spent_unpriced.len()), (extras + 400_000, 0));
    }
}

/// A minute is paid in any case: a budget does not count it once more for those who live on.
#[test]
fn the_rest_of_a_minimum_is_spent_and_lived_once() {
    let line = line("t2.micro", 2, Some(3_600_000), None);
    let spent = |after| so_far(&placement("Private", 0), std::slice::from_ref(&line), epoch() + seconds(after));
    assert_eq!((spent(10).usd_micros, spent(60).usd_micros), (120_000, 120_000));
    // Rounded to the side on which a budget holds.
    assert_eq!((spent(10).of_budget(), spent(60).of_budget(), spent(90).of_budget()), (20_001, 120_000, 180_000));
}

/// Former lines are not priced by what the placement has become.
#[test]
fn a_line_keeps_the_volumes_and_the_address_that_it_was_launched_with() {
    let written = Launch { extras_usd_micros: Some(5_877), ..line("t2.micro", 1, Some(11_600), Some(3_600)) };
    let cost = |placement: &Placement| so_far(placement, std::slice::from_ref(&written), epoch()).usd_micros;
    assert_eq!((cost(&placement("Public", 8)), cost(&placement("Private", 100))), (17_477, 17_477));
}

/// A public address in each of its zones, in every region.
#[test]
fn a_load_balancer_that_faces_the_internet_has_addresses() {
    let cost = |scheme| {
        let placed = api::PlacedBalancer { scheme, subnet_ids: vec!["a".into(), "b".into()], ..Default::default() };
        let balancer_since = Some(Time(epoch()));
        let placement = Placement { balancer: Some(placed), balancer_since, ..placement("Private", 0) };
        (so_far(&placement, &[], epoch() + seconds(10)).usd_micros, hourly_now(&placement, &[]))
    };
    assert_eq!(cost(api::Scheme::Internal), (22_500, 22_500));
    assert_eq!(cost(api::Scheme::InternetFacing), (32_500, 32_500));
}

/// The line of the first launch goes when a later one is there; what it cost stays, once, whoever writes it.
#[test]
fn lines_that_are_dropped_leave_what_they_cost() {
    let mut world = started(
        "line a/1 x1 closed ids i-1
         line a/2 x1 closed ids i-2
         have i-1 a/1 running age 400s
         have i-2 a/2 running age 100s",
    );
    look(&mut world, 0);
    end(&mut world, "i-1");
    let before = world.clone();
    let status = look(&mut world, 0);
    assert!(status.launches.iter().all(|line| (line.pool.as_str(), line.number) != ("a", 1)), "{:?}", status.launches);
    let placement = status.placement.clone().unwrap();
    assert_eq!(placement.spent_usd_micros, i64::try_from((17_477 * 400_u64).div_ceil(3_600)).unwrap());
    // A write that was lost is decided again from the same status, and one that was not adds nothing again.
    let again = planner::status(&before, &plan(&before), &[]);
    assert_eq!(again.placement, status.placement);
    assert_eq!(look(&mut world, 30).placement.unwrap().spent_usd_micros, placement.spent_usd_micros);
    assert_eq!(so_far(&placement, &status.launches, world.now).unpriced.len(), 0);
}

#[test]
fn money_is_said_by_the_minute_and_only_when_a_cent_was_added() {
    let mut world = started(TWO);
    look(&mut world, 20);
    let first = look(&mut world, 1).cost;
    // 1021 s to 1079 s after the epoch, which is a whole minute: no minute ends before the second 1080.
    assert_eq!(look(&mut world, 58).cost, first);
    let costs: Vec<String> = (0..60).map(|_| look(&mut world, 60).cost.unwrap().so_far_usd).collect();
    let mut different = costs.clone();
    different.dedup();
    assert!(different.len() > 2 && different.len() < 8, "0.035 USD an hour: {different:?}");
    assert!(costs.is_sorted(), "{costs:?}");
}

#[test]
fn the_column_says_what_kind_of_number_it_is() {
    let said = |text: &str| {
        let mut world = started(text);
        look(&mut world, 0);
        look(&mut world, 0);
        let cost = world.object.status.cost.unwrap();
        assert!(cost.summary.chars().count() <= 68);
        format!("{} | {} | {}", cost.summary, cost.hourly_usd, cost.basis)
    };
    assert_snapshot!(said(TWO), @"0.01 USD | 0.04 | list of 2026-11-30; volumes and load balancers at prices of us-east-1, 2026-08-21, for want of those of eu-west-1: a budget pays 2.2 times as much for them");
    let burstable = format!("clusters a=t3.large*2\nprices t3.large=91200 c6i.large=91200\n{TWO}");
    let mut world = world(&format!("now 1000s\n{burstable}"));
    look(&mut world, 0);
    assert!(summary(&world).starts_with("at most 0."), "{}", summary(&world));
    let unknown = format!("clusters a=p5.48xlarge*2\nprices p5.48xlarge=none c6i.large=91200\n{TWO}");
    let mut world = crate::fixture::world(&format!("now 1000s\n{unknown}"));
    look(&mut world, 0);
    assert_eq!(summary(&world), "at least 0.01 USD: no price for p5.48xlarge in eu-west-1");
    assert_eq!(world.object.status.cost.unwrap().at_most_usd, "");
}

#[test]
fn the_last_word_of_a_deleted_benchmark_is_what_it_cost() {
    let world = started(TWO);
    let plan = plan(&world);
    let gone = planner::Outcome::new(planner::Action::RemoveFinalizer, Ok(planner::Done::Ok));
    let event = planner::status::events::farewell(&world, &plan, &[gone]).unwrap();
    assert_eq!((event.reason.as_str(), event.note.as_str()), ("Cost", "nothing is left in AWS; it cost 0.01 USD"));
    assert!(planner::status::events::farewell(&world, &plan, &[]).is_none());
}

/// Twenty deaths, of which every other one comes before its status is written: the sum is what an own count of the seconds
/// says, to the time of the first look that was written down.
#[test]
fn the_cost_is_the_same_however_often_the_operator_dies() {
    const PAUSE: i64 = 7;
    let live = |is_mortal: bool| {
        let mut world = started(
            "line a/1 x2 closed ids i-1,i-2
             line a/2 x1 closed ids i-3
             line balancer/1 x1 closed ids i-b
             have i-1 a/1 running age 400s
             have i-2 a/1 running age 400s
             have i-3 a/2 running age 100s
             have i-b balancer/1 running age 400s",
        );
        world.object.deletion = planner::world::Deletion::Asked;
        // When each of them was first seen to have ended by a look that was written down.
        let mut seen: [Option<i64>; 4] = [None; 4];
        let ends = [(["i-1", "i-2"].as_slice(), 5), (["i-3"].as_slice(), 11), (["i-b"].as_slice(), 17)];
        for step in 0..40 {
            for (ids, _) in ends.iter().filter(|(_, at)| *at == step) {
                ids.iter().for_each(|id| end(&mut world, id));
            }
            let before = (world.object.status.clone(), world.memory.clone());
            let is_lost = is_mortal && step % 2 == 1;
            look(&mut world, PAUSE);
            if is_lost {
                world.object.status = before.0;
            }
            if is_mortal && step < 20 {
                world.memory = planner::Memory::default();
            }
            if !is_lost {
                let now = 1_000 + PAUSE * (step + 1);
                for (index, id) in ["i-1", "i-2", "i-3", "i-b"].into_iter().enumerate() {
                    let has_ended = ends.iter().any(|(ids, at)| ids.contains(&id) && *at <= step);
                    seen[index] = seen[index].or(has_ended.then_some(now));
                }
            }
        }
        // Launched 400 s, 400 s, 100 s and 400 s before the second 1000.
        let lived = |index: usize, launched: i64| u64::try_from(seen[index].unwrap() - launched).unwrap();
        let small = 17_477 * (lived(0, 600) + lived(1, 600));
        let expected = [small, 17_477 * lived(2, 900), 97_077 * lived(3, 600)];
        let expected: u64 = expected.iter().map(|all| all.div_ceil(3_600)).sum();
        let status = &world.object.status;
        let spent = so_far(status.placement.as_ref().unwrap(), &status.launches, world.now);
        assert_eq!((spent.usd_micros, spent.unpriced.len()), (expected, 0));
        spent.usd_micros
    };
    let (quiet, mortal) = (live(false), live(true));
    let late = (2 * 17_477 + 17_477 + 97_077) * u64::try_from(PAUSE).unwrap() / 3_600 + 3;
    assert!(quiet <= mortal && mortal <= quiet + late, "{quiet} and {mortal}");
}

/// Three are started and stopped as their queue asks.
const STOPPED: &str = "
    queue
    queues a
    bucket
    scaled a depth=5 startstop
    line a/1 x3 closed ids i-1,i-2,i-3 age 400s
    have i-1 a/1 running age 100s
    have i-2 a/1 stopped age 400s
    have i-3 a/1 stopped age 400s
";

/// A line has one time: it is counted as if all had run all the time. Independent arithmetic: an hour of an instance is 11,600, of its
/// volume 877, of its address 5,000; stopped ones pay their volumes only, and every start a minute at least.
#[test]
fn instances_that_are_stopped_pay_their_volumes_and_are_counted_at_the_most() {
    let mut world = started(STOPPED);
    let status = look(&mut world, 3_200);
    let line = status.launches.iter().find(|line| line.pool == "a").unwrap();
    assert_eq!((line.launched_at.as_ref().unwrap().0, line.bound.as_str()), (epoch() + seconds(600), "AtMost"));
    let spent = so_far(status.placement.as_ref().unwrap(), std::slice::from_ref(line), world.now);
    assert_eq!((spent.usd_micros, spent.is_at_most), (3 * 17_477, true));
    let (minute, hour) = (|micros: u64| micros.div_ceil(60), 3 * 877);
    let paid = hour + 3 * minute(16_600) + 16_600 * 3_300 / 3_600;
    assert!(paid <= spent.usd_micros, "{paid}");
    assert!(summary(&world).starts_with("at most "), "{}", summary(&world));
}

/// Its timer stands still while it is stopped: it may be there, and pay for its volume, long after the expiry.
#[test]
fn instances_that_may_be_stopped_have_not_ended_by_their_timers() {
    let end_of = |world: &World| {
        let line = world.object.status.launches.iter().find(|line| line.pool == "a").unwrap();
        assert_eq!(line.bound, "AtMost");
        line.ended_at.as_ref().map(|at| at.0.duration_since(epoch()).as_secs())
    };
    let mut by_itself = started(STOPPED);
    look(&mut by_itself, 0);
    let Facet::Known(all) = &mut by_itself.cloud.instances else { panic!("known") };
    for one in all.iter_mut() {
        one.state = InstanceState::Terminated;
        one.state_reason = Some("Client.InstanceInitiatedShutdown: Instance initiated shutdown".into());
    }
    by_itself.memory = planner::Memory::default();
    look(&mut by_itself, 20_000);
    assert_eq!(end_of(&by_itself), Some(21_000));
    let mut unseen = started(STOPPED);
    look(&mut unseen, 0);
    unseen.cloud.instances = Facet::Known(Vec::new());
    look(&mut unseen, 250_000);
    look(&mut unseen, 61);
    assert_eq!(end_of(&unseen), Some(251_061));
}
