//! Properties that hold in every world.

use std::collections::BTreeSet;

use planner::ports::InstanceState;
use planner::scale::pool::{is_any_scaled, is_gone, scaling, starts_and_stops};
use planner::world::ledger;
use planner::world::{Facet, Finalizer};
use planner::{Action, World, desired, plan, status};
use proptest::prelude::*;

use crate::fixture::{epoch, seconds, world};

/// A world with two pools' worth of everything, good and bad.
fn worlds() -> impl Strategy<Value = World> {
    let line = (0..3u8, 1..4i64, 1..4u32, any::<bool>(), 0..600i64, 0..4u8);
    let instance = (0..5u8, 1..4i64, 0..5u8, any::<bool>(), 0..2000i64);
    let said = (0..6u8, 0..60u64, any::<u16>(), any::<u16>());
    let header = (0..8u8, any::<bool>(), 0..8000i64, 0..3u8, 0..4u8, any::<bool>(), 0..8u8, (0..8u8, 0..6u8, said));
    (proptest::collection::vec(line, 0..4), proptest::collection::vec(instance, 0..8), header).prop_map(
        |(lines, instances, (object, unknown, now, balancer, run, recorded, zones, (kinds, queue, said)))| {
            let mut text = String::from("clusters a=t2.micro*2 b=t2.large*1\n");
            let objects =
                ["", "", "deleting\n", "wiped\n", "no finalizer\n", "deleting\nunplaced\n", "paused\n", "edited\n"];
            text += objects[usize::from(object)];
            text += ["", "zones b\n", "zones b\nleft a 60s\n", "zones b c\nleft b 60s\n"][usize::from(zones % 4)];
            let is_spread = zones > 3;
            text += if is_spread { "spread b\n" } else { "" };
            text += ["", "", "", "", "", "kinds\n", "kinds SecurityGroup Carousel\n", "kinds Carousel\n"]
                [usize::from(kinds)];
            // In front of, or left by another kind before.
            let queues = [
                "",
                "",
                "queue\n",
                "queue\nqueues a b\nbucket\n",
                "queue\nqueues a gone b@2\nbucket\n",
                "queues a\nbucket\n",
            ];
            text += queues[usize::from(queue)];
            let (scaled, unanswered, drained, draining) = said;
            let of_a = ["", "", "scaled a latency=60\n", "scaled a depth=2 min=1\n", "scaled a latency=9 startstop\n"];
            let of_b = ["", "", "", "scaled b depth=2\n", "scaled b depth=1 min=1 startstop\n"];
            if queue > 1 {
                text += of_a[usize::from(scaled.min(4))];
                text += of_b[usize::from(scaled.min(4))];
            }
            text += if unknown { "instances unknown\n" } else { "" };
            text += &format!("now {now}s\n");
            let pools = ["a", "b", if queue > 1 { "front" } else { "balancer" }, "generator", "gone"];
            // A ledger never holds a number twice (see `numbers_are_never_used_twice`).
            let mut used = BTreeSet::new();
            for (pool, number, count, open, age, reason) in lines {
                if !used.insert((pool, number)) {
                    continue;
                }
                let state = if open { "open" } else { "closed" };
                let reason = ["", "", "reason NoCapacity", "stale"][usize::from(reason)];
                let zone = if is_spread && number == 2 { "in b" } else { "" };
                text += &format!(
                    "line {}/{number} x{count} {state} age {age}s {reason} {zone}\n",
                    pools[usize::from(pool)]
                );
            }
            for (index, (pool, number, state, outdated, age)) in instances.into_iter().enumerate() {
                let state = ["pending", "running", "running", "stopped", "terminated"][usize::from(state)];
                let outdated = if outdated { "outdated" } else { "" };
                let zone = if is_spread && number == 2 { "in b" } else { "" };
                let pool = pools[usize::from(pool)];
                text += &format!("have i-{index} {pool}/{number} {state} age {age}s {outdated} {zone}\n");
            }
            text += ["", "balancer unknown\n", "balancer healthy\n"][usize::from(balancer)];
            let ids = |bits: u16| {
                let ids: Vec<String> =
                    (0..8).filter(|bit| bits >> bit & 1 == 1).map(|bit| format!("i-{bit}")).collect();
                ids.join(",")
            };
            if balancer == 2 && queue > 1 {
                // Some of them are silent, whatever they were told.
                let silent = (0..8).filter(|bit| draining >> (8 + bit) & 1 == 1);
                let silent: Vec<String> = silent.map(|bit| format!("i-{bit}:{}", 60 + bit * 10)).collect();
                let (silent, known) = (silent.join(","), ids(drained >> 8));
                let silent = if silent.is_empty() { silent } else { format!("silent={silent} known={known}") };
                let said =
                    format!("unanswered={unanswered} drained={} draining={} {silent}", ids(drained), ids(draining));
                text += &format!("says a {said}\nsays b {said}\n");
            }
            text += ["", "run none\n", "run running\n", "run finished\n"][usize::from(run)];
            text += if recorded { "recorded\n" } else { "" };
            world(&text)
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_same_world_gives_the_same_plan_in_any_order(mut world in worlds()) {
        let first = plan(&world);
        if let Facet::Known(instances) = &mut world.cloud.instances {
            instances.reverse();
        }
        let second = plan(&world);
        prop_assert_eq!(&first.effects, &second.effects);
        prop_assert_eq!(&first.ledger, &second.ledger);
    }

    #[test]
    fn a_status_comes_back_from_the_server_as_it_was_sent(mut world in worlds()) {
        world.now += jiff::SignedDuration::from_millis(123);
        let sent = status(&world, &plan(&world), &[]);
        let stored = serde_json::to_string(&sent).expect("a document");
        let echo: api::Status = serde_json::from_str(&stored).expect("the same document");
        prop_assert_eq!(echo, sent);
    }

    #[test]
    fn unknown_never_launches_terminates_or_lets_go(mut world in worlds()) {
        world.cloud.instances = Facet::Unknown(planner::world::Unknown { failure: planner::Failure::Unreachable, message: String::new() });
        let nothing_was_made = world.object.status.placement.is_none() && !world.ledger_is_lost();
        for action in plan(&world).actions().cloned() {
            match action {
                Action::Launch(_) | Action::Terminate(_) | Action::Start(_) | Action::Stop(_) | Action::DeleteGroup { .. } => prop_assert!(false, "{:?}", action),
                Action::DeleteQueue { .. } | Action::EmptyBucket { .. } | Action::DeleteBucket { .. } => {
                    prop_assert!(false, "{:?}", action);
                }
                Action::RemoveFinalizer => prop_assert!(nothing_was_made),
                _ => {}
            }
        }
    }

    #[test]
    fn alive_and_coming_are_never_more_than_wanted(world in worlds()) {
        let plan = plan(&world);
        let Facet::Known(instances) = &world.cloud.instances else { return Ok(()) };
        let (counts, spec) = (planner::counts::Counts::of_spec(&world.object.spec), &world.object.spec);
        for pool in desired::pools(&world.object.spec) {
            let fresh: i32 = plan.ledger.iter()
                .filter(|line| line.pool == pool.name && !world.object.status.launches.iter().any(|old| old.token == line.token))
                .map(|line| line.count).sum();
            let alive = instances.iter().filter(|i| !is_gone(spec, &pool.name, i.state) && ledger::pool_of(&world.object.status.launches, i) == Some(&pool.name)).count();
            prop_assert!(fresh == 0 || usize::try_from(fresh).unwrap() + alive <= usize::try_from(counts.of(&pool.name)).unwrap());
        }
    }

    /// Whoever ends besides is of another revision or of no pool, or is stopped and one too many.
    #[test]
    fn of_a_scaled_cluster_only_those_end_whom_the_front_saw_finish(world in worlds()) {
        let Facet::Known(instances) = &world.cloud.instances else { return Ok(()) };
        let moves = world.object.status.placement.as_ref().is_some_and(|placement| !placement.left.is_empty());
        if planner::goal::goal(&world) != planner::Goal::Instances || moves { return Ok(()) }
        let front = world.balancer.as_ref().and_then(Facet::known);
        let finished = |id: &String| front.is_some_and(|front| {
            front.queues.iter().filter_map(|queue| queue.scaling.as_ref()).any(|scaling| {
                let is_silent = scaling.silent.get(id).is_some_and(|millis| *millis >= 90_000);
                scaling.drained.contains(id) || scaling.draining.contains(id) && is_silent
            })
        });
        let spec = &world.object.spec;
        for action in plan(&world).actions() {
            let (ids, is_stop) = match action {
                Action::Terminate(ids) => (ids, false),
                Action::Stop(ids) => (ids, true),
                _ => continue,
            };
            for instance in instances.iter().filter(|one| ids.contains(&one.id)) {
                let pool = ledger::pool_of(&world.object.status.launches, instance).unwrap_or_default();
                if scaling(spec, pool).is_none() {
                    prop_assert!(!is_stop, "{} of {pool} is stopped", instance.id);
                    continue;
                }
                let is_other = instance.tags["clusterbench.dev/revision"] == "old" && !is_stop;
                let is_resting = instance.state == InstanceState::Stopped && !is_stop;
                prop_assert!(is_other || is_resting || finished(&instance.id), "{} of {pool} ends", instance.id);
            }
        }
    }

    #[test]
    fn only_stopped_instances_of_a_pool_that_stops_them_are_started(world in worlds()) {
        let Facet::Known(instances) = &world.cloud.instances else { return Ok(()) };
        let front = world.balancer.as_ref().and_then(Facet::known);
        for action in plan(&world).actions() {
            let Action::Start(ids) = action else { continue };
            prop_assert!(!world.object.spec.paused && planner::goal::goal(&world) == planner::Goal::Instances);
            for instance in instances.iter().filter(|one| ids.contains(&one.id)) {
                let pool = ledger::pool_of(&world.object.status.launches, instance).unwrap_or_default();
                prop_assert!(starts_and_stops(&world.object.spec, pool) && instance.state == InstanceState::Stopped);
                prop_assert!(world.owner().owns(&instance.tags));
                let least = scaling(&world.object.spec, pool).and_then(|scaling| scaling.min).unwrap_or(0);
                prop_assert!(front.is_some() || least > 0, "the front is silent");
            }
        }
    }

    #[test]
    fn what_is_sent_was_read_back_and_is_in_time(world in worlds()) {
        for action in plan(&world).actions().cloned() {
            let Action::Launch(request) = action else { continue };
            let line = world.object.status.launches.iter().find(|line| line.token == request.token);
            prop_assert!(line.is_some_and(|line| ledger::is_open(line)
                && line.request_sha256 == ledger::request_sha256(&request)
                && world.now <= line.not_after.as_ref().unwrap().0));
            prop_assert_eq!(world.object.finalizer, Finalizer::Present);
        }
    }

    #[test]
    fn the_finalizer_stays_while_anything_may_live(world in worlds()) {
        let plan = plan(&world);
        if !plan.actions().any(|action| *action == Action::RemoveFinalizer) { return Ok(()) }
        let Facet::Known(instances) = &world.cloud.instances else { return Ok(()) };
        if world.object.status.placement.is_none() { return Ok(()) }
        prop_assert!(instances.iter().all(|i| i.state == InstanceState::Terminated));
        prop_assert!(plan.ledger.iter().all(|line| !ledger::is_open(line)));
    }

    /// Even when nothing that it knows is left, however often it looks.
    #[test]
    fn an_unknown_kind_keeps_the_finalizer(mut world in worlds()) {
        let Some(placement) = &mut world.object.status.placement else { return Ok(()) };
        placement.kinds.push("Carousel".into());
        world.object.deletion = planner::world::Deletion::Asked;
        world.object.finalizer = Finalizer::Present;
        (world.cloud.instances, world.cloud.groups) = (Facet::Known(Vec::new()), Facet::Known(Vec::new()));
        for _ in 0..4 {
            let plan = plan(&world);
            prop_assert!(plan.actions().all(|action| *action != Action::RemoveFinalizer));
            world.memory = plan.memory.clone();
            world.object.status = status(&world, &plan, &[]);
            prop_assert_eq!(world.object.status.conditions.iter().any(|one| one.reason == "NothingLeft"), false);
            world.now += seconds(150);
            world.cloud.listed_at = world.now;
        }
        let is_stalled = world.object.status.conditions.iter().any(|one| one.type_ == "Stalled" && one.reason == "UnknownKind");
        prop_assert!(is_stalled, "{:?}", world.object.status.conditions);
    }

    #[test]
    fn nothing_is_created_of_a_kind_or_at_a_time_that_was_not_read_back(world in worlds()) {
        let placement = world.object.status.placement.clone().unwrap_or_default();
        for action in plan(&world).actions() {
            let (kind, not_after) = match action {
                Action::CreateGroup(request) => ("SecurityGroup", request.not_after),
                Action::CreateQueue(request) => ("Queue", request.not_after),
                Action::CreateBucket(request) => ("Bucket", request.not_after),
                _ => continue,
            };
            prop_assert!(placement.kinds.iter().any(|one| one == kind));
            prop_assert!(placement.create_not_after.as_ref().is_some_and(|at| at.0 == not_after && world.now <= at.0));
        }
    }

    /// Whoever was launched for them, or cannot be told from who was.
    #[test]
    fn no_queue_and_no_bucket_goes_while_anybody_may_write_to_it(world in worlds()) {
        let Facet::Known(instances) = &world.cloud.instances else { return Ok(()) };
        let plan = plan(&world);
        let goes = |action: &Action| {
            matches!(action, Action::DeleteQueue { .. } | Action::EmptyBucket { .. } | Action::DeleteBucket { .. })
        };
        if !plan.actions().any(goes) { return Ok(()) }
        let is_wanted = planner::goal::goal(&world) == planner::Goal::Instances;
        let pools = desired::pools(&world.object.spec);
        for instance in instances.iter().filter(|one| one.state != InstanceState::Terminated) {
            let pool = instance.tags["clusterbench.dev/pool"].as_str();
            let is_of_now = instance.tags["clusterbench.dev/revision"] != "old" && pools.iter().any(|one| one.name == pool);
            prop_assert!(is_wanted && (is_of_now || pool == "generator" || pool == "balancer"), "{} {}", instance.id, pool);
        }
        let names: Vec<String> = plan.actions().filter(|action| goes(action)).map(Action::words).collect();
        let kind = world.object.spec.balancer.kind;
        let is_other = |words: &String| !words.contains("-a-") && !words.contains("-b-") || words.contains("-2-");
        prop_assert!(!is_wanted || kind != api::BalancerKind::Queue || names.iter().all(is_other), "{:?}", names);
    }

    /// They know names and nothing else: what they would write to has to be there.
    #[test]
    fn nobody_is_launched_for_queues_that_no_list_shows(mut world in worlds()) {
        if world.object.spec.balancer.kind != api::BalancerKind::Queue { return Ok(()) }
        world.cloud.buckets = Facet::Known(Vec::new());
        let plan = plan(&world);
        let is_generator = |pool: &str| pool == "generator";
        for action in plan.actions() {
            let Action::Launch(request) = action else { continue };
            prop_assert!(is_generator(&request.tags["clusterbench.dev/pool"]));
        }
        let is_new = |line: &&api::Launch| !world.object.status.launches.iter().any(|old| old.token == line.token);
        prop_assert!(plan.ledger.iter().filter(is_new).all(|line| is_generator(&line.pool)));
    }

    #[test]
    fn a_zone_is_changed_only_when_nothing_is_left_in_it(world in worlds()) {
        let plan = plan(&world);
        let (Some(before), Some(after)) = (&world.object.status.placement, &plan.placement) else { return Ok(()) };
        if before.subnets() == after.subnets() { return Ok(()) }
        let Facet::Known(instances) = &world.cloud.instances else { return Err(TestCaseError::fail("moved blindly")) };
        prop_assert!(instances.iter().all(|i| i.state == InstanceState::Terminated || !world.owner().owns(&i.tags)));
        prop_assert!(plan.ledger.iter().all(|line| !ledger::is_open(line)));
        prop_assert!(plan.effects.is_empty());
    }

    /// But that clusters which follow their queue shrink.
    #[test]
    fn paused_begins_and_changes_nothing(mut world in worlds()) {
        world.object.spec.paused = true;
        if planner::goal::goal(&world) != planner::Goal::Instances { return Ok(()) }
        let spec = &world.object.spec;
        let is_scaled = |pool: &String| spec.clusters.iter().any(|cluster| cluster.name == *pool && cluster.scaling.is_some());
        let instances = world.cloud.instances.known().into_iter().flatten();
        let may_end: BTreeSet<&String> =
            instances.filter(|one| one.tags.get("clusterbench.dev/pool").is_some_and(is_scaled)).map(|one| &one.id).collect();
        for action in plan(&world).actions() {
            let is_quiet = match action {
                Action::AddFinalizer | Action::CollectReport { .. } | Action::HoldRun { .. } | Action::StopRun { .. } => true,
                Action::SetMembership { .. } | Action::Deliver { .. } => is_any_scaled(spec),
                Action::Terminate(ids) | Action::Stop(ids) => ids.iter().all(|id| may_end.contains(id)),
                _ => false,
            };
            prop_assert!(is_quiet, "{:?}", action);
        }
    }

    #[test]
    fn a_deleted_benchmark_launches_and_creates_nothing(mut world in worlds()) {
        world.object.deletion = planner::world::Deletion::Asked;
        for action in plan(&world).actions().cloned() {
            let makes = matches!(action, Action::Launch(_) | Action::Start(_) | Action::CreateGroup(_) | Action::CreateQueue(_)
                | Action::CreateBucket(_) | Action::StartRun { .. } | Action::AddFinalizer);
            prop_assert!(!makes);
        }
    }

    #[test]
    fn numbers_are_never_used_twice(world in worlds()) {
        let plan = plan(&world);
        let mut seen = BTreeSet::new();
        for line in plan.ledger.iter().filter(|line| !world.object.status.launches.iter().any(|old| old.token == line.token)) {
            prop_assert!(seen.insert((line.pool.clone(), line.number)));
            prop_assert!(!world.object.status.launches.iter().any(|old| old.pool == line.pool && old.number >= line.number));
        }
    }

    #[test]
    fn the_status_of_an_unchanged_world_does_not_change(mut world in worlds()) {
        // Settle first: a move takes three looks. Then the next look at the same world must say the very same.
        for _ in 0..4 {
            let settled = status(&world, &plan(&world), &[]);
            world.memory = plan(&world).memory;
            world.object.status = settled;
        }
        let second = status(&world, &plan(&world), &[]);
        world.object.status = second.clone();
        let third = status(&world, &plan(&world), &[]);
        prop_assert_eq!(serde_json::to_string(&second).unwrap(), serde_json::to_string(&third).unwrap());
    }

    #[test]
    fn every_condition_is_there_with_a_reason(world in worlds()) {
        let status = status(&world, &plan(&world), &[]);
        for kind in api::CONDITIONS {
            prop_assert!(status.conditions.iter().any(|c| c.type_ == kind.name() && !c.reason.is_empty()));
        }
        let is = |name: &str| status.conditions.iter().any(|c| c.type_ == name);
        prop_assert!(!(is("Stalled") && is("Reconciling")));
    }
}

/// Tokens differ in every part of their line, and fit EC2.
#[test]
fn tokens_are_unique_and_short() {
    let world = world("");
    let mut tokens = BTreeSet::new();
    for pool in ["a", "b", "a/1"] {
        for number in 1..50 {
            for sha256 in ["x", "y"] {
                let token = ledger::token(&world, pool, number, sha256);
                assert!(token.len() <= 64 && token.is_ascii());
                assert!(tokens.insert(token));
            }
        }
    }
    assert!(epoch() < epoch() + seconds(1));
}
